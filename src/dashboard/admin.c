/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators change: a request becomes a call of the maglevd's, its answer the request's.
 *
 * Who may is settled before (routes.c). Every action is logged once, with what came of it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dashboard/admin_body.h"
#include "dashboard/dashboard.h"
#include "dashboard/render.h"

struct action {
	struct dashboard *dashboard;
	struct request *request;
	struct upstream *upstream;
	struct rpc_async_call *call; /* NULL when it has ended */
	const char *verb;
	char *target;    /* owned: a backend, or what the action is about */
	bool of_backend; /* the target is one */
	void (*write)(struct action *a, const ProtobufCMessage *m, struct json *j);
};

/* ---- the log */

static void log_action(const struct action *a, const char *result, const char *error)
{
	const struct dashboard *d = a->dashboard;
	enum log_level l = *error ? LVL_WARN : LVL_INFO;
	const char *maglevd = upstream_store(a->upstream)->name;
	char peer[ADDR_STRLEN];

	(void)addr_format(request_peer(a->request), peer);
	if (a->of_backend)
		log_at(l, "admin-backend-action", L_STR("user", d->auth.user), L_STR("peer", peer),
		       L_STR("maglevd", maglevd), L_STR("backend", a->target),
		       L_STR("action", a->verb), L_STR("state", result), L_STR("error", error));
	else
		log_at(l, "admin-action", L_STR("user", d->auth.user), L_STR("peer", peer),
		       L_STR("maglevd", maglevd), L_STR("target", a->target),
		       L_STR("action", a->verb), L_STR("result", result), L_STR("error", error));
}

/* ---- answers */

static void write_backend(struct action *a, const ProtobufCMessage *m, struct json *j)
{
	const Maglev__BackendInfo *b = (const void *)m;

	upstream_backend(a->upstream, b);
	render_backend(j, b, /* history= */ true);
	log_action(a, b->state, "");
}

static void write_frontend(struct action *a, const ProtobufCMessage *m, struct json *j)
{
	const Maglev__FrontendInfo *f = (const void *)m;

	upstream_frontend(a->upstream, f);
	render_frontend(j, f);
	log_action(a, "ok", "");
}

static void write_sync(struct action *a, const ProtobufCMessage *message, struct json *j)
{
	const Maglev__SyncVPPLBStateResponse *m = (const void *)message;

	upstream_look(a->upstream);
	json_obj(j);
	json_field_i64(j, "vip_added", m->vip_added);
	json_field_i64(j, "vip_removed", m->vip_removed);
	json_field_i64(j, "as_added", m->as_added);
	json_field_i64(j, "as_removed", m->as_removed);
	json_field_i64(j, "as_weight_updated", m->as_weight_updated);
	json_field_i64(j, "errors", m->errors);
	json_obj_end(j);
	log_action(a, m->errors ? "errors" : "ok", "");
}

static void write_warnings(struct json *j, char *const *v, size_t n)
{
	json_key(j, "warnings");
	json_arr(j);
	for (size_t i = 0; i < n; i++)
		json_str(j, v[i]);
	json_arr_end(j);
}

static void write_check(struct action *a, const ProtobufCMessage *message, struct json *j)
{
	const Maglev__CheckConfigResponse *m = (const void *)message;

	json_obj(j);
	json_field_bool(j, "ok", m->ok);
	json_field_str(j, "parse_error", m->parse_error);
	json_field_str(j, "semantic_error", m->semantic_error);
	write_warnings(j, m->warnings, m->n_warnings);
	json_obj_end(j);
	log_action(a, m->ok ? "ok" : "refused", "");
}

static void write_reload(struct action *a, const ProtobufCMessage *message, struct json *j)
{
	const Maglev__ReloadConfigResponse *m = (const void *)message;

	json_obj(j);
	json_field_bool(j, "ok", m->ok);
	json_field_str(j, "parse_error", m->parse_error);
	json_field_str(j, "semantic_error", m->semantic_error);
	json_field_str(j, "reload_error", m->reload_error);
	write_warnings(j, m->warnings, m->n_warnings);
	json_obj_end(j);
	log_action(a, m->ok ? "ok" : "refused", "");
}

static unsigned http_status(enum rpc_status s)
{
	switch (s) {
	case RPC_INVALID_ARGUMENT:
	case RPC_OUT_OF_RANGE:
		return MHD_HTTP_BAD_REQUEST;
	case RPC_PERMISSION_DENIED:
	case RPC_UNAUTHENTICATED:
		return MHD_HTTP_FORBIDDEN;
	case RPC_NOT_FOUND:
		return MHD_HTTP_NOT_FOUND;
	case RPC_FAILED_PRECONDITION:
	case RPC_ABORTED:
	case RPC_ALREADY_EXISTS:
		return MHD_HTTP_CONFLICT;
	case RPC_UNAVAILABLE:
	case RPC_RESOURCE_EXHAUSTED:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case RPC_DEADLINE_EXCEEDED:
		return MHD_HTTP_GATEWAY_TIMEOUT;
	case RPC_OK:
	case RPC_CANCELLED:
	case RPC_UNKNOWN:
	case RPC_UNIMPLEMENTED:
	case RPC_INTERNAL:
	case RPC_DATA_LOSS:
		break;
	}
	return MHD_HTTP_BAD_GATEWAY;
}

static void on_done(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		    const char *text)
{
	struct action *a = ctx;
	struct str out = { 0 };
	struct json j;

	a->call = NULL;
	if (status != RPC_OK) {
		log_action(a, rpc_status_name(status), text);
		http_answer_error(a->request, http_status(status), "%s", text);
		return;
	}
	json_init(&j, &out);
	a->write(a, answer, &j);
	http_answer_json(a->request, MHD_HTTP_OK, &out);
}

/* ---- requests */

/* The request has its answer, or its client went. */
static void action_free(void *data)
{
	struct action *a = data;

	if (a->call)
		rpc_async_cancel(a->call);
	free(a->target);
	free(a);
}

/* A request to a maglevd, answered when there is no such; NULL then. */
static struct action *action_new(struct dashboard *d, struct request *r, const char *maglevd,
				 const char *verb)
{
	struct upstream *u = dashboard_find(d, maglevd);
	struct action *a;

	if (!u) {
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "maglevd \"%s\" not found", maglevd);
		return NULL;
	}
	a = XNEW(struct action);
	a->dashboard = d;
	a->request = r;
	a->upstream = u;
	a->verb = verb;
	request_on_gone(r, action_free, a);
	return a;
}

static void start(struct action *a, const char *method, const ProtobufCMessage *m,
		  const ProtobufCMessageDescriptor *response)
{
	const struct rpc_async_request r = {
		.path = method, .request = m, .response = response, .done = on_done, .ctx = a
	};

	a->call = upstream_call(a->upstream, r);
}

/* What is wrong with a body; true when it was answered. */
static bool refused(struct request *r, int error, const struct err *e)
{
	if (error)
		http_answer_error(r, MHD_HTTP_BAD_REQUEST, "%s", e->msg);
	return error != 0;
}

void admin_backend(struct dashboard *d, struct request *r, const char *const *arg)
{
	static const struct {
		const char *verb, *method;
	} verbs[] = {
		{ "pause", "/maglev.Maglev/PauseBackend" },
		{ "resume", "/maglev.Maglev/ResumeBackend" },
		{ "enable", "/maglev.Maglev/EnableBackend" },
		{ "disable", "/maglev.Maglev/DisableBackend" },
	};
	Maglev__BackendRequest m = MAGLEV__BACKEND_REQUEST__INIT;
	struct action *a;
	struct err e;
	size_t i = 0;

	while (i < ARRAY_LEN(verbs) && strcmp(verbs[i].verb, arg[2]) != 0)
		i++;
	if (i == ARRAY_LEN(verbs)) {
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such action");
		return;
	}
	if (refused(r, admin_body_none(request_body(r), &e), &e) ||
	    !(a = action_new(d, r, arg[0], verbs[i].verb)))
		return;
	a->target = xstrdup(arg[1]);
	a->of_backend = true;
	a->write = write_backend;
	m.name = a->target;
	start(a, verbs[i].method, &m.base, &maglev__backend_info__descriptor);
}

void admin_weight(struct dashboard *d, struct request *r, const char *const *arg)
{
	Maglev__SetWeightRequest m = MAGLEV__SET_WEIGHT_REQUEST__INIT;
	struct action *a;
	struct err e;
	int weight = 0;
	bool flush = false;

	if (refused(r, admin_body_weight(request_body(r), &weight, &flush, &e), &e) ||
	    !(a = action_new(d, r, arg[0], "weight")))
		return;
	a->target = xasprintf("%s/%s/%s weight %d%s", arg[1], arg[2], arg[3], weight,
			      flush ? " flush" : "");
	a->write = write_frontend;
	m.frontend = (char *)(uintptr_t)arg[1];
	m.pool = (char *)(uintptr_t)arg[2];
	m.backend = (char *)(uintptr_t)arg[3];
	m.weight = weight;
	m.flush = flush;
	start(a, "/maglev.Maglev/SetFrontendPoolBackendWeight", &m.base,
	      &maglev__frontend_info__descriptor);
}

void admin_sync(struct dashboard *d, struct request *r, const char *const *arg)
{
	Maglev__SyncVPPLBStateRequest m = MAGLEV__SYNC_VPPLBSTATE_REQUEST__INIT;
	_cleanup_free_ char *frontend = NULL;
	struct action *a;
	struct err e;

	if (refused(r, admin_body_sync(request_body(r), &frontend, &e), &e) ||
	    !(a = action_new(d, r, arg[0], "sync")))
		return;
	a->target = xstrdup(frontend ? frontend : "");
	a->write = write_sync;
	m.frontend_name = a->target;
	start(a, "/maglev.Maglev/SyncVPPLBState", &m.base,
	      &maglev__sync_vpplbstate_response__descriptor);
}

static struct action *config_action(struct dashboard *d, struct request *r, const char *maglevd,
				    const char *verb)
{
	struct action *a;
	struct err e;

	if (refused(r, admin_body_none(request_body(r), &e), &e) ||
	    !(a = action_new(d, r, maglevd, verb)))
		return NULL;
	a->target = xstrdup("configuration");
	return a;
}

void admin_check(struct dashboard *d, struct request *r, const char *const *arg)
{
	Maglev__CheckConfigRequest m = MAGLEV__CHECK_CONFIG_REQUEST__INIT;
	struct action *a = config_action(d, r, arg[0], "check");

	if (!a)
		return;
	a->write = write_check;
	start(a, "/maglev.Maglev/CheckConfig", &m.base, &maglev__check_config_response__descriptor);
}

void admin_reload(struct dashboard *d, struct request *r, const char *const *arg)
{
	Maglev__ReloadConfigRequest m = MAGLEV__RELOAD_CONFIG_REQUEST__INIT;
	struct action *a = config_action(d, r, arg[0], "reload");

	if (!a)
		return;
	a->write = write_reload;
	start(a, "/maglev.Maglev/ReloadConfig", &m.base,
	      &maglev__reload_config_response__descriptor);
}
