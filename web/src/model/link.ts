// SPDX-License-Identifier: Apache-2.0
// The page's link to the dashboard: a snapshot, then events from where it ends. Whatever happens
// (the dashboard restarts, the network goes, the laptop sleeps), it comes back to that by itself.
//
// While a snapshot is on its way events wait, and those that it already has are dropped. Where it
// did not come they are taken, and taken again behind the next one: that may be older than they are.
// The browser reconnects a stream by itself and gets what it missed; what it gives up is opened
// again here.
import type { EventType, PageEvent, Snapshot, State } from "./types";

export type LinkState = "connecting" | "live" | "lost";

export interface StreamHandlers {
  open(): void;
  event(type: EventType, id: string, data: unknown): void;
  /** `ended`: the browser will not try again. */
  error(ended: boolean): void;
}

export interface LinkIo {
  fetchAll(stop: AbortSignal): Promise<Snapshot>;
  fetchOne(maglevd: string, stop: AbortSignal): Promise<State>;
  openStream(lastId: string, handlers: StreamHandlers): { close(): void };
  after(ms: number, run: () => void): void;
}

export interface LinkSink {
  all(snapshot: Snapshot): void;
  one(state: State): void;
  event(event: PageEvent): void;
  /** Every event once, as it comes; also those that a snapshot covers. */
  record(event: PageEvent): void;
  link(state: LinkState): void;
}

const RETRY_MS = [500, 1000, 2000, 4000];
/** The stream pings every 15 s, but pages do not see pings: after this much silence it is opened
 *  again, which costs little and finds connections that died unnoticed. */
const SILENCE_MS = 20_000;
/** Ticks come every second; after a longer gap the machine slept. */
const SLEEP_MS = 10_000;
/** A fetch that takes longer goes nowhere: the dashboard itself gives up after 60 s. */
const FETCH_MS = 60_000;
/** One that was on its way when the machine fell asleep: it may have come, and wait to be read. */
const WOKEN_MS = 5000;
/** Events kept while no snapshot comes: as many as the dashboard keeps. */
const WAITING_MAX = 2000;

/** Whether event `id` is after the snapshot `than`: ids are `<epoch>-<seq>`. Ids that cannot be
 *  compared count as after. */
export function isAfter(id: string, than: string): boolean {
  const split = (s: string): [string, number] => {
    const at = s.lastIndexOf("-");
    return [s.slice(0, at), Number(s.slice(at + 1))];
  };
  const [epoch, seq] = split(id);
  const [thanEpoch, thanSeq] = split(than);
  return epoch !== thanEpoch || !(seq <= thanSeq);
}

export class Link {
  private stream: { close(): void } | undefined;
  private generation = 0; // of the stream: calls of older ones are ignored
  private opened = false; // the stream was, since open()
  private lastId = "";
  private failures = 0;
  private fetching: AbortController | undefined;
  private fetchedAt = 0; // when it began
  private wanted = new Set<string>(); // to be fetched; "" for all
  private waiting: PageEvent[] = []; // for a snapshot
  private taken = 0; // the first so many of them were, for want of one
  private heardAt = 0;
  private tickedAt = 0;

  constructor(
    private readonly io: LinkIo,
    private readonly sink: LinkSink,
  ) {}

  start(now: number): void {
    this.heardAt = this.tickedAt = now;
    this.sink.link("connecting");
    this.refresh("");
  }

  /** Fetches the state of a maglevd again, or with "" of all. */
  refresh(maglevd: string): void {
    this.wanted.add(maglevd);
    if (!this.fetching) void this.fetch();
  }

  /** To be called every second. */
  tick(now: number): void {
    const slept = now - this.tickedAt > SLEEP_MS;
    const silent = now - this.heardAt > SILENCE_MS;
    this.tickedAt = now;
    if (slept) this.fetchedAt = now - FETCH_MS + WOKEN_MS;
    else if (now - this.fetchedAt > FETCH_MS) this.fetching?.abort();
    if (!this.stream || !(slept || silent)) return;
    this.heardAt = now;
    if (!this.opened) this.sink.link("lost"); // networks that swallow everything report no error
    this.open();
  }

  /** Opens the stream again from where it is, with other parameters perhaps. */
  open(): void {
    const generation = ++this.generation;
    const current = (): boolean => generation === this.generation;
    this.stream?.close();
    this.opened = false;
    this.stream = this.io.openStream(this.lastId, {
      open: () => current() && this.onOpen(),
      event: (type, id, data) => current() && this.onEvent(type, id, data),
      error: (ended) => current() && this.onError(ended),
    });
  }

  private onOpen(): void {
    this.failures = 0;
    this.opened = true;
    this.heardAt = this.tickedAt;
    this.sink.link("live");
  }

  private onError(ended: boolean): void {
    this.sink.link("lost");
    if (!ended) return;
    const generation = this.generation;
    this.retry(() => generation === this.generation && this.open());
  }

  private onEvent(type: EventType, id: string, data: unknown): void {
    // The browser repeats the last id with events that have none.
    const kept = type !== "heartbeat" && type !== "counters";
    const event = { type, id: kept ? id : "", data } as PageEvent;
    this.heardAt = this.tickedAt;
    if (event.id) this.lastId = event.id;
    this.sink.record(event);
    if (event.type === "resync") this.refresh(event.data.maglevd);
    if (this.fetching) this.waiting.push(event);
    else this.sink.event(event);
    if (!this.fetching && this.wanted.size > 0) this.keep([event]);
  }

  private retry(run: () => void): void {
    const delay = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 1000;
    this.io.after(delay, run);
  }

  /** For the next snapshot; what has no id is in none. */
  private keep(events: readonly PageEvent[]): void {
    this.waiting.push(...events.filter((e) => e.id));
    this.waiting.splice(0, this.waiting.length - WAITING_MAX);
    this.taken = this.waiting.length;
  }

  private async fetch(): Promise<void> {
    const what = this.wanted.has("") ? "" : ([...this.wanted][0] ?? "");
    const fetching = new AbortController();
    this.fetching = fetching;
    this.fetchedAt = this.tickedAt;
    if (what === "") this.wanted.clear();
    else this.wanted.delete(what);
    try {
      if (what === "") this.took(await this.io.fetchAll(fetching.signal), undefined);
      else this.took(undefined, await this.io.fetchOne(what, fetching.signal));
    } catch {
      this.failed();
      return;
    }
    if (this.wanted.size > 0) void this.fetch();
  }

  private failed(): void {
    const events = this.waiting;
    this.waiting = [];
    this.fetching = undefined;
    this.wanted.add(""); // a maglevd that is gone is an answer, too: start over
    for (const e of events.slice(this.taken)) this.sink.event(e);
    this.keep(events);
    if (!this.stream) this.sink.link("lost");
    this.retry(() => this.fetching || this.wanted.size === 0 || void this.fetch());
  }

  private took(all: Snapshot | undefined, one: State | undefined): void {
    const id = all?.event_id ?? one?.event_id ?? "";
    const covers = (e: PageEvent): boolean => all !== undefined || e.data.maglevd === one?.name;
    const events = this.waiting.filter((e) => !e.id || !covers(e) || isAfter(e.id, id));
    this.failures = 0;
    if (all) this.sink.all(all);
    if (one) this.sink.one(one);
    // What is fetched next may be older than what waits: that waits on.
    const more = this.wanted.size > 0;
    this.waiting = more ? events : [];
    this.taken = 0;
    this.fetching = undefined;
    if (!more) for (const e of events) this.sink.event(e);
    if (this.stream) return;
    this.lastId = id;
    this.open();
  }
}
