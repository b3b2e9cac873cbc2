// SPDX-License-Identifier: Apache-2.0
// The small things that tables are made of.
import { createEffect, createMemo, on } from "solid-js";

import { usePage } from "../live/page";
import { ageSince, formatMoment } from "../model/age";
import { sparkPath } from "../model/spark";

/** A number, or a word, that flashes when it changes; not when it first shows. */
export function Flash(props: {
  value: string | number;
  class?: string;
  title?: string | undefined;
}) {
  let box!: HTMLSpanElement;
  let odd = false;
  const value = createMemo(() => props.value);
  createEffect(
    on(
      value,
      () => {
        odd = !odd; // two names of one animation: setting the other one starts it again
        box.classList.toggle("flash-a", odd);
        box.classList.toggle("flash-b", !odd);
      },
      { defer: true },
    ),
  );
  return (
    <span ref={box} class={props.class} title={props.title}>
      {value()}
    </span>
  );
}

/** The age of a moment, ticking; the moment itself on hover. */
export function Age(props: { at: number }) {
  const page = usePage();
  const text = createMemo(() => ageSince(props.at, page.now()));
  return (
    <time class="age" title={formatMoment(props.at)}>
      {text()}
    </time>
  );
}

const WIDTH = 96;
const HEIGHT = 20;

/** A curve beside the number that it belongs to; decoration for those who cannot see it. */
export function Spark(props: {
  values: readonly number[];
  slots: number;
  least?: number;
  title: string;
}) {
  const path = createMemo(() => sparkPath(props.values, props.slots, WIDTH, HEIGHT, props.least));
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <title>{props.title}</title>
      <path d={path()} />
    </svg>
  );
}

/** A state in words, with its colour. */
export function StateBadge(props: { state: string }) {
  return <Flash class={`badge state-${props.state}`} value={props.state} />;
}

export function Dot(props: { kind: string; label: string }) {
  return (
    <span class={`dot dot-${props.kind}`} role="img" aria-label={props.label} title={props.label} />
  );
}

/** A sentence about something that went wrong, where it went wrong. */
export function Problem(props: { text: string }) {
  return (
    <p class="problem" role="alert">
      {props.text}
    </p>
  );
}
