/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

static void test_building(void **state)
{
	struct str s = { 0 };
	char *taken;

	assert_string_equal(str_z(&s), "");
	str_add(&s, "ab");
	str_add_c(&s, 'c');
	str_add_n(&s, "defg", 2);
	str_addf(&s, "-%d", 42);
	assert_string_equal(str_z(&s), "abcde-42");
	assert_int_equal(s.len, 8);
	str_clear(&s);
	assert_string_equal(str_z(&s), "");
	str_add(&s, "x");
	taken = str_take(&s);
	assert_string_equal(taken, "x");
	assert_null(s.p);
	free(taken);
	taken = str_take(&s);
	assert_string_equal(taken, "");
	free(taken);
	str_done(&s);
}

/* Every length around the growth steps, appended both ways. */
static void test_growth(void **state)
{
	for (size_t n = 0; n < 300; n++) {
		struct str a = { 0 }, b = { 0 };
		_cleanup_free_ char *text = xmalloc(n + 1);

		memset(text, 'q', n);
		text[n] = '\0';
		str_addf(&a, "<%s>", text);
		str_add_c(&b, '<');
		for (size_t i = 0; i < n; i++)
			str_add_c(&b, 'q');
		str_add_c(&b, '>');
		assert_int_equal(a.len, n + 2);
		assert_string_equal(a.p, b.p);
		str_done(&a);
		str_done(&b);
	}
}

static void test_utf8(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} rows[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc3\xa9", true },
		{ "\xe2\x82\xac", true },
		{ "\xf0\x9f\x98\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\x80", false },             /* a tail alone */
		{ "\xc3", false },             /* cut short */
		{ "\xe2\x82", false },         /* cut short */
		{ "\xc0\x80", false },         /* overlong NUL */
		{ "\xc1\xbf", false },         /* overlong */
		{ "\xe0\x9f\xbf", false },     /* overlong */
		{ "\xf0\x8f\xbf\xbf", false }, /* overlong */
		{ "\xed\xa0\x80", false },     /* surrogate */
		{ "\xed\x9f\xbf", true },      /* the last before them */
		{ "\xf4\x90\x80\x80", false }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		{ "a\xc3(", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(utf8_valid(rows[i].s, strlen(rows[i].s)), rows[i].valid);
	assert_true(utf8_valid("a\0b", 3));
}

static size_t encode(unsigned cp, char out[4])
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	if (n == 1) {
		out[0] = (char)cp;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)((0xf00u >> n & 0xff) | cp);
	return n;
}

static void test_utf8_all_code_points(void **state)
{
	for (unsigned cp = 0; cp <= 0x10ffff; cp++) {
		bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
		unsigned got = ~0u;
		char b[4];
		size_t n = encode(cp, b);

		if (utf8_decode(b, n, &got) != (surrogate ? 0 : n) || (!surrogate && got != cp))
			fail_msg("U+%04X", cp);
		if (n > 1 && utf8_decode(b, n - 1, &got) != 0)
			fail_msg("U+%04X cut short", cp);
	}
}

static void test_comparisons(void **state)
{
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "b"));
	assert_false(str_eq(NULL, ""));
	assert_true(str_eq(NULL, NULL));
	assert_true(str_prefix("abc", "ab"));
	assert_true(str_prefix("abc", ""));
	assert_false(str_prefix("ab", "abc"));
}

static void test_numbers(void **state)
{
	static const struct {
		const char *s;
		int r;
		long long v;
	} rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "-5", 0, -5 },
		{ "100", 0, 100 },
		{ "101", -ERANGE, 0 },
		{ "-6", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};
	long long v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		v = -77;
		assert_int_equal(str_to_i64(rows[i].s, -5, 100, &v), rows[i].r);
		assert_int_equal(v, rows[i].r ? -77 : rows[i].v);
	}
	assert_int_equal(str_to_i64("9223372036854775807", LLONG_MIN, LLONG_MAX, &v), 0);
	assert_true(v == LLONG_MAX);
	assert_int_equal(str_to_i64("-9223372036854775808", LLONG_MIN, LLONG_MAX, &v), 0);
	assert_true(v == LLONG_MIN);
	assert_int_equal(str_to_i64("9223372036854775808", LLONG_MIN, LLONG_MAX, &v), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_building),    cmocka_unit_test(test_growth),
		cmocka_unit_test(test_utf8),        cmocka_unit_test(test_utf8_all_code_points),
		cmocka_unit_test(test_comparisons), cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
