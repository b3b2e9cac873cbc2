/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: a call, and its answer as a message (--json) or as a view.
 *
 * Requests borrow the command's words. */
#include "maglevc/commands.h"

#include "base/alloc.h"
#include "base/version.h"
#include "maglev.pb-c.h"
#include "maglevc/session.h"
#include "maglevc/view.h"

/* Frees what session_call gave, at the end of a scope. */
static void message_done(ProtobufCMessage **m)
{
	if (*m)
		protobuf_c_message_free_unpacked(*m, NULL);
}
#define ANSWER _cleanup_(message_done) ProtobufCMessage *

/* ---- show */

int cmd_show_version(struct session *ss, const struct command *c _unused_)
{
	Maglev__GetVersionRequest request = MAGLEV__GET_VERSION_REQUEST__INIT;

	if (!ss->json)
		view_client_version(&ss->out, &ss->style); /* also when the daemon is away */
	ANSWER m = session_call(ss, "/maglev.Maglev/GetVersion", &request.base,
				&maglev__version_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_version(&ss->out, &ss->style, (const Maglev__VersionInfo *)m);
	return 0;
}

int cmd_show_frontends(struct session *ss, const struct command *c _unused_)
{
	Maglev__ListFrontendsRequest request = MAGLEV__LIST_FRONTENDS_REQUEST__INIT;

	request.full = true;
	ANSWER m = session_call(ss, "/maglev.Maglev/ListFrontends", &request.base,
				&maglev__list_frontends_response__descriptor);
	if (!m)
		return -1;
	const Maglev__ListFrontendsResponse *r = (const Maglev__ListFrontendsResponse *)m;
	if (ss->json)
		session_json_array(ss, (ProtobufCMessage *const *)r->frontends, r->n_frontends);
	else
		view_frontends(&ss->out, &ss->style, r);
	return 0;
}

int cmd_show_frontend(struct session *ss, const struct command *c)
{
	Maglev__GetFrontendRequest request = MAGLEV__GET_FRONTEND_REQUEST__INIT;

	request.name = session_borrow(c->args[0]);
	ANSWER m = session_call(ss, "/maglev.Maglev/GetFrontend", &request.base,
				&maglev__frontend_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_frontend(&ss->out, &ss->style, (const Maglev__FrontendInfo *)m);
	return 0;
}

int cmd_show_backends(struct session *ss, const struct command *c _unused_)
{
	Maglev__ListBackendsRequest request = MAGLEV__LIST_BACKENDS_REQUEST__INIT;

	request.full = true;
	ANSWER m = session_call(ss, "/maglev.Maglev/ListBackends", &request.base,
				&maglev__list_backends_response__descriptor);
	if (!m)
		return -1;
	const Maglev__ListBackendsResponse *r = (const Maglev__ListBackendsResponse *)m;
	if (ss->json)
		session_json_array(ss, (ProtobufCMessage *const *)r->backends, r->n_backends);
	else
		view_backends(&ss->out, &ss->style, r);
	return 0;
}

int cmd_show_backend(struct session *ss, const struct command *c)
{
	Maglev__GetBackendRequest request = MAGLEV__GET_BACKEND_REQUEST__INIT;

	request.name = session_borrow(c->args[0]);
	ANSWER m = session_call(ss, "/maglev.Maglev/GetBackend", &request.base,
				&maglev__backend_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_backend(&ss->out, &ss->style, (const Maglev__BackendInfo *)m);
	return 0;
}

int cmd_show_checks(struct session *ss, const struct command *c _unused_)
{
	Maglev__ListHealthChecksRequest request = MAGLEV__LIST_HEALTH_CHECKS_REQUEST__INIT;

	request.full = true;
	ANSWER m = session_call(ss, "/maglev.Maglev/ListHealthChecks", &request.base,
				&maglev__list_health_checks_response__descriptor);
	if (!m)
		return -1;
	const Maglev__ListHealthChecksResponse *r = (const Maglev__ListHealthChecksResponse *)m;
	if (ss->json)
		session_json_array(ss, (ProtobufCMessage *const *)r->healthchecks,
				   r->n_healthchecks);
	else
		view_checks(&ss->out, &ss->style, r);
	return 0;
}

int cmd_show_check(struct session *ss, const struct command *c)
{
	Maglev__GetHealthCheckRequest request = MAGLEV__GET_HEALTH_CHECK_REQUEST__INIT;

	request.name = session_borrow(c->args[0]);
	ANSWER m = session_call(ss, "/maglev.Maglev/GetHealthCheck", &request.base,
				&maglev__health_check_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_check(&ss->out, &ss->style, (const Maglev__HealthCheckInfo *)m);
	return 0;
}

int cmd_show_vpp_info(struct session *ss, const struct command *c _unused_)
{
	Maglev__GetVPPInfoRequest request = MAGLEV__GET_VPPINFO_REQUEST__INIT;
	ANSWER m = session_call(ss, "/maglev.Maglev/GetVPPInfo", &request.base,
				&maglev__vppinfo__descriptor);

	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_vpp_info(&ss->out, &ss->style, (const Maglev__VPPInfo *)m);
	return 0;
}

int cmd_show_lb_counters(struct session *ss, const struct command *c _unused_)
{
	Maglev__GetVPPLBCountersRequest request = MAGLEV__GET_VPPLBCOUNTERS_REQUEST__INIT;
	ANSWER m = session_call(ss, "/maglev.Maglev/GetVPPLBCounters", &request.base,
				&maglev__vpplbcounters__descriptor);

	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_lb_counters(&ss->out, &ss->style, (const Maglev__VPPLBCounters *)m);
	return 0;
}

int cmd_show_lb_state(struct session *ss, const struct command *c _unused_)
{
	Maglev__GetVPPLBStateRequest request = MAGLEV__GET_VPPLBSTATE_REQUEST__INIT;
	ANSWER m = session_call(ss, "/maglev.Maglev/GetVPPLBState", &request.base,
				&maglev__vpplbstate__descriptor);

	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_lb_state(&ss->out, &ss->style, (const Maglev__VPPLBState *)m);
	return 0;
}

/* ---- set */

int cmd_set_backend(struct session *ss, const struct command *c)
{
	Maglev__BackendRequest request = MAGLEV__BACKEND_REQUEST__INIT;

	request.name = session_borrow(c->args[0]);
	ANSWER m = session_call(ss, c->node->data, &request.base,
				&maglev__backend_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_backend_state(&ss->out, &ss->style, (const Maglev__BackendInfo *)m);
	return 0;
}

int cmd_set_weight(struct session *ss, const struct command *c)
{
	Maglev__SetWeightRequest request = MAGLEV__SET_WEIGHT_REQUEST__INIT;
	long long weight = 0;

	if (str_to_i64(c->args[3], 0, 100, &weight)) /* the parser has seen to it */
		weight = -1;
	request.frontend = session_borrow(c->args[0]);
	request.pool = session_borrow(c->args[1]);
	request.backend = session_borrow(c->args[2]);
	request.weight = (int32_t)weight;
	request.flush = c->node->data != NULL;
	ANSWER m = session_call(ss, "/maglev.Maglev/SetFrontendPoolBackendWeight", &request.base,
				&maglev__frontend_info__descriptor);
	if (!m)
		return -1;
	if (ss->json)
		session_json(ss, m);
	else
		view_pool(&ss->out, &ss->style, (const Maglev__FrontendInfo *)m, request.pool);
	return 0;
}

/* ---- sync */

int cmd_sync(struct session *ss, const struct command *c)
{
	Maglev__SyncVPPLBStateRequest request = MAGLEV__SYNC_VPPLBSTATE_REQUEST__INIT;

	if (c->n_args > 0)
		request.frontend_name = session_borrow(c->args[0]);
	ANSWER m = session_call(ss, "/maglev.Maglev/SyncVPPLBState", &request.base,
				&maglev__sync_vpplbstate_response__descriptor);
	if (!m)
		return -1;
	const Maglev__SyncVPPLBStateResponse *r = (const Maglev__SyncVPPLBStateResponse *)m;
	if (ss->json)
		session_json(ss, m);
	else
		view_sync(&ss->out, &ss->style, r);
	if (r->errors == 0)
		return 0;
	str_addf(&ss->error, "VPP refused %u call%s: see the daemon's log", r->errors,
		 r->errors == 1 ? "" : "s");
	return -1;
}

/* ---- config */

static void add_error(struct session *ss, const char *text)
{
	if (*text)
		str_addf(&ss->error, "%s%s", ss->error.len ? "\n" : "", text);
}

static int config_done(struct session *ss, bool ok, const char *what)
{
	if (ok && !ss->json)
		str_addf(&ss->out, "config %s\n", what);
	if (!ok && !ss->error.len)
		str_add(&ss->error, "the daemon gives no reason");
	return ok ? 0 : -1;
}

int cmd_config_check(struct session *ss, const struct command *c _unused_)
{
	Maglev__CheckConfigRequest request = MAGLEV__CHECK_CONFIG_REQUEST__INIT;
	ANSWER m = session_call(ss, "/maglev.Maglev/CheckConfig", &request.base,
				&maglev__check_config_response__descriptor);

	if (!m)
		return -1;
	const Maglev__CheckConfigResponse *r = (const Maglev__CheckConfigResponse *)m;
	if (ss->json)
		session_json(ss, m);
	else
		view_warnings(&ss->out, &ss->style, r->warnings, r->n_warnings);
	if (!r->ok) {
		add_error(ss, r->parse_error);
		add_error(ss, r->semantic_error);
	}
	return config_done(ss, r->ok, "ok");
}

int cmd_config_reload(struct session *ss, const struct command *c _unused_)
{
	Maglev__ReloadConfigRequest request = MAGLEV__RELOAD_CONFIG_REQUEST__INIT;
	ANSWER m = session_call(ss, "/maglev.Maglev/ReloadConfig", &request.base,
				&maglev__reload_config_response__descriptor);

	if (!m)
		return -1;
	const Maglev__ReloadConfigResponse *r = (const Maglev__ReloadConfigResponse *)m;
	if (ss->json)
		session_json(ss, m);
	else
		view_warnings(&ss->out, &ss->style, r->warnings, r->n_warnings);
	if (!r->ok) {
		add_error(ss, r->parse_error);
		add_error(ss, r->semantic_error);
		add_error(ss, r->reload_error);
	}
	return config_done(ss, r->ok, "reloaded");
}

/* ---- help */

#define HELP_COLUMN 44 /* where the explanations start */

static void help_row(void *ctx, const char *syntax, const char *help)
{
	struct session *ss = ctx;
	size_t width = text_width(syntax);

	tint_begin(&ss->out, &ss->style, TINT_LABEL);
	str_add(&ss->out, syntax);
	tint_end(&ss->out, &ss->style, TINT_LABEL);
	if (width + 2 > HELP_COLUMN) {
		str_add_c(&ss->out, '\n');
		width = 0;
	}
	str_addf(&ss->out, "%*s%s\n", (int)(HELP_COLUMN - width), "", help);
}

int cmd_help(struct session *ss, const struct command *c _unused_)
{
	tree_list(tree_root, help_row, ss);
	return 0;
}

/* ---- leaving */

int cmd_quit(struct session *ss, const struct command *c _unused_)
{
	ss->quit = true;
	return 0;
}
