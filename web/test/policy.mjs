// SPDX-License-Identifier: Apache-2.0
// What the Content-Security-Policy forbids does not happen in this browser, and its console says so.
import assert from "node:assert/strict";

import { isState, openPage, options } from "./kit.mjs";

const FOREIGN = "http://127.0.0.1:9/"; // not this page's host and port

/** Each tries something that an injected name could try; true when it worked. */
const ATTEMPTS = {
  "an inline script": () => {
    const s = document.createElement("script");
    s.textContent = "window.ran = true";
    document.body.append(s);
    return window.ran === true;
  },
  "an event handler": () => {
    document.body.insertAdjacentHTML("beforeend", '<b id="h" onclick="window.ran = true">x</b>');
    document.getElementById("h").click();
    return window.ran === true;
  },
  "a string as code": () =>
    new Promise((done) => {
      setTimeout("window.ran = true");
      setTimeout(() => done(window.ran === true), 50);
    }),
  "an inline style": () => {
    document.body.insertAdjacentHTML("beforeend", '<b id="s" style="position: fixed">x</b>');
    return getComputedStyle(document.getElementById("s")).position === "fixed";
  },
  "a foreign script": (to) =>
    new Promise((done) => {
      const s = Object.assign(document.createElement("script"), { src: `${to}x.js` });
      s.onload = () => done(true);
      s.onerror = () => done(false);
      document.body.append(s);
    }),
  "a foreign request": (to) =>
    fetch(to, { mode: "no-cors" }).then(
      () => true,
      () => false,
    ),
  "a frame": (to) =>
    new Promise((done) => {
      addEventListener("securitypolicyviolation", () => done(false), { once: true });
      document.body.append(Object.assign(document.createElement("iframe"), { src: to }));
      setTimeout(() => done(true), 20000);
    }),
};

export async function policy(browser) {
  const { page, wrong, foreign, context } = await openPage(browser, "/view/");
  await isState(page, "a", "up");
  assert.deepEqual({ wrong, foreign }, { wrong: [], foreign: [] }, "the page itself keeps to it");
  // By the debugger, which the policy does not bind; what it puts into the page is bound.
  for (const [what, attempt] of Object.entries(ATTEMPTS)) {
    const before = wrong.length;
    assert.equal(await page.evaluate(attempt, FOREIGN), false, what);
    for (let ms = 0; ms < options.patience_ms && wrong.length === before; ms += 100)
      await page.waitForTimeout(100);
    assert.match(wrong.slice(before).join(" "), /Content.Security.Policy/i, what);
  }
  // Another site's page cannot post here as the administrator who is logged in.
  const other = await context.newPage();
  await other.goto(
    `data:text/html,<form method=post action="${options.base}/admin/api/local/backend/a/pause"><input name=x></form>`,
  );
  const [answer] = await Promise.all([
    other.waitForResponse((r) => r.url().includes("/admin/api/")),
    other.evaluate(() => void setTimeout(() => document.querySelector("form").submit())),
  ]);
  assert.ok([401, 403, 415].includes(answer.status()), `${answer.status()}`);
  const third = await context.newPage();
  await third.goto("data:text/html,hello");
  const read = await third.evaluate(
    (url) =>
      fetch(url, {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json" },
        body: "{}",
      }).then(
        () => "answered",
        () => "refused",
      ),
    `${options.base}/admin/api/local/backend/a/pause`,
  );
  assert.equal(read, "refused");
  await isState(page, "a", "up");
  await context.close();
}
