// SPDX-License-Identifier: Apache-2.0
import { Show } from "solid-js";

import { usePage } from "../live/page";

const PROJECT = "https://git.ipng.ch/ipng/vpp-maglev";

export function Header() {
  const page = usePage();
  return (
    <header class="top">
      <h1>
        <a href={page.admin ? "/admin/" : "/view/"}>vpp-maglev</a>
      </h1>
      <Show when={page.version()}>
        {(v) => (
          <span class="version" title={`built ${v().build_date || "at an unknown time"}`}>
            {v().version} <span class="commit">{v().commit}</span>
          </span>
        )}
      </Show>
      <span class="spacer" />
      <Show when={page.version()?.admin_enabled}>
        <nav class="switch" aria-label="Mode">
          <a href="/view/" aria-current={page.admin ? undefined : "page"}>
            view
          </a>
          <a href="/admin/" aria-current={page.admin ? "page" : undefined}>
            admin
          </a>
        </nav>
      </Show>
      <a class="project" href={PROJECT} rel="noreferrer">
        project
      </a>
    </header>
  );
}
