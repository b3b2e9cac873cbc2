/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/events.h - WatchEvents: who is told what happens.
 *
 * A subscriber first gets the present state of what it asked for, then everything that happens from
 * there on, in order. An event is made and serialised once, and only when somebody wants it: with
 * no subscribers nothing of this costs anything. Main loop only (but see events.c on the log). */
#pragma once

#include <stdbool.h>

#include "loop/loop.h"
#include "maglev.pb-c.h"
#include "maglevd/fleet.h"
#include "rpc/server.h"

struct events;

struct events_opts {
	struct loop *loop;
	struct fleet *fleet; /* its observer becomes ours */
	/* What debug records are made of begins, or ceases, to be wanted by a subscriber. Called
	 * after log_enabled(LVL_DEBUG) has changed accordingly. */
	void (*trace)(void *ctx);
	void *ctx;
};

struct events *events_new(const struct events_opts *o);
void events_free(struct events *ev); /* the server must be gone; NULL is fine */
/* Take a call of WatchEvents: subscribe its client, or fail it. */
void events_subscribe(struct events *ev, struct rpc_call *call, const Maglev__WatchRequest *r);
/* Another configuration is in force: there may be other backends and frontends. */
void events_reloaded(struct events *ev);
/* End all subscriptions: UNAVAILABLE "shutting down". */
void events_stop(struct events *ev);
