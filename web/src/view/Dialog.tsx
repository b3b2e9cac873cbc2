// SPDX-License-Identifier: Apache-2.0
import { createSignal, createUniqueId, For, type JSX, onMount, Show } from "solid-js";

import { Problem } from "./bits";

interface DialogProps {
  title: string;
  words: readonly string[];
  verb: string;
  children?: JSX.Element;
  /** Does it. What it resolves to is shown in place; undefined: there is nothing to say. */
  run: () => Promise<string | undefined>;
  onClose: () => void;
}

/** Asks before anything is changed, saying what will happen; what fails stays visible in it. */
export function Dialog(props: DialogProps) {
  const id = createUniqueId();
  const [busy, setBusy] = createSignal(false);
  const [error, setError] = createSignal("");
  const [result, setResult] = createSignal("");
  let box!: HTMLDialogElement;
  let no!: HTMLButtonElement;
  onMount(() => {
    box.showModal();
    no.focus();
  });
  const run = async (): Promise<void> => {
    setBusy(true);
    setError("");
    try {
      const said = await props.run();
      if (said === undefined) return box.close();
      setResult(said);
      no.focus();
    } catch (e) {
      setError(e instanceof Error ? e.message : String(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={box} aria-labelledby={id} onClose={() => props.onClose()}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
      <Show when={!result()}>
        <ul class="words">
          <For each={props.words}>{(w) => <li>{w}</li>}</For>
        </ul>
      </Show>
      <Show when={error()}>
        <Problem text={error()} />
      </Show>
      <Show when={result()}>
        <p class="result" role="status">
          {result()}
        </p>
      </Show>
      <div class="buttons">
        <button type="button" ref={no} onClick={() => box.close()}>
          {result() ? "Close" : "Cancel"}
        </button>
        <Show when={!result()}>
          <button type="button" class="go" disabled={busy()} onClick={() => void run()}>
            {error() ? `${props.verb} again` : props.verb}
          </button>
        </Show>
      </div>
    </dialog>
  );
}
