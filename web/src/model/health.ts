// SPDX-License-Identifier: Apache-2.0
// A frontend's health icon: the first of these that holds.
import type { Racer } from "./table";
import type { Backend, Frontend, LbAs, LbVip, PoolBackend } from "./types";
import { type Scope, vipKeyOf } from "./world";

export type HealthKind = "fine" | "disagree" | "drained" | "partial" | "unknown";

export interface Health {
  kind: HealthKind;
  why: string;
}

/** The table's buckets of each server; undefined: not calculated yet. */
export type Model = (servers: readonly Racer[], length: number) => readonly number[] | undefined;

const MAX_REASONS = 5; // a tooltip, not a report

interface Wanted {
  weight: number;
  certain: boolean; // false: a backend without a verdict keeps the weight that VPP has
}

/** What we want of VPP, by address. A backend of several pools counts where it has weight. */
function wantedWeights(scope: Scope, f: Frontend): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const pool of f.pools)
    for (const pb of pool.backends) {
      const b = scope.backends[pb.name];
      if (!b) continue;
      const before = wanted.get(b.address);
      wanted.set(b.address, {
        weight: Math.max(before?.weight ?? 0, pb.effective_weight),
        certain: (before?.certain ?? true) && b.state !== "unknown",
      });
    }
  return wanted;
}

function weightReasons(wanted: Map<string, Wanted>, servers: readonly LbAs[]): string[] {
  const reasons: string[] = [];
  const have = new Map(servers.map((as) => [as.address, as]));
  for (const [address, want] of wanted) {
    const as = have.get(address);
    if (!as) reasons.push(`VPP does not have ${address}`);
    else if (want.certain && as.weight !== want.weight)
      reasons.push(`${as.backend || address}: weight ${as.weight} in VPP, ${want.weight} wanted`);
  }
  for (const as of servers)
    if (!wanted.has(as.address)) reasons.push(`VPP has ${as.address}, which is not configured`);
  return reasons;
}

function bucketReasons(vip: LbVip, model: Model): string[] {
  const expected = model(vip.application_servers, vip.flow_table_length);
  if (!expected) return [];
  return vip.application_servers.flatMap((as, i) =>
    as.buckets === expected[i]
      ? []
      : [
          `${as.backend || as.address}: ${as.buckets} buckets in VPP, ${expected[i]} by its weights`,
        ],
  );
}

/** How VPP differs from what it should be; none while a change settles or VPP is not read. */
export function disagreements(scope: Scope, f: Frontend, model: Model): string[] {
  if (!scope.connected || !scope.lb || !f.released || f.name in scope.settling) return [];
  const vip = scope.lb.vips[vipKeyOf(f)];
  if (!vip) return ["VPP does not have this VIP"];
  return [
    ...weightReasons(wantedWeights(scope, f), vip.application_servers),
    ...bucketReasons(vip, model),
  ];
}

const hasWeight = (b: PoolBackend): boolean => b.effective_weight > 0;

function drainedReason(f: Frontend): string | null {
  const [primary, ...others] = f.pools;
  if (!primary || primary.backends.some(hasWeight)) return null;
  const serving = others.find((p) => p.backends.some(hasWeight));
  return serving
    ? `pool ${primary.name} is drained; ${serving.name} serves`
    : "no backend has weight: new connections are dropped";
}

function notUp(scope: Scope, f: Frontend): Backend[] {
  const names = new Set(f.pools.flatMap((p) => p.backends.map((b) => b.name)));
  return [...names]
    .map((name) => scope.backends[name])
    .filter((b): b is Backend => b !== undefined && b.state !== "up");
}

function few(reasons: readonly string[]): string {
  const more = reasons.length - MAX_REASONS;
  return reasons.slice(0, MAX_REASONS).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

export function frontendHealth(scope: Scope, f: Frontend, model: Model): Health {
  const wrong = disagreements(scope, f, model);
  if (wrong.length > 0)
    return { kind: "disagree", why: `buckets and weights disagree: ${few(wrong)}` };
  if (!scope.connected) return { kind: "unknown", why: `${scope.name} is not connected` };
  if (f.state === "unknown") return { kind: "unknown", why: "no verdict about its backends yet" };
  const drained = drainedReason(f);
  if (drained) return { kind: "drained", why: drained };
  const bad = notUp(scope, f);
  if (bad.length > 0)
    return { kind: "partial", why: few(bad.map((b) => `${b.name} is ${b.state}`)) };
  return {
    kind: "fine",
    why: scope.lb ? "all backends are up, and VPP has what it should" : "all backends are up",
  };
}
