/* SPDX-License-Identifier: Apache-2.0 */
/* core/plan.h - from what is to what should be: an ordered list of calls to VPP's lb plugin (pure).
 *
 * Applying the plan to `actual` gives `desired`; planning again gives nothing; the order is the
 * same on every instance with the same configuration; no intermediate new-flow table is empty when
 * the first and the last are not (a re-created VIP's excepted); every constraint the plugin has
 * (src/plugins/lb/lb.c: one encapsulation per prefix, all-port and per-port VIPs exclude each other
 * on a prefix, VIPs deleted one at a time) holds at every step, so that a plan against a true
 * picture is never refused.
 *
 * The order of the calls:
 *   1. VIPs that lose a dead backend, in key order; then all others, in key order;
 *   2. within a prefix, every VIP deletion (those of re-creations included) before any VIP
 *      addition; where one of the re-created VIPs loses a dead backend, all of them go first;
 *   3. within a VIP, additions and increases in address order, then decreases, removals and mere
 *      flushes in address order;
 *   4. a VIP's deletion is one run of calls: its ASes with flush, then the VIP. */
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
	bool flush_now; /* one-shot: the AS_WEIGHT or AS_ADD this AS gets carries a flush, and it
			   gets one even if the weight stays. The caller clears it when such a
			   call was acknowledged; until then it is planned again */
	bool keep; /* no verdict yet: whatever weight VPP has is right, also over a re-creation of
		      the VIP; 0 where it has none. `weight` is not looked at */
	bool dead; /* its backend died: a VIP that lowers or flushes it goes first */
	/* actual side */
	uint32_t buckets;
};

struct plan_vip {
	struct vip_key key;
	uint8_t encap; /* enum plan_encap */
	enum plan_sticky sticky;
	uint32_t table_len; /* actual: 0 when VPP's u16 cannot tell (65536): counts as different */
	bool held;          /* desired: unreleased in the warm-up, must not be touched */
	struct plan_as *as; /* from malloc; sorted by addr_cmp, distinct */
	size_t n_as;
	size_t cap_as; /* plan_apply's; leave 0 when building a state by hand */
};

/* Sorted by vip_key_cmp, distinct. {0} is empty. */
struct plan_state {
	struct plan_vip *vips; /* from malloc */
	size_t n_vips;
	size_t cap_vips; /* as cap_as */
};

void plan_vip_done(struct plan_vip *v);     /* frees the ASes; none left */
void plan_state_done(struct plan_state *s); /* frees everything, back to {0} */
/* NULL when there is none. O(log n). */
struct plan_vip *plan_state_find(const struct plan_state *s, const struct vip_key *key);
/* Bring VIPs and ASes collected in any order (from a dump, say) into the order a state has. Of
 * several with one key or address the first stays. O(n log n). */
void plan_state_sort(struct plan_state *s);

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
	size_t n_deferred; /* desired VIPs, not held, left alone because a held one is of their unit
			    */
};

enum plan_scope {
	PLAN_FULL, /* everything; VIPs that are not desired are removed */
	PLAN_ONLY, /* the VIPs whose keys are given; never removes a VIP, unless the prefix demands
		      it */
};

/* Build the plan. PLAN_ONLY: `only` holds n_only keys, sorted and distinct; one of them that is not
 * desired is left alone. `desired` holds all the VIPs there should be in either scope.
 *
 * A VIP is re-created when its encapsulation, table length or sticky flag differs (STICKY_UNKNOWN
 * differs from nothing). Where VPP has VIPs of another encapsulation on a prefix than the desired
 * ones, or all-port against per-port ones, these exclude each other and the prefix is one unit: it
 * is planned whole, in PLAN_ONLY too, when a VIP of it is to be planned at all; that removes VIPs
 * of it that are not desired. A held VIP is never touched; a unit that contains one is deferred
 * whole.
 *
 * `ret` must be zeroed or hold an earlier plan (its memory is used again). Never fails. Asserts
 * that the states are sorted (of equal neighbours the first counts), and that the desired VIPs of
 * one prefix can live side by side (the configuration's cross rules). O(n log n); PLAN_ONLY looks
 * at the prefixes of its keys alone. */
void plan_build(const struct plan_state *desired, const struct plan_state *actual,
		enum plan_scope scope, const struct vip_key *only, size_t n_only, struct plan *ret);
void plan_done(struct plan *p);

/* Take one acknowledged call into a picture of VPP. Idempotent: applying a call that is already
 * true changes nothing. What VPP acknowledged is believed: an AS that gets a weight exists, an
 * added VIP that was in the picture with other attributes was not there and starts without ASes; an
 * AS of a VIP that the picture lacks is skipped. `buckets` are not kept: 0 for every AS of the VIP.
 */
void plan_apply(struct plan_state *actual, const struct plan_call *c);
const char *plan_op_name(enum plan_op op); /* "as-del", … for logs */
