/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_admin.c - what operators do to backends, weights and the configuration. */
#include <errno.h>
#include <stdlib.h>

#include "maglevd/service_internal.h"

static void act(const struct ask *a, enum health_action action)
{
	struct daemon *d = a->s->daemon;
	struct backend *b = ask_backend(a, ((const Maglev__BackendRequest *)a->req)->name);
	struct arena mem = { 0 };
	struct err e;

	if (!b)
		return;
	if (fleet_act(d->fleet, b, action, loop_now(d->loop), &e) < 0) {
		ask_fail(a, RPC_FAILED_PRECONDITION, "%s", e.msg);
		return;
	}
	ask_reply(a, &info_backend(&mem, b)->base);
	arena_done(&mem);
}

void ask_pause(const struct ask *a)
{
	act(a, ACTION_PAUSE);
}

void ask_resume(const struct ask *a)
{
	act(a, ACTION_RESUME);
}

void ask_enable(const struct ask *a)
{
	act(a, ACTION_ENABLE);
}

void ask_disable(const struct ask *a)
{
	act(a, ACTION_DISABLE);
}

void ask_set_weight(const struct ask *a)
{
	const Maglev__SetWeightRequest *req = (const Maglev__SetWeightRequest *)a->req;
	struct frontend *fe = ask_frontend(a, req->frontend);
	struct arena mem = { 0 };
	struct err e;
	int r;

	if (!fe)
		return;
	if (!*req->pool || !*req->backend) {
		ask_fail(a, RPC_INVALID_ARGUMENT, "the names of a pool and a backend are needed");
		return;
	}
	r = fleet_set_weight(a->s->daemon->fleet, fe, req->pool, req->backend, req->weight,
			     req->flush, &e);
	if (r < 0) {
		ask_fail(a, r == -ENOENT ? RPC_NOT_FOUND : RPC_INVALID_ARGUMENT, "%s", e.msg);
		return;
	}
	ask_reply(a, &info_frontend(&mem, fe, frontend_released(a->s, fe))->base);
	arena_done(&mem);
}

/* ---- the configuration: a bad file is an answer, not a failed call */

void ask_check_config(const struct ask *a)
{
	Maglev__CheckConfigResponse m;
	maglev__check_config_response__init(&m);
	struct config_report rep = { 0 };
	struct config *c = NULL;
	char *semantic;

	m.ok = daemon_check(a->s->daemon->options, &c, &rep) == CONFIG_OK;
	semantic = config_report_semantic(&rep);
	m.parse_error = pb_str(rep.parse_error);
	m.semantic_error = pb_str(semantic);
	m.n_warnings = rep.n_warnings;
	m.warnings = rep.warnings;
	ask_reply(a, &m.base);
	free(semantic);
	config_report_done(&rep);
	config_free(c);
}

void ask_reload_config(const struct ask *a)
{
	Maglev__ReloadConfigResponse m;
	maglev__reload_config_response__init(&m);
	struct config_report rep = { 0 };
	char *semantic;

	m.ok = daemon_reload(a->s->daemon, &rep) == CONFIG_OK;
	semantic = config_report_semantic(&rep);
	m.parse_error = pb_str(rep.parse_error);
	m.semantic_error = pb_str(semantic);
	m.n_warnings = rep.n_warnings;
	m.warnings = rep.warnings;
	ask_reply(a, &m.base);
	free(semantic);
	config_report_done(&rep);
}
