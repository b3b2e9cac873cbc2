// SPDX-License-Identifier: Apache-2.0
import { createMemo, createSignal, For, onCleanup, Show } from "solid-js";

import { usePage } from "../live/page";
import { inPortions, portionwise } from "../live/portions";
import type { Scope } from "../model/world";
import { Age } from "./bits";
import { FrontendCard } from "./FrontendCard";
import { MaglevdActions } from "./MaglevdActions";
import { PANEL_ID } from "./ScopeTabs";
import { VppPanel } from "./VppPanel";

/** With fewer cards nobody needs to search. */
const FILTER_FROM = 10;
/** Who types goes on typing: the cards follow when there is a pause. */
const TYPING_MS = 120;
/** As many fill a large screen; the rest follows, so many with each frame. */
const CARDS_AT_ONCE = 40;
const CARDS_A_FRAME = 30;
/** Opening or closing costs less than drawing. */
const TOGGLED_A_FRAME = 100;
/** Tables drawn with their cards; those of later ones when they come near the screen. */
const TABLES_AT_ONCE = 6;

/** One maglevd: what it is, its VPP, its frontends. */
export function ScopePanel(props: { maglevd: string }) {
  const page = usePage();
  return (
    <Show when={page.world.maglevds[props.maglevd]}>
      {(scope) => (
        <section id={PANEL_ID} role="tabpanel" aria-label={scope().name} class="panel">
          <ScopeHead scope={scope()} />
          <Show when={scope().loaded} fallback={<p class="empty">Nothing was read from it yet.</p>}>
            <VppPanel scope={scope()} />
            <Frontends scope={scope()} />
          </Show>
        </section>
      )}
    </Show>
  );
}

function ScopeHead(props: { scope: Scope }) {
  const page = usePage();
  return (
    <div class="scope-head">
      <p class="scope-facts">
        <span class={`badge ${props.scope.connected ? "state-up" : "state-down"}`}>
          {props.scope.connected ? "connected" : "lost"}
        </span>{" "}
        <Age at={props.scope.since_ms} /> <span class="address">{props.scope.address}</span>
        <Show when={props.scope.daemon}>
          {(d) => (
            <span class="dim" title={`commit ${d().commit}, built ${d().build_date}`}>
              maglevd {d().version}, running <Age at={d().started_ms} />
            </span>
          )}
        </Show>
        <Show when={!props.scope.connected && props.scope.last_error}>
          <span class="problem-inline">{props.scope.last_error}</span>
        </Show>
      </p>
      <Show when={page.admin}>
        <MaglevdActions maglevd={props.scope.name} />
      </Show>
    </div>
  );
}

function Frontends(props: { scope: Scope }) {
  const page = usePage();
  const [filter, setFilter] = createSignal("");
  let timer = 0;
  const settle = (text: string): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => setFilter(text), TYPING_MS);
  };
  onCleanup(() => clearTimeout(timer));
  const wanted = createMemo(() => filter().trim().toLowerCase());
  const matches = (name: string): boolean => {
    const f = props.scope.frontends[name];
    return !wanted() || `${name} ${f?.description} ${f?.address}`.toLowerCase().includes(wanted());
  };
  const names = (): readonly string[] => props.scope.frontendNames;
  const cards = inPortions(names, CARDS_AT_ONCE, CARDS_A_FRAME);
  const none = createMemo(() => !names().some(matches));
  const toggle = portionwise<string>(CARDS_AT_ONCE, TOGGLED_A_FRAME);
  const setAll = (open: boolean): void =>
    toggle(names().filter(matches), (some) => page.setOpen(props.scope.name, some, open));
  return (
    <section class="frontends" aria-label="Frontends">
      <div class="section-head">
        <h2>Frontends</h2>
        <Show when={props.scope.frontendNames.length >= FILTER_FROM}>
          <input
            type="search"
            placeholder="name, address…"
            aria-label="Show frontends with"
            onInput={(e) => settle(e.currentTarget.value)}
          />
        </Show>
        <span class="spacer" />
        <button type="button" class="quiet" onClick={() => setAll(true)}>
          open all
        </button>
        <button type="button" class="quiet" onClick={() => setAll(false)}>
          close all
        </button>
      </div>
      <div class="cards">
        <For each={cards()}>
          {(name, i) => (
            <Show when={props.scope.frontends[name]}>
              {(f) => (
                <FrontendCard
                  scope={props.scope}
                  frontend={f()}
                  hidden={!matches(name)}
                  atFirst={i() < TABLES_AT_ONCE}
                />
              )}
            </Show>
          )}
        </For>
        <Show when={none()}>
          <p class="empty">No frontends.</p>
        </Show>
      </div>
    </section>
  );
}
