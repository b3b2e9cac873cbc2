/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/view.h - how each message looks to an operator.
 *
 * Pure: a message and a style in, text appended to `out`. Strings of the messages are made safe for
 * a terminal here; messages inside messages may be missing. */
#pragma once

#include "base/str.h"
#include "maglev.pb-c.h"
#include "maglevc/format.h"

void view_version(struct str *out, const struct style *st, const Maglev__VersionInfo *daemon);
void view_client_version(struct str *out, const struct style *st);

void view_frontends(struct str *out, const struct style *st,
		    const Maglev__ListFrontendsResponse *m);
void view_frontend(struct str *out, const struct style *st, const Maglev__FrontendInfo *f);
/* One pool of it, alone; all when none has that name. */
void view_pool(struct str *out, const struct style *st, const Maglev__FrontendInfo *f,
	       const char *pool);

void view_backends(struct str *out, const struct style *st, const Maglev__ListBackendsResponse *m);
void view_backend(struct str *out, const struct style *st, const Maglev__BackendInfo *b);
/* "web-a: paused" */
void view_backend_state(struct str *out, const struct style *st, const Maglev__BackendInfo *b);

void view_checks(struct str *out, const struct style *st,
		 const Maglev__ListHealthChecksResponse *m);
void view_check(struct str *out, const struct style *st, const Maglev__HealthCheckInfo *h);

void view_vpp_info(struct str *out, const struct style *st, const Maglev__VPPInfo *m);
void view_lb_counters(struct str *out, const struct style *st, const Maglev__VPPLBCounters *m);
void view_lb_state(struct str *out, const struct style *st, const Maglev__VPPLBState *m);
void view_sync(struct str *out, const struct style *st, const Maglev__SyncVPPLBStateResponse *m);

/* A line each: "warning: …". */
void view_warnings(struct str *out, const struct style *st, char *const *v, size_t n);
