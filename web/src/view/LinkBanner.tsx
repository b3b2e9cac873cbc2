// SPDX-License-Identifier: Apache-2.0
import { Show } from "solid-js";

import { usePage } from "../live/page";

/** Over the page, so that nothing moves when it comes and goes. */
export function LinkBanner() {
  const page = usePage();
  return (
    <div class="banner-place" role="status" aria-live="polite">
      <Show when={page.link() === "lost"}>
        <p class="banner">
          Connection to the dashboard lost. What you see may be old; reconnecting…
        </p>
      </Show>
    </div>
  );
}
