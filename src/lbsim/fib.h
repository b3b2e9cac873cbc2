/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/fib.h - as much of VPP's routing table 0 as the lb plugin shows through it.
 *
 * A VIP puts its prefix into the table, an AS its address (src/plugins/lb/lb.c); each entry has a
 * load-balance object, whose index is the `dpo` of `show lb vips verbose` and the stats_index of
 * ip_route_lookup, and which is reused as VPP's pools do. A fresh VPP has seven routes of its own
 * in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "lbsim/ip46.h"
#include "lbsim/slots.h"

struct fib_key {
	struct ip46 addr; /* masked */
	uint8_t plen;     /* over 128 bits, 96..128 for IPv4 */
	uint8_t is_ip4;
};

struct fib_entry {
	struct fib_key key;
	uint32_t index;          /* of the load-balance object */
	uint32_t ases;           /* how many ASes resolve through it */
	uint64_t packets, bytes; /* that went to it */
	bool vip;                /* a VIP's route */
	bool permanent;          /* VPP's own */
};

struct fib { /* fib_init first */
	struct map by_key;
	struct slots objects;
	uint64_t vip_changes; /* how often a VIP's route appeared or went */
};

void fib_init(struct fib *f);
void fib_done(struct fib *f);

/* What `plen` and the address make of a route; the address is masked. */
struct fib_key fib_key(const struct ip46 *a, uint8_t plen, bool is_ip4);

/* A VIP's route appears (at most one VIP of a prefix asks) or goes; an AS starts or stops to
 * resolve. An entry lives while anybody needs it. fib_add_as returns the object's index. */
void fib_add_vip(struct fib *f, const struct fib_key *k);
void fib_del_vip(struct fib *f, const struct fib_key *k);
uint32_t fib_add_as(struct fib *f, const struct fib_key *k);
void fib_del_as(struct fib *f, const struct fib_key *k);

/* Traffic to this prefix; nothing happens when it is not there. */
void fib_count(struct fib *f, const struct fib_key *k, uint64_t packets, uint64_t bytes);

/* NULL when there is none; the longest match always finds the default route. */
const struct fib_entry *fib_exact(const struct fib *f, const struct fib_key *k);
const struct fib_entry *fib_longest(const struct fib *f, const struct fib_key *k);
/* Does it drop what it matches? VPP's own routes do, but for link-local; a VIP's does not; an AS's
 * does as the route that covers it does. */
bool fib_drops(const struct fib *f, const struct fib_entry *e);
