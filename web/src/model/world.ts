// SPDX-License-Identifier: Apache-2.0
// What the page knows of every maglevd, and what each event changes of it. Events mutate a draft, so
// that only what changed is drawn again; all of it is plain data, without a browser.
import { type VipTraffic, trafficNext, vipId } from "./rate";
import type {
  Backend,
  Counters,
  EventData,
  Frontend,
  HealthCheck,
  LbConf,
  LbVip,
  MaglevdStatus,
  PageEvent,
  State,
  Vpp,
} from "./types";

export type Dict<T> = Record<string, T>;

export interface LbRead {
  at_ms: number;
  conf: LbConf | null;
  vips: Dict<LbVip>; // by vipId()
}

export interface Scope extends MaglevdStatus {
  loaded: boolean;
  daemon: State["daemon"];
  frontendNames: string[]; // in maglevd's order
  frontends: Dict<Frontend>;
  frontendOf: Dict<string>; // names, by vipOfRecord()
  backendNames: string[];
  backends: Dict<Backend>;
  healthchecks: Dict<HealthCheck>;
  vpp: Vpp;
  lb: LbRead | null;
  counters: Counters | null;
  traffic: Dict<VipTraffic>; // by vipId()
  settling: Dict<number>; // frontends that changed: when (page's clock); until VPP was read again
}

export interface World {
  names: string[]; // in the order of the command line
  maglevds: Dict<Scope>;
}

/** A reading of VPP may be this old when it is served: one that comes sooner after a change may
 *  show what was before it. */
const READ_AGE_MS = 1100;

function dict<T>(items: readonly T[], key: (item: T) => string): Dict<T> {
  const result = Object.create(null) as Dict<T>; // a backend may be called __proto__
  for (const item of items) result[key(item)] = item;
  return result;
}

const byName = (item: { name: string }): string => item.name;

export function emptyWorld(): World {
  return { names: [], maglevds: dict<Scope>([], byName) };
}

/** A VIP as log records name it; there can be thousands of them in a second. */
const vipOfRecord = (address = "", protocol = "", port: string | number = ""): string =>
  `${address} ${protocol || "any"} ${port}`;

function namesByVip(frontends: readonly Frontend[]): Dict<string> {
  const result = Object.create(null) as Dict<string>;
  for (const f of frontends) result[vipOfRecord(f.address, f.protocol, f.port)] = f.name;
  return result;
}

/** A maglevd as it was fetched; what only the page remembers is taken over from `before`. */
export function scopeOf(state: State, before: Scope | undefined): Scope {
  const traffic =
    state.counters && state.counters.at_ms !== before?.counters?.at_ms
      ? trafficNext(before?.traffic ?? {}, before?.counters ?? null, state.counters)
      : (before?.traffic ?? {});
  return {
    name: state.name,
    address: state.address,
    connected: state.connected,
    last_error: state.last_error,
    since_ms: state.since_ms,
    loaded: state.loaded,
    daemon: state.daemon,
    frontendNames: state.frontends.map(byName),
    frontends: dict(state.frontends, byName),
    frontendOf: namesByVip(state.frontends),
    backendNames: state.backends.map(byName),
    backends: dict(state.backends, byName),
    healthchecks: dict(state.healthchecks, byName),
    vpp: state.vpp,
    lb: state.lb && {
      at_ms: state.lb.at_ms,
      conf: state.lb.conf,
      vips: dict(state.lb.vips, vipId),
    },
    counters: state.counters,
    traffic,
    settling: before?.settling ?? dict<number>([], String),
  };
}

export function worldOf(states: readonly State[], before: World): World {
  const scopes = states.map((s) => scopeOf(s, before.maglevds[s.name]));
  return { names: scopes.map(byName), maglevds: dict(scopes, byName) };
}

export function vipKeyOf(f: Frontend): string {
  const prefix = `${f.address}/${f.address.includes(":") ? 128 : 32}`;
  return vipId({ prefix, protocol: f.protocol || "any", port: f.port });
}

function applyBackend(scope: Scope, e: EventData["backend"], now: number): void {
  const b = scope.backends[e.backend];
  if (!b) return; // a reload is on its way
  b.state = e.to as Backend["state"];
  b.enabled = e.enabled;
  b.since_ms = e.at_ms;
  b.last_transition = { from: e.from, to: e.to, at_ms: e.at_ms, code: e.code, detail: e.detail };
  for (const f of b.frontends) scope.settling[f] = now;
}

function applyFrontend(scope: Scope, e: EventData["frontend"], now: number): void {
  if (!scope.frontends[e.frontend]) return;
  scope.frontends[e.frontend] = e.info;
  scope.settling[e.frontend] = now;
}

/** A weight that VPP was just given, before the state is read again. */
function applyWeight(scope: Scope, f: Frontend, attrs: ReadonlyMap<string, string>): void {
  const address = attrs.get("address");
  const to = Number(attrs.get("to"));
  const as = scope.lb?.vips[vipKeyOf(f)]?.application_servers.find((a) => a.address === address);
  if (as) as.weight = to;
  for (const pool of f.pools)
    for (const b of pool.backends)
      if (scope.backends[b.name]?.address === address && (to === 0 || pool.name === f.active_pool))
        b.effective_weight = to;
}

function applyLog(scope: Scope, e: EventData["log"], now: number): void {
  if (!e.msg.startsWith("vpp-lb-sync-")) return;
  const attrs = new Map(e.attrs);
  const vip = vipOfRecord(attrs.get("vip"), attrs.get("protocol"), attrs.get("port"));
  const f = scope.frontends[scope.frontendOf[vip] ?? ""];
  if (!f) return;
  scope.settling[f.name] = now;
  if (e.msg === "vpp-lb-sync-as-weight-updated") applyWeight(scope, f, attrs);
}

function applyLb(scope: Scope, e: EventData["lb-state"], now: number): void {
  const lb = (scope.lb ??= { at_ms: 0, conf: null, vips: dict<LbVip>([], vipId) });
  lb.at_ms = e.at_ms;
  lb.conf = e.conf;
  for (const key of e.removed) delete lb.vips[vipId(key)];
  for (const vip of e.vips) lb.vips[vipId(vip)] = vip;
  for (const [f, changed] of Object.entries(scope.settling))
    if (now - changed >= READ_AGE_MS) delete scope.settling[f];
}

function applyVpp(scope: Scope, e: EventData["vpp-status"]): void {
  const { maglevd: _, ...vpp } = e;
  scope.vpp = vpp;
  if (vpp.connected) return;
  scope.lb = null;
  scope.counters = null;
  scope.traffic = {};
}

function applyStatus(scope: Scope, e: EventData["maglevd-status"]): void {
  scope.address = e.address;
  scope.connected = e.connected;
  scope.last_error = e.last_error;
  scope.since_ms = e.since_ms;
}

function applyCounters(scope: Scope, e: EventData["counters"]): void {
  if (e.at_ms === scope.counters?.at_ms) return; // they came with the state already
  scope.traffic = trafficNext(scope.traffic, scope.counters, e);
  scope.counters = { at_ms: e.at_ms, vips: e.vips };
}

/** Changes `world` as the event says; `now` is the page's clock. Events of a maglevd or an object
 *  that is not known change nothing: a resync that brings it is on its way. */
export function applyEvent(world: World, event: PageEvent, now: number): void {
  const scope = world.maglevds[event.data.maglevd];
  if (!scope) return;
  switch (event.type) {
    case "backend":
      return applyBackend(scope, event.data, now);
    case "frontend":
      return applyFrontend(scope, event.data, now);
    case "log":
      return applyLog(scope, event.data, now);
    case "maglevd-status":
      return applyStatus(scope, event.data);
    case "vpp-status":
      return applyVpp(scope, event.data);
    case "lb-state":
      return applyLb(scope, event.data, now);
    case "counters":
      return applyCounters(scope, event.data);
    case "heartbeat": // not here: too many (live/beats.ts)
    case "resync": // not here: fetched anew (model/link.ts)
      return;
  }
}

export interface Summary {
  maglevds: number;
  connected: number;
  vpps: number;
  frontends: number;
  frontendsUp: number;
  backends: number;
  byState: Dict<number>;
  packets: number | null; // per second; null: not known yet
}

/** Counts over these maglevds. What is not connected counts as it was last known. */
export function summarize(scopes: readonly Scope[]): Summary {
  const byState: Dict<number> = {};
  let packets: number | null = null;
  for (const scope of scopes) {
    for (const name of scope.backendNames) {
      const state = scope.backends[name]?.state ?? "unknown";
      byState[state] = (byState[state] ?? 0) + 1;
    }
    for (const t of Object.values(scope.traffic))
      if (t.rates) packets = (packets ?? 0) + t.rates.packets;
  }
  const sum = (of: (s: Scope) => number): number => scopes.reduce((n, s) => n + of(s), 0);
  return {
    maglevds: scopes.length,
    connected: sum((s) => Number(s.connected)),
    vpps: sum((s) => Number(s.connected && s.vpp.connected)),
    frontends: sum((s) => s.frontendNames.length),
    frontendsUp: sum((s) => s.frontendNames.filter((f) => s.frontends[f]?.state === "up").length),
    backends: sum((s) => s.backendNames.length),
    byState,
    packets,
  };
}

export type Dot = "up" | "warn" | "down" | "unknown";

/** A tab's status dot, and why. */
export function scopeDot(scope: Scope): { dot: Dot; why: string } {
  if (!scope.connected)
    return { dot: "down", why: `not connected: ${scope.last_error || "no reason known"}` };
  if (!scope.loaded) return { dot: "unknown", why: "connected; nothing read yet" };
  const down = scope.frontendNames.filter((f) => scope.frontends[f]?.state === "down");
  if (down.length > 0)
    return { dot: "warn", why: `connected; down: ${down.slice(0, 5).join(", ")}` };
  if (!scope.vpp.connected)
    return { dot: "warn", why: `connected; VPP is not: ${scope.vpp.error}` };
  return { dot: "up", why: "connected" };
}
