/* SPDX-License-Identifier: Apache-2.0 */
/* A bed to try lbsync in: the simulator of VPP and lbsync on one loop, and frontends whose wishes
 * the test writes down itself. */
#pragma once

#include "core/model.h"
#include "lbsim/server.h"
#include "lbsync/lbsync.h"
#include "lbsync/internal.h"

#define FE_ASES 8

struct fe { /* a frontend */
	struct lbsync_vip sync;
	char name[24];
	struct plan_vip want; /* want.as is `as` */
	struct plan_as as[FE_ASES];
	bool unknown;
	bool added;       /* lbsync knows it */
	unsigned flushed; /* how often lbsync said so */
};

struct syncbed {
	struct loop *loop;
	char dir[64], path[96], stats_path[96];
	struct server *sim;
	struct server_options sim_opt;
	const char *sim_death;
	struct lbsync *s;
	struct vpp_conf conf;
	mono_ns started; /* what lbsync takes for the start of the process; 0: now */
	struct fe *fes;
	size_t n_fes;
	struct str log; /* every record at info and above (debug with `tap_debug`) */
	bool tap_debug;
};

/* No warm-up, a drift interval that does not come; change conf before bed_start. */
void bed_init(struct syncbed *b, size_t n_fes);
void bed_done(struct syncbed *b);
void bed_sim_start(struct syncbed *b);
void bed_sim_stop(struct syncbed *b);
/* lbsync with all frontends that have a key. */
void bed_start(struct syncbed *b);
void bed_stop(struct syncbed *b);

/* Fill a frontend: n ASes <as_prefix><first + i> of weight 100. */
void fe_fill(struct fe *f, const char *vip, uint8_t proto, uint16_t port, const char *as_prefix,
	     int first, int n);
void bed_add(struct syncbed *b, struct fe *f);
void bed_forget(struct syncbed *b, struct fe *f);

/* Turn until lbsync is connected and has nothing left to do now. */
void bed_settle(struct syncbed *b);
void bed_until(struct syncbed *b, bool (*pred)(struct syncbed *b));
void bed_turn_for(struct syncbed *b, dur_ns d);
/* Ask for a sync (NULL: full) and wait for its end. */
struct lbsync_counts bed_sync(struct syncbed *b, struct fe *f);

/* ---- what the plugin has */
struct lbplugin *bed_plugin(struct syncbed *b);
const struct lb_vip *bed_vip(struct syncbed *b, const struct fe *f); /* NULL: none */
struct lb_as *bed_as(struct syncbed *b, const struct fe *f, int i);  /* NULL: none */
size_t bed_n_vips(struct syncbed *b);                                /* live ones */
/* Does it have exactly what the added frontends want? */
void bed_assert_equal(struct syncbed *b);
uint64_t bed_calls(struct syncbed *b, enum vpp_msg m); /* requests seen since it started */
uint64_t bed_writes(struct syncbed *b);                /* mutating ones, lb_conf left out */
uint64_t bed_reads(struct syncbed *b);                 /* dumps */
void bed_refuse(struct syncbed *b, const char *call, int32_t retval, uint32_t count);

/* ---- what was logged */
size_t bed_logged(struct syncbed *b, const char *text); /* how often */
