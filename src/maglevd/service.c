/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service.c - the table of methods, and who may call which.
 *
 * Reading is open to whoever can connect. Changing is for the loopback addresses and the Unix
 * socket, for callers with a client certificate, or for all when the operator said so; each attempt
 * is logged, taken or not. */
#include "maglevd/service.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "maglevd/admin.h"
#include "maglevd/service_internal.h"

static void target_backend(const ProtobufCMessage *req, struct str *out)
{
	str_add(out, ((const Maglev__BackendRequest *)req)->name);
}

static void target_weight(const ProtobufCMessage *req, struct str *out)
{
	const Maglev__SetWeightRequest *r = (const Maglev__SetWeightRequest *)req;

	str_addf(out, "%s/%s/%s weight %d%s", r->frontend, r->pool, r->backend, r->weight,
		 r->flush ? " flush" : "");
}

static void target_config(const ProtobufCMessage *req, struct str *out)
{
	str_add(out, "configuration");
}

static void target_sync(const ProtobufCMessage *req, struct str *out)
{
	str_add(out, ((const Maglev__SyncVPPLBStateRequest *)req)->frontend_name);
}

static rpc_handler_fn dispatch;

#define READS(NAME, REQ, FN)                                                                       \
	{                                                                                          \
		.path = "/maglev.Maglev/" NAME, .request = &REQ##__descriptor, .fn = dispatch,     \
		.data = &(const struct service_method)                                             \
		{                                                                                  \
			.fn = FN, .name = NAME                                                     \
		}                                                                                  \
	}
#define STREAMS(NAME, REQ, FN)                                                                     \
	{                                                                                          \
		.path = "/maglev.Maglev/" NAME, .request = &REQ##__descriptor, .fn = dispatch,     \
		.kind = RPC_SERVER_STREAM, .data = &(const struct service_method)                  \
		{                                                                                  \
			.fn = FN, .name = NAME                                                     \
		}                                                                                  \
	}
#define CHANGES(NAME, REQ, FN, TARGET)                                                             \
	{                                                                                          \
		.path = "/maglev.Maglev/" NAME, .request = &REQ##__descriptor, .fn = dispatch,     \
		.data = &(const struct service_method)                                             \
		{                                                                                  \
			.fn = FN, .name = NAME, .changes = true, .target = TARGET                  \
		}                                                                                  \
	}

static const struct rpc_method methods[] = {
	READS("GetVersion", maglev__get_version_request, ask_get_version),
	READS("ListFrontends", maglev__list_frontends_request, ask_list_frontends),
	READS("GetFrontend", maglev__get_frontend_request, ask_get_frontend),
	READS("ListBackends", maglev__list_backends_request, ask_list_backends),
	READS("GetBackend", maglev__get_backend_request, ask_get_backend),
	READS("ListHealthChecks", maglev__list_health_checks_request, ask_list_healthchecks),
	READS("GetHealthCheck", maglev__get_health_check_request, ask_get_healthcheck),
	STREAMS("WatchEvents", maglev__watch_request, ask_watch_events),
	CHANGES("PauseBackend", maglev__backend_request, ask_pause, target_backend),
	CHANGES("ResumeBackend", maglev__backend_request, ask_resume, target_backend),
	CHANGES("EnableBackend", maglev__backend_request, ask_enable, target_backend),
	CHANGES("DisableBackend", maglev__backend_request, ask_disable, target_backend),
	CHANGES("SetFrontendPoolBackendWeight", maglev__set_weight_request, ask_set_weight,
		target_weight),
	READS("CheckConfig", maglev__check_config_request, ask_check_config),
	CHANGES("ReloadConfig", maglev__reload_config_request, ask_reload_config, target_config),
	READS("GetVPPInfo", maglev__get_vppinfo_request, ask_vpp_info),
	READS("GetVPPLBState", maglev__get_vpplbstate_request, ask_vpp_state),
	CHANGES("SyncVPPLBState", maglev__sync_vpplbstate_request, ask_vpp_sync, target_sync),
	READS("GetVPPLBCounters", maglev__get_vpplbcounters_request, ask_vpp_counters),
};

const struct rpc_method *service_methods(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(methods);
	return methods;
}

struct service *service_new(struct daemon *d)
{
	struct service *s = XNEW(struct service);

	s->daemon = d;
	list_init(&s->pending);
	return s;
}

void service_free(struct service *s)
{
	free(s);
}

/* ---- answers, and the record of who changed what */

static void log_admin(const struct ask *a, enum rpc_status status, const char *message)
{
	const struct service_method *m = rpc_call_method(a->call)->data;
	const struct rpc_peer *peer = rpc_call_peer(a->call);
	struct str target = { 0 };

	if (!m->changes)
		return;
	m->target(a->req, &target);
	log_at(status == RPC_PERMISSION_DENIED ? LVL_WARN : LVL_INFO, "grpc-admin",
	       L_STR("method", m->name), L_STR("peer", peer->text), L_STR("subject", peer->subject),
	       L_STR("target", str_z(&target)), L_STR("result", rpc_status_name(status)),
	       L_STR("message", message));
	str_done(&target);
}

void ask_reply(const struct ask *a, const ProtobufCMessage *response)
{
	log_admin(a, RPC_OK, "");
	rpc_call_reply(a->call, response);
}

void ask_fail(const struct ask *a, enum rpc_status status, const char *fmt, ...)
{
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	(void)err_vset(&e, -EINVAL, fmt, ap);
	va_end(ap);
	log_admin(a, status, e.msg);
	rpc_call_fail(a->call, status, "%s", e.msg);
}

static void dispatch(void *ctx, struct rpc_call *call, const ProtobufCMessage *req)
{
	struct service *s = ctx;
	const struct options *o = s->daemon->options;
	const struct service_method *m = rpc_call_method(call)->data;
	const struct ask a = { .s = s, .call = call, .req = req };
	struct err e;

	if (s->daemon->stopping)
		ask_fail(&a, RPC_UNAVAILABLE, "shutting down");
	else if (m->changes && !admin_may_change(rpc_call_peer(call), *o->grpc_client_ca,
						 o->grpc_allow_remote_admin, &e))
		ask_fail(&a, RPC_PERMISSION_DENIED, "%s", e.msg);
	else
		m->fn(&a);
}

/* ---- names */

struct backend *ask_backend(const struct ask *a, const char *name)
{
	struct backend *b = *name ? fleet_backend(a->s->daemon->fleet, name) : NULL;

	if (!*name)
		ask_fail(a, RPC_INVALID_ARGUMENT, "a backend's name is needed");
	else if (!b)
		ask_fail(a, RPC_NOT_FOUND, "backend \"%s\" not found", name);
	return b;
}

struct frontend *ask_frontend(const struct ask *a, const char *name)
{
	struct frontend *fe = *name ? fleet_frontend(a->s->daemon->fleet, name) : NULL;

	if (!*name)
		ask_fail(a, RPC_INVALID_ARGUMENT, "a frontend's name is needed");
	else if (!fe)
		ask_fail(a, RPC_NOT_FOUND, "frontend \"%s\" not found", name);
	return fe;
}
