/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/lbdrift.h - what another hand did to VPP: the differences between what the mirror says
 * VPP should have and what a read finds (pure). */
#pragma once

#include "core/plan.h"
#include "lbsync/lbsync.h"

struct lbdrift {
	enum lbsync_drift kind;
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
void lbdrift_compare_conf(const struct lbsync_conf *expected, const struct lbsync_conf *found,
			  lbdrift_fn *fn, void *ctx);
