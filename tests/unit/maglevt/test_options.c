/* SPDX-License-Identifier: Apache-2.0 */
/* The command line and its variables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "maglevt/options.h"

#define MAX_ARGS 12

static int parse(struct options *o, const char *const *args, struct err *e)
{
	static char copies[MAX_ARGS][128];
	char *argv[MAX_ARGS + 2] = { copies[0] };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = strcpy(copies[argc], args[argc - 1]);
	*o = (struct options){ 0 };
	return command_parse(&options_command, o, argc, argv, e);
}

#define PARSE(O, E, ...) parse((O), (const char *const[]){ __VA_ARGS__, NULL }, (E))

static void test_defaults(void **state)
{
	struct options o;
	struct err e;

	assert_int_equal(PARSE(&o, &e, NULL), COMMAND_RUN);
	assert_int_equal(o.config.n, 1);
	assert_string_equal(o.config.v[0], "/etc/vpp-maglev/maglev.yaml");
	assert_int_equal(o.interval, 100 * NS_PER_MS);
	assert_int_equal(o.timeout, 2 * NS_PER_S);
	assert_string_equal(o.uri, "/.well-known/ipng/healthz");
	assert_string_equal(o.host, "");
	assert_string_equal(o.header, "X-IPng-Frontend");
	assert_true(o.insecure);
	assert_false(o.keepalive);
	assert_int_equal(o.scheme, CHOICE_AUTO);
	assert_null(o.filter);
	assert_false(options_headless(&o));
	options_done(&o);
}

static void test_values(void **state)
{
	struct options o;
	struct err e;

	assert_int_equal(PARSE(&o, &e, "-config", "a,b", "--config=c", "-path", "/x", "-scheme",
			       "https", "-keepalive"),
			 COMMAND_RUN);
	assert_int_equal(o.config.n, 3);
	assert_string_equal(o.config.v[0], "a");
	assert_string_equal(o.config.v[1], "b");
	assert_string_equal(o.config.v[2], "c");
	assert_string_equal(o.uri, "/x");
	assert_int_equal(o.scheme, CHOICE_HTTPS);
	assert_true(o.keepalive);
	options_done(&o);
	assert_int_equal(PARSE(&o, &e, "-count=3", "-json", "-insecure=false", "-filter", "^a"),
			 COMMAND_RUN);
	assert_true(options_headless(&o) && o.json && !o.insecure && o.filter);
	options_done(&o);
	assert_int_equal(PARSE(&o, &e, "-duration", "90s"), COMMAND_RUN);
	assert_true(options_headless(&o));
	options_done(&o);
	assert_int_equal(PARSE(&o, &e, "-help"), COMMAND_HELP);
	options_done(&o);
	assert_int_equal(PARSE(&o, &e, "-version"), COMMAND_VERSION);
	options_done(&o);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *args[3], *said;
	} rows[] = {
		{ { "-interval", "0s" }, "--interval: 0s is not within 1ms..1h0m0s" },
		{ { "-interval", "100" }, "not a duration" },
		{ { "-timeout", "never" }, "not a duration" },
		{ { "-uri", "x" }, "--uri must begin with /" },
		{ { "-uri", "/\xff" }, "--uri must begin with /" },
		{ { "-host", "a b" }, "--host must be one word" },
		{ { "-host", "a\xff" }, "--host must be one word" },
		{ { "-host", "a\x1b[2J" }, "--host must be one word" },
		{ { "-header", "" }, "--header must be the name" },
		{ { "-header", "X:" }, "--header must be the name" },
		{ { "-header", "X\xc3\xa9" }, "--header must be the name" },
		{ { "-filter", "[" }, "--filter: missing terminating ]" },
		{ { "-filter", "\xff" }, "--filter: UTF-8 error" },
		{ { "-scheme", "gopher" }, "is not one of auto, http, https, tcp" },
		{ { "-count", "-1" }, "--count: -1 is not within" },
		{ { "-json" }, "it needs --count or --duration" },
		{ { "-nonsense" }, "unknown flag -nonsense" },
		{ { "word" }, "unexpected argument \"word\"" },
		{ { "-config" }, "--config needs a value" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct options o;
		struct err e = { 0 };

		assert_int_equal(parse(&o, rows[i].args, &e), -EINVAL);
		if (!strstr(e.msg, rows[i].said))
			fail_msg("%s: said \"%s\"", rows[i].args[0], e.msg);
		options_done(&o);
	}
}

static void test_too_many_files(void **state)
{
	struct options o;
	struct err e;
	char list[200] = "";

	for (int i = 0; i < 60; i++)
		strcat(list, "a,");
	assert_true(strlen(list) < 128);
	assert_int_equal(PARSE(&o, &e, "-config", list), COMMAND_RUN);
	assert_int_equal(o.config.n, 60);
	options_done(&o);
	assert_int_equal(PARSE(&o, &e, "-config", list, "-config", list), -EINVAL);
	options_done(&o);
}

/* Each flag has its variable. */
static void test_environment(void **state)
{
	static const struct {
		const char *name, *value;
	} vars[] = {
		{ "MAGLEVT_CONFIG", "x,y" },     { "MAGLEVT_INTERVAL", "1s" },
		{ "MAGLEVT_TIMEOUT", "3s" },     { "MAGLEVT_URI", "/e" },
		{ "MAGLEVT_HOST", "h" },         { "MAGLEVT_HEADER", "X-E" },
		{ "MAGLEVT_INSECURE", "false" }, { "MAGLEVT_KEEPALIVE", "true" },
		{ "MAGLEVT_FILTER", "f" },       { "MAGLEVT_SCHEME", "tcp" },
		{ "MAGLEVT_COUNT", "7" },        { "MAGLEVT_DURATION", "9s" },
		{ "MAGLEVT_JSON", "true" },
	};
	struct flag flags[FLAGS_MAX];
	struct options o;
	struct err e;
	size_t n = options_command.table(&o, flags);

	assert_int_equal(n, ARRAY_LEN(vars));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(flags[i].env, vars[i].name);
		setenv(vars[i].name, vars[i].value, 1);
	}
	assert_int_equal(PARSE(&o, &e, "-path", "/argv"), COMMAND_RUN);
	assert_int_equal(o.config.n, 2);
	assert_string_equal(o.config.v[1], "y");
	assert_int_equal(o.interval, NS_PER_S);
	assert_int_equal(o.timeout, 3 * NS_PER_S);
	assert_string_equal(o.uri, "/argv"); /* by either name, it wins over the variable */
	assert_string_equal(o.host, "h");
	assert_string_equal(o.header, "X-E");
	assert_true(!o.insecure && o.keepalive && o.filter && o.json);
	assert_int_equal(o.scheme, CHOICE_TCP);
	assert_int_equal(o.count, 7);
	assert_int_equal(o.duration, 9 * NS_PER_S);
	options_done(&o);
	for (size_t i = 0; i < n; i++)
		unsetenv(vars[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),
		cmocka_unit_test(test_mistakes),    cmocka_unit_test(test_too_many_files),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
