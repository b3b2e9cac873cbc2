// SPDX-License-Identifier: Apache-2.0
import { createEffect, createMemo, on, Show } from "solid-js";

import { LATENCIES } from "../live/beats";
import { usePage } from "../live/page";
import { formatLatency } from "../model/rate";
import type { Backend } from "../model/types";
import { Spark } from "./bits";

const HEART = "M8 13.5 2.6 8.2a3.3 3.3 0 0 1 4.7-4.7L8 4.2l.7-.7a3.3 3.3 0 0 1 4.7 4.7Z";

/** Beats while a probe is on its way; one that was too quick to be seen flying beats once. */
export function Heart(props: { maglevd: string; backend: Backend }) {
  const page = usePage();
  const beat = createMemo(() => page.beats.of(props.maglevd, props.backend.name));
  const probed = (): boolean =>
    props.backend.healthcheck !== "" && ["up", "down", "unknown"].includes(props.backend.state);
  let box!: SVGSVGElement;
  let odd = false;
  createEffect(
    on(
      () => beat().beats(),
      () => {
        odd = !odd;
        box.classList.toggle("beat-a", odd);
        box.classList.toggle("beat-b", !odd);
      },
      { defer: true },
    ),
  );
  const words = (): string =>
    probed() ? (beat().beating() ? "probe in flight" : "probed") : "not probed";
  return (
    <svg
      ref={box}
      class="heart"
      classList={{ beating: beat().beating(), idle: !probed() }}
      viewBox="0 0 16 16"
      role="img"
      aria-label={words()}
    >
      <title>{words()}</title>
      <path d={HEART} />
    </svg>
  );
}

/** The last probe's duration and the ones before it. */
export function Latency(props: { maglevd: string; backend: Backend }) {
  const page = usePage();
  const beat = createMemo(() => page.beats.of(props.maglevd, props.backend.name));
  const last = (): number | undefined =>
    beat().latencies().at(-1) ?? props.backend.last_probe?.duration_ms;
  return (
    <span class="latency">
      <span class="latency-last">
        <Show when={last() !== undefined} fallback="–">
          {formatLatency(last() ?? 0)}
        </Show>
      </span>
      <Spark values={beat().latencies()} slots={LATENCIES} title="duration of the last probes" />
    </span>
  );
}
