// SPDX-License-Identifier: Apache-2.0
// What all scenarios in the browser use. Driven by tests/e2e/test_page.py, which has the daemons: a
// scenario asks it for what has to happen to them ("do kill b"), and it answers "ok" when it was
// done; figures that were measured it writes down ("figure NAME VALUE").
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const options = JSON.parse(process.argv[3]);
export const require = createRequire(join(options.modules, "package.json"));
const axe = require("axe-core");

export const FIRST_VIEW_MAX = 300 * 1024; // bytes, compressed

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do something to the daemons. */
export async function ask(...words) {
  process.stdout.write(`do ${words.join(" ")}\n`);
  const { value } = await answers.next();
  assert.equal(value, "ok", words.join(" "));
}

/** A figure for the report. */
export function figure(name, value) {
  process.stdout.write(`figure ${name} ${value}\n`);
}

/** Compressed bytes that came so far. */
export const bytesOf = (page) =>
  page.evaluate(() => performance.getEntries().reduce((n, e) => n + (e.transferSize ?? 0), 0));

/** Waits until `condition` holds on the page; how long it took, in ms. (Playwright's own wait takes
 *  eval, which the page forbids.) */
export async function until(page, what, condition, arg, patience = options.patience_ms) {
  const began = Date.now();
  while (!(await page.evaluate(condition, arg))) {
    assert.ok(Date.now() - began < patience, `${what}: not within ${patience} ms`);
    await page.waitForTimeout(5);
  }
  return Date.now() - began;
}

/** A new page, and what went wrong on it. */
export async function openPage(browser, path, extra = {}, beforehand = undefined) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    httpCredentials: { username: options.user, password: options.password },
    ...extra,
  });
  const page = await context.newPage();
  if (beforehand) await page.addInitScript(beforehand);
  const wrong = [];
  const foreign = [];
  page.setDefaultTimeout(options.patience_ms);
  page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
  page.on("pageerror", (e) => wrong.push(e.message));
  page.on("request", (r) => r.url().startsWith(options.base) || foreign.push(r.url()));
  await page.goto(options.base + path);
  await page.locator("article.card").first().waitFor();
  return { context, page, wrong, foreign };
}

export const row = (page, name) =>
  page.locator(`article[aria-label="frontend www"] tr[data-backend="${name}"]`);
export const cell = (page, name, cls) => row(page, name).locator(`.${cls} > span`).first();

export async function shows(locator, text) {
  await locator.filter({ hasText: text }).waitFor();
}

export async function isState(page, name, state) {
  await shows(cell(page, name, "c-state"), new RegExp(`^${state}$`));
}

export async function checkAxe(page) {
  // Injected by the debugger, not by the page: its Content-Security-Policy stays as it is.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  const told = serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3)}`);
  assert.deepEqual(told, []);
}
