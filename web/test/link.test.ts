// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAfter, Link, type LinkIo, type LinkSink, type StreamHandlers } from "../src/model/link";
import type { Snapshot, State } from "../src/model/types";
import { state } from "./make";

class Fake implements LinkIo, LinkSink {
  said: string[] = [];
  recorded: string[] = [];
  streams: { lastId: string; handlers: StreamHandlers; closed: boolean }[] = [];
  timers: { ms: number; run: () => void }[] = [];
  answers: { give: (id: string) => void; refuse: () => void }[] = [];
  link_ = new Link(this, this);

  fetchAll(stop?: AbortSignal): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      stop?.addEventListener("abort", () => reject(new Error("aborted")));
      this.answers.push({
        give: (id) => resolve({ event_id: id, maglevds: [state("one"), state("two")] }),
        refuse: () => reject(new Error("no")),
      });
    });
  }
  fetchOne(maglevd: string): Promise<State> {
    return new Promise((resolve, reject) =>
      this.answers.push({
        give: (id) => resolve({ ...state(maglevd), event_id: id }),
        refuse: () => reject(new Error("no")),
      }),
    );
  }
  openStream(lastId: string, handlers: StreamHandlers): { close(): void } {
    const stream = { lastId, handlers, closed: false, close: () => void (stream.closed = true) };
    this.streams.push(stream);
    return stream;
  }
  after(ms: number, run: () => void): void {
    this.timers.push({ ms, run });
  }
  all = (s: Snapshot): void => void this.said.push(`all ${s.event_id}`);
  one = (s: State): void => void this.said.push(`one ${s.name} ${s.event_id}`);
  event = (e: { id: string; type: string }): void => void this.said.push(`${e.type} ${e.id}`);
  record = (e: { id: string }): void => void this.recorded.push(e.id);
  link = (s: string): void => void this.said.push(s);

  /** What was said since the last time, after all promises. */
  async heard(): Promise<string[]> {
    await new Promise((r) => setImmediate(r));
    return this.said.splice(0);
  }
  stream() {
    return this.streams[this.streams.length - 1]!;
  }
  async live(): Promise<void> {
    this.link_.start(0);
    this.answers[0]!.give("a-5");
    await this.heard();
    this.stream().handlers.open();
    await this.heard();
  }
}

const status = (maglevd = "one") => ({ maglevd });

test("ids: later in the same epoch, or of another", () => {
  assert.ok(isAfter("a-6", "a-5"));
  assert.ok(!isAfter("a-5", "a-5"));
  assert.ok(isAfter("a-10", "a-9"));
  assert.ok(isAfter("b-1", "a-5"));
  assert.ok(isAfter("x", "y"));
});

test("a snapshot, then the events behind it", async () => {
  const f = new Fake();
  f.link_.start(0);
  f.answers[0]!.give("a-5");
  assert.deepEqual(await f.heard(), ["connecting", "all a-5"]);
  assert.equal(f.stream().lastId, "a-5");
  f.stream().handlers.open();
  f.stream().handlers.event("vpp-status", "a-6", status());
  f.stream().handlers.event("heartbeat", "a-6", status());
  assert.deepEqual(await f.heard(), ["live", "vpp-status a-6", "heartbeat "]);
});

test("no dashboard: tries again, ever later, until it is there", async () => {
  const f = new Fake();
  f.link_.start(0);
  for (let i = 0; i < 6; i++) {
    f.answers[i]!.refuse();
    await f.heard();
    f.timers[i]!.run();
  }
  assert.deepEqual(
    f.timers.map((t) => t.ms),
    [500, 1000, 2000, 4000, 4000, 4000],
  );
  f.answers[6]!.give("a-1");
  assert.deepEqual(await f.heard(), ["all a-1"]);
});

test("resync of all: events wait, and those that the snapshot has are dropped", async () => {
  const f = new Fake();
  await f.live();
  const { event } = f.stream().handlers;
  event("resync", "b-1", status(""));
  event("vpp-status", "b-2", status());
  event("vpp-status", "b-3", status());
  event("counters", "b-3", status());
  assert.deepEqual(await f.heard(), []);
  f.answers[1]!.give("b-2");
  assert.deepEqual(await f.heard(), ["all b-2", "vpp-status b-3", "counters "]);
  assert.equal(f.streams.length, 1);
});

test("resync of one: the events of others are not covered by its snapshot", async () => {
  const f = new Fake();
  await f.live();
  const { event } = f.stream().handlers;
  event("resync", "a-6", status("two"));
  event("vpp-status", "a-7", status("one"));
  event("vpp-status", "a-8", status("two"));
  f.answers[1]!.give("a-9");
  assert.deepEqual(await f.heard(), ["one two a-9", "vpp-status a-7"]);
});

test("a resync while one is on its way is another fetch", async () => {
  const f = new Fake();
  await f.live();
  f.stream().handlers.event("resync", "a-6", status("two"));
  f.stream().handlers.event("resync", "a-7", status("two"));
  f.answers[1]!.give("a-6");
  await f.heard();
  f.answers[2]!.give("a-7");
  assert.ok((await f.heard()).includes("one two a-7"));
});

test("the browser reconnects by itself; what it gives up is opened from where it was", async () => {
  const f = new Fake();
  await f.live();
  f.stream().handlers.event("vpp-status", "a-9", status());
  f.stream().handlers.error(false);
  assert.deepEqual(await f.heard(), ["vpp-status a-9", "lost"]);
  assert.equal(f.timers.length, 0);
  f.stream().handlers.error(true);
  f.timers[0]!.run();
  assert.equal(f.streams.length, 2);
  assert.equal(f.stream().lastId, "a-9");
  f.streams[0]!.handlers.event("vpp-status", "a-10", status()); // of the old one: nobody listens
  f.stream().handlers.open();
  assert.deepEqual(await f.heard(), ["lost", "live"]);
});

test("after sleep, and after long silence, the stream is opened again", async () => {
  const f = new Fake();
  await f.live();
  for (let s = 1; s <= 20; s++) f.link_.tick(s * 1000);
  assert.equal(f.streams.length, 1);
  f.link_.tick(21_000);
  assert.equal(f.streams.length, 2);
  assert.ok(f.streams[0]!.closed);
  f.link_.tick(22_000);
  assert.equal(f.streams.length, 2);
  f.link_.tick(3_600_000);
  assert.equal(f.streams.length, 3);
});

test("what a snapshot covers is recorded nevertheless, at once and in order", async () => {
  const f = new Fake();
  await f.live();
  const { event } = f.stream().handlers;
  event("log", "a-6", status());
  event("resync", "a-7", status("one"));
  event("log", "a-8", status());
  assert.deepEqual(f.recorded, ["a-6", "a-7", "a-8"]);
  f.answers[1]!.give("a-9");
  await f.heard();
  event("log", "a-10", status());
  assert.deepEqual(f.recorded, ["a-6", "a-7", "a-8", "a-10"]);
});

test("a snapshot that is older than events which were taken does not undo them", async () => {
  const f = new Fake();
  await f.live();
  const { event } = f.stream().handlers;
  event("resync", "a-6", status("two"));
  event("resync", "a-7", status("two"));
  event("vpp-status", "a-9", status("two"));
  f.answers[1]!.give("a-7");
  await f.heard();
  f.answers[2]!.give("a-8"); // the dashboard gives states out that are some ms old
  assert.equal((await f.heard()).at(-1), "vpp-status a-9");
});

test("events between a failed fetch and the next one are not undone by its snapshot", async () => {
  const f = new Fake();
  await f.live();
  const { event } = f.stream().handlers;
  event("resync", "a-6", status("two"));
  event("vpp-status", "a-7", status("two"));
  event("counters", "a-7", status("two"));
  f.answers[1]!.refuse();
  assert.deepEqual(await f.heard(), ["resync a-6", "vpp-status a-7", "counters "]);
  event("vpp-status", "a-8", status("two"));
  event("counters", "a-8", status("two"));
  assert.deepEqual(await f.heard(), ["vpp-status a-8", "counters "]);
  f.timers[0]!.run();
  f.answers[2]!.refuse();
  assert.deepEqual(await f.heard(), []);
  f.timers[1]!.run();
  f.answers[3]!.give("a-7");
  assert.deepEqual(await f.heard(), ["all a-7", "vpp-status a-8"]);
});

test("a fetch that never ends is given up; soon, when the machine slept", async () => {
  for (const [slept, patience] of [
    [0, 61],
    [3600, 6],
  ] as const) {
    const f = new Fake();
    await f.live();
    f.stream().handlers.event("resync", "a-6", status(""));
    f.link_.tick(slept * 1000);
    for (let s = 1; s <= patience; s++) {
      await f.heard();
      assert.equal(f.timers.length, 0);
      f.link_.tick((slept + s) * 1000);
    }
    await f.heard();
    assert.equal(f.timers.length, 1);
    f.timers[0]!.run();
    f.answers[2]!.give("a-7");
    assert.ok((await f.heard()).includes("all a-7"));
  }
});

test("a network that swallows everything: the page says so", async () => {
  const f = new Fake();
  await f.live();
  for (let s = 1; s <= 21; s++) f.link_.tick(s * 1000);
  assert.deepEqual(await f.heard(), []); // perhaps there was nothing to tell
  for (let s = 22; s <= 42; s++) f.link_.tick(s * 1000);
  assert.deepEqual(await f.heard(), ["lost"]);
  f.stream().handlers.open();
  assert.deepEqual(await f.heard(), ["live"]);
});
