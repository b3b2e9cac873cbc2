// SPDX-License-Identifier: Apache-2.0
import { createMemo, Show } from "solid-js";

import { usePage } from "../live/page";
import { formatShare } from "../model/rate";
import type { Backend, Frontend, LbVip, PoolBackend } from "../model/types";
import { type Scope, vipKeyOf } from "../model/world";
import { BackendMenu } from "./BackendMenu";
import { Age, Flash, StateBadge } from "./bits";
import { Heart, Latency } from "./Heart";

interface RowProps {
  scope: Scope;
  frontend: Frontend;
  pool: string;
  name: string;
}

/** A backend of two pools shows VPP's buckets where it has weight; else in the first of them. */
function showsBuckets(f: Frontend, pool: string, name: string): boolean {
  const pools = f.pools.filter((p) => p.backends.some((b) => b.name === name));
  const weighty = pools.find((p) =>
    p.backends.some((b) => b.name === name && b.effective_weight > 0),
  );
  return (weighty ?? pools[0])?.name === pool;
}

function whyState(b: Backend): string {
  const t = b.last_transition;
  const last = t
    ? `${t.from} → ${t.to}: ${t.code}${t.detail ? ` (${t.detail})` : ""}`
    : "no transition yet";
  return `${last}; counter ${b.counter}/${b.counter_max}`;
}

export function BackendRow(props: RowProps) {
  const page = usePage();
  const backend = createMemo(() => props.scope.backends[props.name]);
  const inPool = createMemo(() =>
    props.frontend.pools
      .find((p) => p.name === props.pool)
      ?.backends.find((b) => b.name === props.name),
  );
  return (
    <Show when={backend()}>
      {(b) => (
        <tr role="row" class="backend-row" data-backend={props.name} data-pool={props.pool}>
          <th role="rowheader" scope="row" class="c-name" title={whyState(b())}>
            <Heart maglevd={props.scope.name} backend={b()} />
            <span class="name">{b().name}</span> <span class="address">{b().address}</span>
          </th>
          <td role="cell" class="c-state" title={whyState(b())}>
            <StateBadge state={b().state} />
          </td>
          <Show when={inPool()}>{(pb) => <Numbers {...props} backend={b()} inPool={pb()} />}</Show>
          <td role="cell" class="c-age" data-label="since">
            <Age at={b().last_transition?.at_ms ?? b().since_ms} />
          </td>
          <td role="cell" class="c-latency" data-label="probe">
            <Latency maglevd={props.scope.name} backend={b()} />
          </td>
          <Show when={page.admin}>
            <td role="cell" class="c-menu">
              <BackendMenu {...props} backend={b()} weight={inPool()?.weight ?? 0} />
            </td>
          </Show>
        </tr>
      )}
    </Show>
  );
}

/** Weight, effective weight, and VPP's buckets. */
function Numbers(props: RowProps & { backend: Backend; inPool: PoolBackend }) {
  const vip = createMemo<LbVip | undefined>(() => props.scope.lb?.vips[vipKeyOf(props.frontend)]);
  const buckets = createMemo<number | null>(() => {
    const v = vip();
    if (!v) return null;
    if (!showsBuckets(props.frontend, props.pool, props.name)) return 0;
    return (
      v.application_servers.find((as) => as.address === props.backend.address)?.buckets ?? null
    );
  });
  return (
    <>
      <td role="cell" class="c-num c-weight" data-label="weight">
        <Flash value={props.inPool.weight} />
      </td>
      <td role="cell" class="c-num c-effective" data-label="effective">
        <Flash value={props.inPool.effective_weight} />
      </td>
      <td role="cell" class="c-num c-buckets" data-label="buckets">
        <Show
          when={buckets() !== null}
          fallback={
            <span class="dim" title="VPP was not read">
              –
            </span>
          }
        >
          <Flash class="buckets" value={buckets() ?? 0} />
          <span class="share">{formatShare(buckets() ?? 0, vip()?.flow_table_length ?? 0)}</span>
        </Show>
      </td>
    </>
  );
}
