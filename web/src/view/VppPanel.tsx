// SPDX-License-Identifier: Apache-2.0
import { createEffect, createMemo, createSignal, For, Index, on, onMount, Show } from "solid-js";

import { usePage } from "../live/page";
import { rowWindow } from "../live/portions";
import { formatRate, HISTORY, packetsOf, vipId } from "../model/rate";
import type { VipCounters } from "../model/types";
import type { Scope } from "../model/world";
import { Age, Spark } from "./bits";

export function VppPanel(props: { scope: Scope }) {
  const page = usePage();
  const connected = (): boolean => props.scope.connected && props.scope.vpp.connected;
  return (
    <section class="vpp" aria-label="VPP">
      <div class="section-head">
        <h2>VPP</h2>
        <span class={`badge ${connected() ? "state-up" : "state-down"}`}>
          {connected() ? "connected" : "not connected"}
        </span>
        <Arrows activity={page.beats.activity(props.scope.name)} />
        <Show
          when={props.scope.vpp.connected}
          fallback={<span class="problem-inline">{props.scope.vpp.error}</span>}
        >
          <span
            class="dim"
            title={`built ${props.scope.vpp.build_date}, pid ${props.scope.vpp.pid}`}
          >
            {props.scope.vpp.version || "unknown version"}
          </span>
          <Show when={props.scope.vpp.boot_ms > 0}>
            <span class="dim">
              up <Age at={props.scope.vpp.boot_ms} />
            </span>
          </Show>
        </Show>
      </div>
      <Show when={connected()}>
        <Traffic scope={props.scope} />
      </Show>
    </section>
  );
}

/** Messages to and from VPP's API: an arrow lights up when there were some. */
function Arrows(props: { activity: () => { sent: number; received: number; at: number } }) {
  let box!: HTMLSpanElement;
  createEffect(
    on(
      () => props.activity().at,
      (at) => {
        const { sent, received } = props.activity();
        const [up, down] = [...box.children];
        if (sent > 0) up?.setAttribute("class", at % 2 ? "arrow lit-a" : "arrow lit-b");
        if (received > 0) down?.setAttribute("class", at % 2 ? "arrow lit-a" : "arrow lit-b");
      },
      { defer: true },
    ),
  );
  return (
    <span class="arrows" ref={box} title="API messages to VPP and from it">
      <svg class="arrow" viewBox="0 0 12 16" aria-hidden="true">
        <path d="M6 14V3M2 7l4-4 4 4" />
      </svg>
      <svg class="arrow" viewBox="0 0 12 16" aria-hidden="true">
        <path d="M6 2v11M2 9l4 4 4-4" />
      </svg>
    </span>
  );
}

const HEADS = ["new flows/s", "packets/s", "bytes/s", "untracked/s", "no server/s"];

/** Closed at first where there are many VIPs. */
const OPEN_UP_TO = 8;

function Traffic(props: { scope: Scope }) {
  const vips = createMemo(() => props.scope.counters?.vips ?? []);
  const byId = createMemo(() => new Map(vips().map((v) => [vipId(v), v])));
  const ids = createMemo(() => [...byId().keys()]);
  const [chosen, setChosen] = createSignal<boolean | null>(null);
  const open = (): boolean => chosen() ?? ids().length <= OPEN_UP_TO;
  const toggle = (e: Event): void => {
    e.preventDefault(); // `open` follows what was chosen
    setChosen(!open());
  };
  return (
    <Show when={ids().length > 0} fallback={<p class="dim">No counters.</p>}>
      <details class="traffic" open={open()}>
        <summary onClick={toggle}>
          Traffic of {ids().length} {ids().length === 1 ? "VIP" : "VIPs"}
        </summary>
        <Show when={open()}>
          <TrafficTable scope={props.scope} ids={ids()} vips={byId()} />
        </Show>
      </details>
    </Show>
  );
}

/** Of a thousand rows only those that show are there. */
function TrafficTable(props: { scope: Scope; ids: string[]; vips: Map<string, VipCounters> }) {
  let box!: HTMLDivElement;
  const rows = rowWindow(() => props.ids.length, "tr.vip");
  onMount(() => rows.look(box));
  const shown = createMemo(() => props.ids.slice(rows.first(), rows.end()));
  return (
    <div
      class="traffic-box"
      tabIndex={0}
      role="group"
      aria-label="Traffic"
      ref={box}
      onScroll={() => rows.look(box)}
    >
      <table aria-rowcount={props.ids.length + 1}>
        <thead>
          <tr>
            <th scope="col">VIP</th>
            <For each={HEADS}>
              {(head) => (
                <th scope="col" class="c-num">
                  {head}
                </th>
              )}
            </For>
            <th scope="col">last minutes</th>
          </tr>
        </thead>
        <tbody>
          <Gap rows={rows.first()} height={rows.height()} />
          <For each={shown()}>
            {(id, i) => (
              <Show when={props.vips.get(id)}>
                {(v) => (
                  <TrafficRow scope={props.scope} vip={v()} id={id} at={rows.first() + i()} />
                )}
              </Show>
            )}
          </For>
          <Gap rows={props.ids.length - rows.end()} height={rows.height()} />
        </tbody>
      </table>
    </div>
  );
}

/** The room of rows that are not there. */
function Gap(props: { rows: number; height: number }) {
  const room = (): Record<string, string> => ({ height: `${props.rows * props.height}px` });
  return (
    <Show when={props.rows > 0}>
      <tr class="gap" aria-hidden="true">
        <td colSpan={HEADS.length + 2} style={room()} />
      </tr>
    </Show>
  );
}

function TrafficRow(props: { scope: Scope; vip: VipCounters; id: string; at: number }) {
  const traffic = createMemo(() => props.scope.traffic[props.id]);
  const cells = (): { rate: number | undefined; total: number }[] => {
    const r = traffic()?.rates;
    const v = props.vip;
    return [
      { rate: r?.flows, total: v.first_packets },
      { rate: r?.packets, total: packetsOf(v) },
      { rate: r?.bytes, total: v.route_bytes },
      { rate: r?.untracked, total: v.untracked_packets },
      { rate: r?.noServer, total: v.no_server_packets },
    ];
  };
  return (
    <tr class="vip" aria-rowindex={props.at + 2}>
      <th scope="row" title={props.id}>
        {props.vip.frontend || props.id}
      </th>
      <Index each={cells()}>
        {(cell) => (
          <td class="c-num" title={`${cell().total.toLocaleString("en")} since VPP began`}>
            {cell().rate === undefined ? "–" : formatRate(cell().rate ?? 0)}
          </td>
        )}
      </Index>
      <td>
        <Spark values={traffic()?.history ?? []} slots={HISTORY} title="packets per second" />
      </td>
    </tr>
  );
}
