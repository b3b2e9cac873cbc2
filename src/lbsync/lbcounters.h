/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/lbcounters.h - what VPP counts for each VIP (main loop only).
 *
 * Part of lbsync, which tells it of the session and of the VIPs; others read from it. The figures
 * come from VPP's stats segment, every LBCOUNTERS_INTERVAL while VPP is connected; the plugin's
 * counters by the VIP's pool index, the route's by the stats_index that ip_route_lookup tells. That
 * call is costly, so that it is made for prefixes whose VIPs are new alone.
 *
 * Without the segment all this is absent and nothing else suffers: it is tried again every 5 s, and
 * said once (vpp-lb-stats-error). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/model.h"
#include "loop/loop.h"
#include "vpp/lbtext.h"
#include "vpp/stats.h"

#define LBCOUNTERS_INTERVAL (5 * NS_PER_S)

struct lbcounters;
struct vpp_client;

struct lbcounters_vip {
	struct vip_key key;
	bool route_known; /* false: the route figures are absent */
	struct vpp_stats_figures figures;
};

struct lbcounters_opts {
	struct loop *loop;
	const char *path; /* of the stats socket; "": no counters */
	void *ctx;
	/* After lbcounters_connect, once: the boot time is known, or will not be for now. */
	void (*ready)(void *ctx);
};

struct lbcounters *lbcounters_new(const struct lbcounters_opts *o);
/* Requests still open must not be answered any more: free the client first. NULL is fine. */
void lbcounters_free(struct lbcounters *c);

/* ---- from lbsync */
/* A session began. `ready` is called from the loop, within a second. */
void lbcounters_connect(struct lbcounters *c, struct vpp_client *client);
void lbcounters_disconnect(struct lbcounters *c); /* everything is forgotten */
/* The VIPs that VPP has, as `show lb vips verbose` tells them. */
void lbcounters_vips(struct lbcounters *c, const struct lbtext *t);
/* We added or removed this VIP: the route to its prefix may be another one now. */
void lbcounters_vip_changed(struct lbcounters *c, const struct vip_key *key);

/* ---- for the others */
/* When VPP started; false when not known. */
bool lbcounters_boottime(const struct lbcounters *c, wall_ns *ret);
/* The figures of all VIPs, sorted by key, at most a second old; valid until the next turn. 0; or
 * -ENODATA with the reason in `e`. */
int lbcounters_read(struct lbcounters *c, const struct lbcounters_vip **ret, size_t *ret_n,
		    wall_ns *ret_at, struct err *e);
/* As lbcounters_read, without touching VPP's memory: those of the last scrape. */
int lbcounters_last(const struct lbcounters *c, const struct lbcounters_vip **ret, size_t *ret_n,
		    wall_ns *ret_at, struct err *e);
