/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/render.h - what is known, as the JSON of docs/dashboard-api.md (pure). */
#pragma once

#include "base/json.h"
#include "dashboard/store.h"

/* Each writes one value. */
void render_state(struct json *j, const struct store *s, const char *event_id /* or NULL */);
void render_status(struct json *j, const struct store *s); /* MaglevdStatus */
void render_frontend(struct json *j, const Maglev__FrontendInfo *f);
void render_backend(struct json *j, const Maglev__BackendInfo *b, bool history);

/* Each writes keys and values into an object that is open. */
void render_status_fields(struct json *j, const struct store *s); /* all but the name */
void render_vpp_fields(struct json *j, const struct store *s);
void render_lb_conf(struct json *j, const Maglev__VPPLBConf *c); /* a value; NULL: null */
void render_lb_vip(struct json *j, const Maglev__VPPLBVIP *v);   /* a value */
void render_counters_fields(struct json *j, const Maglev__VPPLBCounters *c);
void render_transition_fields(struct json *j, const Maglev__TransitionRecord *t);
