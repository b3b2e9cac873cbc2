// SPDX-License-Identifier: Apache-2.0
// Rates out of VPP's counters, and a short history of each VIP for its sparkline.
import type { Counters, VipCounters, VipKey } from "./types";

/** Per second; packets are all that reached the VIP, whatever became of them. */
export interface VipRates {
  flows: number;
  packets: number;
  bytes: number;
  untracked: number;
  noServer: number;
}

export interface VipTraffic {
  rates: VipRates | null; // null: one reading is not a rate
  history: number[]; // packets per second, oldest first
}

/** Readings every 5 s: five minutes. */
export const HISTORY = 60;

export function vipId(key: VipKey): string {
  return `${key.prefix} ${key.protocol} ${key.port}`;
}

export function packetsOf(v: VipCounters): number {
  return v.first_packets + v.next_packets + v.untracked_packets + v.no_server_packets;
}

/** null when no time went by, or when a counter went backwards: VPP began again. */
export function ratesBetween(before: VipCounters, after: VipCounters, ms: number): VipRates | null {
  const per = (a: number, b: number): number => ((b - a) * 1000) / ms;
  if (ms <= 0 || packetsOf(after) < packetsOf(before)) return null;
  return {
    flows: Math.max(0, per(before.first_packets, after.first_packets)),
    packets: per(packetsOf(before), packetsOf(after)),
    bytes: Math.max(0, per(before.route_bytes, after.route_bytes)),
    untracked: Math.max(0, per(before.untracked_packets, after.untracked_packets)),
    noServer: Math.max(0, per(before.no_server_packets, after.no_server_packets)),
  };
}

/** The traffic after one more reading. VIPs that are gone are forgotten. */
export function trafficNext(
  traffic: Readonly<Record<string, VipTraffic>>,
  before: Counters | null,
  after: Counters,
): Record<string, VipTraffic> {
  const old = new Map((before?.vips ?? []).map((v) => [vipId(v), v]));
  const next: Record<string, VipTraffic> = {};
  for (const vip of after.vips) {
    const id = vipId(vip);
    const was = old.get(id);
    const rates = was && before ? ratesBetween(was, vip, after.at_ms - before.at_ms) : null;
    const history = traffic[id]?.history ?? [];
    next[id] = { rates, history: rates ? [...history, rates.packets].slice(-HISTORY) : history };
  }
  return next;
}

const PREFIXES = ["", "k", "M", "G", "T", "P"];

/** Three digits and a prefix: 0, 0.4, 12, 3.4k, 120M. */
export function formatRate(value: number): string {
  let v = value;
  let i = 0;
  while (v >= 999.5 && i < PREFIXES.length - 1) {
    v /= 1000;
    i++;
  }
  const text = v === 0 ? "0" : v < 9.95 ? v.toFixed(1).replace(/\.0$/, "") : v.toFixed(0);
  return text + (PREFIXES[i] ?? "");
}

/** A probe's duration: 0.73 ms, 12 ms, 1.2 s. */
export function formatLatency(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A share of buckets in percent: one decimal, never 0.0 or 100.0 when it is not. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return "0%";
  if (part >= whole) return "100%";
  return `${Math.min(99.9, Math.max(0.1, (100 * part) / whole)).toFixed(1)}%`;
}
