// SPDX-License-Identifier: Apache-2.0
import { createMemo, For, Show } from "solid-js";

import { usePage } from "../live/page";
import { scopeDot } from "../model/world";
import { Dot } from "./bits";

export const PANEL_ID = "scope-panel";

/** A tab per maglevd; the arrow keys, Home and End move between them. */
export function ScopeTabs() {
  const page = usePage();
  let list!: HTMLDivElement;
  const go = (event: KeyboardEvent): void => {
    const names = page.world.names;
    const at = names.indexOf(page.scope()?.name ?? "");
    const targets: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1 + names.length,
      Home: 0,
      End: names.length - 1,
    };
    const target = targets[event.key];
    if (target === undefined || names.length === 0) return;
    event.preventDefault();
    page.choose(names[target % names.length] ?? "");
    list.querySelectorAll("button")[target % names.length]?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="maglevds" ref={list} onKeyDown={go}>
      <For each={page.world.names}>
        {(name) => (
          <Tab
            name={name}
            chosen={page.scope()?.name === name}
            onChoose={() => page.choose(name)}
          />
        )}
      </For>
    </div>
  );
}

function Tab(props: { name: string; chosen: boolean; onChoose: () => void }) {
  const page = usePage();
  const dot = createMemo(() => {
    const scope = page.world.maglevds[props.name];
    return scope ? scopeDot(scope) : { dot: "unknown", why: "" };
  });
  return (
    <button
      type="button"
      role="tab"
      class="tab"
      classList={{ lost: dot().dot === "down" }}
      aria-selected={props.chosen}
      aria-controls={PANEL_ID}
      tabIndex={props.chosen ? 0 : -1}
      onClick={() => props.onChoose()}
    >
      <Show when={dot()}>{(d) => <Dot kind={d().dot} label={d().why} />}</Show>
      {props.name}
    </button>
  );
}
