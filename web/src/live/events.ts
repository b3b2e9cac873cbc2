// SPDX-License-Identifier: Apache-2.0
// Events come in bursts (a rack of backends dies at once): what came close together is taken
// together, so that everything that depends on it is calculated and drawn once.

/** Soon enough to be at once, for eyes. */
const GATHER_MS = 30;
/** Hidden pages run timers once a minute: so many at the most wait for that. */
const WAITING_MAX = 2000;

export interface Gathered<T> {
  add(item: T): void;
  /** Takes what waits now: something that is later than all of it comes. */
  flush(): void;
}

export function gathered<T>(take: (items: readonly T[]) => void): Gathered<T> {
  let waiting: T[] = [];
  const flush = (): void => {
    const items = waiting;
    waiting = [];
    if (items.length > 0) take(items);
  };
  return {
    flush,
    add: (item) => {
      if (waiting.push(item) === 1) setTimeout(flush, GATHER_MS);
      if (waiting.length >= WAITING_MAX) flush();
    },
  };
}
