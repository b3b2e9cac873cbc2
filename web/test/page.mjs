// SPDX-License-Identifier: Apache-2.0
// The page in a real browser.
//
//   node page.mjs SCENARIO '{"base": …, "user": …, "password": …, "shots": DIR, "modules": DIR}'
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  ask,
  bytesOf,
  cell,
  checkAxe,
  FIRST_VIEW_MAX,
  isState,
  openPage,
  options,
  require,
  row,
  shows,
  until,
} from "./kit.mjs";
import { large } from "./large.mjs";
import { offline, timed } from "./live.mjs";
import { policy } from "./policy.mjs";

const scenario = process.argv[2];
const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const HEIGHTS = { 360: 780, 1024: 900, 2560: 1440 };

/** What is shown, and that it lives. */
async function view(browser) {
  const { page, wrong, foreign, context } = await openPage(browser, "/view/");
  await page.evaluate(() => (window.sameDocument = true));
  for (const name of ["a", "b", "c"]) await isState(page, name, "up");
  await shows(page.locator(".card .description"), "<b>three</b> & more"); // a text, no markup
  await shows(cell(page, "b", "c-buckets"), /^\d+$/);
  await page.locator('.health[aria-label^="fine"]').waitFor();
  assert.equal(await page.locator(".flash-a, .flash-b").count(), 0, "a first show does not flash");
  await page.locator(".version[title^=built]").waitFor();
  await page.locator(".heart.beat-a, .heart.beat-b").first().waitFor();
  await shows(row(page, "b").locator(".latency-last"), " ms");
  const age = await row(page, "a").locator("time").innerText();
  await row(page, "a")
    .locator("time")
    .filter({ hasNotText: new RegExp(`^${age}$`) })
    .waitFor();

  await ask("kill", "b");
  await isState(page, "b", "down");
  await shows(cell(page, "b", "c-effective"), /^0$/);
  await shows(cell(page, "b", "c-buckets"), /^0$/);
  await shows(row(page, "a").locator(".share"), "50.0%");
  assert.ok((await row(page, "a").locator(".c-buckets .flash-a, .c-buckets .flash-b").count()) > 0);
  await page.locator('.health[aria-label*="b is down"]').waitFor();
  await ask("start", "b");
  await isState(page, "b", "up");
  await page.locator('.health[aria-label^="fine"]').waitFor();
  assert.ok(await page.evaluate(() => window.sameDocument), "without a reload");
  const bytes = await bytesOf(page);
  assert.ok(bytes < FIRST_VIEW_MAX, `${bytes} bytes`);
  await checkAxe(page);
  assert.deepEqual({ wrong, foreign }, { wrong: [], foreign: [] });
  assert.equal(await page.locator(".menu-button").count(), 0, "no admin in view");
  await context.close();
}

/** Tabs, cookies, and the keyboard alone. */
async function tabs(browser) {
  const { page, wrong, context } = await openPage(browser, "/view/");
  await page.locator('[role=tab].lost:has-text("ghost")').waitFor();
  await page.locator('[role=tab]:has-text("local")').focus();
  await page.keyboard.press("ArrowRight");
  await shows(page.locator("[role=tabpanel] .empty"), "Nothing was read");
  await page.reload();
  await page.locator('[role=tab][aria-selected=true]:has-text("ghost")').waitFor();
  await page.locator('[role=tab]:has-text("ghost")').focus();
  await page.keyboard.press("Home");
  await isState(page, "a", "up");
  await page.locator("article h3 button").focus();
  await page.keyboard.press("Enter");
  await row(page, "a").waitFor({ state: "detached" });
  await page.reload();
  await page.locator('article h3 button[aria-expanded="false"]').waitFor();
  await page.locator("article h3 button").focus();
  await page.keyboard.press("Enter");
  await row(page, "a").waitFor();
  const names = (await context.cookies()).map((c) => c.name).sort();
  assert.deepEqual(names, ["maglev_scope", "maglev_zippy_open"]);
  assert.deepEqual(wrong, []);
  await context.close();
}

/** The dashboard, maglevd and VPP go and come back; the page stays. */
async function lost(browser) {
  const { page, context } = await openPage(browser, "/view/");
  await page.evaluate(() => (window.sameDocument = true));
  await ask("stop", "dashboard");
  await page.locator(".banner").waitFor();
  await ask("kill", "c");
  await ask("start", "dashboard");
  await isState(page, "c", "down");
  await page.locator(".banner").waitFor({ state: "detached" });
  await ask("start", "c");
  await isState(page, "c", "up");
  await ask("stop", "maglevd");
  await page.locator('[role=tab].lost:has-text("local")').waitFor();
  await ask("start", "maglevd");
  await page.locator('[role=tab]:not(.lost):has-text("local")').waitFor();
  await isState(page, "c", "up");
  await ask("stop", "vpp");
  await shows(page.locator(".vpp .badge"), "not connected");
  await ask("start", "vpp");
  await shows(page.locator(".vpp .badge"), /^connected$/);
  await shows(row(page, "a").locator(".share"), "33.");
  assert.ok(await page.evaluate(() => window.sameDocument), "without a reload");
  await context.close();
}

async function choose(page, name, item) {
  await row(page, name).locator(".menu-button").focus();
  await page.keyboard.press("Enter");
  const wanted = page.locator(`.menu [role=menuitem]:has-text("${item}")`);
  for (let i = 0; i < 5 && !(await wanted.evaluate((e) => e === document.activeElement)); i++)
    await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
}

async function confirm(page, words) {
  await shows(page.locator("dialog .words"), words);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
}

/** All that administrators can do, by keyboard. */
async function admin(browser) {
  const { page, wrong, foreign, context } = await openPage(browser, "/admin/");
  await isState(page, "b", "up");
  await choose(page, "b", "Pause");
  await page.keyboard.press("Escape"); // asked, and not done
  await page.locator("dialog").waitFor({ state: "detached" });
  await choose(page, "b", "Pause");
  await confirm(page, "they stay");
  await isState(page, "b", "paused");
  await choose(page, "b", "Disable");
  await confirm(page, "cut off");
  await isState(page, "b", "disabled");
  assert.equal(await row(page, "b").locator(".menu-button").getAttribute("aria-expanded"), "false");
  await choose(page, "b", "Enable");
  await confirm(page, "health checks pass");
  await isState(page, "b", "up");

  await choose(page, "a", "Set weight");
  await page.locator("dialog input[type=range]").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await shows(page.locator("dialog output"), /^1$/);
  await page.locator("dialog input[type=checkbox]").check();
  await shows(page.locator("dialog .words"), "break");
  await page.screenshot({ path: join(options.shots, "dialog.png") });
  await page.locator("dialog button.go").click();
  await shows(cell(page, "a", "c-effective"), /^1$/);
  await shows(cell(page, "a", "c-weight"), /^1$/);

  await page.locator('button:has-text("Sync…")').click();
  await page.locator("dialog button.go").click();
  await shows(page.locator("dialog .result"), "everything already");
  await page.locator('dialog button:has-text("Close")').click();
  await ask("break", "config");
  await page.locator('button:has-text("Reload config…")').click();
  await page.locator("dialog button.go").click();
  await shows(page.locator("dialog [role=alert]"), "refused"); // and it stays
  await ask("mend", "config");
  await page.locator("dialog button.go").click();
  await shows(page.locator("dialog .result"), "was reloaded");
  await page.locator('dialog button:has-text("Close")').click();
  await shows(cell(page, "a", "c-weight"), /^100$/); // the file's again, at once

  await events(page);
  await checkAxe(page);
  assert.deepEqual({ wrong, foreign }, { wrong: [], foreign: [] });
  await context.close();
}

async function events(page) {
  const log = page.locator(".event-lines");
  const search = page.locator('input[aria-label="Show events with"]');
  await search.fill("vpp-lb-sync-as-weight-updated to=1");
  const keys = await log.locator(".line").first().locator(".key").allInnerTexts();
  assert.deepEqual(keys, ["vip=", "protocol=", "port=", "address=", "from=", "to=", "flush="]);
  await search.fill("");
  await page.locator('select[aria-label="level"]').selectOption("debug");
  await shows(log, "reason=drift");
  const atEnd = () => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 30);
  assert.ok(await atEnd(), "follows the end");
  await page.locator('.events button:has-text("Pause")').click();
  const count = await log.locator(".line").count();
  await page.waitForTimeout(1000);
  assert.equal(await log.locator(".line").count(), count, "paused");
  await page.locator('.events button:has-text("Resume")').click();
  await page.locator('.events select[aria-label="maglevd"]').selectOption("ghost");
  const isHidden = () =>
    !document.querySelector(".event-lines")?.textContent.includes("reason=drift");
  await until(page, "another maglevd's events are hidden", isHidden);
}

/** Every width in both schemes: nothing wider than the screen, nobody shut out, and a picture. */
async function looks(browser) {
  for (const mode of ["view", "admin"])
    for (const [width, height] of Object.entries(HEIGHTS))
      for (const colorScheme of ["light", "dark"]) {
        const viewport = { width: Number(width), height };
        const { page, wrong, context } = await openPage(browser, `/${mode}/`, {
          viewport,
          colorScheme,
        });
        await isState(page, "a", "up");
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${mode} at ${width}: ${over} px too wide`);
        await checkAxe(page);
        const name = `${mode}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(options.shots, name), fullPage: true });
        assert.deepEqual(wrong, []);
        await context.close();
      }
}

const profile = mkdtempSync(join(tmpdir(), "maglev-chromium-"));
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: FLAGS,
  env: { ...process.env, HOME: profile },
});
try {
  await { view, tabs, lost, admin, looks, timed, offline, large, policy }[scenario](browser);
} catch (e) {
  for (const context of browser.contexts())
    for (const page of context.pages())
      await page.screenshot({ path: join(options.shots, `failed-${scenario}.png`) });
  throw e;
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
process.exit(0);
