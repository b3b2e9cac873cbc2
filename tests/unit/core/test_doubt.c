/* SPDX-License-Identifier: Apache-2.0 */
/* When the checker doubts itself, and when no longer; on simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/doubt.h"
#include "dies.h"

#define START (3600 * NS_PER_S)

/* A checker's life: probes at an even rate, judged after each and every tick. */
struct life {
	struct doubt d;
	mono_ns now, tick;
	unsigned degraded, recovered; /* how often */
	struct doubt_counts last;     /* of the last change */
};

static void step(struct life *l)
{
	switch (doubt_step(&l->d, l->now, &l->last)) {
	case DOUBT_DEGRADED:
		l->degraded++;
		break;
	case DOUBT_RECOVERED:
		l->recovered++;
		break;
	case DOUBT_SAME:
		break;
	}
}

static void pass_time(struct life *l, dur_ns span)
{
	mono_ns end = l->now + span;

	while (l->tick <= end) {
		l->now = MAX(l->now, l->tick);
		step(l);
		l->tick = l->now + DOUBT_TICK;
	}
	l->now = end;
}

/* A batch of one. */
static void probe(struct life *l, enum doubt_kind kind)
{
	doubt_count(&l->d, l->now, kind);
	step(l);
}

static void run(struct life *l, dur_ns span, unsigned per_second, enum doubt_kind kind)
{
	uint64_t n = (uint64_t)span * per_second / NS_PER_S;

	for (uint64_t i = 0; i < n; i++) {
		pass_time(l, span / (dur_ns)n);
		probe(l, kind);
	}
}

/* SIGSTOP: time passes, nobody ticks. */
static void sleep_for(struct life *l, dur_ns span)
{
	l->now += span;
}

static struct life begin(void)
{
	return (struct life){ .now = START, .tick = START };
}

/* ---- */

static void late_is_a_quarter_of_the_interval(void **state)
{
	assert_int_equal(doubt_late_limit(NS_PER_S), 250 * NS_PER_MS);
	assert_int_equal(doubt_late_limit(200 * NS_PER_MS), 50 * NS_PER_MS);
	assert_int_equal(doubt_late_limit(0), 50 * NS_PER_MS);
	assert_int_equal(doubt_late_limit(100 * NS_PER_MS), 50 * NS_PER_MS);
}

static void good_probes_raise_no_doubt(void **state)
{
	struct life l = begin();

	run(&l, 60 * NS_PER_S, 1000, DOUBT_GOOD);
	assert_int_equal(l.degraded, 0);
	assert_true(doubt_believes(&l.d, 0));
}

static void half_is_not_more_than_half(void **state)
{
	struct life l = begin();

	for (int i = 0; i < 2000; i++) {
		pass_time(&l, NS_PER_MS);
		doubt_count(&l.d, l.now, DOUBT_GOOD);
		doubt_count(&l.d, l.now, i % 2 ? DOUBT_LATE : DOUBT_LOCAL);
		step(&l);
	}
	assert_int_equal(l.degraded, 0);
	for (int i = 0; i < 200; i++)
		doubt_count(&l.d, l.now, DOUBT_LATE);
	step(&l);
	assert_int_equal(l.degraded, 1);
	assert_true(l.last.n[DOUBT_LATE] + l.last.n[DOUBT_LOCAL] > l.last.n[DOUBT_GOOD]);
}

/* Within the busy second, what is under half of it is noise; without it, it is everything. */
static void a_burst_is_judged_by_its_second(void **state)
{
	struct life l = begin();

	run(&l, 10 * NS_PER_S, 5000, DOUBT_GOOD);
	run(&l, 200 * NS_PER_MS, 5000, DOUBT_LATE);
	assert_int_equal(l.degraded, 0);
	run(&l, 500 * NS_PER_MS, 5000, DOUBT_LATE);
	assert_int_equal(l.degraded, 1);
}

static void after_a_sleep_ten_late_ones_are_enough(void **state)
{
	struct life l = begin();

	run(&l, 10 * NS_PER_S, 5000, DOUBT_GOOD);
	sleep_for(&l, 30 * NS_PER_S);
	for (int i = 0; i < 10; i++)
		doubt_count(&l.d, l.now, DOUBT_LATE);
	step(&l);
	assert_int_equal(l.degraded, 1);
	assert_false(doubt_believes(&l.d, l.now));
	assert_int_equal(l.last.n[DOUBT_GOOD], 0);
}

static void it_recovers_after_a_calm_second(void **state)
{
	struct life l = begin();
	mono_ns bad;

	run(&l, 3 * NS_PER_S, 100, DOUBT_LOCAL);
	assert_int_equal(l.degraded, 1);
	bad = l.now;
	while (!l.recovered)
		run(&l, 10 * NS_PER_MS, 100, DOUBT_GOOD);
	/* Half a second until the last one is half good, then the calm second. */
	assert_in_range(l.now - bad, 1400 * NS_PER_MS, 1800 * NS_PER_MS);
	/* What started before is not believed even now. */
	assert_false(doubt_believes(&l.d, l.now - 1));
	assert_true(doubt_believes(&l.d, l.now));
	run(&l, 60 * NS_PER_S, 100, DOUBT_GOOD);
	assert_int_equal(l.degraded, 1);
	assert_int_equal(l.recovered, 1);
}

static void a_bad_moment_starts_the_second_anew(void **state)
{
	struct life l = begin();

	run(&l, 3 * NS_PER_S, 100, DOUBT_LATE);
	for (int i = 0; i < 20; i++) { /* mostly bad, with good stretches of under a second */
		run(&l, 900 * NS_PER_MS, 100, DOUBT_GOOD);
		run(&l, 900 * NS_PER_MS, 100, DOUBT_LATE);
	}
	assert_int_equal(l.degraded, 1);
	assert_int_equal(l.recovered, 0);
}

static void a_second_sleep_is_no_calm_second(void **state)
{
	struct life l = begin();

	run(&l, 3 * NS_PER_S, 100, DOUBT_LATE);
	run(&l, 700 * NS_PER_MS, 100, DOUBT_GOOD);
	sleep_for(&l, 30 * NS_PER_S);
	probe(&l, DOUBT_LATE);
	assert_int_equal(l.recovered, 0);
	assert_false(doubt_believes(&l.d, l.now));
	run(&l, 3 * NS_PER_S, 100, DOUBT_GOOD);
	assert_int_equal(l.recovered, 1);
}

/* Nobody probes any more (all paused): nothing is wrong then. */
static void silence_ends_it(void **state)
{
	struct life l = begin();

	run(&l, 3 * NS_PER_S, 100, DOUBT_LATE);
	pass_time(&l, DOUBT_WINDOW + 2 * NS_PER_S);
	assert_int_equal(l.recovered, 1);
}

/* ---- few probes */

static void one_hiccup_of_few_is_none(void **state)
{
	for (unsigned rate = 1; rate <= 5; rate++) {
		struct life l = begin();

		for (int i = 0; i < 20; i++) {
			run(&l, 10 * NS_PER_S, rate, DOUBT_GOOD);
			probe(&l, i % 2 ? DOUBT_LATE : DOUBT_LOCAL);
		}
		assert_int_equal(l.degraded, 0);
	}
}

static void the_very_first_are_not_judged(void **state)
{
	struct life l = begin();

	for (int i = 1; i < DOUBT_BAD_MIN; i++)
		probe(&l, DOUBT_LATE);
	assert_int_equal(l.degraded, 0);
	probe(&l, DOUBT_LATE);
	assert_int_equal(l.degraded, 1);
}

static void few_but_all_bad_is_seen(void **state)
{
	struct life l = begin();

	run(&l, 60 * NS_PER_S, 1, DOUBT_GOOD);
	run(&l, 9 * NS_PER_S, 1, DOUBT_LOCAL);
	assert_int_equal(l.degraded, 1);
	run(&l, 12 * NS_PER_S, 1, DOUBT_GOOD);
	assert_int_equal(l.recovered, 1);
}

/* ---- what never worked */

static void what_never_worked_does_not_silence_the_others(void **state)
{
	struct life l = begin();

	for (int i = 0; i < 5000; i++) {
		pass_time(&l, NS_PER_MS);
		for (int k = 0; k < 9; k++)
			doubt_count(&l.d, l.now, DOUBT_NEVER);
		probe(&l, DOUBT_GOOD);
	}
	assert_int_equal(l.degraded, 0);
}

/* One that is probed every few seconds, or twice a minute, among many that never work. */
static void what_never_worked_does_not_silence_rare_ones(void **state)
{
	static const dur_ns every[] = { 2 * NS_PER_S, 30 * NS_PER_S };

	for (size_t i = 0; i < ARRAY_LEN(every); i++) {
		struct life l = begin();

		probe(&l, DOUBT_GOOD);
		for (int k = 0; k < 5; k++) {
			run(&l, every[i], 20, DOUBT_NEVER);
			probe(&l, DOUBT_GOOD);
			assert_true(doubt_believes(&l.d, l.now));
		}
		assert_int_equal(l.degraded, 0);
	}
}

/* Nor do they stand for the ten that a few have to come to. */
static void what_never_worked_does_not_hide_late_ones(void **state)
{
	struct life l = begin();

	probe(&l, DOUBT_GOOD);
	for (int k = 0; k < 4; k++) {
		run(&l, NS_PER_S, 20, DOUBT_NEVER);
		probe(&l, DOUBT_LATE);
	}
	assert_int_equal(l.degraded, 1);
	assert_int_equal(l.last.n[DOUBT_LATE], DOUBT_BAD_MIN);
}

static void when_nothing_ever_worked_that_is_said(void **state)
{
	struct life l = begin();

	run(&l, 2 * NS_PER_S, 10, DOUBT_NEVER);
	assert_int_equal(l.degraded, 1);
	assert_int_equal(l.last.n[DOUBT_NEVER], DOUBT_BAD_MIN);
}

/* ---- against a naive model: every probe kept, every sum made anew */

enum { MODEL_MAX = 40000 };

struct model {
	struct {
		int64_t slot;
		enum doubt_kind kind;
	} p[MODEL_MAX];
	size_t n;
	bool others, degraded;
	mono_ns bad_at, stepped;
};

static void model_sum(const struct model *m, int64_t from, uint32_t sum[DOUBT_KIND_N])
{
	memset(sum, 0, DOUBT_KIND_N * sizeof(*sum));
	for (size_t i = m->n; i-- > 0 && m->p[i].slot >= from;)
		sum[m->p[i].kind]++;
	if (m->others)
		sum[DOUBT_NEVER] = 0;
}

static bool model_bad(const struct model *m, mono_ns now)
{
	int64_t slot = now / DOUBT_BUCKET;
	uint32_t s[DOUBT_KIND_N], bad, n;

	for (int back = DOUBT_SECOND; back < DOUBT_BUCKETS; back++) {
		model_sum(m, slot - back, s);
		if (s[0] + s[1] + s[2] + s[3] >= DOUBT_ENOUGH)
			break;
	}
	bad = s[DOUBT_LATE] + s[DOUBT_LOCAL];
	n = bad + s[DOUBT_GOOD];
	return n ? bad >= DOUBT_BAD_MIN && bad * 2 > n : s[DOUBT_NEVER] >= DOUBT_BAD_MIN;
}

static void model_step(struct model *m, mono_ns now)
{
	if (model_bad(m, now)) {
		m->degraded = true;
		m->bad_at = now;
	} else if (m->degraded && now - m->stepped > 2 * DOUBT_TICK) {
		m->bad_at = now;
	} else if (now - m->bad_at >= DOUBT_CALM) {
		m->degraded = false;
	}
	m->stepped = now;
}

static void random_life(void **state)
{
	static struct model m;
	struct doubt d = { 0 };
	struct doubt_counts c;
	struct rng r;
	mono_ns now = START;
	unsigned changes = 0;
	uint64_t mood = 0, pace = 1;

	rng_init(&r, 20);
	while (m.n < MODEL_MAX) {
		if (rng_below(&r, 100) == 0) {
			mood = rng_below(&r, 5);
			pace = 1 + rng_below(&r, 400);
		}
		now += (dur_ns)(rng_below(&r, pace) * NS_PER_MS);
		if (rng_below(&r, 2000) == 0)
			now += (dur_ns)rng_below(&r, 20) * NS_PER_S;

		enum doubt_kind kind = rng_below(&r, 4) < mood
					       ? (enum doubt_kind)(1 + rng_below(&r, 3))
					       : DOUBT_GOOD;

		m.p[m.n].slot = now / DOUBT_BUCKET;
		m.p[m.n++].kind = kind;
		m.others |= kind != DOUBT_NEVER;
		doubt_count(&d, now, kind);
		if (rng_below(&r, 3) == 0)
			continue;
		changes += doubt_step(&d, now, &c) != DOUBT_SAME;
		model_step(&m, now);
		assert_int_equal(d.degraded, m.degraded);
	}
	assert_true(changes > 50);
}

/* ---- time */

static void back_in_time(void)
{
	struct doubt d = { 0 };

	doubt_count(&d, START, DOUBT_GOOD);
	doubt_count(&d, START - NS_PER_S, DOUBT_GOOD);
}

static void time_must_not_go_back(void **state)
{
	assert_dies(back_in_time());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_is_a_quarter_of_the_interval),
		cmocka_unit_test(good_probes_raise_no_doubt),
		cmocka_unit_test(half_is_not_more_than_half),
		cmocka_unit_test(a_burst_is_judged_by_its_second),
		cmocka_unit_test(after_a_sleep_ten_late_ones_are_enough),
		cmocka_unit_test(it_recovers_after_a_calm_second),
		cmocka_unit_test(a_bad_moment_starts_the_second_anew),
		cmocka_unit_test(a_second_sleep_is_no_calm_second),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(one_hiccup_of_few_is_none),
		cmocka_unit_test(the_very_first_are_not_judged),
		cmocka_unit_test(few_but_all_bad_is_seen),
		cmocka_unit_test(what_never_worked_does_not_silence_the_others),
		cmocka_unit_test(what_never_worked_does_not_silence_rare_ones),
		cmocka_unit_test(what_never_worked_does_not_hide_late_ones),
		cmocka_unit_test(when_nothing_ever_worked_that_is_said),
		cmocka_unit_test(random_life),
		cmocka_unit_test(time_must_not_go_back),
	};

	return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
