// SPDX-License-Identifier: Apache-2.0
// Three maglevds at once, one with 1,000 frontends and 5,000 backends. What is asserted does not
// depend on the machine: how much there is in the document. Times are written down.
import assert from "node:assert/strict";
import { join } from "node:path";

import {
  ask,
  bytesOf,
  checkAxe,
  figure,
  FIRST_VIEW_MAX,
  openPage,
  options,
  until,
} from "./kit.mjs";

const FRONTENDS = 1000;
const BACKENDS = 5000;
/** A closed card has a dozen elements, an open one of five backends 150. */
const CLOSED_MAX = 20_000;
const OPEN_MAX = CLOSED_MAX + 60 * 150; // of 1,000 open ones only those near the screen
/** Nothing may hold the page for so long, on any machine. (Measured: see the figures.) */
const STUCK_MS = options.patience_ms / 6;

const observe = () => {
  window.slow = { tasks: [], events: [] };
  const see = (type, more, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      type,
      buffered: true,
      ...more,
    });
  see("longtask", {}, (e) => window.slow.tasks.push(e.duration));
  see("event", { durationThreshold: 16 }, (e) => window.slow.events.push(e.duration));
};

/** Does something, lets the page settle; the longest interaction and task of it, in ms. */
async function measure(page, name, act) {
  await page.evaluate(() => (window.slow = { tasks: [], events: [] }));
  await act();
  await page.waitForTimeout(1200);
  const { tasks, events } = await page.evaluate(() => window.slow);
  const [task, event] = [Math.max(0, ...tasks), Math.max(0, ...events)].map(Math.round);
  figure(`${name}_interaction_ms`, event);
  figure(`${name}_longest_task_ms`, task);
  assert.ok(Math.max(task, event) < STUCK_MS, `${name}: ${event} ms, ${task} ms`);
}

const elements = (page) => page.evaluate(() => document.getElementsByTagName("*").length);
const card = (page, name) => page.locator(`article[aria-label="frontend ${name}"]`);

const allThere = (n) => document.querySelectorAll("article.card").length === n;

/** The figure of a tile. */
const shown = (label) =>
  Number(
    [...document.querySelectorAll(".tile")]
      .find((t) => t.querySelector("dt")?.textContent === label)
      ?.querySelector("dd > span")?.textContent,
  );

async function allUp(page) {
  for (let up = 0; up < BACKENDS; await page.waitForTimeout(100))
    up = await page.evaluate(shown, "backends up");
}

/** Until all is known and up: what loads while it comes up is told to fetch the state again. */
async function settled(browser) {
  const { page, wrong, context } = await openPage(browser, "/view/", {}, observe);
  await until(page, "1,000 cards", allThere, FRONTENDS);
  await allUp(page);
  // A page that is too slow for its events, on a busy machine, is cut off and begins anew.
  const cut = "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING";
  assert.deepEqual(
    wrong.filter((text) => text !== cut),
    [],
  );
  await context.close();
}

export async function large(browser) {
  await settled(browser);
  const { page, wrong, context } = await openPage(browser, "/view/", {}, observe);
  const bytes = await bytesOf(page);
  figure("first_view_bytes", bytes);
  assert.ok(bytes < FIRST_VIEW_MAX, `${bytes} bytes`);
  await until(page, "1,000 cards", allThere, FRONTENDS);
  await allUp(page);
  figure("elements", await elements(page));
  assert.ok((await elements(page)) < CLOSED_MAX, `${await elements(page)} elements`);
  await measure(page, "open_card", () => card(page, "frontend-0003").locator("h3 button").click());
  await card(page, "frontend-0003").locator("tr.backend-row").nth(4).waitFor();
  const tab = (name) => page.locator(`[role=tab]:has-text("${name}")`);
  await measure(page, "leave_tab", () => tab("two").click());
  await card(page, "www").waitFor();
  await measure(page, "enter_tab", () => tab("big").click());
  await until(page, "1,000 cards again", allThere, FRONTENDS);

  const search = page.locator('input[aria-label="Show frontends with"]');
  await measure(page, "type", () => search.pressSequentially("0042"));
  await card(page, "frontend-0041").waitFor({ state: "hidden" });
  assert.ok(await card(page, "frontend-0042").isVisible());
  await measure(page, "untype", async () => {
    for (let i = 0; i < 4; i++) await search.press("Backspace");
  });
  await card(page, "frontend-0041").waitFor();

  await measure(page, "open_all", () => page.locator('button:text-is("open all")').click());
  figure("elements_all_open", await elements(page));
  assert.ok((await elements(page)) < OPEN_MAX, `${await elements(page)} elements`);
  await measure(page, "scroll", async () => {
    for (let i = 0; i < 10; i++) await page.mouse.wheel(0, 1500);
  });
  await page.keyboard.press("End"); // tables come when the screen does
  await card(page, "frontend-0999").locator("tr.backend-row").nth(4).waitFor();
  assert.ok((await elements(page)) < OPEN_MAX, `${await elements(page)} elements`);
  await page.screenshot({ path: join(options.shots, "large.png") });
  await page.keyboard.press("Home");
  await measure(page, "close_all", () => page.locator('button:text-is("close all")').click());
  const traffic = page.locator("details.traffic");
  await measure(page, "traffic", () => traffic.locator("summary").click());
  assert.ok((await traffic.locator("tr.vip").count()) < 100, "rows that do not show");
  await until(page, "the last VIP", () => {
    const box = document.querySelector("details.traffic .traffic-box");
    box.scrollTop = box.scrollHeight; // an end that moves while VIPs still come
    return box.querySelector('th[title^="203.0.3.250/32"]') !== null;
  });
  await checkAxe(page);

  await measure(page, "all_backends_down", async () => {
    await ask("kill", "wild");
    await page
      .locator(".count:has(.state-down)")
      .filter({ hasText: /^\s*5000 down/ })
      .waitFor();
  });
  await ask("start", "wild");
  await allUp(page);
  // A page that is too slow for its events, on a busy machine, is cut off and begins anew.
  const cut = "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING";
  assert.deepEqual(
    wrong.filter((text) => text !== cut),
    [],
  );
  await context.close();
}
