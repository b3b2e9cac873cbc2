// SPDX-License-Identifier: Apache-2.0

/** An SVG path of `values` from left to right, `slots` of them across; the newest is at the right.
 *  The vertical scale begins at 0 and ends at the largest value, or at `least`. */
export function sparkPath(
  values: readonly number[],
  slots: number,
  width: number,
  height: number,
  least = 1,
): string {
  const shown = values.slice(-slots);
  const top = Math.max(least, ...shown);
  const step = width / Math.max(1, slots - 1);
  const x0 = width - step * (shown.length - 1);
  const point = (v: number, i: number): string =>
    `${(x0 + i * step).toFixed(1)} ${(height - 1 - (v / top) * (height - 2)).toFixed(1)}`;
  if (shown.length === 0) return "";
  if (shown.length === 1) return `M${point(shown[0] ?? 0, 0)}h0`;
  return `M${shown.map(point).join("L")}`;
}
