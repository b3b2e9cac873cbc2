// SPDX-License-Identifier: Apache-2.0
// Everything that changes while the page is open, in one place; the components only look at it.
import {
  type Accessor,
  batch,
  createContext,
  createSignal,
  type Setter,
  useContext,
} from "solid-js";
import { createStore, produce, reconcile } from "solid-js/store";

import {
  cardId,
  cookieText,
  cookieValue,
  formatOpen,
  OPEN_COOKIE,
  parseOpen,
  SCOPE_COOKIE,
} from "../model/cookies";
import type { Model } from "../model/health";
import { Link, type LinkState } from "../model/link";
import { LINES_MAX, type RecordLine, recordLine } from "../model/records";
import type { LogLevel, PageEvent, Version } from "../model/types";
import { applyEvent, emptyWorld, type Scope, scopeOf, type World, worldOf } from "../model/world";
import { Beats } from "./beats";
import { gathered } from "./events";
import { browserIo, readVersion } from "./io";
import { lazyModel } from "./tables";

/** So many cards are open before anybody chose. */
const OPEN_AT_FIRST = 12;
const TICK_MS = 1000;

export interface Page {
  readonly admin: boolean;
  readonly world: World;
  readonly now: Accessor<number>; // ticks once a second
  readonly link: Accessor<LinkState>;
  readonly fresh: Accessor<boolean>; // a snapshot came
  readonly version: Accessor<Version | null>;
  readonly beats: Beats;
  readonly model: Model;
  readonly records: Accessor<readonly RecordLine[]>;
  readonly logLevel: Accessor<LogLevel>;
  setLogLevel(level: LogLevel): void;
  clearRecords(): void;
  readonly scope: Accessor<Scope | undefined>; // the chosen one
  choose(maglevd: string): void;
  isOpen(maglevd: string, frontend: string): boolean;
  setOpen(maglevd: string, frontends: readonly string[], open: boolean): void;
}

/** Which maglevd is shown, in a cookie. */
function chosenScope(world: World): Pick<Page, "scope" | "choose"> {
  const [chosen, setChosen] = createSignal(cookieValue(document.cookie, SCOPE_COOKIE) ?? "");
  return {
    scope: () => world.maglevds[chosen()] ?? world.maglevds[world.names[0] ?? ""],
    choose: (maglevd) => {
      setChosen(maglevd);
      document.cookie = cookieText(SCOPE_COOKIE, maglevd);
    },
  };
}

/** Which cards are open, in a cookie. */
function openCards(world: World): Pick<Page, "isOpen" | "setOpen"> {
  const [open, setOpen] = createSignal(parseOpen(cookieValue(document.cookie, OPEN_COOKIE)));
  const atFirst = (maglevd: string): boolean =>
    (world.maglevds[maglevd]?.frontendNames.length ?? 0) <= OPEN_AT_FIRST;
  /** What is open now, chosen or not. */
  const present = (): Set<string> =>
    new Set(
      open() ??
        world.names.flatMap((m) =>
          atFirst(m) ? (world.maglevds[m]?.frontendNames ?? []).map((f) => cardId(m, f)) : [],
        ),
    );
  return {
    isOpen: (maglevd, frontend) => open()?.has(cardId(maglevd, frontend)) ?? atFirst(maglevd),
    setOpen: (maglevd, frontends, wanted) => {
      const next = present();
      for (const f of frontends) {
        next.delete(cardId(maglevd, f));
        if (wanted) next.add(cardId(maglevd, f));
      }
      setOpen(next);
      document.cookie = cookieText(OPEN_COOKIE, formatOpen(next));
    },
  };
}

interface Records {
  records: Accessor<readonly RecordLine[]>;
  add(event: PageEvent): void;
  clear(): void;
}

/** Lines come in bursts: they are shown together, a few times a second. */
function recordList(): Records {
  const [records, setRecords] = createSignal<readonly RecordLine[]>([]);
  let key = 0;
  let burst: RecordLine[] = [];
  const show = (): void => {
    setRecords((list) => [...list, ...burst].slice(-LINES_MAX));
    burst = [];
  };
  return {
    records,
    add: (event) => {
      const line = recordLine(event, key++, Date.now());
      if (!line) return;
      if (burst.push(line) === 1) setTimeout(show, 100);
    },
    clear: () => setRecords([]),
  };
}

function keepTime(link: Link, setNow: Setter<number>): void {
  setInterval(() => {
    setNow(Date.now());
    link.tick(Date.now());
  }, TICK_MS);
  for (const name of ["online", "visibilitychange", "pageshow"])
    window.addEventListener(name, () => link.tick(Date.now()));
}

export function createPage(admin: boolean): Page {
  const [world, setWorld] = createStore<World>(emptyWorld());
  const [now, setNow] = createSignal(Date.now());
  const [linkState, setLinkState] = createSignal<LinkState>("connecting");
  const [fresh, setFresh] = createSignal(false);
  const [version, setVersion] = createSignal<Version | null>(null);
  const [logLevel, setLogLevel] = createSignal<LogLevel>("info");
  const beats = new Beats();
  const records = recordList();
  const events = gathered<PageEvent>((list) =>
    batch(() => {
      const now = Date.now();
      setWorld(produce((draft) => list.forEach((event) => applyEvent(draft, event, now))));
      for (const event of list) if (event.type === "heartbeat") beats.take(event.data);
    }),
  );

  const link = new Link(
    browserIo(() => (admin ? logLevel() : null)),
    {
      all: (snapshot) => {
        events.flush();
        setWorld(reconcile(worldOf(snapshot.maglevds, world), { key: "name" }));
        setFresh(true);
        readVersion().then(setVersion, () => undefined);
      },
      one: (state) => {
        events.flush();
        setWorld("maglevds", state.name, (before) =>
          reconcile(scopeOf(state, before as Scope | undefined), { key: "name" })(before),
        );
      },
      event: events.add,
      record: (event) => {
        if (admin) records.add(event);
      },
      link: setLinkState,
    },
  );
  link.start(Date.now());
  keepTime(link, setNow);
  return {
    admin,
    world,
    now,
    link: linkState,
    fresh,
    version,
    beats,
    model: lazyModel(),
    records: records.records,
    clearRecords: records.clear,
    logLevel,
    setLogLevel: (level) => {
      setLogLevel(level);
      link.open();
    },
    ...chosenScope(world),
    ...openCards(world),
  };
}

export const PageContext = createContext<Page>();

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("a component outside of the page");
  return page;
}
