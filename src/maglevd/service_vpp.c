/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_vpp.c - the methods about VPP; two of them wait for it.
 *
 * A call that waits is a struct pending. It ends in one of three ways, whichever comes first: VPP's
 * answer, the caller's deadline (or VPP_WAIT_MAX), or the caller going away. Ending it unhooks the
 * other two. The loop never waits. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "maglevd/service_internal.h"

#define VPP_WAIT_MAX (5 * NS_PER_S)

struct pending {
	struct ask ask;
	struct timer timer;
	struct list node;
};

static void pending_free(struct pending *p)
{
	timer_cancel(p->ask.s->daemon->loop, &p->timer);
	list_remove(&p->node);
	free(p);
}

static void pending_abandon(struct pending *p, enum rpc_status status, const char *why)
{
	lbsync_abandon(p->ask.s->daemon->lbsync, p);
	ask_fail(&p->ask, status, "%s", why);
	pending_free(p);
}

static void on_timeout(void *ctx, struct timer *t)
{
	pending_abandon(ctx, RPC_DEADLINE_EXCEEDED, "VPP did not answer in time");
}

static void on_cancel(void *ctx, struct rpc_call *call)
{
	pending_abandon(ctx, RPC_CANCELLED, "the caller went away");
}

static struct pending *pending_new(const struct ask *a)
{
	struct pending *p = XNEW(struct pending);
	struct loop *loop = a->s->daemon->loop;
	mono_ns limit = loop_now(loop) + VPP_WAIT_MAX;

	p->ask = *a;
	list_add_tail(&a->s->pending, &p->node);
	timer_set(loop, &p->timer, MIN(limit, rpc_call_deadline(a->call)), on_timeout, p);
	rpc_call_on_cancel(a->call, on_cancel, p);
	return p;
}

/* VPP is needed: end the call when it is not there. */
static struct lbsync *need_vpp(const struct ask *a)
{
	struct lbsync *s = a->s->daemon->lbsync;

	if (!s)
		ask_fail(a, RPC_UNAVAILABLE, "VPP is switched off (--vpp-api-addr is empty)");
	else if (!lbsync_connected(s))
		ask_fail(a, RPC_UNAVAILABLE, "VPP is not connected: %s", lbsync_why_down(s));
	else
		return s;
	return NULL;
}

static void refuse(struct pending *p, int r, const struct err *e)
{
	ask_fail(&p->ask, r == -EAGAIN ? RPC_FAILED_PRECONDITION : RPC_UNAVAILABLE, "%s", e->msg);
	pending_free(p);
}

static void lost_vpp(struct pending *p)
{
	ask_fail(&p->ask, RPC_UNAVAILABLE, "VPP went away: %s",
		 lbsync_why_down(p->ask.s->daemon->lbsync));
	pending_free(p);
}

/* ---- what is known without asking */

void ask_vpp_info(const struct ask *a)
{
	Maglev__VPPInfo m = MAGLEV__VPPINFO__INIT;
	struct lbsync *s = need_vpp(a);
	struct lbsync_vpp v;

	if (!s)
		return;
	(void)lbsync_vpp_info(s, &v); /* it is connected */
	m.version = pb_str(v.version);
	m.build_date = pb_str(v.build_date);
	m.build_directory = pb_str(v.build_directory);
	m.pid = v.pid;
	m.boottime_ns = v.booted_at;
	m.connecttime_ns = v.connected_at;
	ask_reply(a, &m.base);
}

void ask_vpp_counters(const struct ask *a)
{
	struct lbsync *s = need_vpp(a);
	const struct lbcounters_vip *v;
	struct arena mem = { 0 };
	struct err e;
	wall_ns at;
	size_t n;

	if (!s)
		return;
	if (lbcounters_read(lbsync_counters(s), &v, &n, &at, &e) < 0) {
		ask_fail(a, RPC_UNAVAILABLE, "no counters: %s", e.msg);
		return;
	}
	ask_reply(a, &info_vpp_counters(&mem, a->s->daemon->fleet, v, n, at)->base);
	arena_done(&mem);
}

/* ---- state */

static void state_done(void *ctx, int status, const struct plan_state *st,
		       const struct vpp_lb_conf *conf)
{
	struct pending *p = ctx;
	struct arena mem = { 0 };

	if (status < 0) {
		lost_vpp(p);
		return;
	}
	ask_reply(&p->ask, &info_vpp_state(&mem, p->ask.s->daemon->fleet, st, conf)->base);
	arena_done(&mem);
	pending_free(p);
}

void ask_vpp_state(const struct ask *a)
{
	struct lbsync *s = need_vpp(a);
	struct pending *p;
	struct err e;
	int r;

	if (!s)
		return;
	p = pending_new(a);
	r = lbsync_read(s, state_done, p, &e);
	if (r < 0)
		refuse(p, r, &e);
}

/* ---- sync */

static const char *sync_frontend(const struct ask *a)
{
	return ((const Maglev__SyncVPPLBStateRequest *)a->req)->frontend_name;
}

static void lost_frontend(struct pending *p)
{
	ask_fail(&p->ask, RPC_NOT_FOUND, "frontend \"%s\" was removed", sync_frontend(&p->ask));
	pending_free(p);
}

static void sync_done(void *ctx, int status, const struct lbsync_counts *c)
{
	struct pending *p = ctx;
	Maglev__SyncVPPLBStateResponse m;
	maglev__sync_vpplbstate_response__init(&m);

	if (status == -ENOENT) {
		lost_frontend(p);
		return;
	}
	if (status < 0) {
		lost_vpp(p);
		return;
	}
	m.vip_added = c->n[LBSYNC_VIP_ADDED];
	m.vip_removed = c->n[LBSYNC_VIP_REMOVED];
	m.as_added = c->n[LBSYNC_AS_ADDED];
	m.as_removed = c->n[LBSYNC_AS_REMOVED];
	m.as_weight_updated = c->n[LBSYNC_AS_WEIGHT_UPDATED];
	m.errors = c->n[LBSYNC_ERROR];
	ask_reply(&p->ask, &m.base);
	pending_free(p);
}

void ask_vpp_sync(const struct ask *a)
{
	const char *name = sync_frontend(a);
	struct lbsync *s = need_vpp(a);
	struct frontend *fe = NULL;
	struct pending *p;
	struct err e;
	int r;

	if (!s)
		return;
	if (*name) {
		fe = ask_frontend(a, name);
		if (!fe)
			return;
	}
	p = pending_new(a);
	r = lbsync_request(s, fe ? &fe->sync : NULL, sync_done, p, &e);
	if (r < 0)
		refuse(p, r, &e);
}
