/* SPDX-License-Identifier: Apache-2.0 */
/* A probe thread: when each target's probe starts, what ends it, and how the results leave.
 *
 * Nothing here is O(targets) but a move to another namespace and the end. A start costs a deadline
 * timer and the kind's system calls; a verdict costs a place among the starts to come and one among
 * the results, which go to the owner as one message: when the turn ends, or, if nothing can follow
 * from any of them, some milliseconds later. */
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

/* How long a result that repeats what is known may wait for others. The owner's thread is woken
 * fifty times a second then, not five thousand, which is much of what an http probe costs. */
#define RESULTS_WAIT (20 * NS_PER_MS)

/* The grid of starts; see grid(). */
#define GRID_STARTS 10
#define GRID_MIN    (4 * NS_PER_MS)
#define GRID_MAX    (16 * NS_PER_MS)

/* While the owner takes no results: how long a due probe waits before it asks again. */
#define BACKLOG_WAIT (100 * NS_PER_MS)

/* ---- results */

static void results_post(struct worker *w)
{
	struct result_batch *b;

	w->urgent = false;
	if (w->n_results == 0 && !w->pulse)
		return;
	b = xmalloc(sizeof *b + w->n_results * sizeof b->r[0]);
	b->answers = w->pulse ? w : NULL;
	w->pulse = false;
	b->n = w->n_results;
	memcpy(b->r, w->results, w->n_results * sizeof b->r[0]);
	w->n_results = 0;
	atomic_fetch_add_explicit(&w->engine->backlog, b->n, memory_order_relaxed);
	mailbox_post(w->engine->results, &b->mail);
}

/* Results that may change something leave with this turn. The others wait for company, until some
 * turn that comes anyway: a timer of their own would wake two threads for nothing else. */
static void turn_end(void *ctx)
{
	struct worker *w = ctx;

	w->begun = 0;
	if (w->urgent || loop_next_timer(w->loop) > w->results_since + RESULTS_WAIT)
		results_post(w);
}

void worker_touched(struct worker *w)
{
	loop_defer_set(w->loop, &w->turn_end, turn_end, w);
}

static struct probe_result *result_add(struct target *t)
{
	struct worker *w = t->w;
	struct probe_result *r;

	if (w->n_results == WORKER_BATCH)
		results_post(w);
	if (w->n_results == 0)
		w->results_since = loop_now(w->loop);
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
	worker_touched(w);
	return r;
}

/* ---- the clockwork */

/* Starts keep to a grid, so that those that fall on one point of it share a wake-up, and their
 * events share others: that is what tells HAProxy's price of a probe from a naive loop's. A point
 * is to hold some ten starts, but a step is 16 ms at the most, and 1 % of the interval, and where
 * there are so many targets that more fall on a point, 4 ms: at 10,000 probes a second 40 in a row,
 * well under a millisecond of delay for the last of them. Powers of two: the coarser grids lie on
 * the finer ones. */
static dur_ns grid(const struct worker *w, dur_ns interval)
{
	dur_ns ten = w->rate ? NS_PER_S * 1000 * GRID_STARTS / (int64_t)w->rate : GRID_MAX;
	dur_ns most = MIN(MIN(MAX(ten, GRID_MIN), GRID_MAX), interval / 100);
	dur_ns step = GRID_MAX;

	while (step > most)
		step = step > NS_PER_MS ? step / 2 : 0;
	return step;
}

/* The first point of the grid from `at` on. */
static mono_ns on_grid(mono_ns at, dur_ns step)
{
	return step ? (at + step - 1) / step * step : at;
}

/* Starts per 1,000 s of a target while nothing happens. */
static uint64_t rate_of(const struct healthcheck *c)
{
	dur_ns interval = c ? c->interval : PROBE_STATIC_INTERVAL;

	return (uint64_t)(1000 * NS_PER_S / MAX(interval, 1));
}

static mono_ns next_start(struct target *t)
{
	const struct healthcheck *c = t->check;
	enum pace pace = t->inconclusive ? PACE_FAST : t->pace;
	mono_ns at, now = loop_now(t->w->loop);
	struct cadence_intervals iv;
	dur_ns step;

	if (!c)
		return MAX(t->started + PROBE_STATIC_INTERVAL, now);
	iv = (struct cadence_intervals){ .of = { [PACE_FAST] = c->fast_interval,
						 [PACE_NORMAL] = c->interval,
						 [PACE_DOWN] = c->down_interval } };
	step = grid(t->w, iv.of[pace]);
	at = on_grid(cadence_next(&iv, pace, t->started, now, rng_u64(&t->w->rng)), step);
	/* the step up must not lead out of the interval's tenth, which is ten steps or more */
	return at > t->started + iv.of[pace] / 10 * 11 && at - step >= now ? at - step : at;
}

static void target_due(struct target *t, mono_ns at)
{
	t->due = at;
	starts_put(t, at);
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
	timer_cancel(t->w->loop, &t->timer);
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

/* By how much a deadline timer may be late before that is our own trouble. */
static dur_ns late_limit(dur_ns timeout)
{
	return MAX(10 * NS_PER_MS, timeout / 10);
}

bool probe_is_late(const struct target *t)
{
	return loop_now_fresh(t->w->loop) > t->deadline + late_limit(t->check->timeout);
}

/* A deadline. Late by our own fault, it denies nothing: the answer may have stood in a queue of
 * ours, or been dropped from one. */
static void target_expire(void *ctx, struct timer *timer _unused_)
{
	struct target *t = ctx;
	dur_ns late = loop_now(t->w->loop) - t->deadline;
	struct probe_overdue o = t->kind->expire(t);
	char text[DUR_STRLEN];

	if (!t->in_flight)
		return;
	if (late > late_limit(t->check->timeout))
		/* without a figure (the duration has it): warnings are limited by this text */
		probe_conclude(t, CODE_LOCAL, "%s, but our own deadline timer ran late", o.what);
	else
		probe_conclude(t, o.code, "%s within %s", o.what,
			       dur_format(t->check->timeout, text));
	t->kind->abandon(t);
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
		timer_set(w->loop, &t->timer, t->deadline, target_expire, t);
	}
	t->kind->start(t);
}

mono_ns worker_start(struct target *t)
{
	struct worker *w = t->w;

	if (atomic_load_explicit(&w->engine->backlog, memory_order_relaxed) > ENGINE_BACKLOG_MAX)
		return loop_now(w->loop) + BACKLOG_WAIT;
	if (w->begun >= WORKER_STARTS_PER_TURN)
		return loop_now(w->loop); /* next turn */
	w->begun++;
	starts_remove(t);
	target_start(t);
	return 0;
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
	starts_remove(t);
	t->w->rate -= rate_of(t->check);
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
	w->rate += rate_of(t->check);
	target_due(t, MAX(on_grid(m->first_start, grid(w, NS_PER_S)), loop_now(w->loop)));
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
		timer_cancel(w->loop, &t->timer);
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
	worker_touched(w);
}

static void netns_set(struct worker *w, struct msg *m)
{
	free(w->netns.name);
	w->netns.name = m->netns;
	m->netns = NULL;
	netns_move(w);
}

/* ---- the thread */

static void msg_free(struct msg *m)
{
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
	case MSG_PULSE:
		w->pulse = w->urgent = true;
		break;
	case MSG_STOP:
		loop_stop(w->loop, 0);
		break;
	}
	msg_free(m);
	worker_touched(w);
}

static void own_descriptors(const struct worker *w)
{
	int keep[LOOP_OWN_FDS + 3];

	loop_own_fds(w->loop, keep);
	keep[LOOP_OWN_FDS] = mailbox_own_fd(w->mailbox);
	keep[LOOP_OWN_FDS + 1] = mailbox_own_fd(w->engine->results);
	keep[LOOP_OWN_FDS + 2] = w->engine->own_ns;
	fdtable_own(keep, ARRAY_LEN(keep));
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
	own_descriptors(w);
	(void)caps_raise(CAP_NET_RAW);
	(void)caps_raise(CAP_SYS_ADMIN);
	netns_move(w);
	(void)loop_run(w->loop);
	list_foreach (&w->all, n)
		target_free(CONTAINER_OF(n, struct target, node));
	starts_done(w);
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
