/* SPDX-License-Identifier: Apache-2.0 */
/* core/plan.h - from what is to what should be: an ordered list of calls to VPP's lb plugin (pure).
 *
 * Applying the plan to `actual` gives `desired`; planning again gives nothing; the order is the
 * same on every instance with the same configuration; no intermediate new-flow table is empty when
 * the first and the last are not; every constraint the plugin has (one encapsulation per prefix,
 * all-port and per-port VIPs exclude each other on a prefix, VIPs deleted one at a time) holds at
 * every step, so that a plan against a true picture is never refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Numbers are VPP's (src/plugins/lb/lb_types.api). */
enum plan_encap { ENCAP_GRE4 = 0, ENCAP_GRE6 = 1, ENCAP_L3DSR = 2, ENCAP_NAT4 = 3, ENCAP_NAT6 = 4 };
const char *plan_encap_name(unsigned e); /* "gre4", … ; "?" for others */

enum plan_sticky {
	STICKY_NO,
	STICKY_YES,
	STICKY_UNKNOWN
}; /* unknown: never a reason to re-create */

struct vip_key {
	struct prefix prefix;
	uint8_t proto; /* PROTO_ANY when port is 0 */
	uint16_t port;
};
/* By prefix (IPv4 first, numeric), then protocol, then port. */
int vip_key_cmp(const struct vip_key *a, const struct vip_key *b);

struct plan_as {
	struct addr addr;
	uint8_t weight;
	/* desired side */
	bool flush_on_zero; /* policy: when a call lowers the weight to 0, flush with it */
	bool flush_now;     /* one-shot: flush in any case, even if the weight stays */
	bool keep; /* no verdict yet: whatever weight VPP has is right; 0 where it has none */
	bool dead; /* lowered because the backend died: its VIP goes first */
	/* actual side */
	uint32_t buckets;
};

struct plan_vip {
	struct vip_key key;
	uint8_t encap; /* enum plan_encap */
	enum plan_sticky sticky;
	uint32_t table_len; /* actual: 0 when VPP's u16 cannot tell (65536): counts as different */
	bool held;          /* desired: unreleased in the warm-up, must not be touched */
	struct plan_as *as; /* sorted by addr_cmp, distinct */
	size_t n_as;
};

/* Sorted by vip_key_cmp, distinct. */
struct plan_state {
	struct plan_vip *vips;
	size_t n_vips;
};

void plan_vip_done(struct plan_vip *v);     /* frees the ASes */
void plan_state_done(struct plan_state *s); /* frees everything, back to {0} */
struct plan_vip *plan_state_find(const struct plan_state *s, const struct vip_key *key);

enum plan_op { PLAN_AS_DEL, PLAN_VIP_DEL, PLAN_VIP_ADD, PLAN_AS_ADD, PLAN_AS_WEIGHT, PLAN_OP_N };

struct plan_call {
	enum plan_op op;
	struct vip_key key;
	/* VIP_ADD */
	uint8_t encap;
	bool sticky;
	uint32_t table_len;
	/* AS_* */
	struct addr as;
	uint8_t weight, from_weight; /* from_weight: AS_WEIGHT and AS_DEL */
	bool flush;
	bool recreate; /* part of a re-creation of the VIP (VIP_DEL and VIP_ADD, and their ASes) */
};

struct plan {
	struct plan_call *calls;
	size_t n, cap;
	size_t n_deferred; /* VIPs left alone because a held VIP stands on their prefix */
};

enum plan_scope {
	PLAN_FULL, /* everything; VIPs that are not desired are removed */
	PLAN_ONLY, /* the VIPs whose keys are given; never removes a VIP, unless the prefix demands
		      it */
};

/* Build the plan. PLAN_ONLY: `only` holds n_only keys, sorted; a VIP of it that is not desired is
 * left alone. Where a change of encapsulation, or between all-port and per-port, makes the VIPs of
 * a prefix one unit, the whole prefix is planned, in PLAN_ONLY too. A held VIP is never touched; a
 * unit that contains one is deferred whole. `ret` must be zeroed or hold an earlier plan (reused).
 */
void plan_build(const struct plan_state *desired, const struct plan_state *actual,
		enum plan_scope scope, const struct vip_key *only, size_t n_only, struct plan *ret);
void plan_done(struct plan *p);

/* Take one acknowledged call into a picture of VPP. Idempotent: applying a call that is already
 * true changes nothing. `buckets` are not kept. */
void plan_apply(struct plan_state *actual, const struct plan_call *c);
const char *plan_op_name(enum plan_op op); /* "as-del", … for logs */
