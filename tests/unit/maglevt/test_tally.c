/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "maglevt/tally.h"

static void test_order(void **state)
{
	static const char *const in[] = { "srv-10", "srv-2", "a", "srv-2", "srv-1", "", "B" };
	static const char *const out[] = { "", "B", "a", "srv-1", "srv-2", "srv-10" };
	struct tally t = { 0 };

	for (size_t i = 0; i < 7; i++)
		tally_add(&t, in[i], (mono_ns)i);
	assert_int_equal(t.n, 6);
	assert_int_equal(t.total, 7);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(t.v[i].value, out[i]);
	assert_int_equal(t.v[4].n, 2);
	assert_int_equal(t.v[4].last, 3);
	tally_done(&t);
	assert_int_equal(t.n, 0);
}

static void test_fresh(void **state)
{
	struct tally t = { 0 };

	tally_add(&t, "a", 10 * NS_PER_S);
	assert_true(tally_fresh(&t.v[0], 10 * NS_PER_S));
	assert_true(tally_fresh(&t.v[0], 15 * NS_PER_S));
	assert_false(tally_fresh(&t.v[0], 15 * NS_PER_S + 1));
	tally_done(&t);
}

/* A server that makes up a value for each answer fills no memory; those known before keep counting.
 */
static void test_bound_and_random(void **state)
{
	uint64_t counts[200] = { 0 }, seen = 0, total = 0;
	bool known[200] = { false };
	struct tally t = { 0 };
	struct rng rng;

	rng_init(&rng, 3);
	for (int step = 0; step < 20000; step++) {
		size_t k = rng_below(&rng, 200);
		char value[16];

		snprintf(value, sizeof value, "v%zu", k);
		tally_add(&t, value, step);
		total++;
		if (!known[k] && seen < TALLY_MAX) {
			known[k] = true;
			seen++;
		}
		counts[k] += known[k];
		assert_true(t.n <= TALLY_MAX && t.total == total);
	}
	assert_int_equal(t.n, TALLY_MAX);
	for (size_t i = 0, sum = 0; i < t.n; i++) {
		size_t k = strtoul(t.v[i].value + 1, NULL, 10);

		assert_true(known[k]);
		assert_int_equal(t.v[i].n, counts[k]);
		sum += t.v[i].n;
		if (i + 1 == t.n)
			assert_int_equal(sum + t.others, total);
		if (i > 0)
			assert_true(strtoul(t.v[i - 1].value + 1, NULL, 10) < k);
	}
	tally_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_bound_and_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
