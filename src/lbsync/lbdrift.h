/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/lbdrift.h - what another hand did to VPP: the differences between what the mirror says
 * VPP should have and what a read finds (pure). */
#pragma once

#include "core/plan.h"
#include "vpp/messages.h"

enum lbdrift_kind {
	LBDRIFT_VIP_MISSING,
	LBDRIFT_VIP_UNEXPECTED,
	LBDRIFT_VIP_CHANGED, /* encapsulation, flow table, stickiness */
	LBDRIFT_AS_MISSING,
	LBDRIFT_AS_UNEXPECTED,
	LBDRIFT_AS_WEIGHT,
	LBDRIFT_CONF,
	LBDRIFT_N
};
const char *lbdrift_kind_name(enum lbdrift_kind k); /* "vip_missing", … "conf" */

struct lbdrift {
	enum lbdrift_kind kind;
	const struct vip_key *key;    /* NULL: lb_conf */
	const struct addr *as;        /* of the kinds about ASes, else NULL */
	const char *expected, *found; /* for people */
};
typedef void lbdrift_fn(void *ctx, const struct lbdrift *d);

/* Call fn once for each difference, in key order; of a VIP that is missing or unexpected only for
 * itself, not for its ASes. Both states are sorted. What is not known (STICKY_UNKNOWN) differs from
 * nothing; buckets are not compared. O(n). */
void lbdrift_compare(const struct plan_state *expected, const struct plan_state *found,
		     lbdrift_fn *fn, void *ctx);
/* The same for lb_conf: at most one call. */
void lbdrift_compare_conf(const struct vpp_lb_conf *expected, const struct vpp_lb_conf *found,
			  lbdrift_fn *fn, void *ctx);
bool lbdrift_conf_eq(const struct vpp_lb_conf *a, const struct vpp_lb_conf *b);
