// SPDX-License-Identifier: Apache-2.0
import { createMemo, For, type JSX } from "solid-js";

import { usePage } from "../live/page";
import { formatRate } from "../model/rate";
import { type Scope, summarize } from "../model/world";
import { Flash } from "./bits";

/** A figure, and what it counts. */
function Tile(props: { label: string; bad: boolean; children: JSX.Element }) {
  return (
    <div class="tile" classList={{ bad: props.bad }}>
      <dt>{props.label}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function OutOf(props: { part: number; whole: number }) {
  return (
    <>
      <Flash value={props.part} />
      <span class="of">/{props.whole}</span>
    </>
  );
}

const STATES = ["up", "down", "paused", "disabled", "unknown"];

/** All maglevds together. */
export function SummaryStrip() {
  const page = usePage();
  const scopes = (): Scope[] =>
    page.world.names.map((n) => page.world.maglevds[n]).filter((s): s is Scope => s !== undefined);
  const sum = createMemo(() => summarize(scopes()));
  return (
    <dl class="summary" aria-label="All maglevds">
      <Tile label="maglevds" bad={sum().connected < sum().maglevds}>
        <OutOf part={sum().connected} whole={sum().maglevds} />
      </Tile>
      <Tile label="VPPs" bad={sum().vpps < sum().maglevds}>
        <OutOf part={sum().vpps} whole={sum().maglevds} />
      </Tile>
      <Tile label="frontends up" bad={sum().frontendsUp < sum().frontends}>
        <OutOf part={sum().frontendsUp} whole={sum().frontends} />
      </Tile>
      <Tile label="backends up" bad={(sum().byState["up"] ?? 0) < sum().backends}>
        <OutOf part={sum().byState["up"] ?? 0} whole={sum().backends} />
      </Tile>
      <Tile label="packets/s" bad={false}>
        {sum().packets === null ? "–" : formatRate(sum().packets ?? 0)}
      </Tile>
      <div class="tile tile-states">
        <dt>backends</dt>
        <dd>
          <For each={STATES}>
            {(state) => (
              <span class="count" classList={{ none: !sum().byState[state] }}>
                <span class={`swatch state-${state}`} aria-hidden="true" />
                <Flash value={sum().byState[state] ?? 0} /> {state}
              </span>
            )}
          </For>
        </dd>
      </div>
    </dl>
  );
}
