/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_admin.c - what operators do to backends, weights and the configuration. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
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

/* A call that waits for the loader. Whoever goes away meanwhile stops nothing: a reload goes on. */
struct waiting {
	struct ask ask;
	bool gone;
};

static void on_cancel(void *ctx, struct rpc_call *call)
{
	struct waiting *w = ctx;

	ask_fail(&w->ask, RPC_CANCELLED, "the caller went away before the file was read");
	w->gone = true;
}

static void reply_check(const struct ask *a, const struct loaded *l, char *semantic)
{
	Maglev__CheckConfigResponse m;
	maglev__check_config_response__init(&m);

	m.ok = l->class == CONFIG_OK;
	m.parse_error = pb_str(l->report.parse_error);
	m.semantic_error = semantic;
	m.n_warnings = l->report.n_warnings;
	m.warnings = l->report.warnings;
	ask_reply(a, &m.base);
}

static void reply_reload(const struct ask *a, const struct loaded *l, char *semantic)
{
	Maglev__ReloadConfigResponse m;
	maglev__reload_config_response__init(&m);

	m.ok = l->class == CONFIG_OK;
	m.parse_error = pb_str(l->report.parse_error);
	m.semantic_error = semantic;
	m.n_warnings = l->report.n_warnings;
	m.warnings = l->report.warnings;
	ask_reply(a, &m.base);
}

/* End the wait: with NULL, the daemon is ending. */
static void answer(struct waiting *w, const struct loaded *l,
		   void (*reply)(const struct ask *a, const struct loaded *l, char *semantic))
{
	if (!w->gone && !l) {
		ask_fail(&w->ask, RPC_UNAVAILABLE, "shutting down");
	} else if (!w->gone) {
		char *semantic = config_report_semantic(&l->report);

		reply(&w->ask, l, semantic);
		free(semantic);
	}
	free(w);
}

static void on_checked(void *ctx, struct loaded *l)
{
	answer(ctx, l, reply_check);
}

static void on_reloaded(void *ctx, struct loaded *l)
{
	answer(ctx, l, reply_reload);
}

static void wait_for(const struct ask *a, loader_fn *done,
		     int (*start)(struct daemon *d, loader_fn *done, void *ctx, struct err *e))
{
	struct waiting *w = XNEW(struct waiting);
	struct err e;

	w->ask = *a;
	if (start(a->s->daemon, done, w, &e) < 0) {
		ask_fail(a, RPC_RESOURCE_EXHAUSTED, "%s", e.msg);
		free(w);
		return;
	}
	rpc_call_on_cancel(a->call, on_cancel, w);
}

void ask_check_config(const struct ask *a)
{
	wait_for(a, on_checked, daemon_check);
}

void ask_reload_config(const struct ask *a)
{
	wait_for(a, on_reloaded, daemon_reload);
}
