/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dur.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

static void test_parse(void **state)
{
	static const struct {
		const char *s;
		int r;
		dur_ns v;
	} rows[] = {
		{ "0", 0, 0 },
		{ "+0", 0, 0 },
		{ "-0", 0, 0 },
		{ "0s", 0, 0 },
		{ "5s", 0, 5 * NS_PER_S },
		{ "500ms", 0, 500 * NS_PER_MS },
		{ "1m30s", 0, 90 * NS_PER_S },
		{ "2h45m", 0, 9900 * NS_PER_S },
		{ "-1.5h", 0, -5400 * NS_PER_S },
		{ "+5s", 0, 5 * NS_PER_S },
		{ "1.5s", 0, 1500 * NS_PER_MS },
		{ ".5s", 0, 500 * NS_PER_MS },
		{ "1.s", 0, NS_PER_S },
		{ "10ns", 0, 10 },
		{ "11us", 0, 11000 },
		{ "12\xc2\xb5s", 0, 12000 },
		{ "12\xce\xbcs", 0, 12000 },
		{ "1h1m1s1ms1us1ns", 0, INT64_C(3661001001001) },
		{ "3s1m", 0, 63 * NS_PER_S },
		{ "0.000000000000000000000000001s", 0, 0 },
		{ "0.33333333333333333333h", 0, INT64_C(1199999999999) + 1 },
		{ "9007199254.740993s", 0, INT64_C(9007199254740993000) },
		{ "9223372036854775807ns", 0, INT64_MAX },
		{ "9223372036.854775807s", 0, INT64_MAX },
		{ "-9223372036854775808ns", 0, INT64_MIN },
		{ "9223372036854775808ns", -ERANGE, 0 },
		{ "-9223372036854775809ns", -ERANGE, 0 },
		{ "2562048h", -ERANGE, 0 },
		{ "99999999999999999999s", -ERANGE, 0 },
		{ "9223372036s9223372036s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "3", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "-.s", -EINVAL, 0 },
		{ "+-1s", -EINVAL, 0 },
		{ "1s ", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ "1s2", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "0.0", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dur_ns v = -77;
		int r = dur_parse(rows[i].s, &v);

		if (r != rows[i].r || v != (r ? -77 : rows[i].v))
			fail_msg("'%s' gives %d, %lld", rows[i].s, r, (long long)v);
	}
}

static void test_format(void **state)
{
	static const struct {
		dur_ns v;
		const char *go, *people;
	} rows[] = {
		{ 0, "0s", "0s" },
		{ 1, "1ns", "1ns" },
		{ 999, "999ns", "999ns" },
		{ 1100, "1.1\xc2\xb5s", "1\xc2\xb5s" },
		{ 2200000, "2.2ms", "2ms" },
		{ 850 * NS_PER_MS, "850ms", "850ms" },
		{ 3300 * NS_PER_MS, "3.3s", "3s" },
		{ 90 * NS_PER_S, "1m30s", "1m30s" },
		{ 60 * NS_PER_S, "1m0s", "1m" },
		{ 3600 * NS_PER_S, "1h0m0s", "1h" },
		{ 3601 * NS_PER_S, "1h0m1s", "1h" },
		{ 3661 * NS_PER_S + 1, "1h1m1.000000001s", "1h1m" },
		{ 312 * NS_PER_S, "5m12s", "5m12s" },
		{ 76 * 3600 * NS_PER_S, "76h0m0s", "3d4h" },
		{ -1500 * NS_PER_MS, "-1.5s", "-1s" },
		{ -1, "-1ns", "-1ns" },
		{ INT64_MAX, "2562047h47m16.854775807s", "106751d23h" },
		{ INT64_MIN, "-2562047h47m16.854775808s", "-106751d23h" },
	};
	char buf[DUR_STRLEN];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(dur_format(rows[i].v, buf), rows[i].go);
		assert_string_equal(dur_format_short(rows[i].v, buf), rows[i].people);
	}
}

/* Go's own promise: what String writes, ParseDuration reads back. */
static void test_round_trip(void **state)
{
	struct rng r;

	rng_init(&r, 5);
	for (int i = 0; i < 20000; i++) {
		char buf[DUR_STRLEN], people[DUR_STRLEN];
		dur_ns d = (dur_ns)(rng_u64(&r) >> rng_below(&r, 64)), back;

		d = i % 2 ? d : (dur_ns)(0 - (uint64_t)d);
		assert_int_equal(dur_parse(dur_format(d, buf), &back), 0);
		assert_true(back == d);
		assert_true(strlen(dur_format_short(d, people)) < DUR_STRLEN - 1);
	}
}

static void test_wall(void **state)
{
	char buf[WALL_STRLEN];

	assert_string_equal(wall_format(0, buf), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(wall_format(INT64_C(1795168500123456789), buf),
			    "2026-11-20T09:55:00.123456789Z");
	assert_string_equal(wall_format(-1, buf), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(wall_format(INT64_MAX, buf), "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(wall_format(INT64_MIN, buf), "1677-09-21T00:12:43.145224192Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
