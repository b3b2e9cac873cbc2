// SPDX-License-Identifier: Apache-2.0
// New-flow tables of many VIPs, calculated a few milliseconds at a time so that the page stays
// quick, and kept: the same servers and weights come again and again.
import { createSignal } from "solid-js";

import { type Model } from "../model/health";
import { type Racer, tableBuckets } from "../model/table";

const KEPT = 4000;
const SLICE_MS = 8;

interface Job {
  servers: Racer[];
  length: number;
  ready: () => void;
}

export function lazyModel(): Model {
  const done = new Map<string, number[]>();
  const jobs = new Map<string, Job>();
  const signals = new Map<string, () => void>();

  const work = (): void => {
    const end = performance.now() + SLICE_MS;
    for (const [key, job] of jobs) {
      jobs.delete(key);
      signals.delete(key);
      if (done.size >= KEPT) done.delete(done.keys().next().value as string);
      done.set(key, tableBuckets(job.servers, job.length));
      job.ready();
      if (performance.now() > end) break;
    }
    if (jobs.size > 0) setTimeout(work, 1);
  };

  return (servers, length) => {
    if (length < 1 || (length & (length - 1)) !== 0) return undefined; // not a table
    const plain = servers.map(({ address, weight }) => ({ address, weight }));
    const key = `${length} ${plain.map((s) => `${s.address}*${s.weight}`).join(" ")}`;
    const known = done.get(key);
    if (known) return known;
    let track = signals.get(key);
    if (!track) {
      const [seen, setSeen] = createSignal(false);
      track = () => void seen();
      signals.set(key, track);
      if (jobs.size === 0) setTimeout(work, 1);
      jobs.set(key, { servers: plain, length, ready: () => setSeen(true) });
    }
    track();
    return undefined;
  };
}
