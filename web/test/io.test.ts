// SPDX-License-Identifier: Apache-2.0
// What the dashboard's answers become, with a fetch() that is not the browser's.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browserIo } from "../src/live/io";

async function fetchAll(body: string, status: number): Promise<unknown> {
  const real = globalThis.fetch;
  globalThis.fetch = () => Promise.resolve(new Response(body, { status }));
  try {
    return await browserIo(() => null).fetchAll(new AbortController().signal);
  } finally {
    globalThis.fetch = real;
  }
}

test("answers, refusals with a sentence, refusals of somebody between", async () => {
  assert.deepEqual(await fetchAll('{"event_id":"a-1"}', 200), { event_id: "a-1" });
  await assert.rejects(fetchAll('{"error":"no such maglevd"}', 404), /no such maglevd/);
  await assert.rejects(fetchAll("<html>", 502), /answered 502/);
});

test("an answer that breaks off in the middle is none", async () => {
  await assert.rejects(fetchAll('{"event_id":"a-1","magl', 200));
});
