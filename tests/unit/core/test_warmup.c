/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/warmup.h"
#include "dies.h"

/* Simulated time in whole ticks. Three frontends, each of which stops having unknown backends at
 * some tick (or never); every combination of those, of both delays, and of a reload with other
 * delays at every tick is played through. */
#define N_FRONTENDS 3
#define END         6 /* the last tick played; everything is over by then */
#define NEVER       99

struct scene {
	mono_ns started;
	dur_ns min, max;
	int ready[N_FRONTENDS];
	int reload_at; /* NEVER: none */
	dur_ns min2, max2;
};

struct played {
	int released[N_FRONTENDS]; /* tick */
	int done;
};

/* The daemon's side of the contract, in miniature. */
static void pump(struct warmup *w, const struct scene *s, int tick, struct played *p)
{
	bool moved = true;

	while (moved) {
		size_t held = 0;

		for (int f = 0; f < N_FRONTENDS; f++) {
			if (p->released[f] == NEVER && warmup_may_release(w, tick < s->ready[f]))
				p->released[f] = tick;
			held += p->released[f] == NEVER;
		}
		moved = warmup_step(w, s->started + tick, held);
	}
	if (w->phase == WARMUP_DONE && p->done == NEVER)
		p->done = tick;
}

static struct played play(const struct scene *s)
{
	struct played p = { .released = { NEVER, NEVER, NEVER }, .done = NEVER };
	struct warmup w;

	warmup_init(&w, s->started, s->min, s->max);
	for (int tick = 0; tick <= END; tick++) {
		enum warmup_phase before = w.phase;
		mono_ns deadline = warmup_deadline(&w);

		if (tick == s->reload_at)
			warmup_configure(&w, s->min2, s->max2);
		pump(&w, s, tick, &p);
		assert_true(w.phase >= before); /* never back */
		if (tick < s->reload_at && s->started + tick >= deadline)
			assert_true(w.phase > before); /* a timer armed for it would be in time */
	}
	return p;
}

/* What should come of it, worked out tick by tick without a phase: nothing before min; then the
 * ready ones; done when all are, or at max; over is over. */
static struct played expect(const struct scene *s)
{
	struct played p = { .released = { NEVER, NEVER, NEVER }, .done = NEVER };
	bool begun = false;

	for (int tick = 0; tick <= END; tick++) {
		dur_ns min = tick >= s->reload_at ? s->min2 : s->min;
		dur_ns max = tick >= s->reload_at ? s->max2 : s->max;
		int held = 0;

		if (p.done != NEVER)
			break;
		begun |= tick >= min;
		if (s->min == 0 && s->max == 0)
			begun = true; /* off from the start */
		if (!begun)
			continue;
		for (int f = 0; f < N_FRONTENDS; f++) {
			if (p.released[f] == NEVER && s->ready[f] <= tick)
				p.released[f] = tick;
			held += p.released[f] == NEVER;
		}
		if (held > 0 && tick < max && !(s->min == 0 && s->max == 0))
			continue;
		p.done = tick;
		for (int f = 0; f < N_FRONTENDS; f++)
			if (p.released[f] == NEVER)
				p.released[f] = tick;
	}
	return p;
}

static void check_scene(const struct scene *s)
{
	struct played got = play(s), want = expect(s);

	assert_memory_equal(&got, &want, sizeof got);
}

/* Every pair of delays min <= max <= 4, by number; false when there are no more. */
static bool delays(int number, dur_ns *min, dur_ns *max)
{
	for (dur_ns hi = 0; hi <= 4; hi++)
		for (dur_ns lo = 0; lo <= hi; lo++)
			if (number-- == 0) {
				*min = lo;
				*max = hi;
				return true;
			}
	return false;
}

static void each_readiness(struct scene *s)
{
	for (int code = 0; code < 7 * 7 * 7; code++) {
		int rest = code;

		for (int f = 0; f < N_FRONTENDS; f++, rest /= 7)
			s->ready[f] = rest % 7 == 6 ? NEVER : rest % 7;
		check_scene(s);
	}
}

static void test_all_interleavings(void **state)
{
	struct scene s = { .started = 1000, .reload_at = NEVER };

	for (int d = 0; delays(d, &s.min, &s.max); d++)
		each_readiness(&s);
}

static void test_all_interleavings_with_a_reload(void **state)
{
	struct scene s = { .started = 77 };

	for (int d = 0; delays(d, &s.min, &s.max); d++)
		for (int e = 0; delays(e, &s.min2, &s.max2); e++)
			for (s.reload_at = 0; s.reload_at <= 5; s.reload_at++)
				each_readiness(&s);
}

static void test_both_zero_is_off(void **state)
{
	struct warmup w;

	warmup_init(&w, 5, 0, 0);
	assert_int_equal(w.phase, WARMUP_DONE);
	assert_true(warmup_may_release(&w, true));
	assert_int_equal(warmup_deadline(&w), INT64_MAX);
	warmup_configure(&w, 5, 9); /* done stays done */
	assert_int_equal(w.phase, WARMUP_DONE);
	assert_false(warmup_step(&w, 6, 4));
}

static void test_deadlines(void **state)
{
	struct warmup w;

	warmup_init(&w, 100, 5, 30);
	assert_int_equal(warmup_deadline(&w), 105);
	assert_false(warmup_may_release(&w, false));
	assert_false(warmup_step(&w, 104, 0));
	assert_true(warmup_step(&w, 105, 2));
	assert_int_equal(w.phase, WARMUP_RELEASE);
	assert_int_equal(warmup_deadline(&w), 130);
	assert_false(warmup_step(&w, 129, 1));
	assert_true(warmup_step(&w, 130, 1));
	assert_int_equal(w.phase, WARMUP_DONE);
	warmup_init(&w, 100, INT64_MAX - 1, INT64_MAX);
	assert_int_equal(warmup_deadline(&w), INT64_MAX);
}

static void test_names(void **state)
{
	assert_string_equal(warmup_phase_name(WARMUP_HOLD), "hold");
	assert_string_equal(warmup_phase_name(WARMUP_RELEASE), "release");
	assert_string_equal(warmup_phase_name(WARMUP_DONE), "done");
	assert_string_equal(warmup_phase_name((enum warmup_phase)3), "?");
}

static void test_programmer_errors(void **state)
{
	struct warmup w;

	assert_dies(warmup_init(&w, 0, -1, 5));
	assert_dies(warmup_init(&w, 0, 6, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_interleavings),
		cmocka_unit_test(test_all_interleavings_with_a_reload),
		cmocka_unit_test(test_both_zero_is_off),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
