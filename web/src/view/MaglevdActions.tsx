// SPDX-License-Identifier: Apache-2.0
import { createSignal, Show } from "solid-js";

import { postConfig, postSync } from "../live/io";
import { CHECK_WORDS, RELOAD_WORDS, SYNC_WORDS } from "../model/actions";
import { configWords, syncWords } from "../model/results";
import { Dialog } from "./Dialog";

type Asking = "sync" | "check" | "reload";

interface Task {
  title: (maglevd: string) => string;
  words: readonly string[];
  verb: string;
  run: (maglevd: string) => Promise<string>;
}

const TASKS: Record<Asking, Task> = {
  sync: {
    title: (m) => `Sync VPP with ${m}?`,
    words: SYNC_WORDS,
    verb: "Sync",
    run: async (m) => syncWords(await postSync(m)),
  },
  check: {
    title: (m) => `Check the configuration of ${m}?`,
    words: CHECK_WORDS,
    verb: "Check",
    run: async (m) => configWords(await postConfig(m, "check"), "check"),
  },
  reload: {
    title: (m) => `Reload the configuration of ${m}?`,
    words: RELOAD_WORDS,
    verb: "Reload",
    run: async (m) => configWords(await postConfig(m, "reload"), "reload"),
  },
};

/** What concerns a maglevd as a whole. */
export function MaglevdActions(props: { maglevd: string }) {
  const [asking, setAsking] = createSignal<Asking | null>(null);
  return (
    <div class="maglevd-actions">
      <button type="button" onClick={() => setAsking("sync")}>
        Sync…
      </button>
      <button type="button" onClick={() => setAsking("check")}>
        Check config…
      </button>
      <button type="button" onClick={() => setAsking("reload")}>
        Reload config…
      </button>
      <Show when={asking()} keyed>
        {(what) => (
          <Dialog
            title={TASKS[what].title(props.maglevd)}
            words={TASKS[what].words}
            verb={TASKS[what].verb}
            run={() => TASKS[what].run(props.maglevd)}
            onClose={() => setAsking(null)}
          />
        )}
      </Show>
    </div>
  );
}
