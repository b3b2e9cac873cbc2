// SPDX-License-Identifier: Apache-2.0
import { createMemo, createSignal, For, onCleanup, Show } from "solid-js";

export interface MenuItem {
  label: string;
  run: () => void;
}

/** A button that opens a list of things to do. Arrow keys move in it, Escape closes it. */
export function Menu(props: { label: string; items: readonly MenuItem[] }) {
  const [open, setOpen] = createSignal(false);
  // Items of the same labels are the same ones: new buttons would take the focus from who is in them.
  const items = createMemo(() => props.items, undefined, {
    equals: (a, b) => a.length === b.length && a.every((item, i) => item.label === b[i]?.label),
  });
  let button!: HTMLButtonElement;
  let list: HTMLDivElement | undefined;

  const close = (): void => {
    setOpen(false);
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("scroll", place, true);
  };
  const outside = (e: Event): void => {
    if (!(e.target instanceof Node) || (!list?.contains(e.target) && !button.contains(e.target)))
      close();
  };
  const entries = (): HTMLButtonElement[] => [...(list?.querySelectorAll("button") ?? [])];
  // Fixed, so that no table cuts it off, and beside its button however the page is scrolled; above the button where there is no room below.
  const place = (): void => {
    if (!list) return;
    const at = button.getBoundingClientRect();
    const below = at.bottom + list.offsetHeight + 8 < window.innerHeight;
    list.style.top = `${below ? at.bottom + 4 : at.top - list.offsetHeight - 4}px`;
    list.style.left = `${Math.max(8, at.right - list.offsetWidth)}px`;
  };
  const show = (): void => {
    setOpen(true);
    place();
    entries()[0]?.focus({ preventScroll: true });
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("scroll", place, true);
  };
  const keys = (e: KeyboardEvent): void => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const step: Record<string, number> = { ArrowDown: 1, ArrowUp: all.length - 1 };
    if (e.key === "Escape" || e.key === "Tab") {
      close();
      button.focus();
    } else if (e.key in step) {
      all[(at + (step[e.key] ?? 0)) % all.length]?.focus();
    } else {
      return;
    }
    e.preventDefault();
  };
  onCleanup(close);
  return (
    <>
      <button
        type="button"
        class="menu-button"
        ref={button}
        aria-haspopup="menu"
        aria-expanded={open()}
        aria-label={props.label}
        disabled={items().length === 0}
        onClick={() => (open() ? close() : show())}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 3v.01M8 8v.01M8 13v.01" />
        </svg>
      </button>
      <Show when={open()}>
        <div class="menu" role="menu" aria-label={props.label} ref={list} onKeyDown={keys}>
          <For each={items()}>
            {(item) => (
              <button
                type="button"
                role="menuitem"
                tabIndex={-1}
                onClick={() => {
                  close();
                  button.focus();
                  item.run();
                }}
              >
                {item.label}
              </button>
            )}
          </For>
        </div>
      </Show>
    </>
  );
}
