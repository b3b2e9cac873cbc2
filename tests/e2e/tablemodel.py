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


def table(weights, length):
    """The address in each of `length` buckets, of {address: weight}; None: empty."""
    mask = length - 1
    entries = sorted((r, stored_bytes(a), a) for a, w in weights.items() for r in range(w))
    walks = []
    for r, raw, address in entries:
        first, second = (int.from_bytes(raw[i:i + 8], "little") for i in (0, 8))
        h = xxh64_of_u64(first ^ second ^ r)
        walks.append([h >> 32 & mask, (h & 0xFFFFFFFF | 1) & mask, address])
    filled, free = [None] * length, length
    while walks and free:
        for walk in walks:
            while filled[walk[0]] is not None:
                walk[0] = walk[0] + walk[1] & mask
            filled[walk[0]] = walk[2]
            free -= 1
            if not free:
                break
    return filled


def buckets(weights, length):
    """{address: number of buckets} of {address: weight} in a table of `length`."""
    count = dict.fromkeys(weights, 0)
    for address in table(weights, length):
        if address is not None:
            count[address] += 1
    return count


# Which bucket a flow gets (src/vppinfra/lb_hash_hash.h, src/plugins/lb/node.c), where VPP uses the
# processor's CRC32C: five words, of which an IPv4 flow fills one with its addresses.

def crc32c(data):
    """Castagnoli's CRC, begun with 0 and not inverted at the end."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def flow_hash(source, destination, source_port, destination_port, src_ip_sticky=False):
    """A flow's hash: the bucket is its remainder by the table's length."""
    addresses = b"".join(ipaddress.ip_address(a).packed for a in (source, destination))
    ports = b"" if src_ip_sticky else destination_port.to_bytes(2, "big") + source_port.to_bytes(2, "big")
    return crc32c((addresses + ports).ljust(40, b"\0"))
