// SPDX-License-Identifier: Apache-2.0
// How soon the page shows what happens, and what it does when it is cut off for a while.
import assert from "node:assert/strict";

import { ask, cell, figure, isState, openPage, options, row, shows, until } from "./kit.mjs";

/** Promised: a second. A bound that only a broken page misses, however slow the machine. */
const SOON_MS = options.patience_ms / 3;

/** Whether the columns of a backend show these texts. */
const reads = ({ name, texts }) =>
  Object.entries(texts).every(
    ([cls, text]) =>
      document.querySelector(`tr[data-backend="${name}"] .${cls} > span`)?.textContent === text,
  );

/** Killed to shown, all of it in the browser; a new configuration; a lost maglevd's tab. */
export async function timed(browser) {
  const { page, context } = await openPage(browser, "/view/");
  await page.evaluate(() => (window.sameDocument = true));
  await isState(page, "b", "up");
  await shows(cell(page, "b", "c-buckets"), /^[1-9]/);
  const dead = { name: "b", texts: { "c-state": "down", "c-effective": "0", "c-buckets": "0" } };
  const told = until(page, "down, weight 0 and no buckets", reads, dead, SOON_MS);
  await ask("kill", "b");
  figure("killed_to_shown_ms", await told);
  await ask("start", "b");
  await isState(page, "b", "up");

  const seven = { name: "c", texts: { "c-weight": "7" } };
  const changed = until(page, "a new weight", reads, seven, SOON_MS);
  await ask("reload", "config");
  figure("reload_to_shown_ms", await changed);

  const isRed = () => document.querySelector("[role=tab].lost[aria-selected=true]") !== null;
  const red = until(page, "a red tab", isRed, undefined, SOON_MS);
  await ask("kill", "maglevd");
  figure("maglevd_killed_to_red_ms", await red);
  await ask("start", "maglevd");
  await page.locator('[role=tab]:not(.lost):has-text("local")').waitFor();
  await isState(page, "b", "up");
  assert.ok(await page.evaluate(() => window.sameDocument), "without a reload");
  await context.close();
}

/** Counts what is taken out of the page and put in, and states that are fetched. */
async function watch(page) {
  const fetched = [];
  page.on("request", (r) => r.url().includes("/api/state") && fetched.push(r.url()));
  await page.evaluate(() => {
    window.redrawn = [];
    const elements = (list) => [...list].filter((n) => n.nodeType === Node.ELEMENT_NODE);
    new MutationObserver((changes) => {
      for (const c of changes)
        for (const n of [...elements(c.addedNodes), ...elements(c.removedNodes)])
          if (!n.closest(".banner-place")) window.redrawn.push(n.outerHTML.slice(0, 80));
    }).observe(document.querySelector("main"), { childList: true, subtree: true });
  });
  return fetched;
}

/** Cut off for 20 s; how many ms that was for the dashboard, which keeps what happens for 30 s. */
async function cutOff(page) {
  const began = Date.now();
  await ask("cut", "line");
  await page.locator(".banner").waitFor();
  await page.waitForTimeout(10_000);
  await ask("pause", "a");
  await page.waitForTimeout(10_000);
  await isState(page, "a", "up"); // nobody told it
  await ask("mend", "line");
  await isState(page, "a", "paused");
  await page.locator(".banner").waitFor({ state: "detached" });
  await shows(cell(page, "a", "c-effective"), /^0$/);
  return Date.now() - began;
}

/** Cut off for 20 s: what was missed is replayed, and nothing else is touched. For 60 s, on a line
 *  that swallows everything: the state is fetched again, once, and what is shown is true. */
export async function offline(browser) {
  const { page, context } = await openPage(browser, "/view/");
  await isState(page, "a", "up");
  await shows(cell(page, "a", "c-buckets"), /^[1-9]/);
  const fetched = await watch(page);

  // Again where a busy machine made more of it than is kept.
  for (let tries = 1; (await cutOff(page)) > 28_000 && fetched.length > 0 && tries < 5; tries++) {
    await ask("resume", "a");
    await isState(page, "a", "up");
    await shows(cell(page, "a", "c-effective"), /^100$/);
    fetched.length = 0;
    await page.evaluate(() => (window.redrawn = []));
  }
  assert.deepEqual(fetched, [], "replayed, not fetched");
  assert.deepEqual(await page.evaluate(() => window.redrawn), [], "nothing was drawn anew");

  await ask("freeze", "line");
  await page.waitForTimeout(30_000);
  await ask("resume", "a");
  await page.waitForTimeout(30_000);
  await isState(page, "a", "paused");
  await ask("mend", "line");
  await isState(page, "a", "up");
  await shows(cell(page, "a", "c-effective"), /^100$/);
  await page.locator(".banner").waitFor({ state: "detached" });
  assert.ok(fetched.length >= 1, "what is not kept any more is fetched");
  assert.deepEqual(await page.evaluate(() => window.redrawn), [], "the same rows, with new values");
  await row(page, "a").locator(".heart.beat-a, .heart.beat-b").waitFor(); // and it lives
  await context.close();
}
