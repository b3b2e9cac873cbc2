// SPDX-License-Identifier: Apache-2.0
// VPP's new-flow table (src/plugins/lb/lb.c, lb_vip_update_new_flow_table), bucket for bucket: what
// a VIP's bucket counts must be when its application servers have these weights.
//
// Every server of weight w races w times; its replica r starts at a bucket and jumps by a step, both
// taken from XXH64 of (address, r). The replicas line up by (r, address) and take the next free
// bucket of their walk in turns, until all are taken.

export interface Racer {
  address: string;
  weight: number;
}

const MASK64 = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const SEED = 0x9e3779b97f4a7c13n; // clib_xxhash() in vppinfra/xxhash.h

const rotl = (v: bigint, n: bigint): bigint => ((v << n) | (v >> (64n - n))) & MASK64;

/** XXH64, with VPP's seed, of a number's eight little-endian bytes. */
export function hash64(value: bigint): bigint {
  let h = (SEED + P5 + 8n) & MASK64;
  const k = (rotl((value * P2) & MASK64, 31n) * P1) & MASK64;
  h = (rotl(h ^ k, 27n) * P1 + P4) & MASK64;
  h = ((h ^ (h >> 33n)) * P2) & MASK64;
  h = ((h ^ (h >> 29n)) * P3) & MASK64;
  return h ^ (h >> 32n);
}

function ip4Bytes(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) <= 255))
    return null;
  return parts.map(Number);
}

function ip6Groups(text: string): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const tail = i === parts.length - 1 && part.includes(".") ? ip4Bytes(part) : null;
    if (tail) bytes.push(...tail);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part))
      bytes.push(parseInt(part, 16) >> 8, parseInt(part, 16) & 255);
    else return null;
  }
  return bytes;
}

function ip6Bytes(text: string): number[] | null {
  const halves = text.split("::");
  const head = ip6Groups(halves[0] ?? "");
  const tail = ip6Groups(halves[1] ?? "");
  if (halves.length > 2 || !head || !tail) return null;
  const gap = 16 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 0) return null;
  return [...head, ...new Array<number>(gap).fill(0), ...tail];
}

/** The 16 bytes of an address as VPP stores them (IPv4 in the last four); null: not an address. */
export function addressBytes(text: string): Uint8Array | null {
  const four = ip4Bytes(text);
  if (four) return Uint8Array.from([...new Array<number>(12).fill(0), ...four]);
  const six = text.includes(":") ? ip6Bytes(text) : null;
  return six && Uint8Array.from(six);
}

function le64(bytes: Uint8Array, at: number): bigint {
  let v = 0n;
  for (let i = 7; i >= 0; i--) v = (v << 8n) | BigInt(bytes[at + i] ?? 0);
  return v;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const d = (a[i] ?? 0) - (b[i] ?? 0);
    if (d !== 0) return d;
  }
  return 0;
}

interface Ranked {
  index: number;
  weight: number;
  bytes: Uint8Array;
}

function rank(servers: readonly Racer[]): Ranked[] {
  const ranked: Ranked[] = [];
  servers.forEach((s, index) => {
    const bytes = s.weight > 0 ? addressBytes(s.address) : null;
    if (bytes) ranked.push({ index, weight: s.weight, bytes });
  });
  return ranked.sort((a, b) => compareBytes(a.bytes, b.bytes));
}

/** The first `length` replicas in their order: [server, start, step] each. Later ones get nothing. */
function lineUp(servers: readonly Racer[], length: number): [number, number, number][] {
  const ranked = rank(servers);
  const racers: [number, number, number][] = [];
  const mask = length - 1;
  for (let replica = 0, before = -1; racers.length > before; replica++) {
    before = racers.length;
    for (const r of ranked) {
      if (r.weight <= replica || racers.length >= length) continue;
      const h = hash64(le64(r.bytes, 0) ^ le64(r.bytes, 8) ^ BigInt(replica));
      const start = Number(h >> 32n) & mask;
      racers.push([r.index, start, (Number(h & 0xffffffffn) | 1) & mask]);
    }
  }
  return racers;
}

/** How many of `length` (a power of two) buckets each server gets, in the order given. */
export function tableBuckets(servers: readonly Racer[], length: number): number[] {
  const counts = new Array<number>(servers.length).fill(0);
  const racers = lineUp(servers, length);
  const taken = new Uint8Array(length);
  const mask = length - 1;
  for (let free = racers.length > 0 ? length : 0; free > 0; ) {
    for (const racer of racers) {
      if (free === 0) break;
      let at = racer[1];
      while (taken[at]) at = (at + racer[2]) & mask;
      taken[at] = 1;
      racer[1] = at;
      counts[racer[0]] = (counts[racer[0]] ?? 0) + 1;
      free--;
    }
  }
  return counts;
}
