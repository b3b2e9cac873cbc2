// SPDX-License-Identifier: Apache-2.0
// What an administrator can do to a backend, and what it means, in plain words.
import type { Backend, BackendAction, BackendState, Frontend } from "./types";
import type { Scope } from "./world";

const ALLOWED: Record<BackendState, readonly BackendAction[]> = {
  unknown: ["pause", "disable"],
  up: ["pause", "disable"],
  down: ["pause", "disable"],
  paused: ["resume", "disable"],
  disabled: ["enable"],
  removed: [],
};

export function allowedActions(state: BackendState): readonly BackendAction[] {
  return ALLOWED[state];
}

const MEANING: Record<BackendAction, readonly string[]> = {
  pause: [
    "New connections: it gets none from now on.",
    "Live connections: they stay and end by themselves.",
    "Its health is no longer checked until it is resumed.",
  ],
  resume: [
    "New connections: it gets its share again once its health checks pass.",
    "Live connections: nothing happens to them.",
  ],
  enable: [
    "New connections: it gets its share again once its health checks pass.",
    "Live connections: nothing happens to them.",
  ],
  disable: [
    "New connections: it gets none from now on.",
    "Live connections: they are cut off: their flows are moved to other backends at once.",
    "It stays disabled until it is enabled, also across reloads of the configuration.",
  ],
};

/** What of a frontend still serves when backend `without` has no weight; null: nothing. */
function servingWithout(scope: Scope, f: Frontend, without: string): string | null {
  for (const pool of f.pools)
    for (const b of pool.backends)
      if (b.name !== without && b.weight > 0 && scope.backends[b.name]?.state === "up")
        return pool.name;
  return null;
}

function isServing(f: Frontend, backend: string): boolean {
  return f.pools.some((p) => p.backends.some((b) => b.name === backend && b.effective_weight > 0));
}

/** What its going away does to the frontends it serves now. */
function consequences(scope: Scope, backend: Backend): string[] {
  return backend.frontends.flatMap((name) => {
    const f = scope.frontends[name];
    if (!f || !isServing(f, backend.name)) return [];
    const next = servingWithout(scope, f, backend.name);
    if (next === null)
      return [`${name}: no other backend is up. ALL new connections will be dropped.`];
    return next === f.active_pool
      ? []
      : [`${name}: it is the last of pool ${f.active_pool}; pool ${next} takes over.`];
  });
}

/** What the action does to live and new connections, a sentence or two each. */
export function explainAction(scope: Scope, backend: Backend, action: BackendAction): string[] {
  const leaves = action === "pause" || action === "disable";
  return [...MEANING[action], ...(leaves ? consequences(scope, backend) : [])];
}

/** What another weight does. */
export function explainWeight(from: number, to: number, flush: boolean): string[] {
  const words: string[] = [];
  if (to === 0) words.push("New connections: it gets none from now on.");
  else if (to === from) words.push("New connections: its share stays as it is.");
  else words.push(`New connections: it gets ${to > from ? "more" : "fewer"} of them than now.`);
  if (flush)
    words.push(
      "Live connections: its flows are forgotten and spread anew: some or all of them break.",
    );
  else words.push("Live connections: they stay where they are.");
  words.push("The configuration file is not changed: a reload brings its weight back.");
  return words;
}

export const SYNC_WORDS: readonly string[] = [
  "VPP's load balancer state is read, and made equal to what maglevd wants.",
  "When they are equal already, nothing is written and no connection notices.",
  "Otherwise VPP gets the missing VIPs, servers and weights, and loses what is not configured; live connections of a server that is removed are cut off.",
];

export const CHECK_WORDS: readonly string[] = [
  "The configuration file is read and checked. Nothing changes, whatever the result.",
];

export const RELOAD_WORDS: readonly string[] = [
  "The configuration file is read, and when it is without errors it takes effect at once.",
  "New connections follow the new configuration. Live connections stay, but those of removed backends or VIPs are cut off.",
  "Weights that were set here go back to those of the file. With errors nothing changes.",
];
