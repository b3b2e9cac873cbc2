/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/store.h - what is known of one maglevd: plain data, written by feed.c alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"
#include "dashboard/catalog.h"
#include "maglev.pb-c.h"

struct store {
	char *name, *address; /* owned */
	bool connected;
	char *last_error; /* owned; why it is not connected, "" when it is */
	wall_ns since;    /* when `connected` last changed */
	bool loaded;      /* a full refresh was had */
	wall_ns refreshed;
	Maglev__VersionInfo *version; /* NULL: not told yet */
	struct catalog frontends;     /* of Maglev__FrontendInfo */
	struct catalog backends;      /* of Maglev__BackendInfo */
	Maglev__ListHealthChecksResponse *healthchecks;
	Maglev__VPPInfo *vpp;   /* NULL: not connected, or not told yet */
	char *vpp_error;        /* owned; why not, "" when there is `vpp` */
	Maglev__VPPLBState *lb; /* NULL: not known */
	wall_ns lb_at;
	Maglev__VPPLBCounters *counters; /* NULL: not known */
	uint64_t revision;               /* moves with every change above */
};

void store_init(struct store *s, const char *name, const char *address, wall_ns now);
void store_done(struct store *s);

static inline const Maglev__FrontendInfo *store_frontend(const struct object *o)
{
	return (const Maglev__FrontendInfo *)(const void *)o->msg;
}
static inline Maglev__BackendInfo *store_backend(const struct object *o)
{
	return (Maglev__BackendInfo *)(void *)o->msg;
}
