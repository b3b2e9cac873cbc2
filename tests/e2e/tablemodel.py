# SPDX-License-Identifier: Apache-2.0
"""How VPP's lb plugin fills a VIP's new-flow table (src/plugins/lb/lb.c), written once more.

Independent of the C model and of maglev-lbsim, so that the bucket counts are checked against
something other than themselves.
"""
import ipaddress

MASK64 = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
SEED = 0x9E3779B97F4A7C13


def rotl(v, n):
    return (v << n | v >> (64 - n)) & MASK64


def xxh64_of_u64(value):
    """XXH64 of the eight little-endian bytes of a number."""
    h = (SEED + P5 + 8) & MASK64
    k = rotl(value * P2 & MASK64, 31) * P1 & MASK64
    h = (rotl(h ^ k, 27) * P1 + P4) & MASK64
    h = (h ^ h >> 33) * P2 & MASK64
    h = (h ^ h >> 29) * P3 & MASK64
    return h ^ h >> 32


def stored_bytes(address):
    return ipaddress.ip_address(address).packed.rjust(16, b"\0")


def buckets(weights, length):
    """{address: number of buckets} of {address: weight} in a table of `length`."""
    mask = length - 1
    entries = sorted((r, stored_bytes(a), a) for a, w in weights.items() for r in range(w))
    walks = []
    for r, raw, address in entries:
        first, second = (int.from_bytes(raw[i:i + 8], "little") for i in (0, 8))
        h = xxh64_of_u64(first ^ second ^ r)
        walks.append([h >> 32 & mask, (h & 0xFFFFFFFF | 1) & mask, address])
    count = dict.fromkeys(weights, 0)
    taken, free = bytearray(length), length
    while walks and free:
        for walk in walks:
            while taken[walk[0]]:
                walk[0] = walk[0] + walk[1] & mask
            taken[walk[0]] = 1
            count[walk[2]] += 1
            free -= 1
            if not free:
                break
    return count
