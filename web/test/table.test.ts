// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { addressBytes, hash64, tableBuckets } from "../src/model/table";

const servers = (weights: Record<string, number>) =>
  Object.entries(weights).map(([address, weight]) => ({ address, weight }));

test("the hash is VPP's", () => {
  assert.equal(hash64(0x0n), 0x6f06f901bfa27892n);
  assert.equal(hash64(0x1n), 0x4a67795370639ba2n);
  assert.equal(hash64(0xdeadbeefcafef00dn), 0x9e27d9ee2fbc6342n);
});

test("counts as seen on a real VPP", () => {
  const seen = { "198.51.100.10": 100, "198.51.100.11": 70, "198.51.100.12": 40 };
  assert.deepEqual(tableBuckets(servers(seen), 1024), [474, 350, 200]);
});

test("counts of an independent model", () => {
  assert.deepEqual(
    tableBuckets(servers({ "2001:db8::1": 100, "2001:db8::2": 1, "fe80::1:2": 0 }), 4096),
    [4055, 41, 0],
  );
  assert.deepEqual(
    tableBuckets(servers({ "10.0.0.2": 3, "10.0.0.10": 5, "10.0.0.1": 7 }), 64),
    [13, 21, 30],
  );
  assert.deepEqual(
    tableBuckets(servers({ "127.0.0.12": 100, "127.0.0.13": 100, "127.0.0.14": 50 }), 32768),
    [13106, 13106, 6556],
  );
});

test("weights that do not fit are cut, in address order", () => {
  const many = Array.from({ length: 15 }, (_, i) => ({
    address: `192.0.2.${i + 1}`,
    weight: i === 6 ? 50 : 100,
  }));
  const counts = tableBuckets(many, 1024);
  assert.deepEqual(counts, [70, 70, 70, 70, 70, 70, 50, 70, 70, 69, 69, 69, 69, 69, 69]);
});

test("nobody with weight: no bucket is anybody's", () => {
  assert.deepEqual(tableBuckets(servers({ "10.0.0.1": 0 }), 64), [0]);
  assert.deepEqual(tableBuckets([], 64), []);
  assert.deepEqual(tableBuckets(servers({ nonsense: 10, "10.0.0.1": 1 }), 64), [0, 64]);
});

test("addresses", () => {
  const hex = (text: string): string | null => {
    const bytes = addressBytes(text);
    return bytes && Buffer.from(bytes).toString("hex");
  };
  assert.equal(hex("192.0.2.1"), "000000000000000000000000c0000201");
  assert.equal(hex("2001:db8::1"), "20010db8000000000000000000000001");
  assert.equal(hex("::"), "0".repeat(32));
  assert.equal(hex("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201");
  assert.equal(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  for (const bad of [
    "",
    "1.2.3",
    "1.2.3.256",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "g::",
    "1:2:3:4:5:6:7:8:9",
  ])
    assert.equal(hex(bad), null, bad);
});
