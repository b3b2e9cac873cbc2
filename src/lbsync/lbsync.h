/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/lbsync.h - keeps VPP's lb plugin equal to what we want (main loop only).
 *
 * Owns the VPP session, the mirror of the plugin's state, the warm-up, dirty marks, retries and the
 * drift timer. It asks its source for what is desired at the moment it plans, so that the latest
 * wish wins; it never blocks; at most one sync is in flight.
 *
 * What is read or written goes out as one job at a time: a read of the plugin's tables, a plan
 * against the mirror, or the one and then the other. Whatever happens meanwhile waits for the next
 * job, and is one job then however much it was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "core/model.h"
#include "core/plan.h"
#include "lbsync/lbdrift.h"
#include "loop/loop.h"

struct lbsync;
struct lbcounters;
struct vpp_client;

/* The sync state of one frontend, embedded in the daemon's frontend object, which is stable from
 * the moment it is added until it is forgotten. */
struct lbsync_vip {
	struct vip_key key;
	bool released; /* by the warm-up */
	bool urgent;   /* it lost a dead backend: goes before the others */
	int failures;  /* refused syncs in a row: back-off */
	mono_ns retry_at;
	struct list dirty; /* in the dirty list when linked */
	struct list all;   /* in the list of all frontends */
};

/* What lbsync asks the daemon. All calls happen on the main loop, inside lbsync functions or loop
 * callbacks; none may call back into lbsync. */
struct lbsync_source {
	void *ctx;
	/* The desired VIP of this frontend, ASes sorted; the caller frees with plan_vip_done.
	 * `held` is filled by lbsync. */
	void (*desired)(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret);
	const char *(*name)(void *ctx, const struct lbsync_vip *v); /* the frontend's name */
	/* Is some backend of it still unknown (never counting disabled, paused, static)? */
	bool (*has_unknown)(void *ctx, const struct lbsync_vip *v);
	/* VPP acknowledged a flush of this AS, or came back without it: forget flush_now. */
	void (*flushed)(void *ctx, const struct lbsync_vip *v, const struct addr *as);
	void (*vpp_conf)(void *ctx, struct vpp_conf *ret);
};

struct lbsync_opts {
	struct loop *loop;
	const char *api_path;   /* not empty; an lbsync is not made when VPP is switched off */
	const char *stats_path; /* NULL or "": no counters */
	mono_ns started;        /* of the process, for the warm-up */
	struct lbsync_source source;
};

struct lbsync *lbsync_new(const struct lbsync_opts *o); /* starts connecting at the next turn */
/* Says goodbye to VPP (sockclnt_delete), changes nothing there. Requests and reads still open are
 * dropped: their `done` is not called. The vips are no longer touched. NULL is fine. */
void lbsync_free(struct lbsync *s);

/* Frontends. Add before anything else is said of one; its key is filled by the caller, and no other
 * frontend's: who hands a VIP to another frontend forgets the old one first. */
void lbsync_add(struct lbsync *s, struct lbsync_vip *v);
void lbsync_forget(struct lbsync *s,
		   struct lbsync_vip *v); /* it is gone; next full sync removes the VIP */
/* Something that bears on it changed: health, weight, pool. Marks it dirty (or, in the warm-up,
 * looks whether it may be released). `lost_dead`: a backend with weight died. */
void lbsync_changed(struct lbsync *s, struct lbsync_vip *v, bool lost_dead);
/* A new configuration is in force (all adds and forgets made): conf push and full sync. */
void lbsync_reloaded(struct lbsync *s);

/* What a call of ours is counted as: what VPP acknowledged, or that it refused. */
enum lbsync_kind {
	LBSYNC_VIP_ADDED,
	LBSYNC_VIP_REMOVED,
	LBSYNC_AS_ADDED,
	LBSYNC_AS_REMOVED,
	LBSYNC_AS_WEIGHT_UPDATED,
	LBSYNC_ERROR,
	LBSYNC_KIND_N
};
const char *lbsync_kind_name(enum lbsync_kind k); /* "vip_added", … "error" */
struct lbsync_counts {
	uint32_t n[LBSYNC_KIND_N];
};

/* A sync somebody asked for. `done` is called exactly once, from the loop, never from inside this
 * call, unless the call itself fails: status 0 with counts; -ENOTCONN when VPP goes away meanwhile,
 * -ENOENT when the frontend does (lbsync_forget). `v` NULL: full.
 * Returns 0; -ENOTCONN when VPP is not connected; -EAGAIN while the warm-up holds this frontend
 * (or, for a full sync, is not done). Fills `e` on failure. */
typedef void lbsync_done_fn(void *ctx, int status, const struct lbsync_counts *c);
int lbsync_request(struct lbsync *s, struct lbsync_vip *v, lbsync_done_fn *done, void *ctx,
		   struct err *e);

/* What VPP has, read at most 1 s ago and after our own last change; callers share one read. `done`
 * is called once, from the loop, never from inside this call: status 0 with the state and conf
 * (valid during the call), or -ENOTCONN. Returns 0 or -ENOTCONN with `e`. */
typedef void lbsync_state_fn(void *ctx, int status, const struct plan_state *st,
			     const struct vpp_lb_conf *conf);
int lbsync_read(struct lbsync *s, lbsync_state_fn *done, void *ctx, struct err *e);
/* The caller of a request or read is gone (deadline, cancel): `done` with this ctx is not called.
 */
void lbsync_abandon(struct lbsync *s, void *ctx);

bool lbsync_connected(const struct lbsync *s);
struct lbsync_vpp { /* strings are lbsync's, valid until the connection changes */
	const char *version, *build_date, *build_directory;
	uint32_t pid;
	wall_ns connected_at;
	dur_ns connected_for; /* its age, whatever was done to the wall clock meanwhile */
	wall_ns booted_at;    /* 0: VPP's stats did not tell */
};
bool lbsync_vpp_info(const struct lbsync *s, struct lbsync_vpp *ret); /* false: not connected */
const char *lbsync_why_down(const struct lbsync *s); /* why not connected, for UNAVAILABLE */

/* ---- for metrics and counters */
enum lbsync_scope { LBSYNC_ALL, LBSYNC_VIP, LBSYNC_SCOPE_N };
const char *lbsync_scope_name(enum lbsync_scope s); /* "all", "vip" */
/* How often since start. */
uint64_t lbsync_total(const struct lbsync *s, enum lbsync_scope scope, enum lbsync_kind kind);
/* What another hand did, as reads found it: the difference to what VPP acknowledged to us. */
uint64_t lbsync_drift_total(const struct lbsync *s, enum lbdrift_kind k); /* since start */
/* The session, for its message counters. */
const struct vpp_client *lbsync_client(const struct lbsync *s);
/* What VPP counts; see lbsync/lbcounters.h. */
struct lbcounters *lbsync_counters(const struct lbsync *s);
