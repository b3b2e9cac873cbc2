/* SPDX-License-Identifier: Apache-2.0 */
/* base/addr.h - IP addresses, prefixes, and "host:port" as people write them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

enum addr_family { ADDR_NONE = 0, ADDR_IP4 = 4, ADDR_IP6 = 6 };

/* IPv4 in the first four bytes, the rest zero; so memcmp of two whole structs is equality. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t b[16];
};

struct prefix {
	struct addr addr;
	uint8_t len; /* 0..32 or 0..128 */
};

#define ADDR_STRLEN   48 /* longest text form, a scope excluded, with its NUL */
#define PREFIX_STRLEN 52

/* Strict: dotted quad of four decimal parts or RFC 4291 text; no scope, no brackets, no spaces.
 * 0 or -EINVAL. */
int addr_parse(const char *s, struct addr *ret);
/* RFC 5952 text; "" for ADDR_NONE. Returns buf. */
const char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN]);
/* IPv4 before IPv6, then by value: 10.0.0.2 < 10.0.0.10. */
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_eq(const struct addr *a, const struct addr *b);
/* May it be a VIP, backend or source: not 0.0.0.0, ::, multicast, broadcast, or inside ::/96? */
bool addr_unicast(const struct addr *a);
bool addr_loopback(const struct addr *a); /* 127/8, ::1, ::ffff:127/104 */
uint8_t addr_bits(const struct addr *a);  /* 32 or 128 */

struct prefix prefix_host(const struct addr *a); /* a/32 or a/128 */
const char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN]);
int prefix_cmp(const struct prefix *a, const struct prefix *b); /* by address, then length */

/* Sockets; ports in host order. The first returns the length to hand to connect(2). The other: 0,
 * or -EAFNOSUPPORT for what is no IP address; ret_port may be NULL. */
unsigned addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ret);
int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret, uint16_t *ret_port);

/* "host:port", "[v6]:port", ":port". Splits only: host may be empty, a name or an address (no
 * brackets); 0 or -EINVAL. host_size bounds the copy. */
int hostport_split(const char *s, char *host, size_t host_size, uint16_t *ret_port);
