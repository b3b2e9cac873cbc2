// SPDX-License-Identifier: Apache-2.0
import { createMemo, createUniqueId, For, Show } from "solid-js";

import { usePage } from "../live/page";
import { nearScreen } from "../live/portions";
import { frontendHealth } from "../model/health";
import type { Frontend } from "../model/types";
import type { Scope } from "../model/world";
import { BackendRow } from "./BackendRow";
import { Flash, StateBadge } from "./bits";
import { HealthIcon } from "./HealthIcon";

function endpoint(f: Frontend): string {
  const host = f.address.includes(":") && f.port ? `[${f.address}]` : f.address;
  return `${host}${f.port ? `:${f.port}` : ""}${f.protocol ? `/${f.protocol}` : ", any protocol"}`;
}

export function FrontendCard(props: {
  scope: Scope;
  frontend: Frontend;
  hidden: boolean;
  atFirst: boolean; // its table is drawn without waiting whether it is near the screen
}) {
  const page = usePage();
  const id = createUniqueId();
  const health = createMemo(
    () => frontendHealth(props.scope, props.frontend, page.model),
    undefined,
    {
      equals: (a, b) => a.kind === b.kind && a.why === b.why,
    },
  );
  const open = createMemo(() => page.isOpen(props.scope.name, props.frontend.name));
  const rows = (): Record<string, string> => ({
    "--rows": String(props.frontend.pools.reduce((n, p) => n + 1 + p.backends.length, 0)),
  });
  const toggle = (): void => page.setOpen(props.scope.name, [props.frontend.name], !open());
  return (
    <article
      class={`card health-${health().kind} ${open() ? "open" : ""}`}
      style={rows()}
      aria-label={`frontend ${props.frontend.name}`}
      hidden={props.hidden}
    >
      <div class="card-head">
        <HealthIcon health={health()} />
        <h3>
          <button type="button" aria-expanded={open()} aria-controls={id} onClick={toggle}>
            <span class="chevron" aria-hidden="true" />
            {props.frontend.name}
          </button>
        </h3>
        <StateBadge state={props.frontend.state} />
        <span class="address">{endpoint(props.frontend)}</span>
        <span class="description" title={props.frontend.description}>
          {props.frontend.description}
        </span>
        <Show when={!props.frontend.released}>
          <span
            class="badge state-unknown"
            title="VPP keeps what it has until its backends are known"
          >
            warm-up
          </span>
        </Show>
      </div>
      <div id={id} class="card-body" hidden={!open()}>
        <Show when={open()}>
          <CardBody scope={props.scope} frontend={props.frontend} atFirst={props.atFirst} />
        </Show>
      </div>
    </article>
  );
}

/** The table while it is near the screen, else as much room. */
function CardBody(props: { scope: Scope; frontend: Frontend; atFirst: boolean }) {
  const place = nearScreen(props.atFirst);
  const room = (): Record<string, string> | undefined =>
    place.height() > 0 ? { height: `${place.height()}px` } : undefined;
  return (
    <div ref={(e) => place.watch(e)}>
      <Show when={place.near()} fallback={<div class="room" style={room()} />}>
        <PoolTable scope={props.scope} frontend={props.frontend} />
      </Show>
    </div>
  );
}

const COLUMNS: readonly [cls: string, title: string][] = [
  ["c-name", "backend"],
  ["c-state", "state"],
  ["c-num c-weight", "weight"],
  ["c-num c-effective", "effective"],
  ["c-num c-buckets", "buckets"],
  ["c-age", "since"],
  ["c-latency", "probe"],
];

function PoolTable(props: { scope: Scope; frontend: Frontend }) {
  const page = usePage();
  return (
    <table role="table">
      <thead role="rowgroup">
        <tr role="row">
          <For each={COLUMNS}>
            {([cls, title]) => (
              <th role="columnheader" scope="col" class={cls}>
                {title}
              </th>
            )}
          </For>
          <Show when={page.admin}>
            <th role="columnheader" scope="col" class="c-menu">
              <span class="sr">actions</span>
            </th>
          </Show>
        </tr>
      </thead>
      <For each={props.frontend.pools.map((p) => p.name)}>
        {(name) => <PoolRows scope={props.scope} frontend={props.frontend} pool={name} />}
      </For>
    </table>
  );
}

function PoolRows(props: { scope: Scope; frontend: Frontend; pool: string }) {
  const page = usePage();
  const pool = createMemo(() => props.frontend.pools.find((p) => p.name === props.pool));
  const active = (): boolean =>
    props.frontend.active_pool === props.pool &&
    (pool()?.backends.some((b) => b.effective_weight > 0) ?? false);
  const names = createMemo(() => pool()?.backends.map((b) => b.name) ?? []);
  const weight = (): number => pool()?.backends.reduce((n, b) => n + b.effective_weight, 0) ?? 0;
  return (
    <tbody role="rowgroup">
      <tr role="row" class="pool-row">
        <th role="rowheader" scope="rowgroup" colSpan={page.admin ? 8 : 7}>
          pool {props.pool}{" "}
          <span class={active() ? "serving" : "dim"}>{active() ? "serving" : "standby"}</span>
          <span class="sr">
            , total weight <Flash value={weight()} />
          </span>
        </th>
      </tr>
      <For each={names()}>
        {(name) => (
          <BackendRow scope={props.scope} frontend={props.frontend} pool={props.pool} name={name} />
        )}
      </For>
    </tbody>
  );
}
