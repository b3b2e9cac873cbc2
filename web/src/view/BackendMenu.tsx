// SPDX-License-Identifier: Apache-2.0
import { createSignal, createUniqueId, Show } from "solid-js";

import { postBackend, postWeight } from "../live/io";
import { allowedActions, explainAction, explainWeight } from "../model/actions";
import type { Backend, BackendAction, Frontend } from "../model/types";
import type { Scope } from "../model/world";
import { Dialog } from "./Dialog";
import { Menu, type MenuItem } from "./Menu";

interface BackendProps {
  scope: Scope;
  frontend: Frontend;
  pool: string;
  backend: Backend;
  weight: number;
}

const capital = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1);

/** What can be done to a backend in its state. The page learns what came of it from its events. */
export function BackendMenu(props: BackendProps) {
  const [asking, setAsking] = createSignal<BackendAction | "weight" | null>(null);
  const items = (): MenuItem[] => [
    ...allowedActions(props.backend.state).map((action) => ({
      label: `${capital(action)}…`,
      run: () => void setAsking(action),
    })),
    ...(props.backend.state === "removed"
      ? []
      : [{ label: "Set weight…", run: () => void setAsking("weight") }]),
  ];
  const done = (): void => void setAsking(null);
  const action = (): BackendAction | null => {
    const a = asking();
    return a === "weight" ? null : a;
  };
  return (
    <>
      <Menu label={`actions for ${props.backend.name}`} items={items()} />
      <Show when={action()} keyed>
        {(a) => <ActionDialog {...props} action={a} onClose={done} />}
      </Show>
      <Show when={asking() === "weight"}>
        <WeightDialog {...props} onClose={done} />
      </Show>
    </>
  );
}

function ActionDialog(props: BackendProps & { action: BackendAction; onClose: () => void }) {
  // As it was when it was asked; the answer must not change under the reader's eyes.
  const words = explainAction(props.scope, props.backend, props.action);
  return (
    <Dialog
      title={`${capital(props.action)} ${props.backend.name}?`}
      words={words}
      verb={capital(props.action)}
      run={async () => {
        await postBackend(props.scope.name, props.backend.name, props.action);
        return undefined;
      }}
      onClose={() => props.onClose()}
    />
  );
}

function WeightDialog(props: BackendProps & { onClose: () => void }) {
  const id = createUniqueId();
  const before = props.weight;
  const [weight, setWeight] = createSignal(before);
  const [flush, setFlush] = createSignal(false);
  const at = (): { frontend: string; pool: string; backend: string } => ({
    frontend: props.frontend.name,
    pool: props.pool,
    backend: props.backend.name,
  });
  return (
    <Dialog
      title={`Weight of ${props.backend.name} in ${props.frontend.name}, pool ${props.pool}`}
      words={explainWeight(before, weight(), flush())}
      verb="Set weight"
      run={async () => {
        await postWeight(props.scope.name, at(), weight(), flush());
        return undefined;
      }}
      onClose={() => props.onClose()}
    >
      <div class="slider">
        <label for={id}>weight</label>
        <input
          id={id}
          type="range"
          min="0"
          max="100"
          value={weight()}
          onInput={(e) => setWeight(e.currentTarget.valueAsNumber)}
        />
        <output for={id}>{weight()}</output>
        <span class="dim">was {before}</span>
      </div>
      <label class="check">
        <input type="checkbox" onChange={(e) => setFlush(e.currentTarget.checked)} />
        flush its live flows, too
      </label>
    </Dialog>
  );
}
