// SPDX-License-Identifier: Apache-2.0
// The page's link to the dashboard: a snapshot, then events from where it ends. Whatever happens
// (the dashboard restarts, the network goes, the laptop sleeps), it comes back to that by itself.
//
// While a snapshot is on its way events wait, and those that it already has are dropped. The browser
// reconnects a stream by itself and gets what it missed; what it gives up is opened again here.
import type { EventType, PageEvent, Snapshot, State } from "./types";

export type LinkState = "connecting" | "live" | "lost";

export interface StreamHandlers {
  open(): void;
  event(type: EventType, id: string, data: unknown): void;
  /** `ended`: the browser will not try again. */
  error(ended: boolean): void;
}

export interface LinkIo {
  fetchAll(): Promise<Snapshot>;
  fetchOne(maglevd: string): Promise<State>;
  openStream(lastId: string, handlers: StreamHandlers): { close(): void };
  after(ms: number, run: () => void): void;
}

export interface LinkSink {
  all(snapshot: Snapshot): void;
  one(state: State): void;
  event(event: PageEvent): void;
  link(state: LinkState): void;
}

const RETRY_MS = [500, 1000, 2000, 4000];
/** The stream pings every 15 s, but pages do not see pings: after this much silence it is opened
 *  again, which costs little and finds connections that died unnoticed. */
const SILENCE_MS = 20_000;
/** Ticks come every second; after a longer gap the machine slept. */
const SLEEP_MS = 10_000;

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
  private lastId = "";
  private failures = 0;
  private fetching = false;
  private wanted = new Set<string>(); // to be fetched; "" for all
  private waiting: PageEvent[] = [];
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
    if (!this.stream || !(slept || silent)) return;
    this.heardAt = now;
    this.open();
  }

  /** Opens the stream again from where it is, with other parameters perhaps. */
  open(): void {
    const generation = ++this.generation;
    const current = (): boolean => generation === this.generation;
    this.stream?.close();
    this.stream = this.io.openStream(this.lastId, {
      open: () => current() && this.onOpen(),
      event: (type, id, data) => current() && this.onEvent(type, id, data),
      error: (ended) => current() && this.onError(ended),
    });
  }

  private onOpen(): void {
    this.failures = 0;
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
    if (event.type === "resync") this.refresh(event.data.maglevd);
    if (this.fetching) this.waiting.push(event);
    else this.sink.event(event);
  }

  private retry(run: () => void): void {
    const delay = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 1000;
    this.io.after(delay, run);
  }

  private async fetch(): Promise<void> {
    const what = this.wanted.has("") ? "" : ([...this.wanted][0] ?? "");
    this.fetching = true;
    if (what === "") this.wanted.clear();
    else this.wanted.delete(what);
    try {
      if (what === "") this.took(await this.io.fetchAll(), undefined);
      else this.took(undefined, await this.io.fetchOne(what));
    } catch {
      this.fetching = false;
      this.wanted.add(""); // a maglevd that is gone is an answer, too: start over
      if (!this.stream) this.sink.link("lost");
      this.retry(() => this.fetching || void this.fetch());
      return;
    }
    if (this.wanted.size > 0) void this.fetch();
  }

  private took(all: Snapshot | undefined, one: State | undefined): void {
    const id = all?.event_id ?? one?.event_id ?? "";
    const covers = (e: PageEvent): boolean => all !== undefined || e.data.maglevd === one?.name;
    const events = this.waiting;
    this.waiting = [];
    this.fetching = false;
    this.failures = 0;
    if (all) this.sink.all(all);
    if (one) this.sink.one(one);
    for (const e of events) if (!e.id || !covers(e) || isAfter(e.id, id)) this.sink.event(e);
    if (this.stream) return;
    this.lastId = id;
    this.open();
  }
}
