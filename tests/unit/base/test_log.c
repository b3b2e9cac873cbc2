/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"

/* What was logged to the temporary file so far. */
static char *logged(FILE *f)
{
	long size = lseek(fileno(f), 0, SEEK_END);
	char *text = xcalloc((size_t)size + 1, 1);

	assert_int_equal(pread(fileno(f), text, (size_t)size, 0), size);
	return text;
}

static FILE *capture(enum log_level l)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	log_set_fd(fileno(f));
	log_set_level(l);
	return f;
}

static void release(FILE *f)
{
	log_set_fd(STDOUT_FILENO);
	log_set_level(LVL_INFO);
	fclose(f);
}

static void test_record(void **state)
{
	FILE *f = capture(LVL_INFO);
	struct addr a;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(addr_parse("2001:db8::1", &a), 0);
	log_info("hello \"you\"", L_STR("s", "a\nb"), L_INT("i", -3), L_UINT("u", UINT64_MAX),
		 L_BOOL("b", true), L_ADDR("addr", &a), L_STR("none", NULL));
	text = logged(f);
	assert_memory_equal(text, "{\"time\":\"20", 11);
	assert_int_equal(strlen(text + 9) > 31 ? text[9 + 30] : 0, '"'); /* 30 characters of time */
	assert_int_equal(text[9 + 29], 'Z');
	assert_string_equal(strstr(text, ",\"level\""),
			    ",\"level\":\"INFO\",\"msg\":\"hello \\\"you\\\"\",\"s\":\"a\\nb\","
			    "\"i\":-3,\"u\":18446744073709551615,\"b\":true,"
			    "\"addr\":\"2001:db8::1\",\"none\":\"\"}\n");
	release(f);
}

static int evaluations;

static int64_t evaluated(void)
{
	return ++evaluations;
}

static void test_levels(void **state)
{
	FILE *f = capture(LVL_WARN);
	_cleanup_free_ char *text = NULL;

	log_debug("no", L_INT("n", evaluated()));
	log_info("no", L_INT("n", evaluated()));
	assert_int_equal(evaluations, 0);
	log_warn("yes");
	log_error("yes");
	log_set_level(LVL_OFF);
	log_error("no");
	text = logged(f);
	assert_null(strstr(text, "no"));
	assert_non_null(strstr(text, "\"level\":\"WARN\",\"msg\":\"yes\"}\n"));
	assert_non_null(strstr(text, "\"level\":\"ERROR\",\"msg\":\"yes\"}\n"));
	release(f);
}

static void tap(void *ctx, enum log_level l, wall_ns at, const char *msg, const struct log_attr *a,
		size_t n)
{
	struct str *out = ctx;

	assert_true(at > 0);
	str_addf(out, "%s %s", log_level_name(l), msg);
	for (size_t i = 0; i < n; i++) {
		str_addf(out, " %s=", a[i].key);
		log_attr_text(&a[i], out);
	}
	str_add_c(out, '\n');
}

/* The tap has a level of its own, below or above the log's. */
static void test_tap(void **state)
{
	FILE *f = capture(LVL_ERROR);
	struct str out = { 0 };
	_cleanup_free_ char *text = NULL;
	struct addr a;

	assert_int_equal(addr_parse("192.0.2.1", &a), 0);
	log_set_tap(LVL_DEBUG, tap, &out);
	assert_true(log_enabled(LVL_DEBUG));
	log_debug("one", L_STR("s", "x"), L_INT("i", -1), L_UINT("u", 2), L_BOOL("t", true),
		  L_BOOL("f", false), L_ADDR("a", &a), L_STR("null", NULL));
	log_set_tap(LVL_ERROR, tap, &out);
	log_warn("two");
	log_error("three");
	log_set_tap(LVL_OFF, NULL, NULL);
	log_error("four");
	assert_string_equal(str_z(&out), "debug one s=x i=-1 u=2 t=true f=false a=192.0.2.1 null=\n"
					 "error three\n");
	text = logged(f);
	assert_null(strstr(text, "one"));
	assert_non_null(strstr(text, "three"));
	assert_non_null(strstr(text, "four"));
	assert_false(log_enabled(LVL_WARN));
	str_done(&out);
	release(f);
}

static void test_names(void **state)
{
	enum log_level l = LVL_OFF;

	for (int i = LVL_DEBUG; i < LVL_OFF; i++) {
		assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &l), 0);
		assert_int_equal(l, i);
	}
	l = LVL_WARN;
	assert_int_equal(log_level_parse("off", &l), -EINVAL);
	assert_int_equal(log_level_parse("INFO", &l), -EINVAL);
	assert_int_equal(log_level_parse("", &l), -EINVAL);
	assert_int_equal(l, LVL_WARN);
	assert_string_equal(log_level_name(LVL_OFF), "off");
}

static void *chatter(void *arg)
{
	char big[6000]; /* more than a pipe takes at once */

	memset(big, *(const char *)arg, sizeof big - 1);
	big[sizeof big - 1] = '\0';
	for (int i = 0; i < 50; i++)
		log_info("m", L_STR("x", big));
	return NULL;
}

static void count_lines(FILE *in, int *ret_lines)
{
	char *line = NULL;
	size_t cap = 0;

	*ret_lines = 0;
	while (getline(&line, &cap, in) > 0) {
		const char *x = strstr(line, "\"x\":\"");

		assert_non_null(x);
		assert_int_equal(strspn(x + 5, (char[]){ x[5], 0 }), 5999);
		assert_string_equal(x + 5 + 5999, "\"}\n");
		if (++*ret_lines == 200)
			break;
	}
	free(line);
}

/* Four threads through one pipe, which somebody made non-blocking: whole lines, none lost. */
static void test_threads(void **state)
{
	static const char names[4] = "abcd";
	pthread_t t[4];
	int fd[2], lines;
	FILE *in;

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	in = fdopen(fd[0], "r");
	assert_non_null(in);
	log_set_fd(fd[1]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, chatter, (void *)(uintptr_t)&names[i]),
				 0);
	count_lines(in, &lines);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(lines, 200);
	log_set_fd(STDOUT_FILENO);
	fclose(in);
	close(fd[1]);
}

/* A broken descriptor loses the record and nothing else. */
static void test_broken_descriptor(void **state)
{
	log_set_fd(-1);
	log_error("nobody hears this");
	log_set_fd(STDOUT_FILENO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),  cmocka_unit_test(test_levels),
		cmocka_unit_test(test_tap),     cmocka_unit_test(test_names),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_broken_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
