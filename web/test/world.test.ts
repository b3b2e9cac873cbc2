// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { frontendHealth } from "../src/model/health";
import { tableBuckets } from "../src/model/table";
import type { EventData, EventType, PageEvent } from "../src/model/types";
import {
  applyEvent,
  emptyWorld,
  type Scope,
  scopeDot,
  summarize,
  type World,
  worldOf,
} from "../src/model/world";
import { frontend, state, vip } from "./make";

function world(): { world: World; scope: Scope } {
  const w = worldOf([state()], emptyWorld());
  return { world: w, scope: w.maglevds["one"]! };
}

const event = <T extends EventType>(type: T, data: EventData[T]): PageEvent =>
  ({ type, id: "a-1", data }) as unknown as PageEvent;

const health = (scope: Scope) => frontendHealth(scope, scope.frontends["www"]!, tableBuckets);

const transition = (to: string, backend = "web-a"): PageEvent =>
  event("backend", {
    maglevd: "one",
    backend,
    from: "up",
    to,
    at_ms: 50,
    code: "L4CON",
    detail: "",
    enabled: true,
  });

const lbState = (vips = [vip()]): PageEvent =>
  event("lb-state", { maglevd: "one", at_ms: 60, conf: null, vips, removed: [] });

test("a transition shows at once, and its age begins", () => {
  const { world: w, scope } = world();
  applyEvent(w, transition("down"), 0);
  assert.equal(scope.backends["web-a"]?.state, "down");
  assert.equal(scope.backends["web-a"]?.since_ms, 50);
  assert.equal(scope.backends["web-a"]?.last_transition?.code, "L4CON");
  assert.equal(summarize([scope]).byState["down"], 1);
});

test("events about what is not known change nothing", () => {
  const { world: w, scope } = world();
  const before = JSON.stringify(w);
  applyEvent(w, transition("down", "nobody"), 0);
  applyEvent(w, event("resync", { maglevd: "one", reason: "" }), 0);
  applyEvent(w, event("vpp-status", { ...scope.vpp, maglevd: "two", connected: false }), 0);
  assert.equal(JSON.stringify(w), before);
});

test("a weight that VPP was given is the effective one before the state is read", () => {
  const { world: w, scope } = world();
  const attrs: [string, string][] = [
    ["vip", "203.0.113.80"],
    ["protocol", "tcp"],
    ["port", "80"],
    ["address", "198.51.100.10"],
    ["from", "100"],
    ["to", "0"],
    ["flush", "true"],
  ];
  applyEvent(
    w,
    event("log", {
      maglevd: "one",
      at_ms: 1,
      level: "info",
      msg: "vpp-lb-sync-as-weight-updated",
      attrs,
    }),
    0,
  );
  assert.equal(scope.frontends["www"]?.pools[0]?.backends[0]?.effective_weight, 0);
  assert.equal(scope.lb?.vips["203.0.113.80/32 tcp 80"]?.application_servers[0]?.weight, 0);
});

test("a record is about the frontend of its address, protocol and port", () => {
  const many = state();
  const others = { dns: ["2001:db8::1", "udp", 53], all: ["203.0.113.81", "", 0] } as const;
  for (const [name, [address, protocol, port]] of Object.entries(others))
    many.frontends.push({ ...frontend(), name, address, protocol, port });
  const settled = (vip: string, protocol: string, port: string): string[] => {
    const w = worldOf([many], emptyWorld());
    const attrs = Object.entries({ vip, protocol, port });
    const msg = "vpp-lb-sync-as-added";
    applyEvent(w, event("log", { maglevd: "one", at_ms: 1, level: "info", msg, attrs }), 5);
    return Object.keys(w.maglevds["one"]!.settling);
  };
  assert.deepEqual(settled("203.0.113.80", "tcp", "80"), ["www"]);
  assert.deepEqual(settled("2001:db8::1", "udp", "53"), ["dns"]);
  assert.deepEqual(settled("203.0.113.81", "any", "0"), ["all"]);
  assert.deepEqual(settled("203.0.113.80", "udp", "80"), []);
  assert.deepEqual(settled("203.0.113.80", "tcp", "81"), []);
});

test("VIPs that VPP lost are gone; without VPP there is nothing to show", () => {
  const { world: w, scope } = world();
  const key = { prefix: "203.0.113.80/32", protocol: "tcp", port: 80 };
  applyEvent(
    w,
    event("lb-state", { maglevd: "one", at_ms: 2, conf: null, vips: [], removed: [key] }),
    0,
  );
  assert.deepEqual(Object.keys(scope.lb?.vips ?? {}), []);
  applyEvent(
    w,
    event("vpp-status", { ...scope.vpp, maglevd: "one", connected: false, error: "gone" }),
    0,
  );
  assert.equal(scope.lb, null);
  assert.equal(scopeDot(scope).dot, "warn");
});

test("a maglevd that is lost keeps what was known, and turns red", () => {
  const { world: w, scope } = world();
  applyEvent(
    w,
    event("maglevd-status", {
      maglevd: "one",
      address: "x",
      connected: false,
      last_error: "refused",
      since_ms: 9,
    }),
    0,
  );
  assert.deepEqual(scopeDot(scope), { dot: "down", why: "not connected: refused" });
  assert.equal(scope.frontendNames.length, 1);
  assert.equal(health(scope).kind, "unknown");
});

test("names that are words of JavaScript are names", () => {
  const s = state("__proto__");
  const w = worldOf([s], emptyWorld());
  assert.equal(w.maglevds["__proto__"]?.name, "__proto__");
  assert.equal(emptyWorld().maglevds["constructor"], undefined);
});

test("health: fine", () => assert.equal(health(world().scope).kind, "fine"));

test("health: bucket counts that the weights do not give", () => {
  const { world: w, scope } = world();
  const other = vip();
  other.application_servers[0]!.buckets++;
  applyEvent(w, lbState([other]), 0);
  assert.equal(health(scope).kind, "disagree");
  assert.match(health(scope).why, /web-a: 475 buckets in VPP, 474 by its weights/);
});

test("health: a weight in VPP that is not ours, a server too many, one too few", () => {
  const { world: w, scope } = world();
  const other = vip();
  other.application_servers = [
    { address: "198.51.100.10", weight: 1, buckets: 1024, backend: "web-a" },
    { address: "198.51.100.99", weight: 0, buckets: 0, backend: "" },
  ];
  applyEvent(w, lbState([other]), 0);
  const { why } = health(scope);
  assert.match(why, /weight 1 in VPP, 100 wanted/);
  assert.match(why, /VPP does not have 198.51.100.13/);
  assert.match(why, /VPP has 198.51.100.99/);
});

test("health: a backend without a verdict keeps VPP's weight, rightly", () => {
  const { world: w, scope } = world();
  scope.backends["web-a"]!.state = "unknown";
  scope.frontends["www"]!.pools[0]!.backends[0]!.effective_weight = 0;
  applyEvent(w, lbState(), 0);
  assert.equal(health(scope).kind, "partial");
});

test("health: no disagreement while a change settles, until VPP was read after it", () => {
  const { world: w, scope } = world();
  const changed = frontend();
  changed.pools[0]!.backends[0]!.effective_weight = 0;
  applyEvent(
    w,
    event("frontend", {
      maglevd: "one",
      frontend: "www",
      from: "up",
      to: "up",
      at_ms: 1,
      info: changed,
    }),
    10_000,
  );
  assert.equal(health(scope).kind, "fine");
  applyEvent(w, lbState(), 10_500); // may have been read before it
  assert.equal(health(scope).kind, "fine");
  applyEvent(w, lbState(), 11_500);
  assert.equal(health(scope).kind, "disagree");
});

test("health: drained before not up before unknown", () => {
  const { scope } = world();
  scope.lb = null;
  scope.backends["web-a"]!.state = "down";
  assert.deepEqual(health(scope), { kind: "partial", why: "web-a is down" });
  const f = scope.frontends["www"]!;
  for (const b of f.pools[0]!.backends) b.effective_weight = 0;
  assert.match(health(scope).why, /no backend has weight/);
  f.pools[1]!.backends[0]!.effective_weight = 100;
  assert.match(health(scope).why, /primary is drained; fallback serves/);
  f.state = "unknown";
  assert.equal(health(scope).kind, "unknown");
});

test("counters that came with the state already leave the rates as they are", () => {
  const reading = (at_ms: number, n: number) => ({
    at_ms,
    vips: [
      {
        prefix: "203.0.113.80/32",
        protocol: "tcp",
        port: 80,
        frontend: "www",
        first_packets: n,
        next_packets: 0,
        untracked_packets: 0,
        no_server_packets: 0,
        route_packets: n,
        route_bytes: n,
      },
    ],
  });
  const before = worldOf([{ ...state(), counters: reading(5000, 0) }], emptyWorld());
  const w = worldOf([{ ...state(), counters: reading(10_000, 500) }], before);
  assert.equal(summarize([w.maglevds["one"]!]).packets, 100);
  applyEvent(w, event("counters", { maglevd: "one", ...reading(10_000, 500) }), 0);
  assert.equal(summarize([w.maglevds["one"]!]).packets, 100);
});

test("a frontend with the name of a property that all objects have is judged, too", () => {
  const s = state();
  s.frontends[0]!.name = "constructor";
  s.lb!.vips[0]!.application_servers[0]!.buckets = 1;
  const scope = worldOf([s], emptyWorld()).maglevds["one"]!;
  const judged = frontendHealth(scope, scope.frontends["constructor"]!, tableBuckets);
  assert.equal(judged.kind, "disagree");
});
