/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_internal.h - shared by the files of the service alone. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "maglevd/daemon.h"
#include "maglevd/pb.h"
#include "lbsync/lbcounters.h"
#include "rpc/server.h"

struct service {
	struct daemon *daemon;
	struct list pending; /* of struct pending: calls that wait for VPP */
};

/* One call being answered. */
struct ask {
	struct service *s;
	struct rpc_call *call;
	const ProtobufCMessage *req; /* valid until the call is ended */
};

typedef void ask_fn(const struct ask *a);
/* What a changing call is about, for the log. */
typedef void ask_target_fn(const ProtobufCMessage *req, struct str *out);

struct service_method {
	ask_fn *fn;
	const char *name;
	bool changes;
	ask_target_fn *target; /* changing methods alone */
};

/* End the call; a changing one is logged. */
void ask_reply(const struct ask *a, const ProtobufCMessage *response);
void ask_fail(const struct ask *a, enum rpc_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Find by the name a request gave; NULL when the call was ended with the reason. */
struct backend *ask_backend(const struct ask *a, const char *name);
struct frontend *ask_frontend(const struct ask *a, const char *name);

/* ---- builders: everything they make lives in the arena or is borrowed from the fleet */
Maglev__BackendInfo *info_backend(struct arena *a, const struct backend *b);
Maglev__FrontendInfo *info_frontend(struct arena *a, struct frontend *fe, bool released);
Maglev__HealthCheckInfo *info_healthcheck(struct arena *a, const struct healthcheck *hc);
Maglev__VPPLBState *info_vpp_state(struct arena *a, const struct fleet *f,
				   const struct plan_state *st, const struct vpp_lb_conf *conf);
Maglev__VPPLBCounters *info_vpp_counters(struct arena *a, const struct fleet *f,
					 const struct lbcounters_vip *v, size_t n, wall_ns at);
bool frontend_released(const struct service *s, const struct frontend *fe);

/* ---- methods */
ask_fn ask_get_version, ask_list_frontends, ask_get_frontend, ask_list_backends, ask_get_backend,
	ask_list_healthchecks, ask_get_healthcheck, ask_watch_events;
ask_fn ask_pause, ask_resume, ask_enable, ask_disable, ask_set_weight, ask_check_config,
	ask_reload_config;
ask_fn ask_vpp_info, ask_vpp_state, ask_vpp_sync, ask_vpp_counters;
