/* SPDX-License-Identifier: Apache-2.0 */
/* When a maglevd is asked for what.
 *
 *   connected ──> health ──ok──> refresh: version, lists; VPP's info ──> its LB state, counters
 *   every 250 ms   the heartbeat is sent, and what is due is asked for
 *   every 5 s      health; counters while there is a VPP
 *   every 30 s     refresh
 *   when the feed wants it: a refresh, some frontends, VPP's info, VPP's LB state
 *
 * No question is asked twice at a time; one that is wanted again while it is under way is asked
 * again when it is answered, so that a storm of events costs what the maglevd can bear. */
#include "dashboard/upstream.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "health.pb-c.h"

#define TICK             (250 * NS_PER_MS)
#define HEALTH_EVERY     (5 * NS_PER_S)
#define HEALTH_TIMEOUT   (4 * NS_PER_S)
#define COUNTERS_EVERY   (5 * NS_PER_S)
#define REFRESH_EVERY    (30 * NS_PER_S)
#define REFRESH_AGAIN    (5 * NS_PER_S)    /* after one that failed */
#define REFRESH_PAUSE    (250 * NS_PER_MS) /* between two, whatever happens */
#define LB_PAUSE         NS_PER_S
#define CALL_TIMEOUT     (10 * NS_PER_S)
#define FRONTENDS_FLYING 8  /* single frontends asked for at a time */
#define FRONTENDS_SINGLY 50 /* more: the whole list is cheaper */
#define SERVING          GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING

/* A question that is asked once at a time. */
struct question {
	bool busy;
	bool again; /* wanted meanwhile */
	mono_ns asked;
	mono_ns due; /* by the clock; INT64_MAX: not */
};

struct upstream {
	struct upstream_opts o;
	struct rpc_async *rpc;
	struct store store;
	struct feed feed;
	struct timer tick;
	struct loop_defer look; /* at what the feed wants */
	struct question health, refresh, vpp, lb, counters;
	int refresh_left; /* answers of the refresh under way */
	bool refresh_failed;
	int frontends_flying;
};

static void ask_refresh(struct upstream *u);
static void ask_frontends(struct upstream *u);

static struct feed_now now(void)
{
	return (struct feed_now){ .mono = loop_clock(), .wall = loop_wall() };
}

static void look(void *ctx);

/* After anything was fed. */
static void fed(struct upstream *u)
{
	u->o.news(u->o.ctx);
	loop_defer_set(u->o.loop, &u->look, look, u);
}

/* ---- asking */

/* May it be asked now? Then it is. */
static bool begin(struct question *q, dur_ns pause)
{
	mono_ns t = loop_clock();

	if (q->busy || (q->asked && t < q->asked + pause)) {
		q->again = true;
		return false;
	}
	q->busy = true;
	q->again = false;
	q->asked = t;
	q->due = INT64_MAX;
	return true;
}

static void ask(struct upstream *u, const char *method, const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *response, rpc_async_done_fn *done)
{
	const struct rpc_async_request r = {
		.path = method,
		.request = request,
		.response = response,
		.timeout = CALL_TIMEOUT,
		.done = done,
		.ctx = u,
	};

	(void)rpc_async_call(u->rpc, &r);
}

/* ---- health */

static void set_status(struct upstream *u, bool connected, const char *why)
{
	const struct store *s = &u->store;

	if (connected == s->connected && strcmp(why, s->last_error) == 0)
		return;
	log_at(connected ? LVL_INFO : LVL_WARN,
	       connected ? "maglevd-connect" : "maglevd-disconnect", L_STR("maglevd", s->name),
	       L_STR("address", s->address), L_STR("reason", why));
	feed_status(&u->feed, now(), connected, why);
}

static void on_health(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		      const char *text)
{
	struct upstream *u = ctx;
	const Grpc__Health__V1__HealthCheckResponse *m = (const void *)answer;

	u->health.busy = false;
	if (!rpc_async_connected(u->rpc))
		return; /* on_state has told why */
	if (status != RPC_OK && status != RPC_UNIMPLEMENTED)
		set_status(u, false, text);
	else if (status == RPC_OK && m->status != SERVING)
		set_status(u, false, "maglevd starts or stops: not serving");
	else /* unimplemented: it answers, does it not */
		set_status(u, true, "");
	fed(u);
}

static void ask_health(struct upstream *u)
{
	Grpc__Health__V1__HealthCheckRequest m = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	const struct rpc_async_request r = {
		.path = "/grpc.health.v1.Health/Check",
		.request = &m.base,
		.response = &grpc__health__v1__health_check_response__descriptor,
		.timeout = HEALTH_TIMEOUT,
		.done = on_health,
		.ctx = u,
	};

	if (!begin(&u->health, 0))
		return;
	u->health.due = loop_clock() + HEALTH_EVERY;
	(void)rpc_async_call(u->rpc, &r);
}

/* ---- VPP */

static void on_vpp(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		   const char *text)
{
	struct upstream *u = ctx;

	u->vpp.busy = false;
	if (status == RPC_OK || (rpc_async_connected(u->rpc) && status != RPC_DEADLINE_EXCEEDED))
		feed_vpp(&u->feed, now(), (const void *)(status == RPC_OK ? answer : NULL), text);
	fed(u);
}

static void ask_vpp(struct upstream *u)
{
	Maglev__GetVPPInfoRequest m = MAGLEV__GET_VPPINFO_REQUEST__INIT;

	if (begin(&u->vpp, 0))
		ask(u, "/maglev.Maglev/GetVPPInfo", &m.base, &maglev__vppinfo__descriptor, on_vpp);
}

static void on_lb(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		  const char *text _unused_)
{
	struct upstream *u = ctx;

	u->lb.busy = false;
	if (status == RPC_OK && u->store.vpp)
		feed_lb(&u->feed, now(), (const void *)answer);
	else if (status != RPC_OK && u->store.vpp)
		ask_vpp(u); /* which tells what is wrong */
	fed(u);
}

static void ask_lb(struct upstream *u)
{
	Maglev__GetVPPLBStateRequest m = MAGLEV__GET_VPPLBSTATE_REQUEST__INIT;

	if (u->store.vpp && begin(&u->lb, LB_PAUSE))
		ask(u, "/maglev.Maglev/GetVPPLBState", &m.base, &maglev__vpplbstate__descriptor,
		    on_lb);
}

static void on_counters(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			const char *text _unused_)
{
	struct upstream *u = ctx;

	u->counters.busy = false;
	if (status == RPC_OK && u->store.vpp)
		feed_counters(&u->feed, now(), (const void *)answer);
	fed(u);
}

static void ask_counters(struct upstream *u)
{
	Maglev__GetVPPLBCountersRequest m = MAGLEV__GET_VPPLBCOUNTERS_REQUEST__INIT;

	if (!u->store.vpp || !begin(&u->counters, 0))
		return;
	u->counters.due = loop_clock() + COUNTERS_EVERY;
	ask(u, "/maglev.Maglev/GetVPPLBCounters", &m.base, &maglev__vpplbcounters__descriptor,
	    on_counters);
}

/* ---- the lists */

/* One answer of the refresh less to come. */
static void refresh_answered(struct upstream *u, enum rpc_status status)
{
	u->refresh_failed = u->refresh_failed || status != RPC_OK;
	if (--u->refresh_left == 0) {
		u->refresh.busy = false;
		u->refresh.due = loop_clock() + (u->refresh_failed ? REFRESH_AGAIN : REFRESH_EVERY);
		if (!u->refresh_failed)
			feed_refreshed(&u->feed, now());
	}
	fed(u);
}

static void on_version(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		       const char *text _unused_)
{
	struct upstream *u = ctx;

	if (status == RPC_OK)
		feed_version(&u->feed, (const void *)answer);
	refresh_answered(u, status);
}

static void on_frontends(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			 const char *text _unused_)
{
	struct upstream *u = ctx;

	if (status == RPC_OK)
		feed_frontends(&u->feed, now(), (const void *)answer);
	refresh_answered(u, status);
}

static void on_backends(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			const char *text _unused_)
{
	struct upstream *u = ctx;

	if (status == RPC_OK)
		feed_backends(&u->feed, (const void *)answer);
	refresh_answered(u, status);
}

static void on_healthchecks(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			    const char *text _unused_)
{
	struct upstream *u = ctx;

	if (status == RPC_OK)
		feed_healthchecks(&u->feed, (const void *)answer);
	refresh_answered(u, status);
}

static void ask_lists(struct upstream *u)
{
	Maglev__GetVersionRequest version = MAGLEV__GET_VERSION_REQUEST__INIT;
	Maglev__ListFrontendsRequest frontends = MAGLEV__LIST_FRONTENDS_REQUEST__INIT;
	Maglev__ListBackendsRequest backends = MAGLEV__LIST_BACKENDS_REQUEST__INIT;
	Maglev__ListHealthChecksRequest checks = MAGLEV__LIST_HEALTH_CHECKS_REQUEST__INIT;

	frontends.full = backends.full = checks.full = true;
	u->refresh_left = 4;
	u->refresh_failed = false;
	ask(u, "/maglev.Maglev/GetVersion", &version.base, &maglev__version_info__descriptor,
	    on_version);
	ask(u, "/maglev.Maglev/ListHealthChecks", &checks.base,
	    &maglev__list_health_checks_response__descriptor, on_healthchecks);
	ask(u, "/maglev.Maglev/ListBackends", &backends.base,
	    &maglev__list_backends_response__descriptor, on_backends);
	ask(u, "/maglev.Maglev/ListFrontends", &frontends.base,
	    &maglev__list_frontends_response__descriptor, on_frontends);
}

static void ask_refresh(struct upstream *u)
{
	if (!begin(&u->refresh, REFRESH_PAUSE))
		return;
	feed_asked(&u->feed);
	ask_lists(u);
	ask_vpp(u);
	ask_lb(u);
}

/* ---- single frontends */

static void on_one_frontend(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			    const char *text _unused_)
{
	struct upstream *u = ctx;

	u->frontends_flying--;
	if (status == RPC_OK)
		feed_frontend(&u->feed, now(), (const void *)answer);
	ask_frontends(u);
	fed(u);
}

static void ask_frontends(struct upstream *u)
{
	if (u->feed.n_dirty > FRONTENDS_SINGLY) {
		ask_refresh(u);
		return;
	}
	while (u->frontends_flying < FRONTENDS_FLYING) {
		Maglev__GetFrontendRequest m = MAGLEV__GET_FRONTEND_REQUEST__INIT;
		const char *name = feed_take_dirty(&u->feed);

		if (!name)
			return;
		m.name = (char *)(uintptr_t)name;
		u->frontends_flying++;
		ask(u, "/maglev.Maglev/GetFrontend", &m.base, &maglev__frontend_info__descriptor,
		    on_one_frontend);
	}
}

/* ---- when */

static void look(void *ctx)
{
	struct upstream *u = ctx;
	unsigned wants = u->feed.wants;

	u->feed.wants = 0;
	if (!rpc_async_connected(u->rpc))
		return; /* a new connection brings all of it */
	if (wants & FEED_REFRESH)
		ask_refresh(u);
	if (wants & FEED_FRONTENDS)
		ask_frontends(u);
	if (wants & FEED_VPP)
		ask_vpp(u);
	if (wants & FEED_LB)
		ask_lb(u);
}

/* By the clock, or wanted again and possible now? */
static bool is_due(const struct question *q, dur_ns pause)
{
	mono_ns t = loop_clock();

	return !q->busy && (t >= q->due || (q->again && t >= q->asked + pause));
}

static void on_tick(void *ctx, struct timer *t)
{
	struct upstream *u = ctx;

	timer_set(u->o.loop, t, loop_clock() + TICK, on_tick, u);
	feed_beat(&u->feed, now());
	u->o.news(u->o.ctx);
	if (!rpc_async_connected(u->rpc))
		return;
	if (is_due(&u->health, 0))
		ask_health(u);
	if (!u->store.connected)
		return;
	if (is_due(&u->refresh, REFRESH_PAUSE))
		ask_refresh(u);
	if (is_due(&u->vpp, 0))
		ask_vpp(u);
	if (is_due(&u->lb, LB_PAUSE))
		ask_lb(u);
	if (is_due(&u->counters, 0))
		ask_counters(u);
}

/* ---- the stream, the connection */

static void on_opened(void *ctx)
{
	struct upstream *u = ctx;

	feed_stream_cut(&u->feed);
	u->feed.wants |= FEED_REFRESH; /* what happened before it was told to nobody */
	fed(u);
}

static void on_message(void *ctx, const ProtobufCMessage *m)
{
	struct upstream *u = ctx;

	feed_event(&u->feed, now(), (const void *)m);
	if (u->feed.wants)
		fed(u);
	else
		u->o.news(u->o.ctx);
}

static void on_ended(void *ctx, enum rpc_status status _unused_, const char *text _unused_)
{
	struct upstream *u = ctx;

	feed_stream_cut(&u->feed);
}

static const struct rpc_watch_ops watch_ops = { .opened = on_opened,
						.message = on_message,
						.ended = on_ended };

static void watch(struct upstream *u)
{
	static char debug[] = "debug";
	Maglev__WatchRequest m = MAGLEV__WATCH_REQUEST__INIT;
	struct rpc_watch_request r = {
		.path = "/maglev.Maglev/WatchEvents",
		.request = &m.base,
		.response = &maglev__event__descriptor,
		.ops = &watch_ops,
		.ctx = u,
	};

	m.log = m.backend = m.frontend = true;
	m.log_level = debug;
	(void)rpc_async_watch(u->rpc, &r);
}

static void on_state(void *ctx, bool connected, const char *why)
{
	struct upstream *u = ctx;

	if (!connected) {
		set_status(u, false, why);
		fed(u);
		return;
	}
	u->health.due = 0;
	ask_health(u);
}

struct upstream *upstream_new(const struct upstream_opts *o, struct err *e)
{
	struct upstream *u = XNEW(struct upstream);
	const struct rpc_async_opts ro = {
		.loop = o->loop,
		.server = { .server = o->address,
			    .tls_ca = o->tls_ca,
			    .tls_cert = o->tls_cert,
			    .tls_key = o->tls_key },
		.state = on_state,
		.ctx = u,
	};

	u->o = *o;
	store_init(&u->store, o->name, o->address, loop_wall());
	feed_init(&u->feed, &u->store, o->broker);
	u->refresh.due = u->vpp.due = u->lb.due = INT64_MAX;
	u->rpc = rpc_async_new(&ro, e);
	if (!u->rpc) {
		(void)err_prefix(e, "maglevd %s: ", o->name);
		upstream_free(u);
		return NULL;
	}
	watch(u);
	timer_set(o->loop, &u->tick, loop_clock() + TICK, on_tick, u);
	return u;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	rpc_async_free(u->rpc);
	timer_cancel(u->o.loop, &u->tick);
	loop_defer_cancel(&u->look);
	feed_done(&u->feed);
	store_done(&u->store);
	free(u);
}

const struct store *upstream_store(const struct upstream *u)
{
	return &u->store;
}

/* ---- for administrators */

struct rpc_async_call *upstream_call(struct upstream *u, struct rpc_async_request r)
{
	r.timeout = CALL_TIMEOUT;
	return rpc_async_call(u->rpc, &r);
}

void upstream_backend(struct upstream *u, const Maglev__BackendInfo *m)
{
	feed_backend(&u->feed, m);
	upstream_look(u);
}

void upstream_frontend(struct upstream *u, const Maglev__FrontendInfo *m)
{
	feed_frontend(&u->feed, now(), m);
	upstream_look(u);
}

void upstream_look(struct upstream *u)
{
	u->feed.wants |= FEED_LB;
	fed(u);
}
