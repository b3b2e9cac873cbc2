/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/dashboard.h - the parts of maglevd-frontend, and the paths it serves. */
#pragma once

#include "dashboard/auth.h"
#include "dashboard/http.h"
#include "dashboard/options.h"
#include "dashboard/upstream.h"

/* The state's JSON, kept for a moment: after a reload every page asks for it. */
struct state_cache {
	struct content *content; /* NULL: none */
	uint64_t revision;       /* of the store, or the sum of all */
	uint64_t resyncs;
	mono_ns made;
	dur_ns took; /* to make it */
};

struct dashboard {
	const struct options *options;
	struct loop *loop;
	struct broker broker;
	struct upstream *upstreams[OPTIONS_SERVERS_MAX];
	struct state_cache states[OPTIONS_SERVERS_MAX + 1]; /* of each, and of all */
	size_t n;
	bool admin;
	struct auth auth; /* with admin */
	struct http *http;
	struct content **pages; /* one for each asset */
};

int dashboard_run(const struct options *o); /* until a signal; the exit status */

struct upstream *dashboard_find(const struct dashboard *d, const char *name); /* or NULL */

/* ---- routes.c */
void routes_handle(void *dashboard, struct request *r);

/* ---- api.c and admin.c: handlers of one path each; `arg` are its variable segments */
typedef void route_fn(struct dashboard *d, struct request *r, const char *const *arg);
route_fn api_version, api_maglevds, api_state, api_state_one, api_backend, api_events;
route_fn admin_events, admin_backend, admin_weight, admin_sync, admin_check, admin_reload;
void api_done(struct dashboard *d);
