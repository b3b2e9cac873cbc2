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
  await head(page);
  await figures(page);
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
  assert.equal(await page.locator(".c-weight .flash-a, .c-weight .flash-b").count(), 0, "the same");
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

/** The header, the summary, and what a card says before its table. */
async function head(page) {
  await page.locator(".version[title^=built]").waitFor();
  assert.match(await page.locator(".version").innerText(), /^\S+ \S+$/, "version and commit");
  assert.match(await page.locator("a.project").getAttribute("href"), /^https:/);
  await page.locator('.switch a[href="/admin/"]').waitFor();
  assert.equal(await page.locator(".switch a[aria-current]").innerText(), "view");
  const tile = (label) => page.locator(".tile").filter({ hasText: label }).locator("dd");
  assert.equal(await tile("maglevds").innerText(), "1/2"); // there is a ghost
  assert.equal(await tile("backends up").innerText(), "3/3");
  assert.equal(await page.locator('[role=tab]:has-text("local") .dot-up').count(), 1);
  const top = page.locator(".card-head");
  assert.equal(await top.locator(".badge").innerText(), "up");
  assert.match(await top.locator(".address").innerText(), /^203\.0\.113\.80:\d+\/tcp$/);
  assert.match(await top.locator(".health").getAttribute("title"), /\w/);
  const heads = await page.locator(".card thead th").allInnerTexts();
  const wanted = ["backend", "state", "weight", "effective", "buckets", "since", "probe"];
  assert.deepEqual(
    heads.map((h) => h.toLowerCase()),
    wanted,
  );
  assert.match(await page.locator(".pool-row").innerText(), /^pool primary serving/i);
}

/** What moves all the time: hearts, latencies, VPP's panel. Nothing else moves with it. */
async function figures(page) {
  const beating = row(page, "b").locator(".heart.beat-a, .heart.beat-b");
  const where = () => row(page, "b").locator(".c-name > .name").boundingBox();
  const before = await where();
  await beating.waitFor();
  assert.deepEqual(await where(), before, "a heart has its place, beating or not");
  await shows(row(page, "b").locator(".latency-last"), " ms");
  // A flat curve has no height: not "visible".
  const drawn = (within) => within.locator('.spark path[d*="L"]').waitFor({ state: "attached" });
  await drawn(row(page, "b"));
  const vpp = page.locator(".vpp");
  await shows(vpp.locator(".badge"), /^connected$/);
  assert.match(await vpp.locator(".section-head .dim").first().innerText(), /\d/, "its version");
  await shows(vpp.locator(".section-head .dim").nth(1), /^up (now|\d+[smhd])/);
  for (const arrow of [0, 1])
    await vpp.locator(".arrow").nth(arrow).and(page.locator(".lit-a, .lit-b")).waitFor();
  await shows(vpp.locator("tr.vip th"), "www");
  await drawn(vpp.locator("tr.vip"));
  await shows(vpp.locator("tr.vip td").first(), /^\d/); // a rate
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

/** Goes there as one without a mouse does: from where the focus is, key by key. */
async function reach(page, wanted, key = "Tab") {
  const isThere = () => wanted.evaluate((e) => e === document.activeElement);
  for (let i = 0; !(await isThere()); i++) {
    assert.ok(i < 100, `${wanted} is not to be reached by ${key}`);
    await page.keyboard.press(key);
  }
}

async function press(page, wanted) {
  await reach(page, wanted);
  await page.keyboard.press("Enter");
}

/** Opens a backend's menu, which has these items, and takes the one that begins so. */
async function choose(page, name, items, item) {
  await press(page, row(page, name).locator(".menu-button"));
  const all = page.locator(".menu [role=menuitem]");
  await all.first().waitFor();
  assert.deepEqual(await all.allInnerTexts(), items);
  await reach(page, all.filter({ hasText: item }), "ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
}

const go = (page) => press(page, page.locator("dialog button.go"));

async function confirm(page, words) {
  await shows(page.locator("dialog .words"), words);
  await go(page);
  await page.locator("dialog").waitFor({ state: "detached" });
}

const close = (page) => press(page, page.locator('dialog button:has-text("Close")'));

const ASKED_OF_UP = ["Pause…", "Disable…", "Set weight…"];
const ASKED_OF_PAUSED = ["Resume…", "Disable…", "Set weight…"];
const ASKED_OF_DISABLED = ["Enable…", "Set weight…"];

/** All that administrators can do, by nothing but keys. */
async function admin(browser) {
  const { page, wrong, foreign, context } = await openPage(browser, "/admin/");
  await isState(page, "b", "up");
  await press(page, row(page, "b").locator(".menu-button"));
  await ask("kill", "b"); // the menu has the same items then: who is in it stays there
  await isState(page, "b", "down");
  await page.keyboard.press("Escape");
  await page.locator(".menu").waitFor({ state: "detached" });
  await ask("start", "b");
  await isState(page, "b", "up");
  await choose(page, "b", ASKED_OF_UP, "Pause");
  await page.keyboard.press("Escape"); // asked, and not done
  await page.locator("dialog").waitFor({ state: "detached" });
  await choose(page, "b", ASKED_OF_UP, "Pause");
  await confirm(page, "they stay");
  await isState(page, "b", "paused");
  await choose(page, "b", ASKED_OF_PAUSED, "Resume");
  await confirm(page, "health checks pass");
  await isState(page, "b", "up");
  await choose(page, "b", ASKED_OF_UP, "Disable");
  await confirm(page, "cut off");
  await isState(page, "b", "disabled");
  assert.equal(await row(page, "b").locator(".menu-button").getAttribute("aria-expanded"), "false");
  await choose(page, "b", ASKED_OF_DISABLED, "Enable");
  await confirm(page, "health checks pass");
  await isState(page, "b", "up");

  await choose(page, "a", ASKED_OF_UP, "Set weight");
  await reach(page, page.locator("dialog input[type=range]"));
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await shows(page.locator("dialog output"), /^1$/);
  await reach(page, page.locator("dialog input[type=checkbox]"));
  await page.keyboard.press("Space");
  await shows(page.locator("dialog .words"), "break");
  await page.screenshot({ path: join(options.shots, "dialog.png") });
  await go(page);
  await shows(cell(page, "a", "c-effective"), /^1$/);
  await shows(cell(page, "a", "c-weight"), /^1$/);

  await configure(page);
  await events(page);
  await checkAxe(page);
  assert.deepEqual({ wrong, foreign }, { wrong: [], foreign: [] });
  await context.close();
}

/** What concerns a maglevd as a whole. A refusal stays where it was said. */
async function configure(page) {
  const button = (text) => page.locator(`.maglevd-actions button:has-text("${text}")`);
  const refused = () => shows(page.locator("dialog [role=alert]"), "refused");
  await press(page, button("Sync…"));
  await shows(page.locator("dialog .words"), "live connections");
  await go(page);
  await shows(page.locator("dialog .result"), "everything already");
  await close(page);
  await ask("break", "config");
  await press(page, button("Check config…"));
  await go(page);
  await refused();
  await ask("mend", "config");
  await go(page);
  await shows(page.locator("dialog .result"), "is good");
  await close(page);
  await shows(cell(page, "a", "c-weight"), /^1$/); // checked, not taken
  await ask("break", "config");
  await press(page, button("Reload config…"));
  await go(page);
  await refused();
  await ask("mend", "config");
  await refused();
  await go(page);
  await shows(page.locator("dialog .result"), "was reloaded");
  await close(page);
  await shows(cell(page, "a", "c-weight"), /^100$/); // the file's again, at once
}

/** The event stream, by keys as well. */
async function events(page) {
  const log = page.locator(".event-lines");
  const search = page.locator('input[aria-label="Show events with"]');
  const words = "vpp-lb-sync-as-weight-updated to=1";
  await reach(page, search);
  await page.keyboard.type(words);
  await until(page, "no other events", () =>
    [...document.querySelectorAll(".event-lines .line-msg")].every(
      (e) => e.textContent === "vpp-lb-sync-as-weight-updated",
    ),
  );
  const keys = await log.locator(".line").first().locator(".key").allInnerTexts();
  assert.deepEqual(keys, ["vip=", "protocol=", "port=", "address=", "from=", "to=", "flush="]);
  for (const _ of words) await page.keyboard.press("Backspace");
  const times = await log
    .locator(".line > time")
    .evaluateAll((all) => all.map((e) => `${e.title} ${e.textContent}`));
  assert.ok(times.length > 1 && times[0] < times.at(-1), "oldest first");
  await reach(page, page.locator('select[aria-label="level"]'), "Shift+Tab");
  await page.keyboard.type("debug");
  await shows(log, "reason=drift");
  const atEnd = () => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 30);
  assert.ok(await atEnd(), "follows the end");
  await press(page, page.locator('.events button:has-text("Pause")'));
  const count = await log.locator(".line").count();
  await page.waitForTimeout(1000);
  assert.equal(await log.locator(".line").count(), count, "paused");
  await press(page, page.locator('.events button:has-text("Resume")'));
  await reach(page, page.locator('.events select[aria-label="maglevd"]'), "Shift+Tab");
  await page.keyboard.type("ghost");
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
