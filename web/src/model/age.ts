// SPDX-License-Identifier: Apache-2.0

const UNITS: readonly [number, string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "m"],
  [1, "s"],
];

/** A length of time in its two largest units: `10m30s`, `1h12m`, `1d16h`; `now` below a second. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  const first = UNITS.findIndex(([size]) => seconds >= size);
  const [size, letter] = UNITS[first] ?? [1, "s"];
  const next = UNITS[first + 1];
  const head = `${Math.floor(seconds / size)}${letter}`;
  if (!next) return head;
  return `${head}${Math.floor((seconds % size) / next[0])}${next[1]}`;
}

/** How long ago a moment was; `–` for never. A clock that runs behind the server's shows `now`. */
export function ageSince(atMs: number, nowMs: number): string {
  return atMs > 0 ? formatAge(nowMs - atMs) : "–";
}

/** A moment for people, of the browser's time zone: 2026-11-20 12:34:56. */
export function formatMoment(atMs: number): string {
  if (atMs <= 0) return "never";
  const d = new Date(atMs);
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${date} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** 12:34:56.789 */
export function formatClock(atMs: number): string {
  return `${formatMoment(atMs).slice(-8)}.${String(Math.floor(atMs) % 1000).padStart(3, "0")}`;
}
