/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/fleet.h - the running backends and frontends: what is known of each, and what follows
 * from each thing that happens (main loop only).
 *
 * One place where a change of health turns into its consequences: history, log, observers, the
 * evaluation of every frontend concerned, the sync of their VIPs. Whoever makes something happen
 * (a probe result, an operator, a reload) calls in here; nobody else writes these structs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "core/cadence.h"
#include "core/doubt.h"
#include "core/health.h"
#include "core/model.h"
#include "core/pools.h"
#include "maglevd/counters.h"
#include "lbsync/lbsync.h"
#include "maglevd/warn_limit.h"
#include "probe/engine.h"

struct fleet;
struct frontend;

struct transition {
	enum health_state from, to;
	enum code code;
	char *detail; /* owned, may be NULL for "" */
	wall_ns at;
};

/* A backend's place in a frontend. */
struct membership {
	struct frontend *frontend;
	size_t member; /* index into its members */
};

struct backend {
	char *name;                      /* owned: stable over reloads */
	const struct backend_conf *conf; /* of the present configuration */
	uint32_t id;                     /* the engine's number, an index into fleet.slots */
	uint32_t generation;             /* of its probing; results of an older one are dropped */
	struct health health;
	bool enabled;
	bool judged;    /* had a conclusive probe since start, or since its address changed */
	enum pace pace; /* the one the engine knows */
	wall_ns since;  /* when the present state began */
	struct {
		bool any;
		enum code code;
		char *detail; /* owned, NULL for "" */
		wall_ns at;
		dur_ns duration;
	} last;
	wall_ns cert_not_after;
	struct backend_counters counters;
	VEC(struct transition) history; /* a ring once it is full */
	size_t history_next;            /* where the next goes when it is full */
	VEC(struct membership) in;
};

struct member {
	struct backend *backend;
	unsigned pool;
	int weight; /* configured in the file, or set at run time since */
	struct pools_verdict verdict;
	bool flush_health; /* one-shot: went into a flushing state; undone when it leaves that state
			    */
	bool flush_operator; /* one-shot: somebody asked for it */
	uint32_t place;      /* of its membership in backend->in */
	uint32_t buckets;    /* by the table model; see frontend_buckets */
};

struct frontend {
	char *name; /* owned */
	const struct frontend_conf *conf;
	struct lbsync_vip sync;
	struct member *members; /* in pool order, within a pool in name order */
	size_t n_members;
	uint32_t *by_addr; /* member indices in addr_cmp order */
	unsigned active_pool;
	enum frontend_state state;
	bool buckets_fresh;
};

/* Told after the fact, in the order in which things happen. May be NULL. Must not call back. */
struct fleet_observer {
	void *ctx;
	void (*backend)(void *ctx, const struct backend *b, const struct transition *t);
	void (*frontend)(void *ctx, const struct frontend *f, enum frontend_state from);
};

struct fleet {
	struct config *config;          /* owned */
	struct map backends, frontends; /* by name */
	VEC(struct backend *) slots;    /* by id, NULL where free */
	VEC(uint32_t) free_ids;
	struct backend **backends_sorted; /* in name order: as config->backends */
	struct frontend **frontends_sorted;
	uint64_t layout; /* moves whenever those two are made anew; never 0 */
	uint32_t next_generation;
	struct probe_engine *engine; /* borrowed; set before fleet_start */
	struct lbsync *lbsync;       /* borrowed; NULL when VPP is switched off */
	struct fleet_observer observer;
	struct lateness_counters lateness;
	struct warn_limit inconclusive; /* of the warnings about our own trouble */
	struct doubt doubt;             /* whether failures are to be believed at all */
	mono_ns degraded_since;
	uint64_t failures_ignored; /* because of the doubt, since start */
	uint64_t ignored_before;   /* of these, before the present doubt */
	VEC(struct pools_member) scratch_members;
	VEC(struct pools_verdict) scratch_verdicts;
};

/* Takes the configuration. Nothing is probed until fleet_start. */
struct fleet *fleet_new(struct config *config);
void fleet_free(struct fleet *f); /* the engine and lbsync must be gone */
/* Hand all backends to the engine, first probes spread over their fast interval, and all frontends
 * to lbsync. */
void fleet_start(struct fleet *f, mono_ns now);

struct backend *fleet_backend(const struct fleet *f, const char *name);   /* NULL: no such */
struct frontend *fleet_frontend(const struct fleet *f, const char *name); /* NULL: no such */
size_t fleet_n_probed(const struct fleet *f); /* backends with a check: for the descriptor need */

/* A batch of the engine's results. One of an old generation is dropped. All of them are counted for
 * and against ourselves first, so that failures among them are judged by the whole batch; while the
 * checker is degraded (core/doubt.h) passes count, failures do not. */
void fleet_results(struct fleet *f, const struct probe_result *r, size_t n, mono_ns now);
/* To be called every DOUBT_TICK. */
void fleet_tick(struct fleet *f, mono_ns now);
/* For the gauge: is the checker degraded? */
static inline bool fleet_degraded(const struct fleet *f)
{
	return f->doubt.degraded;
}

/* An operator's pause, resume, disable, enable. 0, or -EPERM with a message. */
int fleet_act(struct fleet *f, struct backend *b, enum health_action a, mono_ns now, struct err *e);

/* Set a weight at run time. 0; -ENOENT (no such pool, or backend in it) or -ERANGE with a message.
 */
int fleet_set_weight(struct fleet *f, struct frontend *fe, const char *pool, const char *backend,
		     int weight, bool flush, struct err *e);

/* The member with this address, or NULL: no two of a frontend have one. */
struct member *frontend_member_at(const struct frontend *fe, const struct addr *as);
/* Bring `buckets` of all members up to date with the effective weights. */
void frontend_buckets(struct frontend *fe);

/* History, newest first: the i-th, or NULL. */
const struct transition *backend_history(const struct backend *b, size_t i);
static inline struct health_params backend_params(const struct backend *b)
{
	const struct healthcheck *hc = b->conf->check;

	return (struct health_params){ .rise = hc ? hc->rise : 1, .fall = hc ? hc->fall : 1 };
}
/* Forget all but the newest `limit` transitions. */
void backend_history_trim(struct backend *b, size_t limit);
const char *backend_type_name(const struct backend *b); /* "http", …, "static" */

/* ---- what the files of the fleet and reload.c share */

/* Record a transition with all its consequences. No-op when !c->changed. */
void fleet_transition(struct fleet *f, struct backend *b, const struct health_change *c,
		      enum code code, const char *detail);
struct backend *fleet_backend_add(struct fleet *f, const struct backend_conf *conf);
void fleet_backend_remove(struct fleet *f, struct backend *b); /* stops, forgets, frees */
void backend_free(struct backend *b);
struct frontend *fleet_frontend_add(struct fleet *f, const struct frontend_conf *conf);
void fleet_frontend_remove(struct fleet *f, struct frontend *fe);
void frontend_free(struct frontend *fe);
/* Make the members anew from the configuration: weights of the file, flush wishes kept. All its
 * backends must be there. */
void fleet_frontend_rebuild(struct fleet *f, struct frontend *fe, const struct frontend_conf *conf);
dur_ns fleet_spread_span(const struct backend *b); /* over which first probes are spread */
void fleet_probe_start(struct fleet *f, struct backend *b, mono_ns first); /* new generation */
void fleet_probe_stop(struct fleet *f, struct backend *b);                 /* new generation */

enum fleet_sync { SYNC_LATER, SYNC_NOW, SYNC_URGENT }; /* later: a full sync follows anyway */
/* Work out its effective weights and state anew, report a change of state, and have its VIP synced.
 */
void fleet_evaluate(struct fleet *f, struct frontend *fe, enum fleet_sync sync);
void fleet_resort(struct fleet *f); /* after adds and removes: the arrays in name order */
