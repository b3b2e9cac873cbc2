// SPDX-License-Identifier: Apache-2.0
// The event stream of administrators: what its lines say, and which are shown.
import type { LogLevel, PageEvent } from "./types";

export interface RecordLine {
  key: number; // counts up
  maglevd: string; // "": the dashboard's own
  at_ms: number;
  level: LogLevel;
  msg: string;
  fields: [key: string, value: string][];
  text: string; // all of it in lower case, for the filter
}

/** Lines kept; older ones go. */
export const LINES_MAX = 1000;

const SYNC_FIELDS = [
  "vip",
  "prefix",
  "protocol",
  "port",
  "address",
  "from",
  "to",
  "weight",
  "flush",
];

/** The fields of vpp-lb-sync-* records always stand in the same order, others as they came. */
export function orderFields(msg: string, attrs: readonly [string, string][]): [string, string][] {
  if (!msg.startsWith("vpp-lb-sync-")) return [...attrs];
  const place = (key: string): number => {
    const at = SYNC_FIELDS.indexOf(key);
    return at < 0 ? SYNC_FIELDS.length : at;
  };
  return [...attrs].sort(([a], [b]) => place(a) - place(b));
}

function line(e: PageEvent, now: number): Omit<RecordLine, "key" | "text"> | null {
  const own = { maglevd: e.data.maglevd, at_ms: now };
  switch (e.type) {
    case "log": {
      const { at_ms, level, msg, attrs } = e.data;
      return { ...own, at_ms, level, msg, fields: orderFields(msg, attrs) };
    }
    case "maglevd-status": {
      const { connected, last_error, address, since_ms } = e.data;
      const fields: [string, string][] = [["address", address]];
      if (!connected) fields.push(["error", last_error]);
      const level = connected ? "info" : "warn";
      const msg = connected ? "maglevd-connected" : "maglevd-lost";
      return { ...own, at_ms: since_ms, level, msg, fields };
    }
    case "resync":
      return { ...own, level: "info", msg: "resync", fields: [["reason", e.data.reason]] };
    default: // their log records say the same
      return null;
  }
}

/** The line of an event, null for those that are not shown. */
export function recordLine(e: PageEvent, key: number, now: number): RecordLine | null {
  const made = line(e, now);
  if (!made) return null;
  const words = [made.maglevd, made.level, made.msg, ...made.fields.map(([k, v]) => `${k}=${v}`)];
  return { ...made, key, text: words.join(" ").toLowerCase() };
}

/** With every word of `words` somewhere in it, of maglevd `scope` ("": of all). */
export function recordMatches(r: RecordLine, scope: string, words: string): boolean {
  if (scope && r.maglevd && r.maglevd !== scope) return false;
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => r.text.includes(word));
}
