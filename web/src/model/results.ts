// SPDX-License-Identifier: Apache-2.0
// What came of an administrator's action, in words. A refusal is an error, to be shown as one.
import type { ConfigResult, SyncResult } from "./types";

const SYNC_COUNTS: readonly [keyof SyncResult, string][] = [
  ["vip_added", "VIPs added"],
  ["vip_removed", "VIPs removed"],
  ["as_added", "servers added"],
  ["as_removed", "servers removed"],
  ["as_weight_updated", "weights changed"],
];

export function syncWords(r: SyncResult): string {
  const done = SYNC_COUNTS.filter(([key]) => r[key] > 0).map(
    ([key, words]) => `${r[key]} ${words}`,
  );
  const text = done.length > 0 ? done.join(", ") : "VPP had everything already";
  if (r.errors > 0)
    throw new Error(`VPP refused ${r.errors} calls (see the event stream); ${text}.`);
  return `Done: ${text}.`;
}

export function configWords(r: ConfigResult, what: "check" | "reload"): string {
  const errors = [r.parse_error, r.semantic_error, r.reload_error ?? ""].filter((e) => e !== "");
  if (!r.ok) throw new Error(`The configuration was refused.\n${errors.join("\n")}`);
  const text = what === "check" ? "The configuration is good." : "The configuration was reloaded.";
  return [text, ...r.warnings.map((w) => `Warning: ${w}`)].join("\n");
}
