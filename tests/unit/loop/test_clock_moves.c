/* SPDX-License-Identifier: Apache-2.0 */
/* The moment of a timer comes between any two looks at the clock: whoever looks twice where once
 * was meant waits for less than nothing, which is for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "loop/loop.h"

static mono_ns clock_now;
static dur_ns clock_step; /* at each look */

mono_ns __real_loop_clock(void);
mono_ns __wrap_loop_clock(void);
mono_ns __wrap_loop_clock(void)
{
	return clock_now += clock_step;
}

static void fired(void *ctx, struct timer *t)
{
	(void)t;
	*(bool *)ctx = true;
}

/* A timer that is `ahead` looks away; the turns end by themselves, or this test does not. */
static void fires_after(int ahead)
{
	struct loop *l;
	struct timer t = { 0 };
	bool done = false;

	clock_now = __real_loop_clock();
	clock_step = 10;
	l = loop_new();
	timer_set(l, &t, clock_now + ahead * clock_step - clock_step / 2, fired, &done);
	while (!done)
		loop_turn(l, -1);
	loop_free(l);
}

static void test_its_moment_passes_while_we_look(void **state)
{
	(void)state;
	for (int ahead = 0; ahead < 50; ahead++)
		fires_after(ahead);
}

static void test_operands_are_evaluated_once(void **state)
{
	mono_ns before = clock_now;

	(void)state;
	clock_step = 1;
	assert_true(MAX(loop_clock(), 0) == before + 1);
	assert_true(MIN(loop_clock(), INT64_MAX) == before + 2);
	assert_true(MIN(MAX(loop_clock(), 0), MAX(1, loop_clock())) == before + 3);
	assert_true(clock_now == before + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_moment_passes_while_we_look),
		cmocka_unit_test(test_operands_are_evaluated_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
