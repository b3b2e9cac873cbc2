/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "loop/loop.h"

#define PATIENCE (30 * NS_PER_S) /* how long a turn may wait for what must come */

/* ---- timers */

struct trace {
	int order[64];
	int n;
};

struct mark {
	struct timer t;
	struct loop_defer d;
	struct trace *trace;
	int id;
};

static void mark_timer(void *ctx, struct timer *t)
{
	struct mark *m = ctx;

	assert_ptr_equal(t, &m->t);
	assert_false(timer_armed(t));
	m->trace->order[m->trace->n++] = m->id;
}

static void test_timers_in_order(void **state)
{
	struct loop *l = loop_new();
	struct trace tr = { .n = 0 };
	struct mark m[6] = { 0 };
	static const int at[6] = { 50, 10, 30, 10, 50, 20 };
	static const int want[6] = { 1, 3, 5, 2, 0, 4 };
	mono_ns past = loop_clock() - NS_PER_S;

	for (int i = 0; i < 6; i++) {
		m[i].trace = &tr;
		m[i].id = i;
		timer_set(l, &m[i].t, past + at[i], mark_timer, &m[i]);
	}
	assert_int_equal(loop_turn(l, 0), 6);
	assert_int_equal(tr.n, 6);
	assert_memory_equal(tr.order, want, sizeof want);
	assert_int_equal(loop_turn(l, 0), 0);
	loop_free(l);
}

static void test_timer_waits_until_due(void **state)
{
	struct loop *l = loop_new();
	struct trace tr = { .n = 0 };
	struct mark m = { .trace = &tr, .id = 7 };
	mono_ns due = loop_clock() + 20 * NS_PER_MS;

	timer_set(l, &m.t, due, mark_timer, &m);
	while (tr.n == 0) {
		loop_turn(l, PATIENCE);
		assert_true(tr.n == 0 || loop_now(l) >= due);
	}
	loop_free(l);
}

static void test_timer_moved_and_cancelled(void **state)
{
	struct loop *l = loop_new();
	struct trace tr = { .n = 0 };
	struct mark a = { .trace = &tr, .id = 1 }, b = { .trace = &tr, .id = 2 },
		    c = { .trace = &tr, .id = 3 };
	mono_ns past = loop_clock() - NS_PER_S;

	assert_true(loop_next_timer(l) == INT64_MAX);
	timer_set(l, &a.t, past, mark_timer, &a);
	timer_set(l, &b.t, past + 1, mark_timer, &b);
	timer_set(l, &c.t, past + 2, mark_timer, &c);
	assert_true(loop_next_timer(l) == past);
	timer_set(l, &a.t, past + 3, mark_timer, &a);
	timer_cancel(l, &b.t);
	timer_cancel(l, &b.t);
	assert_false(timer_armed(&b.t));
	assert_true(loop_next_timer(l) == past + 2);
	loop_turn(l, 0);
	assert_int_equal(tr.n, 2);
	assert_int_equal(tr.order[0], 3);
	assert_int_equal(tr.order[1], 1);
	loop_free(l);
}

struct rearm {
	struct timer t;
	struct loop *l;
	int fired;
};

static void rearm_past(void *ctx, struct timer *t)
{
	struct rearm *r = ctx;

	r->fired++;
	timer_set(r->l, t, 0, rearm_past, r);
}

/* A timer that always re-arms in the past fires once a turn and keeps nobody else from firing. */
static void test_timer_rearmed_for_the_past(void **state)
{
	struct loop *l = loop_new();
	struct trace tr = { .n = 0 };
	struct mark m = { .trace = &tr, .id = 1 };
	struct rearm r = { .l = l };

	timer_set(l, &r.t, 0, rearm_past, &r);
	timer_set(l, &m.t, loop_clock(), mark_timer, &m);
	assert_int_equal(loop_turn(l, 0), 2);
	assert_int_equal(r.fired, 1);
	assert_int_equal(tr.n, 1);
	for (int i = 2; i < 60; i++) {
		timer_set(l, &m.t, loop_clock() - 5, mark_timer, &m);
		assert_int_equal(loop_turn(l, PATIENCE), 2);
		assert_int_equal(r.fired, i);
		assert_int_equal(tr.n, i);
	}
	loop_free(l);
}

struct killer {
	struct timer t;
	struct loop *l;
	struct killer *victim;
	int fired;
};

static void kill_other(void *ctx, struct timer *t)
{
	struct killer *k = ctx;

	(void)t;
	k->fired++;
	timer_cancel(k->l, &k->victim->t);
}

static void test_timer_cancels_another_that_is_due(void **state)
{
	struct loop *l = loop_new();
	struct killer a = { .l = l }, b = { .l = l };

	a.victim = &b;
	b.victim = &a;
	timer_set(l, &a.t, 1, kill_other, &a);
	timer_set(l, &b.t, 2, kill_other, &b);
	loop_turn(l, 0);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	loop_free(l);
}

/* Thousands of timers set, moved and cancelled at random fire in (deadline, insertion) order. */
#define MODEL_N 2000

struct model {
	struct timer t[MODEL_N];
	mono_ns at[MODEL_N];
	bool armed[MODEL_N];
	mono_ns last;
	int fired;
};

static void model_fired(void *ctx, struct timer *t)
{
	struct model *m = ctx;
	size_t i = (size_t)(t - m->t);

	assert_true(m->armed[i]);
	assert_true(m->at[i] >= m->last);
	m->last = m->at[i];
	m->armed[i] = false;
	m->fired++;
}

static void test_timers_random(void **state)
{
	struct loop *l = loop_new();
	struct model *m = XNEW(struct model);
	struct rng rng;
	int armed = 0;

	rng_init(&rng, 4711);
	for (int step = 0; step < 20000; step++) {
		size_t i = rng_below(&rng, MODEL_N);

		if (rng_below(&rng, 3) == 0) {
			timer_cancel(l, &m->t[i]);
			m->armed[i] = false;
		} else {
			m->at[i] = (mono_ns)rng_below(&rng, 100000);
			m->armed[i] = true;
			timer_set(l, &m->t[i], m->at[i], model_fired, m);
		}
		assert_int_equal(timer_armed(&m->t[i]), m->armed[i]);
	}
	for (int i = 0; i < MODEL_N; i++)
		armed += m->armed[i];
	loop_turn(l, 0);
	assert_true(armed > 0);
	assert_int_equal(m->fired, armed);
	free(m);
	loop_free(l);
}

/* ---- descriptors */

struct end {
	struct loop_io io;
	int fd, peer;
	int events;
	struct end **kill; /* freed by whichever handler runs first */
	struct loop *l;
};

static struct end *end_new(struct loop *l, loop_io_fn *fn)
{
	struct end *e = XNEW(struct end);
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
	e->fd = sv[0];
	e->peer = sv[1];
	e->l = l;
	assert_int_equal(loop_io_add(l, &e->io, e->fd, EPOLLIN | EPOLLRDHUP, fn, e), 0);
	return e;
}

static void end_free(struct end *e)
{
	loop_io_del(&e->io);
	close(e->fd);
	close(e->peer);
	free(e);
}

static void end_count(void *ctx, uint32_t events)
{
	struct end *e = ctx;
	char buf[16];

	assert_true(events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP));
	e->events++;
	while (read(e->fd, buf, sizeof buf) > 0)
		continue;
}

static void test_io_add_mod_del(void **state)
{
	struct loop *l = loop_new();
	struct end *e = end_new(l, end_count);
	struct loop_io again = { 0 };

	assert_int_equal(loop_io_add(l, &again, e->fd, EPOLLIN, end_count, e), -EEXIST);
	assert_null(again.loop);
	assert_int_equal(loop_io_add(l, &again, -1, EPOLLIN, end_count, e), -EBADF);
	assert_int_equal(loop_turn(l, 0), 0);
	assert_int_equal(write(e->peer, "x", 1), 1);
	assert_int_equal(loop_turn(l, PATIENCE), 1);
	assert_int_equal(e->events, 1);
	assert_int_equal(loop_io_mod(&e->io, 0), 0);
	assert_int_equal(write(e->peer, "x", 1), 1);
	assert_int_equal(loop_turn(l, 0), 0);
	assert_int_equal(loop_io_mod(&e->io, EPOLLIN), 0);
	assert_int_equal(loop_turn(l, PATIENCE), 1);
	assert_int_equal(write(e->peer, "x", 1), 1);
	loop_io_del(&e->io);
	loop_io_del(&e->io);
	assert_int_equal(loop_turn(l, 0), 0);
	end_free(e);
	loop_free(l);
}

static void end_kills_other(void *ctx, uint32_t events)
{
	struct end *e = ctx;
	struct end **slot = e->kill;

	(void)events;
	e->events++;
	/* Both are ready in this turn; the first that runs frees the other one. */
	if (slot[0] && slot[1]) {
		int other = slot[0] == e;

		end_free(slot[other]);
		slot[other] = NULL;
	}
}

static void test_io_freed_with_an_event_under_way(void **state)
{
	struct loop *l = loop_new();
	struct end *pair[2] = { end_new(l, end_kills_other), end_new(l, end_kills_other) };
	struct end *left;

	for (int i = 0; i < 2; i++) {
		pair[i]->kill = pair;
		assert_int_equal(write(pair[i]->peer, "x", 1), 1);
	}
	assert_int_equal(loop_turn(l, PATIENCE), 1);
	left = pair[0] ? pair[0] : pair[1];
	assert_true(!pair[0] != !pair[1]);
	assert_int_equal(left->events, 1);
	end_free(left);
	loop_free(l);
}

/* The freed source's slot, and its descriptor number, go to a new source in the same turn: the
 * stale event must not reach the newcomer. */
static void end_replaces_other(void *ctx, uint32_t events)
{
	struct end *e = ctx;
	struct end **slot = e->kill;

	(void)events;
	e->events++;
	if (!slot[2]) {
		int other = slot[0] == e;

		end_free(slot[other]);
		slot[other] = NULL;
		slot[2] = end_new(e->l, end_count);
	}
}

static void test_io_slot_reused_with_an_event_under_way(void **state)
{
	struct loop *l = loop_new();
	struct end *ends[3] = { end_new(l, end_replaces_other), end_new(l, end_replaces_other),
				NULL };

	for (int i = 0; i < 2; i++) {
		ends[i]->kill = ends;
		assert_int_equal(write(ends[i]->peer, "x", 1), 1);
	}
	assert_int_equal(loop_turn(l, PATIENCE), 1);
	assert_non_null(ends[2]);
	assert_int_equal(ends[2]->events, 0);
	for (int i = 0; i < 3; i++)
		if (ends[i])
			end_free(ends[i]);
	loop_free(l);
}

static void test_io_forget_then_close(void **state)
{
	struct loop *l = loop_new();

	for (int i = 0; i < 1000; i++) {
		struct end *e = end_new(l, end_count);

		assert_int_equal(write(e->peer, "x", 1), 1);
		loop_io_forget(&e->io);
		close(e->fd);
		close(e->peer);
		free(e);
	}
	assert_int_equal(loop_turn(l, 0), 0);
	loop_free(l);
}

static void test_loop_freed_before_its_sources(void **state)
{
	struct loop *l = loop_new();
	struct end *e = end_new(l, end_count);

	loop_free(l);
	assert_null(e->io.loop);
	end_free(e);
}

/* ---- deferred work */

static void mark_defer(void *ctx)
{
	struct mark *m = ctx;

	m->trace->order[m->trace->n++] = m->id;
}

struct chain {
	struct loop_defer d;
	struct loop *l;
	struct chain *cancel;
	int runs;
};

static void chain_run(void *ctx)
{
	struct chain *c = ctx;

	c->runs++;
	if (c->cancel)
		loop_defer_cancel(&c->cancel->d);
	else
		loop_defer_set(c->l, &c->d, chain_run, c);
}

static void test_defer(void **state)
{
	struct loop *l = loop_new();
	struct trace tr = { .n = 0 };
	struct mark a = { .trace = &tr, .id = 1 }, b = { .trace = &tr, .id = 2 };
	struct mark timer = { .trace = &tr, .id = 3 };

	loop_defer_set(l, &a.d, mark_defer, &a);
	loop_defer_set(l, &b.d, mark_defer, &b);
	loop_defer_set(l, &a.d, mark_defer, &a);
	timer_set(l, &timer.t, 0, mark_timer, &timer);
	assert_int_equal(loop_turn(l, -1), 3); /* deferred work does not wait */
	assert_int_equal(tr.n, 3);
	assert_int_equal(tr.order[0], 3);
	assert_int_equal(tr.order[1], 1);
	assert_int_equal(tr.order[2], 2);
	loop_defer_set(l, &a.d, mark_defer, &a);
	loop_defer_cancel(&a.d);
	assert_int_equal(loop_turn(l, 0), 0);
	loop_free(l);
}

static void test_defer_from_a_deferred(void **state)
{
	struct loop *l = loop_new();
	struct chain again = { .l = l }, victim = { .l = l },
		     killer = { .l = l, .cancel = &victim };

	loop_defer_set(l, &again.d, chain_run, &again);
	loop_defer_set(l, &killer.d, chain_run, &killer);
	loop_defer_set(l, &victim.d, chain_run, &victim);
	assert_int_equal(loop_turn(l, -1), 2);
	assert_int_equal(again.runs, 1);
	assert_int_equal(victim.runs, 0);
	assert_int_equal(loop_turn(l, -1), 1);
	assert_int_equal(again.runs, 2);
	loop_free(l);
}

/* ---- running and stopping */

static void stop_with_3(void *ctx, struct timer *t)
{
	(void)t;
	loop_stop(ctx, 3);
}

static void test_run_and_stop(void **state)
{
	struct loop *l = loop_new();
	struct timer t = { 0 };

	timer_set(l, &t, loop_clock(), stop_with_3, l);
	assert_int_equal(loop_run(l), 3);
	loop_stop(l, 4);
	assert_int_equal(loop_run(l), 4);
	timer_set(l, &t, loop_clock(), stop_with_3, l);
	assert_int_equal(loop_run(l), 3); /* may be run again */
	loop_free(l);
}

static void *stop_from_outside(void *l)
{
	loop_wake(l);
	loop_stop_async(l, 5);
	return NULL;
}

static void test_stop_from_another_thread(void **state)
{
	struct loop *l = loop_new();
	pthread_t th;

	assert_int_equal(pthread_create(&th, NULL, stop_from_outside, l), 0);
	assert_int_equal(loop_run(l), 5);
	pthread_join(th, NULL);
	loop_free(l);
}

static void test_clock(void **state)
{
	struct loop *l = loop_new();
	mono_ns before = loop_clock(), now;

	assert_true(loop_now(l) <= before);
	now = loop_now_fresh(l);
	assert_true(now >= before && now == loop_now(l));
	assert_true(loop_wall() > INT64_C(1600000000) * NS_PER_S);
	loop_free(l);
}

/* ---- signals */

struct seen {
	int hup, usr1;
};

static void signal_seen(void *ctx, int signo)
{
	struct seen *s = ctx;

	if (signo == SIGHUP)
		s->hup++;
	else if (signo == SIGUSR1)
		s->usr1++;
	else
		fail();
}

static void test_signals(void **state)
{
	struct loop *l = loop_new();
	struct seen s = { 0 };
	static const int signos[] = { SIGHUP, SIGUSR1 };
	static const int bad[] = { 12345 };

	assert_int_equal(loop_signals(l, signos, 2, signal_seen, &s), 0);
	assert_int_equal(loop_signals(l, bad, 1, signal_seen, &s), -EINVAL);
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	while (!s.hup || !s.usr1)
		assert_int_equal(loop_turn(l, PATIENCE), 1);
	assert_int_equal(s.hup, 1);
	assert_int_equal(s.usr1, 1);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_in_order),
		cmocka_unit_test(test_timer_waits_until_due),
		cmocka_unit_test(test_timer_moved_and_cancelled),
		cmocka_unit_test(test_timer_rearmed_for_the_past),
		cmocka_unit_test(test_timer_cancels_another_that_is_due),
		cmocka_unit_test(test_timers_random),
		cmocka_unit_test(test_io_add_mod_del),
		cmocka_unit_test(test_io_freed_with_an_event_under_way),
		cmocka_unit_test(test_io_slot_reused_with_an_event_under_way),
		cmocka_unit_test(test_io_forget_then_close),
		cmocka_unit_test(test_loop_freed_before_its_sources),
		cmocka_unit_test(test_defer),
		cmocka_unit_test(test_defer_from_a_deferred),
		cmocka_unit_test(test_run_and_stop),
		cmocka_unit_test(test_stop_from_another_thread),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
