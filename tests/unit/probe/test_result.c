/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/str.h"
#include "probe/result.h"

static void result_detail(char ret[static PROBE_DETAIL_MAX], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void result_detail(char ret[static PROBE_DETAIL_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result_vdetail(ret, fmt, ap);
	va_end(ap);
}

static void test_detail_is_one_clean_line(void **state)
{
	char d[PROBE_DETAIL_MAX];

	result_detail(d, "status %d, %s", 503, "Service Unavailable");
	assert_string_equal(d, "status 503, Service Unavailable");
	result_detail(d, "a\nb\rc\td\x1b[31m\x7f");
	assert_string_equal(d, "a b c d [31m ");
	result_detail(d, "caf\xc3\xa9 \xff\xfe \xc3 \xe2\x80\xa8|\xc2\x85|");
	assert_string_equal(d, "caf\xc3\xa9 ?? ?  | |");
	result_detail(d, "%s", "");
	assert_string_equal(d, "");
}

static void test_detail_is_cut_between_characters(void **state)
{
	char d[PROBE_DETAIL_MAX], in[600];

	memset(in, 'x', sizeof in);
	in[sizeof in - 1] = '\0';
	result_detail(d, "%s", in);
	assert_int_equal(strlen(d), PROBE_DETAIL_MAX - 1);
	for (size_t shift = 0; shift < 4; shift++) {
		memset(in, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof in; i += 3)
			memcpy(in + i, "\xe2\x82\xac", 4);
		result_detail(d, "%s", in);
		assert_true(utf8_valid(d, strlen(d)));
		assert_true(strlen(d) >= PROBE_DETAIL_MAX - 3);
	}
}

static void test_detail_random(void **state)
{
	struct rng rng;

	rng_init(&rng, 5);
	for (int i = 0; i < 20000; i++) {
		char d[PROBE_DETAIL_MAX], in[400];
		size_t n = rng_below(&rng, sizeof in);

		for (size_t k = 0; k < n; k++)
			in[k] = (char)(1 + rng_below(&rng, 255));
		in[n] = '\0';
		result_detail(d, "%s", in);
		assert_true(strlen(d) < PROBE_DETAIL_MAX);
		assert_true(utf8_valid(d, strlen(d)));
		for (size_t k = 0; d[k]; k++)
			assert_true((unsigned char)d[k] >= 0x20 && d[k] != 0x7f);
	}
}

static void test_excerpt(void **state)
{
	char b[RESULT_EXCERPT_LEN];

	assert_string_equal(result_excerpt("SSH-2.0", 7, b), "\"SSH-2.0\"");
	assert_string_equal(result_excerpt("", 0, b), "\"\"");
	assert_string_equal(result_excerpt("a\"\\\n\0\xff", 6, b),
			    "\"a\\x22\\x5c\\x0a\\x00\\xff\"");
	assert_int_equal(strlen(result_excerpt("0123456789012345678901234567890123", 34, b)),
			 RESULT_EXCERPT_LEN - 1);
	for (size_t n = 0; n < 40; n++) {
		char junk[40];

		memset(junk, n % 2 ? 0x80 : 'x', sizeof junk);
		junk[n / 2] = 1;
		assert_true(strlen(result_excerpt(junk, n, b)) < RESULT_EXCERPT_LEN);
	}
}

static void test_errno_classes(void **state)
{
	static const int local[] = { EMFILE,        ENFILE,     ENOBUFS,        ENOMEM,
				     ENOSPC,        EADDRINUSE, EAGAIN,         EPERM,
				     EADDRNOTAVAIL, EACCES,     EAFNOSUPPORT,   EPROTONOSUPPORT,
				     ENETUNREACH,   ENETDOWN,   ESOCKTNOSUPPORT };
	static const int remote[] = { ECONNREFUSED, ECONNRESET, EHOSTUNREACH,
				      ETIMEDOUT,    EINVAL,     EPIPE };
	char text[RESULT_ERRNO_LEN];

	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
		assert_true(result_errno_is_local(local[i]));
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
		assert_false(result_errno_is_local(remote[i]));
	assert_string_equal(result_errno(ECONNREFUSED, text), "Connection refused");
}

/* A header's value rides behind the words. */
static void test_field(void **state)
{
	struct probe_result r = { 0 };
	char long_text[PROBE_DETAIL_MAX * 2];

	result_detail(r.detail, "HTTP status %d", 200);
	assert_null(probe_result_field(&r));
	result_field(&r,
		     "srv-\x1b[2J\xff"
		     "a",
		     10);
	assert_string_equal(r.detail, "HTTP status 200");
	assert_string_equal(probe_result_field(&r), "srv- [2J?a");

	/* as much as there is room for; without room: none */
	memset(long_text, 'x', sizeof long_text);
	result_field(&r, long_text, sizeof long_text);
	assert_int_equal(strlen(r.detail) + 1 + strlen(probe_result_field(&r)) + 1,
			 PROBE_DETAIL_MAX);
	for (int n = PROBE_DETAIL_MAX - 3; n < PROBE_DETAIL_MAX; n++) {
		r.field_at = 0;
		result_detail(r.detail, "%.*s", n, long_text);
		result_field(&r, "a", 1);
		if (n == PROBE_DETAIL_MAX - 3)
			assert_string_equal(probe_result_field(&r), "a");
		else
			assert_null(probe_result_field(&r));
	}
	r.field_at = 0;
	result_detail(r.detail, "ok");
	result_field(&r, "", 0);
	assert_null(probe_result_field(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detail_is_one_clean_line),
		cmocka_unit_test(test_detail_is_cut_between_characters),
		cmocka_unit_test(test_detail_random),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_errno_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
