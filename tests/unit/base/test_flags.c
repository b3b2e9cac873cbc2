/* SPDX-License-Identifier: Apache-2.0 */
/* Every spelling of a flag, what wins over what, and what is said about a mistake. */
#include "base/flags.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

struct options {
	const char *config, *addr;
	bool verbose, reflection;
	long long threads;
	dur_ns interval;
	int level;
	struct flag_list drop;
};

static const char *const level_words[] = { "debug", "info", "warn", NULL };

#define N_FLAGS 8

static void table(struct options *o, struct flag f[static N_FLAGS])
{
	const struct flag t[N_FLAGS] = {
		{ "config", "T_CONFIG", FLAG_STRING, "/etc/x", "FILE", "the file",
		  .to_string = &o->config },
		{ "addr", "T_ADDR", FLAG_STRING, ":1", "ADDR", "where", .to_string = &o->addr },
		{ "verbose", NULL, FLAG_BOOL, "false", NULL, "talk", .to_bool = &o->verbose },
		{ "reflection", "T_REFL", FLAG_BOOL, "true", NULL, "reflect",
		  .to_bool = &o->reflection },
		{ "threads", "T_THREADS", FLAG_INT, "1", "N", "how many", .to_int = &o->threads,
		  .min = 1, .max = 64 },
		{ "interval", "T_INTERVAL", FLAG_DURATION, "1m", "TIME", "how often",
		  .to_duration = &o->interval, .min = NS_PER_S, .max = 3600 * NS_PER_S },
		{ "log-level", "T_LEVEL", FLAG_ENUM, "info", "LEVEL", "least level",
		  .to_enum = &o->level, .choices = level_words },
		{ "drop", "T_DROP", FLAG_LIST, NULL, "NAME", "leave out", .to_list = &o->drop },
	};
	memcpy(f, t, sizeof t);
}

static int parse(struct options *o, char **argv, int *next, struct err *err)
{
	struct flag f[N_FLAGS];
	table(o, f);
	int argc = 0;
	while (argv[argc])
		argc++;
	return flags_parse(f, N_FLAGS, argc, argv, next, err);
}

#define ARGV(...) ((char *[]){ (char[]){ "prog" }, ##__VA_ARGS__, NULL })
#define A(S)      ((char[]){ S })

static int clear_env(void **state)
{
	static const char *const names[] = { "T_CONFIG",   "T_ADDR",  "T_REFL", "T_THREADS",
					     "T_INTERVAL", "T_LEVEL", "T_DROP" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	return 0;
}

static void test_defaults(void **state)
{
	struct options o = { 0 };
	int next = -1;
	assert_int_equal(parse(&o, ARGV(), &next, NULL), 0);
	assert_int_equal(next, 1);
	assert_string_equal(o.config, "/etc/x");
	assert_false(o.verbose);
	assert_true(o.reflection);
	assert_int_equal(o.threads, 1);
	assert_int_equal(o.interval, 60 * NS_PER_S);
	assert_int_equal(o.level, 1);
	assert_int_equal(o.drop.n, 0);
}

static void test_null_default_keeps_the_preset(void **state)
{
	bool color = true;
	int next;
	const struct flag f = {
		"color", NULL, FLAG_BOOL, NULL, NULL, "colours", .to_bool = &color
	};
	assert_int_equal(flags_parse(&f, 1, 1, ARGV(), &next, NULL), 0);
	assert_true(color);
	assert_int_equal(flags_parse(&f, 1, 2, ARGV(A("-color=false")), &next, NULL), 0);
	assert_false(color);
}

static void test_spellings(void **state)
{
	char *const forms[][4] = {
		{ (char[]){ "p" }, (char[]){ "-config" }, (char[]){ "/a" } },
		{ (char[]){ "p" }, (char[]){ "--config" }, (char[]){ "/a" } },
		{ (char[]){ "p" }, (char[]){ "--config=/a" } },
		{ (char[]){ "p" }, (char[]){ "-config=/a" } },
	};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct options o = { 0 };
		char *argv[4];
		int next = -1;
		memcpy(argv, forms[i], sizeof argv);
		assert_int_equal(parse(&o, argv, &next, NULL), 0);
		assert_string_equal(o.config, "/a");
		assert_int_equal(next, i < 2 ? 3 : 2);
	}
}

static void test_bool_takes_no_word(void **state)
{
	struct options o = { 0 };
	int next = -1;
	assert_int_equal(parse(&o, ARGV(A("--verbose"), A("false")), &next, NULL), 0);
	assert_true(o.verbose);
	assert_int_equal(next, 2); /* "false" is the first argument left */
	assert_int_equal(parse(&o, ARGV(A("--verbose=false"), A("-reflection=F")), &next, NULL), 0);
	assert_false(o.verbose);
	assert_false(o.reflection);
	assert_int_equal(parse(&o, ARGV(A("--verbose=1")), &next, NULL), 0);
	assert_true(o.verbose);
}

static void test_stops_at_the_first_word(void **state)
{
	struct options o = { 0 };
	int next = -1;
	assert_int_equal(
		parse(&o, ARGV(A("-verbose"), A("show"), A("--config"), A("x")), &next, NULL), 0);
	assert_int_equal(next, 2);
	assert_string_equal(o.config, "/etc/x");
	assert_int_equal(parse(&o, ARGV(A("--"), A("--config")), &next, NULL), 0);
	assert_int_equal(next, 2);
	assert_int_equal(parse(&o, ARGV(A("-")), &next, NULL), 0);
	assert_int_equal(next, 1);
}

static void test_values(void **state)
{
	struct options o = { 0 };
	int next = -1;
	assert_int_equal(parse(&o,
			       ARGV(A("--threads=64"), A("--interval"), A("1m30s"),
				    A("--log-level"), A("warn"), A("--config="), A("--config"),
				    A("-odd"), A("--addr="), A("--drop"), A("a,b"), A("--drop=c")),
			       &next, NULL),
			 0);
	assert_int_equal(o.threads, 64);
	assert_int_equal(o.interval, 90 * NS_PER_S);
	assert_int_equal(o.level, 2);
	assert_string_equal(o.config, "-odd"); /* the last one, dash or not */
	assert_string_equal(o.addr, "");
	assert_int_equal(o.drop.n, 2);
	assert_string_equal(o.drop.v[0], "a,b");
	assert_string_equal(o.drop.v[1], "c");
	flag_list_done(&o.drop);
}

static void test_environment(void **state)
{
	struct options o = { 0 };
	int next = -1;
	setenv("T_CONFIG", "/env", 1);
	setenv("T_ADDR", "", 1); /* empty is a string's way of saying "off" */
	setenv("T_THREADS", "", 1);
	setenv("T_REFL", "false", 1);
	setenv("T_INTERVAL", "5s", 1);
	setenv("T_LEVEL", "debug", 1);
	setenv("T_DROP", "x,,y", 1);
	assert_int_equal(parse(&o, ARGV(), &next, NULL), 0);
	assert_string_equal(o.config, "/env");
	assert_string_equal(o.addr, "");
	assert_int_equal(o.threads, 1);
	assert_false(o.reflection);
	assert_int_equal(o.interval, 5 * NS_PER_S);
	assert_int_equal(o.level, 0);
	assert_int_equal(o.drop.n, 2);
	assert_string_equal(o.drop.v[1], "y");

	assert_int_equal(parse(&o, ARGV(A("--config=/flag"), A("--drop=z")), &next, NULL), 0);
	assert_string_equal(o.config, "/flag");
	assert_int_equal(o.drop.n, 1);
	assert_string_equal(o.drop.v[0], "z");
	flag_list_done(&o.drop);
}

static void test_flag_overrides_a_bad_variable(void **state)
{
	struct options o = { 0 };
	int next = -1;
	setenv("T_THREADS", "many", 1);
	assert_int_equal(parse(&o, ARGV(A("--threads=2")), &next, NULL), 0);
	assert_int_equal(o.threads, 2);
}

static void refused(char **argv, const char *want)
{
	struct options o = { 0 };
	struct err err = { 0 };
	int next = -7;
	assert_int_equal(parse(&o, argv, &next, &err), -EINVAL);
	assert_int_equal(next, -7);
	assert_string_equal(err.msg, want);
	flag_list_done(&o.drop);
}

static void test_mistakes(void **state)
{
	refused(ARGV(A("--nope")), "unknown flag --nope");
	refused(ARGV(A("-nope=3")), "unknown flag -nope");
	refused(ARGV(A("---config=3")), "unknown flag ---config");
	refused(ARGV(A("--conf"), A("x")), "unknown flag --conf");
	refused(ARGV(A("--config")), "--config needs a value");
	refused(ARGV(A("--threads"), A("0")), "--threads: 0 is not within 1..64");
	refused(ARGV(A("--threads=x")), "--threads: \"x\" is not a whole number");
	refused(ARGV(A("--interval=5")),
		"--interval: \"5\" is not a duration (a number with a unit, as 1m30s)");
	refused(ARGV(A("--interval=1ms")), "--interval: 1ms is not within 1s..1h0m0s");
	refused(ARGV(A("--verbose=maybe")), "--verbose: \"maybe\" is neither true nor false");
	refused(ARGV(A("--log-level=loud")),
		"--log-level: \"loud\" is not one of debug, info, warn");
	setenv("T_THREADS", "many", 1);
	refused(ARGV(), "T_THREADS: \"many\" is not a whole number");
}

static void test_list_is_bounded(void **state)
{
	struct options o = { 0 };
	struct err err = { 0 };
	int next;
	char *argv[FLAG_LIST_MAX + 3] = { (char[]){ "p" } };
	char one[] = "--drop=x";
	for (size_t i = 1; i <= FLAG_LIST_MAX; i++)
		argv[i] = one;
	assert_int_equal(parse(&o, argv, &next, &err), 0);
	assert_int_equal(o.drop.n, FLAG_LIST_MAX);
	argv[FLAG_LIST_MAX + 1] = one;
	assert_int_equal(parse(&o, argv, &next, &err), -EINVAL);
	assert_string_equal(err.msg, "--drop: more than 64 values");
	flag_list_done(&o.drop);
}

static void test_help_survives_a_later_mistake(void **state)
{
	struct options o = { 0 };
	int next;
	assert_int_equal(parse(&o, ARGV(A("--verbose"), A("--nope")), &next, NULL), -EINVAL);
	assert_true(o.verbose);
	setenv("T_THREADS", "many", 1);
	assert_int_equal(parse(&o, ARGV(A("--verbose")), &next, NULL), -EINVAL);
	assert_true(o.verbose);
}

static void test_alias(void **state)
{
	const char *uri = NULL;
	const struct flag f = { "uri",  NULL,          FLAG_STRING,       "/",
				"PATH", "what to get", .to_string = &uri, .alias = "path" };
	_cleanup_(str_done) struct str out = { 0 };
	struct err err;
	int next;

	assert_int_equal(flags_parse(&f, 1, 3, ARGV(A("-path"), A("/a")), &next, &err), 0);
	assert_string_equal(uri, "/a");
	/* the last one counts, by whatever name */
	assert_int_equal(flags_parse(&f, 1, 3, ARGV(A("--path=/a"), A("--uri=/b")), &next, &err),
			 0);
	assert_string_equal(uri, "/b");
	assert_int_equal(flags_parse(&f, 1, 2, ARGV(A("--pat=/a")), &next, &err), -EINVAL);
	flags_usage(&f, 1, "x", &out);
	assert_non_null(strstr(str_z(&out), "  --uri, --path PATH\n"));
}

static void test_usage(void **state)
{
	struct options o = { 0 };
	struct flag f[N_FLAGS];
	struct str s = { 0 };
	table(&o, f);
	f[2].help = "say everything that happens, in many words, so that this sentence has to be "
		    "wrapped at least once";
	flags_usage(f, N_FLAGS, "prog [flags]", &s);
	static const char want[] =
		"usage: prog [flags]\n"
		"  --config FILE\n"
		"        the file (default /etc/x; environment T_CONFIG)\n"
		"  --addr ADDR\n"
		"        where (default :1; environment T_ADDR)\n"
		"  --verbose\n"
		"        say everything that happens, in many words, so that this sentence has to\n"
		"        be wrapped at least once\n"
		"  --reflection\n"
		"        reflect (default true; environment T_REFL)\n"
		"  --threads N\n"
		"        how many (default 1; environment T_THREADS)\n"
		"  --interval TIME\n"
		"        how often (default 1m; environment T_INTERVAL)\n"
		"  --log-level LEVEL\n"
		"        least level: debug, info, warn (default info; environment T_LEVEL)\n"
		"  --drop NAME\n"
		"        leave out (environment T_DROP)\n";
	assert_string_equal(str_z(&s), want);
	str_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, clear_env),
		cmocka_unit_test_setup(test_null_default_keeps_the_preset, clear_env),
		cmocka_unit_test_setup(test_spellings, clear_env),
		cmocka_unit_test_setup(test_bool_takes_no_word, clear_env),
		cmocka_unit_test_setup(test_stops_at_the_first_word, clear_env),
		cmocka_unit_test_setup(test_values, clear_env),
		cmocka_unit_test_setup(test_environment, clear_env),
		cmocka_unit_test_setup(test_flag_overrides_a_bad_variable, clear_env),
		cmocka_unit_test_setup(test_mistakes, clear_env),
		cmocka_unit_test_setup(test_list_is_bounded, clear_env),
		cmocka_unit_test_setup(test_help_survives_a_later_mistake, clear_env),
		cmocka_unit_test_setup(test_alias, clear_env),
		cmocka_unit_test_setup(test_usage, clear_env),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
