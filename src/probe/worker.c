/* SPDX-License-Identifier: Apache-2.0 */
/* A probe thread: when each target's probe starts, what ends it, and how the results leave.
 *
 * Nothing here is O(targets) but a move to another namespace and the end. A start costs a heap move
 * and the kind's system calls; a verdict costs another heap move and a slot among the results,
 * which go to the owner as one message: when the turn ends, or, if nothing can follow from any of
 * them, a few milliseconds later. */
#include <assert.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/model.h"
#include "probe/internal.h"
#include "probe/regexp.h"

/* How long a result that repeats what is known may wait for others. The owner's thread is woken a
 * hundred times a second then, not five thousand, which is much of what an http probe costs. */
#define RESULTS_WAIT (10 * NS_PER_MS)

/* While the owner takes no results: how long a due probe waits before it asks again. */
#define BACKLOG_WAIT (100 * NS_PER_MS)

/* ---- results */

static void results_post(struct worker *w)
{
	struct result_batch *b;

	w->urgent = false;
	if (w->n_results == 0)
		return;
	timer_cancel(w->loop, &w->results_timer);
	b = xmalloc(sizeof *b + w->n_results * sizeof b->r[0]);
	b->n = w->n_results;
	memcpy(b->r, w->results, w->n_results * sizeof b->r[0]);
	w->n_results = 0;
	atomic_fetch_add_explicit(&w->engine->backlog, b->n, memory_order_relaxed);
	mailbox_post(w->engine->results, &b->mail);
}

static void results_timer(void *ctx, struct timer *timer _unused_)
{
	results_post(ctx);
}

/* Results that may change something leave with this turn. The others wait for company as long as it
 * is to be expected: with nothing else due so soon, they would only be woken for on their own. */
static void turn_end(void *ctx)
{
	struct worker *w = ctx;
	mono_ns limit = loop_now(w->loop) + RESULTS_WAIT;

	w->starts = 0;
	if (w->urgent || loop_next_timer(w->loop) > limit)
		results_post(w);
	else if (w->n_results && !timer_armed(&w->results_timer))
		timer_set(w->loop, &w->results_timer, limit, results_timer, w);
}

static struct probe_result *result_add(struct target *t)
{
	struct worker *w = t->w;
	struct probe_result *r;

	if (w->n_results == WORKER_BATCH)
		results_post(w);
	r = &w->results[w->n_results++];
	/* not the whole detail: what follows its NUL need not be cleared */
	memset(r, 0, offsetof(struct probe_result, detail) + 1);
	r->id = t->id;
	r->generation = t->generation;
	r->started = t->started;
	r->lateness = t->lateness;
	r->duration = 0;
	r->at = 0;
	r->cert_not_after = 0;
	loop_defer_set(w->loop, &w->turn_end, turn_end, w);
	return r;
}

/* ---- the clockwork */

static void target_timer(void *ctx, struct timer *timer);

static void target_due(struct target *t, mono_ns at)
{
	t->due = at;
	timer_set(t->w->loop, &t->timer, at, target_timer, t);
}

/* Starts keep to a grid, so that those that fall on one point of it share a wake-up, and their
 * events share others: that is what tells HAProxy's price of a probe from a naive loop's. Of the
 * interval it is 1 % at the most, and never over 4 ms, which at 10,000 probes a second is 40 in a
 * row, and so well under a millisecond of delay for the last of them. */
static dur_ns grid(dur_ns interval)
{
	return MIN(interval / 100 / NS_PER_MS, 4) * NS_PER_MS;
}

static mono_ns on_grid(mono_ns at, dur_ns interval)
{
	dur_ns step = grid(interval);

	return step ? (at + step - 1) / step * step : at;
}

static mono_ns next_start(struct target *t)
{
	const struct healthcheck *c = t->check;
	enum pace pace = t->inconclusive ? PACE_FAST : t->pace;
	mono_ns now = loop_now(t->w->loop);
	struct cadence_intervals iv;

	if (!c)
		return MAX(t->started + PROBE_STATIC_INTERVAL, now);
	iv = (struct cadence_intervals){ .of = { [PACE_FAST] = c->fast_interval,
						 [PACE_NORMAL] = c->interval,
						 [PACE_DOWN] = c->down_interval } };
	return on_grid(cadence_next(&iv, pace, t->started, now, rng_u64(&t->w->rng)), iv.of[pace]);
}

/* A pass of what is up for good, or a failure of what is down: nothing follows from it. */
static bool repeats(const struct target *t, enum outcome outcome)
{
	return (t->pace == PACE_NORMAL && outcome == OUTCOME_PASS) ||
	       (t->pace == PACE_DOWN && outcome == OUTCOME_FAIL);
}

static void probe_vconclude(struct target *t, enum code code, const char *fmt, va_list ap)
{
	enum outcome outcome = code_outcome(code);
	mono_ns now = loop_now_fresh(t->w->loop);
	struct probe_result *r;

	assert(t->in_flight);
	t->in_flight = false;
	t->inconclusive = outcome == OUTCOME_INCONCLUSIVE;
	r = result_add(t);
	if (!repeats(t, outcome))
		t->w->urgent = true;
	r->code = code;
	result_vdetail(r->detail, fmt, ap);
	r->duration = now - t->started;
	r->at = loop_wall();
	r->cert_not_after = t->cert_not_after;
	target_due(t, next_start(t));
}

void probe_conclude(struct target *t, enum code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	probe_vconclude(t, code, fmt, ap);
	va_end(ap);
}

void probe_report(struct target *t, int status, const struct http_field *f)
{
	struct worker *w = t->w;
	struct probe_result *r;

	assert(w->n_results > 0 && !t->in_flight);
	r = &w->results[w->n_results - 1];
	assert(r->id == t->id);
	r->status = (uint16_t)status;
	if (f->len > 0)
		result_field(r, f->value, f->len);
}

void probe_conclude_errno(struct target *t, enum code otherwise, const char *what, int errno_value)
{
	char text[RESULT_ERRNO_LEN];

	probe_conclude(t, result_errno_is_local(errno_value) ? CODE_LOCAL : otherwise, "%s: %s",
		       what, result_errno(errno_value, text));
}

dur_ns probe_late_limit(dur_ns timeout)
{
	return MAX(10 * NS_PER_MS, timeout / 10);
}

bool probe_is_late(const struct target *t)
{
	return loop_now_fresh(t->w->loop) > t->deadline + probe_late_limit(t->check->timeout);
}

static void target_start(struct target *t)
{
	struct worker *w = t->w;

	t->started = loop_now_fresh(w->loop);
	t->lateness = MAX(t->started - t->due, 0);
	t->in_flight = t->started_once = true;
	t->cert_not_after = 0;
	if (w->trace)
		result_add(t)->started_only = true;
	if (w->netns.broken && !t->kind->local) {
		probe_conclude(t, CODE_LOCAL, "%s", w->netns.why.msg);
		return;
	}
	if (t->check) {
		t->deadline = t->started + t->check->timeout;
		timer_set(w->loop, &t->timer, t->deadline, target_timer, t);
	}
	t->kind->start(t);
}

/* A deadline. Late by our own fault, it denies nothing: the answer may have stood in a queue of
 * ours, or been dropped from one. */
static void target_expire(struct target *t)
{
	dur_ns late = loop_now(t->w->loop) - t->deadline;
	struct probe_overdue o = t->kind->expire(t);
	char text[DUR_STRLEN];

	if (!t->in_flight)
		return;
	if (late > probe_late_limit(t->check->timeout))
		/* without a figure (the duration has it): warnings are limited by this text */
		probe_conclude(t, CODE_LOCAL, "%s, but our own deadline timer ran late", o.what);
	else
		probe_conclude(t, o.code, "%s within %s", o.what,
			       dur_format(t->check->timeout, text));
	t->kind->abandon(t);
}

static void target_timer(void *ctx, struct timer *timer)
{
	struct target *t = ctx;
	struct worker *w = t->w;
	size_t backlog = atomic_load_explicit(&w->engine->backlog, memory_order_relaxed);

	if (t->in_flight) {
		target_expire(t);
	} else if (backlog > ENGINE_BACKLOG_MAX) {
		timer_set(w->loop, timer, loop_now(w->loop) + BACKLOG_WAIT, target_timer, t);
	} else if (w->starts >= WORKER_STARTS_PER_TURN) {
		timer_set(w->loop, timer, loop_now(w->loop), target_timer, t); /* next turn */
	} else {
		w->starts++;
		loop_defer_set(w->loop, &w->turn_end, turn_end, w);
		target_start(t);
	}
}

/* ---- targets */

static const struct probe_kind *kind_of(const struct healthcheck *c)
{
	static const struct probe_kind *const kinds[HC_TYPE_N] = {
		[HC_ICMP] = &probe_kind_icmp,
		[HC_TCP] = &probe_kind_tcp,
		[HC_HTTP] = &probe_kind_http,
		[HC_HTTPS] = &probe_kind_http,
	};

	return c ? kinds[c->type] : &probe_kind_static;
}

static struct target *target_find(struct worker *w, uint32_t id)
{
	return map_get(&w->targets, &id, sizeof id);
}

static void target_free(struct target *t)
{
	timer_cancel(t->w->loop, &t->timer);
	t->kind->abandon(t);
	if (t->kind->cleanup)
		t->kind->cleanup(t);
	map_del(&t->w->targets, &t->id, sizeof t->id);
	list_remove(&t->node);
	healthcheck_unref(t->check);
	free(t);
}

static void target_put(struct worker *w, struct msg *m)
{
	struct target *t = target_find(w, m->id);

	if (t)
		target_free(t);
	t = XNEW(struct target);
	t->w = w;
	t->id = m->id;
	t->generation = m->generation;
	t->addr = m->addr;
	t->check = m->check;
	m->check = NULL;
	t->kind = kind_of(t->check);
	t->pace = m->pace;
	map_put(&w->targets, &t->id, sizeof t->id, t);
	list_add_tail(&w->all, &t->node);
	if (t->kind->setup)
		t->kind->setup(t);
	target_due(t, MAX(on_grid(m->first_start, NS_PER_S), loop_now(w->loop)));
}

static void target_pace(struct worker *w, const struct msg *m)
{
	struct target *t = target_find(w, m->id);

	if (!t || t->generation != m->generation || t->pace == m->pace)
		return;
	t->pace = m->pace;
	if (!t->in_flight && t->started_once && !t->inconclusive)
		target_due(t, next_start(t));
}

/* ---- the namespace */

static void netns_look(void *ctx, struct timer *timer);

/* Everything under way stops and starts over, so that nothing of the old place is left. */
static void sockets_close(struct worker *w)
{
	list_foreach (&w->all, n) {
		struct target *t = CONTAINER_OF(n, struct target, node);

		t->kind->abandon(t);
		if (!t->in_flight)
			continue;
		t->in_flight = false;
		target_due(t, loop_now(w->loop));
	}
	icmp_socket_close(&w->icmp[0]);
	icmp_socket_close(&w->icmp[1]);
}

static void netns_move(struct worker *w)
{
	struct netns *ns = &w->netns;

	sockets_close(w);
	netns_enter(ns, w->engine->own_ns);
	netns_read_ports(ns);
	if (ns->name || ns->broken)
		timer_set(w->loop, &ns->timer, loop_now(w->loop) + NETNS_LOOK_INTERVAL, netns_look,
			  w);
	else
		timer_cancel(w->loop, &ns->timer);
}

static void netns_look(void *ctx, struct timer *timer)
{
	struct worker *w = ctx;

	if (w->netns.broken || netns_stale(&w->netns))
		netns_move(w);
	else
		timer_set(w->loop, timer, loop_now(w->loop) + NETNS_LOOK_INTERVAL, netns_look, w);
}

static void netns_set(struct worker *w, struct msg *m)
{
	free(w->netns.name);
	w->netns.name = m->netns;
	m->netns = NULL;
	netns_move(w);
}

/* ---- the thread */

void msg_free(struct msg *m)
{
	if (!m)
		return;
	healthcheck_unref(m->check);
	free(m->netns);
	free(m);
}

static void worker_message(void *ctx, struct mail *mail)
{
	struct worker *w = ctx;
	struct msg *m = CONTAINER_OF(mail, struct msg, mail);
	struct target *t;

	switch (m->kind) {
	case MSG_PUT:
		target_put(w, m);
		break;
	case MSG_REMOVE:
		t = target_find(w, m->id);
		if (t)
			target_free(t);
		break;
	case MSG_PACE:
		target_pace(w, m);
		break;
	case MSG_TRACE:
		w->trace = m->trace;
		break;
	case MSG_NETNS:
		netns_set(w, m);
		break;
	case MSG_STOP:
		loop_stop(w->loop, 0);
		break;
	}
	msg_free(m);
}

void *worker_main(void *worker)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT };
	struct worker *w = worker;
	sigset_t all;

	/* Signals are the main thread's; SIGPIPE, which only this thread's own writes could raise,
	 * stays blocked with the others. Not so those of a crash: blocked, they would pass by
	 * whatever the program does in its last moment. */
	sigfillset(&all);
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
		sigdelset(&all, crashes[i]);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_setname_np(pthread_self(), "probe");
	(void)caps_raise(CAP_NET_RAW);
	(void)caps_raise(CAP_SYS_ADMIN);
	netns_move(w);
	(void)loop_run(w->loop);
	list_foreach (&w->all, n)
		target_free(CONTAINER_OF(n, struct target, node));
	icmp_socket_close(&w->icmp[0]);
	icmp_socket_close(&w->icmp[1]);
	return NULL;
}

void worker_init(struct worker *w, struct probe_engine *e, const char *netns)
{
	w->engine = e;
	w->loop = loop_new();
	w->mailbox = mailbox_new(w->loop, worker_message, w);
	w->matcher = http_matcher_new();
	w->netns.name = netns ? xstrdup(netns) : NULL;
	list_init(&w->all);
	rng_init_os(&w->rng);
}

static void message_drop(void *ctx, struct mail *mail)
{
	(void)ctx;
	msg_free(CONTAINER_OF(mail, struct msg, mail));
}

void worker_done(struct worker *w)
{
	mailbox_free(w->mailbox, message_drop, NULL);
	map_done(&w->targets);
	map_done(&w->regexps);
	http_matcher_free(w->matcher);
	free(w->netns.name);
	loop_free(w->loop);
}
