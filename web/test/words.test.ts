// SPDX-License-Identifier: Apache-2.0
// Ages, rates, curves, cookies, records, and what administrators are told.
import assert from "node:assert/strict";
import { test } from "node:test";

import { allowedActions, explainAction, explainWeight } from "../src/model/actions";
import { ageSince, formatAge } from "../src/model/age";
import { cardId, cookieText, cookieValue, formatOpen, parseOpen } from "../src/model/cookies";
import { formatLatency, formatRate, formatShare, trafficNext } from "../src/model/rate";
import { orderFields, recordLine, recordMatches } from "../src/model/records";
import { configWords, syncWords } from "../src/model/results";
import { sparkPath } from "../src/model/spark";
import type { PageEvent } from "../src/model/types";
import { scopeOf } from "../src/model/world";
import { state } from "./make";

const S = 1000;

test("ages have two units, and are `now` below a second", () => {
  assert.equal(formatAge(999), "now");
  assert.equal(formatAge(-5 * S), "now");
  assert.equal(formatAge(59 * S), "59s");
  assert.equal(formatAge(630 * S), "10m30s");
  assert.equal(formatAge(4320 * S), "1h12m");
  assert.equal(formatAge(40 * 3600 * S), "1d16h");
  assert.equal(ageSince(0, 5), "–");
});

test("rates and shares keep three digits", () => {
  assert.deepEqual([0, 0.44, 12.3, 999.4, 999.6, 3412, 1.2e8].map(formatRate), [
    "0",
    "0.4",
    "12",
    "999",
    "1k",
    "3.4k",
    "120M",
  ]);
  assert.deepEqual([0.731, 12.4, 1500].map(formatLatency), ["0.73 ms", "12 ms", "1.5 s"]);
  assert.equal(formatShare(0, 0), "0%");
  assert.equal(formatShare(1, 65536), "0.1%");
  assert.equal(formatShare(65535, 65536), "99.9%");
  assert.equal(formatShare(512, 1024), "50.0%");
});

test("traffic: a rate needs two readings, and a VPP that began again has none", () => {
  const reading = (at_ms: number, first_packets: number) => ({
    at_ms,
    vips: [
      {
        prefix: "203.0.113.80/32",
        protocol: "tcp",
        port: 80,
        frontend: "www",
        first_packets,
        next_packets: 0,
        untracked_packets: 0,
        no_server_packets: 0,
        route_packets: 0,
        route_bytes: 0,
      },
    ],
  });
  const id = "203.0.113.80/32 tcp 80";
  const one = trafficNext({}, null, reading(0, 100));
  assert.equal(one[id]?.rates, null);
  const two = trafficNext(one, reading(0, 100), reading(5 * S, 200));
  assert.equal(two[id]?.rates?.flows, 20);
  assert.deepEqual(two[id]?.history, [20]);
  const three = trafficNext(two, reading(5 * S, 200), reading(10 * S, 3));
  assert.equal(three[id]?.rates, null);
  assert.deepEqual(three[id]?.history, [20]);
});

test("curves end at the right, whatever there is of them", () => {
  assert.equal(sparkPath([], 5, 100, 20), "");
  assert.equal(sparkPath([0], 5, 100, 20), "M100.0 19.0h0");
  assert.equal(sparkPath([0, 2], 5, 100, 20), "M75.0 19.0L100.0 1.0");
  assert.equal(sparkPath([9, 0, 0], 2, 100, 20), "M0.0 19.0L100.0 19.0");
});

test("open cards survive in a cookie", () => {
  const open = new Set([cardId("one", 'a"; b'), cardId("two", "<b>")]);
  const jar = `x=1; ${cookieText("maglev_zippy_open", formatOpen(open)).split("; ")[0]}`;
  assert.deepEqual(parseOpen(cookieValue(jar, "maglev_zippy_open")), open);
  assert.equal(cookieValue(jar, "nothing"), null);
  assert.equal(parseOpen("{not json"), null);
  assert.equal(parseOpen(null), null);
  const many = new Set(Array.from({ length: 1000 }, (_, i) => cardId("one", `frontend-${i}`)));
  assert.ok(encodeURIComponent(formatOpen(many)).length <= 3800);
  assert.ok(parseOpen(formatOpen(many))?.has(cardId("one", "frontend-999")));
});

test("fields of syncs stand in fixed order, others as they came", () => {
  const fields: [string, string][] = [
    ["flush", "true"],
    ["to", "0"],
    ["own", "x"],
    ["from", "9"],
    ["vip", "v"],
  ];
  assert.deepEqual(
    orderFields("vpp-lb-sync-as-weight-updated", fields).map(([k]) => k),
    ["vip", "from", "to", "flush", "own"],
  );
  assert.deepEqual(orderFields("vpp-connect", fields), fields);
});

test("records are found by maglevd and words", () => {
  const event: PageEvent = {
    type: "log",
    id: "a-1",
    data: {
      maglevd: "one",
      at_ms: 5,
      level: "info",
      msg: "vpp-connect",
      attrs: [["version", "26.10"]],
    },
  };
  const line = recordLine(event, 1, 9);
  assert.ok(line);
  assert.ok(recordMatches(line, "", ""));
  assert.ok(recordMatches(line, "one", "CONNECT 26.10"));
  assert.ok(!recordMatches(line, "two", ""));
  assert.ok(!recordMatches(line, "", "connect 26.11"));
});

test("what a state allows", () => {
  for (const s of ["up", "down", "unknown"] as const)
    assert.deepEqual(allowedActions(s), ["pause", "disable"]);
  assert.deepEqual(allowedActions("paused"), ["resume", "disable"]);
  assert.deepEqual(allowedActions("disabled"), ["enable"]);
});

test("plain words name what takes over, and what is lost", () => {
  const scope = scopeOf(state(), undefined);
  const a = scope.backends["web-a"];
  assert.ok(a);
  assert.ok(!explainAction(scope, a, "pause").some((w) => w.includes("www")));
  for (const name of ["web-b", "web-c"]) scope.backends[name]!.state = "down";
  assert.match(
    explainAction(scope, a, "pause").join(" "),
    /last of pool primary; pool fallback takes over/,
  );
  scope.backends["spare"]!.state = "paused";
  assert.match(explainAction(scope, a, "disable").join(" "), /ALL new connections will be dropped/);
  assert.ok(!explainAction(scope, a, "resume").join(" ").includes("www"));
  assert.match(explainWeight(100, 0, true).join(" "), /none from now on.*break/);
  assert.match(explainWeight(10, 20, false).join(" "), /more.*stay/);
});

test("refusals are errors", () => {
  const none = {
    vip_added: 0,
    vip_removed: 0,
    as_added: 0,
    as_removed: 0,
    as_weight_updated: 0,
    errors: 0,
  };
  assert.match(syncWords(none), /everything already/);
  assert.match(syncWords({ ...none, as_added: 2 }), /2 servers added/);
  assert.throws(() => syncWords({ ...none, errors: 1 }), /refused 1/);
  const bad = { ok: false, parse_error: "", semantic_error: "line 3: no", warnings: [] };
  assert.throws(() => configWords(bad, "check"), /line 3: no/);
  assert.match(
    configWords({ ...bad, ok: true, warnings: ["old"] }, "reload"),
    /reloaded.*\nWarning: old/,
  );
});
