// SPDX-License-Identifier: Apache-2.0
// What the page remembers, in two cookies: the chosen maglevd and the open cards.

export const SCOPE_COOKIE = "maglev_scope";
export const OPEN_COOKIE = "maglev_zippy_open";

const YEAR_S = 365 * 24 * 3600;
const COOKIE_MAX = 3800; // browsers take 4,096 bytes with the name and attributes

/** The value of a cookie in `document.cookie`; null: it is not there. */
export function cookieValue(cookies: string, name: string): string | null {
  const found = cookies.split("; ").find((c) => c.startsWith(`${name}=`));
  if (found === undefined) return null;
  try {
    return decodeURIComponent(found.slice(name.length + 1));
  } catch {
    return null;
  }
}

export function cookieText(name: string, value: string): string {
  return `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${YEAR_S}; SameSite=Strict`;
}

/** An open card; names can have any character. */
export const cardId = (maglevd: string, frontend: string): string =>
  JSON.stringify([maglevd, frontend]);

export function parseOpen(value: string | null): Set<string> | null {
  if (value === null) return null;
  try {
    const list: unknown = JSON.parse(value);
    if (!Array.isArray(list)) return null;
    return new Set(
      list
        .filter((i): i is [string, string] => Array.isArray(i) && i.length === 2)
        .map((i) => cardId(String(i[0]), String(i[1]))),
    );
  } catch {
    return null;
  }
}

/** The cookie's value; those that were opened first are forgotten when they do not all fit. */
export function formatOpen(open: ReadonlySet<string>): string {
  const ids = [...open];
  let room = COOKIE_MAX - encodeURIComponent("[]").length;
  let from = ids.length;
  for (; from > 0; from--) {
    room -= encodeURIComponent(`${ids[from - 1]},`).length;
    if (room < 0) break;
  }
  return `[${ids.slice(from).join(",")}]`;
}
