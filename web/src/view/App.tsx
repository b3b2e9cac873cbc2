// SPDX-License-Identifier: Apache-2.0
import { Show } from "solid-js";

import { usePage } from "../live/page";
import { EventStream } from "./EventStream";
import { Header } from "./Header";
import { LinkBanner } from "./LinkBanner";
import { ScopePanel } from "./ScopePanel";
import { SummaryStrip } from "./SummaryStrip";
import { ScopeTabs } from "./ScopeTabs";

export function App() {
  const page = usePage();
  return (
    <>
      <Header />
      <LinkBanner />
      <main>
        <Show when={page.fresh()} fallback={<p class="empty">Loading…</p>}>
          <SummaryStrip />
          <ScopeTabs />
          <Show
            when={page.scope()?.name}
            keyed
            fallback={<p class="empty">No maglevd is configured.</p>}
          >
            {(name) => <ScopePanel maglevd={name} />}
          </Show>
          <Show when={page.admin}>
            <EventStream />
          </Show>
        </Show>
      </main>
    </>
  );
}
