// SPDX-License-Identifier: Apache-2.0
// Heartbeats: which backends have a probe on its way, and how long the last ones took. Thousands a
// second, so they are kept out of the store: a signal per backend, made when somebody looks.
import { type Accessor, batch, createSignal, type Setter } from "solid-js";

import type { EventData } from "../model/types";

/** Latencies kept for a sparkline. */
export const LATENCIES = 40;

export interface Beat {
  beating: Accessor<boolean>;
  beats: Accessor<number>; // counts probes that ended
  latencies: Accessor<readonly number[]>; // ms, oldest first
}

interface Entry extends Beat {
  setBeating: Setter<boolean>;
  setBeats: Setter<number>;
  setLatencies: Setter<readonly number[]>;
}

export interface Activity {
  sent: number;
  received: number;
  at: number; // counts up with each heartbeat that had some
}

export class Beats {
  private readonly entries = new Map<string, Entry>();
  private readonly flying = new Map<string, Set<string>>(); // by maglevd
  private readonly activities = new Map<string, [Accessor<Activity>, Setter<Activity>]>();

  of(maglevd: string, backend: string): Beat {
    return this.entry(maglevd, backend);
  }

  activity(maglevd: string): Accessor<Activity> {
    return this.activityEntry(maglevd)[0];
  }

  take(e: EventData["heartbeat"]): void {
    const before = this.flying.get(e.maglevd) ?? new Set<string>();
    const now = new Set(e.in_flight);
    this.flying.set(e.maglevd, now);
    batch(() => {
      for (const b of before) if (!now.has(b)) this.entry(e.maglevd, b).setBeating(false);
      for (const b of now) if (!before.has(b)) this.entry(e.maglevd, b).setBeating(true);
      for (const [b, , ms] of e.probes) this.landed(this.entry(e.maglevd, b), ms);
      if (e.vpp_sent + e.vpp_received > 0)
        this.activityEntry(e.maglevd)[1]((a) => ({
          sent: e.vpp_sent,
          received: e.vpp_received,
          at: a.at + 1,
        }));
    });
  }

  private landed(entry: Entry, ms: number): void {
    entry.setBeats((n) => n + 1);
    entry.setLatencies((list) => [...list, ms].slice(-LATENCIES));
  }

  private entry(maglevd: string, backend: string): Entry {
    const key = `${maglevd}\n${backend}`;
    let entry = this.entries.get(key);
    if (!entry) {
      const [beating, setBeating] = createSignal(false);
      const [beats, setBeats] = createSignal(0);
      const [latencies, setLatencies] = createSignal<readonly number[]>([]);
      entry = { beating, setBeating, beats, setBeats, latencies, setLatencies };
      this.entries.set(key, entry);
    }
    return entry;
  }

  private activityEntry(maglevd: string): [Accessor<Activity>, Setter<Activity>] {
    let entry = this.activities.get(maglevd);
    if (!entry) {
      entry = createSignal<Activity>({ sent: 0, received: 0, at: 0 });
      this.activities.set(maglevd, entry);
    }
    return entry;
  }
}
