// SPDX-License-Identifier: Apache-2.0
import { createEffect, createMemo, createSignal, For, on } from "solid-js";

import { usePage } from "../live/page";
import { formatClock, formatMoment } from "../model/age";
import { type RecordLine, recordMatches } from "../model/records";
import type { LogLevel } from "../model/types";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** Nearer than this to the end counts as being there. */
const END_PX = 24;

/** Administrators' log of everything: oldest first, following the end until somebody scrolls up. */
export function EventStream() {
  const page = usePage();
  const [paused, setPaused] = createSignal<readonly RecordLine[] | null>(null);
  const [scope, setScope] = createSignal("");
  const [words, setWords] = createSignal("");
  const lines = createMemo(() =>
    (paused() ?? page.records()).filter((r) => recordMatches(r, scope(), words())),
  );
  let box!: HTMLDivElement;
  let following = true;
  createEffect(
    on(lines, () => {
      if (following) box.scrollTop = box.scrollHeight;
    }),
  );
  const togglePause = (): void => void setPaused((p) => (p ? null : page.records()));
  return (
    <section class="events" aria-label="Event stream">
      <div class="section-head">
        <h2>Events</h2>
        <select aria-label="maglevd" onChange={(e) => setScope(e.currentTarget.value)}>
          <option value="">all maglevds</option>
          <For each={page.world.names}>{(name) => <option value={name}>{name}</option>}</For>
        </select>
        <select
          aria-label="level"
          value={page.logLevel()}
          onChange={(e) => page.setLogLevel(e.currentTarget.value as LogLevel)}
        >
          <For each={LEVELS}>{(level) => <option value={level}>{level}</option>}</For>
        </select>
        <input
          type="search"
          placeholder="words…"
          aria-label="Show events with"
          onInput={(e) => setWords(e.currentTarget.value)}
        />
        <span class="spacer" />
        <button type="button" aria-pressed={paused() !== null} onClick={togglePause}>
          {paused() ? "Resume" : "Pause"}
        </button>
        <button type="button" class="quiet" onClick={() => page.clearRecords()}>
          clear
        </button>
      </div>
      <div
        class="event-lines"
        ref={box}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Events, oldest first"
        onScroll={() => {
          following = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
        }}
      >
        <For each={lines()} fallback={<p class="empty">Nothing yet.</p>}>
          {(r) => <Line record={r} many={page.world.names.length > 1} />}
        </For>
      </div>
    </section>
  );
}

function Line(props: { record: RecordLine; many: boolean }) {
  const r = props.record; // lines never change
  return (
    <p class={`line level-${r.level}`}>
      <time title={formatMoment(r.at_ms)}>{formatClock(r.at_ms)}</time>
      {props.many ? <span class="line-scope">{r.maglevd}</span> : null}
      <span class="line-level">{r.level}</span>
      <span class="line-msg">{r.msg}</span>
      <For each={r.fields}>
        {([key, value]) => (
          <span class="field">
            <span class="key">{key}=</span>
            {value}
          </span>
        )}
      </For>
    </p>
  );
}
