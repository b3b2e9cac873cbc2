/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The generator's step, from the state 1, 2, 3, 4: these are the published reference outputs. */
static void test_reference(void **state)
{
	static const uint64_t want[] = {
		UINT64_C(11520),
		UINT64_C(0),
		UINT64_C(1509978240),
		UINT64_C(1215971899390074240),
	};
	struct rng r = { { 1, 2, 3, 4 } };

	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		assert_true(rng_u64(&r) == want[i]);
}

static void test_seeds(void **state)
{
	struct rng a, b, c;

	rng_init(&a, 0);
	assert_true(a.s[0] || a.s[1] || a.s[2] || a.s[3]);
	assert_true(a.s[0] == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64 of 0 */
	rng_init(&b, 0);
	rng_init(&c, 1);
	assert_true(rng_u64(&a) == rng_u64(&b));
	assert_true(rng_u64(&a) != rng_u64(&c));
	rng_init_os(&a);
	rng_init_os(&b);
	assert_memory_not_equal(&a, &b, sizeof a);
}

/* Every value comes, about as often as it should: 10 cells of 10,000, 5 sigma is 475. */
static void test_below(void **state)
{
	unsigned count[10] = { 0 };
	struct rng r;

	rng_init(&r, 3);
	for (int i = 0; i < 100000; i++)
		count[rng_below(&r, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(count[i], 9525, 10475);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(rng_below(&r, 1), 0);
		assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
