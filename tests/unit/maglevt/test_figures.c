/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "maglevt/figures.h"

static char b[FIGURE_LEN];

static void test_compact(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 99999, "99999" },
		{ 100000, "100k" },
		{ 999999, "999k" },
		{ 1000000, "1.0M" },
		{ 1999999, "1.9M" },
		{ 9999999, "9.9M" },
		{ 10000000, "10M" },
		{ 999999999, "999M" },
		{ 1000000000, "1.0G" },
		{ UINT64_MAX, "18E" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(figure_compact(rows[i].n, b), rows[i].text);
	assert_string_equal(figure_short(0, b), "0");
	assert_string_equal(figure_short(9999, b), "9999");
	assert_string_equal(figure_short(10000, b), "10k");
	assert_string_equal(figure_short(999999, b), "999k");
	assert_string_equal(figure_short(1000000, b), "1.0M");
	assert_string_equal(figure_short(34567890, b), "34M");
	assert_string_equal(figure_grouped(0, b), "0");
	assert_string_equal(figure_grouped(999, b), "999");
	assert_string_equal(figure_grouped(1000, b), "1,000");
	assert_string_equal(figure_grouped(UINT64_MAX, b), "18,446,744,073,709,551,615");
}

static void test_latency(void **state)
{
	static const struct {
		uint32_t us;
		const char *text;
	} rows[] = {
		{ 0, "0.00ms" },       { 9, "0.00ms" },         { 10, "0.01ms" },
		{ 9999, "9.99ms" },    { 10000, "10.0ms" },     { 99999, "99.9ms" },
		{ 100000, "100ms" },   { 999999, "999ms" },     { 1000000, "1.00s" },
		{ 9999999, "9.99s" },  { 10000000, "10.0s" },   { 99999999, "99.9s" },
		{ 100000000, "100s" }, { UINT32_MAX, "4294s" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(figure_latency(rows[i].us, b), rows[i].text);
}

static void test_percent_and_share(void **state)
{
	assert_string_equal(figure_percent(0, b), "0.0");
	assert_string_equal(figure_percent(999, b), "99.9");
	assert_string_equal(figure_percent(1000, b), "100");
	assert_string_equal(figure_share(0, 0, b), "0%");
	assert_string_equal(figure_share(0, 5, b), "0%");
	assert_string_equal(figure_share(1, 1000, b), "<1%");
	assert_string_equal(figure_share(1, 3, b), "33%");
	assert_string_equal(figure_share(2, 3, b), "67%");
	assert_string_equal(figure_share(7, 7, b), "100%");
}

/* Whatever the number, its column holds it. */
static void test_widths(void **state)
{
	struct rng rng;

	rng_init(&rng, 1);
	for (int i = 0; i < 200000; i++) {
		uint64_t n = rng_u64(&rng) >> rng_below(&rng, 64);

		assert_true(strlen(figure_compact(n, b)) <= 5);
		assert_true(strlen(figure_short(n, b)) <= 4);
		assert_true(strlen(figure_latency((uint32_t)n, b)) <= 6);
		assert_true(strlen(figure_share(n, n + rng_below(&rng, 1000), b)) <= 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_percent_and_share),
		cmocka_unit_test(test_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
