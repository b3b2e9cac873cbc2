/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "core/cadence.h"
#include "dies.h"

static const struct cadence_intervals iv = {
	.of = { [PACE_FAST] = 500 * NS_PER_MS,
		[PACE_NORMAL] = 2 * NS_PER_S,
		[PACE_DOWN] = 10 * NS_PER_S },
};

static void test_pace_of_every_cell(void **state)
{
	const struct health_params shapes[] = { { 1, 1 }, { 2, 3 }, { 3, 1 }, { 1, 4 } };

	for (size_t i = 0; i < 4; i++)
		for (enum health_state s = 0; s < HEALTH_STATE_N; s++)
			for (int c = 0; c <= health_counter_max(&shapes[i]); c++) {
				const struct health h = { s, c };
				int max = shapes[i].rise + shapes[i].fall - 1;
				enum pace want = PACE_FAST;

				if (s == HEALTH_UP && c == max)
					want = PACE_NORMAL;
				if (s == HEALTH_DOWN && c == 0)
					want = PACE_DOWN;
				assert_int_equal(cadence_pace(&h, &shapes[i]), want);
			}
}

static void test_bounds(void **state)
{
	const mono_ns start = 1000 * NS_PER_S;
	struct rng r;

	rng_init(&r, 3);
	for (int i = 0; i < 100000; i++) {
		enum pace p = (enum pace)rng_below(&r, PACE_N);
		mono_ns next = cadence_next(&iv, p, start, start, rng_u64(&r));

		assert_true(next >= start + iv.of[p] * 9 / 10);
		assert_true(next <= start + iv.of[p] * 11 / 10);
	}
	for (enum pace p = 0; p < PACE_N; p++) {
		mono_ns low = cadence_next(&iv, p, start, start, 0);
		mono_ns high = cadence_next(&iv, p, start, start, UINT64_MAX);

		assert_true(low == start + iv.of[p] * 9 / 10);
		assert_true(high == start + iv.of[p] * 11 / 10);
	}
}

/* Ten slices of the range get a tenth each, within what chance allows. */
static void test_spread_evenly(void **state)
{
	int slices[10] = { 0 };
	struct rng r;

	rng_init(&r, 4);
	for (int i = 0; i < 100000; i++) {
		mono_ns next = cadence_next(&iv, PACE_NORMAL, 0, 0, rng_u64(&r));
		int64_t slice = (next - 1800 * NS_PER_MS) / (40 * NS_PER_MS);

		slices[slice > 9 ? 9 : slice]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(slices[i], 9500, 10500);
}

static void test_missed_cycles_are_not_caught_up(void **state)
{
	assert_int_equal(cadence_next(&iv, PACE_FAST, 0, 60 * NS_PER_S, 0), 60 * NS_PER_S);
	/* a probe slower than its interval: at once, once */
	assert_int_equal(cadence_next(&iv, PACE_FAST, 0, 551 * NS_PER_MS, UINT64_MAX),
			 551 * NS_PER_MS);
	/* a slow one within its interval does not stretch the cadence */
	assert_int_equal(cadence_next(&iv, PACE_FAST, 0, 400 * NS_PER_MS, 0), 450 * NS_PER_MS);
}

static void test_absurd_intervals_saturate(void **state)
{
	const struct cadence_intervals long_iv = { .of = { INT64_MAX, INT64_MAX, INT64_MAX } };
	const struct cadence_intervals no_iv = { 0 };

	assert_int_equal(cadence_next(&long_iv, PACE_FAST, NS_PER_S, 0, UINT64_MAX), INT64_MAX);
	assert_int_equal(cadence_next(&long_iv, PACE_FAST, INT64_MAX / 2, 0, 0), INT64_MAX);
	assert_int_equal(cadence_next(&no_iv, PACE_FAST, 7, 0, UINT64_MAX), 7);
	assert_int_equal(cadence_spread(INT64_MAX - 5, INT64_MAX, 9, 10), INT64_MAX);
}

static void test_start_is_spread(void **state)
{
	const mono_ns now = 5 * NS_PER_S;

	for (size_t n = 1; n < 200; n += 7) {
		mono_ns prev = -1;

		assert_int_equal(cadence_spread(now, NS_PER_S, 0, n), now);
		for (size_t i = 0; i < n; i++) {
			mono_ns at = cadence_spread(now, NS_PER_S, i, n);

			assert_true(at > prev && at < now + NS_PER_S);
			assert_true(at - now == (dur_ns)((uint64_t)NS_PER_S * i / n));
			prev = at;
		}
	}
	assert_int_equal(cadence_spread(now, 0, 3, 10), now);
}

static void test_programmer_errors(void **state)
{
	const struct cadence_intervals negative = { .of = { -1, -1, -1 } };

	assert_dies(cadence_next(&iv, PACE_N, 0, 0, 0));
	assert_dies(cadence_next(&negative, PACE_FAST, 0, 0, 0));
	assert_dies(cadence_spread(0, 1, 3, 3));
	assert_dies(cadence_spread(0, -1, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace_of_every_cell),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_spread_evenly),
		cmocka_unit_test(test_missed_cycles_are_not_caught_up),
		cmocka_unit_test(test_absurd_intervals_saturate),
		cmocka_unit_test(test_start_is_spread),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
