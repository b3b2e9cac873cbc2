/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/feed.h - what a maglevd tells: into its store, and out to the readers (pure: times are
 * parameters, nothing is asked for here).
 *
 * What follows from a message beside that (something should be asked for) is left in `wants`, which
 * the caller looks at after each call. */
#pragma once

#include "dashboard/broker.h"
#include "dashboard/heartbeat.h"
#include "dashboard/store.h"

enum feed_want {
	FEED_REFRESH = 1 << 0,   /* the lists, at once */
	FEED_LB = 1 << 1,        /* VPP's LB state */
	FEED_VPP = 1 << 2,       /* GetVPPInfo */
	FEED_FRONTENDS = 1 << 3, /* those that are dirty */
};

/* Frontends that changed at once and are told one by one; more: the page fetches the state. */
#define FEED_SINGLY_MAX 100

struct feed {
	struct store *store;
	struct broker *broker;
	struct heartbeat heartbeat;
	unsigned wants;     /* enum feed_want; the caller clears what it sees to */
	const char *resync; /* why pages begin anew after the next refresh; NULL: they need not */
	size_t n_dirty;     /* frontends */
	bool missed;        /* states changed without events: the next lists asked for tell */
	bool believe;       /* the lists under way do: no event follows what they say */
};

/* The moment of a call: monotonic for the ring, wall-clock for people. */
struct feed_now {
	mono_ns mono;
	wall_ns wall;
};

void feed_init(struct feed *f, struct store *s, struct broker *b);
void feed_done(struct feed *f);

/* Connected or not, and why not. */
void feed_status(struct feed *f, struct feed_now now, bool connected, const char *why);
/* A message of the stream. */
void feed_event(struct feed *f, struct feed_now now, const Maglev__Event *m);
/* The stream begins or has ended: what was in flight is not known any more. */
void feed_stream_cut(struct feed *f);

/* ---- answers. Those of one refresh: each list, then feed_refreshed. */
void feed_version(struct feed *f, const Maglev__VersionInfo *m);
void feed_frontends(struct feed *f, struct feed_now now, const Maglev__ListFrontendsResponse *m);
void feed_backends(struct feed *f, const Maglev__ListBackendsResponse *m);
void feed_healthchecks(struct feed *f, const Maglev__ListHealthChecksResponse *m);
void feed_refreshed(struct feed *f, struct feed_now now);
/* One that was asked for, or that an administrator changed. */
void feed_frontend(struct feed *f, struct feed_now now, const Maglev__FrontendInfo *m);
void feed_backend(struct feed *f, const Maglev__BackendInfo *m);
/* NULL: VPP is not there, for the reason given (copied). */
void feed_vpp(struct feed *f, struct feed_now now, const Maglev__VPPInfo *m, const char *why);
void feed_lb(struct feed *f, struct feed_now now, const Maglev__VPPLBState *m);
void feed_counters(struct feed *f, struct feed_now now, const Maglev__VPPLBCounters *m);

/* Send the heartbeat that is due, when there is something to tell. */
void feed_beat(struct feed *f, struct feed_now now);
/* A frontend to be asked for anew, or NULL; its mark is taken away. */
const char *feed_take_dirty(struct feed *f);
/* The lists of a refresh are asked for: they will say all that marks and the stream asked for. */
void feed_asked(struct feed *f);
