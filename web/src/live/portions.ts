// SPDX-License-Identifier: Apache-2.0
// Long lists, without a long pause: what is far from the screen is drawn later, or not at all.
import { type Accessor, createEffect, createMemo, createSignal, onCleanup } from "solid-js";

/** The first items at once, more with each frame until all are there. */
export function inPortions<T>(
  all: Accessor<readonly T[]>,
  first: number,
  step: number,
): Accessor<readonly T[]> {
  const [count, setCount] = createSignal(first);
  let frame = 0;
  createEffect(() => {
    if (count() >= all().length) return;
    frame = requestAnimationFrame(() => setCount((n) => n + step));
  });
  onCleanup(() => cancelAnimationFrame(frame));
  return createMemo(() => (count() < all().length ? all().slice(0, count()) : all()));
}

/** Hands items to a function: the first at once, more with each frame. Whoever calls again, or goes
 *  away, has all of the call before handed over first. */
export function portionwise<T>(
  first: number,
  step: number,
): (items: readonly T[], take: (items: readonly T[]) => void) => void {
  let frame = 0;
  let finish = (): void => undefined;
  onCleanup(() => finish());
  return (items, take) => {
    finish();
    let at = 0;
    const some = (count: number): void => {
      const from = at;
      at = Math.min(at + count, items.length);
      if (at > from) take(items.slice(from, at));
      if (at < items.length) frame = requestAnimationFrame(() => some(step));
    };
    finish = () => {
      cancelAnimationFrame(frame);
      some(items.length);
    };
    some(first);
  };
}

/** Further away than this is not near. */
const MARGIN = "1000px 0px";

type Seen = (entry: IntersectionObserverEntry) => void;
const watched = new WeakMap<Element, Seen>();
let observer: IntersectionObserver | undefined;

function observe(element: Element, seen: Seen): () => void {
  observer ??= new IntersectionObserver(
    (entries) => entries.forEach((e) => watched.get(e.target)?.(e)),
    { rootMargin: MARGIN },
  );
  watched.set(element, seen);
  observer.observe(element);
  return () => observer?.unobserve(element);
}

export interface Nearness {
  watch(element: HTMLElement): void; // a ref
  near: Accessor<boolean>;
  height: Accessor<number>; // when it was last near, in px; 0: never
}

/** Whether an element is near the screen. What has the keyboard's focus stays near. */
export function nearScreen(atFirst: boolean): Nearness {
  const [near, setNear] = createSignal(atFirst);
  const [height, setHeight] = createSignal(0);
  return {
    near,
    height,
    watch: (element) => {
      const seen: Seen = (entry) => {
        if (entry.isIntersecting || !near()) return void setNear(entry.isIntersecting);
        if (element.contains(document.activeElement)) return;
        setHeight(entry.boundingClientRect.height);
        setNear(false);
      };
      onCleanup(observe(element, seen));
    },
  };
}

export interface RowWindow {
  first: Accessor<number>; // of the rows that are drawn
  end: Accessor<number>; // behind the last of them
  height: Accessor<number>; // of a row, in px
  look(box: HTMLElement): void; // the box was scrolled, or was made
}

const ROW_PX = 30; // until one was drawn
const AROUND = 15; // rows drawn beyond what shows

/** Which of `count` rows of one height show in a box that scrolls. `row` selects one of them. */
export function rowWindow(count: Accessor<number>, row: string): RowWindow {
  const [top, setTop] = createSignal(0);
  const [room, setRoom] = createSignal(AROUND * ROW_PX);
  const [height, setHeight] = createSignal(ROW_PX);
  const at = (): number => Math.min(Math.floor(top() / height()), count());
  return {
    height,
    first: createMemo(() => Math.max(0, at() - AROUND)),
    end: createMemo(() => Math.min(count(), at() + Math.ceil(room() / height()) + AROUND)),
    look: (box) => {
      setHeight(box.querySelector<HTMLElement>(row)?.offsetHeight || ROW_PX);
      setRoom(box.clientHeight);
      setTop(box.scrollTop);
    },
  };
}
