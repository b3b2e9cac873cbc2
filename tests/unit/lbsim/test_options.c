/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of maglev-lbsim. */
#include "lbsim/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ARGS 16

static int parse(struct options *o, struct err *err, const char *args)
{
	char text[256], *argv[MAX_ARGS] = { text };
	int argc = 0;
	char *save = NULL;
	snprintf(text, sizeof text, "maglev-lbsim %s", args);
	for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	*o = (struct options){ 0 };
	return command_parse(&options_command, o, argc, argv, err);
}

static void refused(const char *args, const char *want)
{
	struct options o;
	struct err err = { 0 };
	assert_int_equal(parse(&o, &err, args), -EINVAL);
	assert_string_equal(err.msg, want);
	options_done(&o);
}

static void test_good(void **state)
{
	struct options o;
	struct err err = { 0 };
	assert_int_equal(parse(&o, &err, "--api-socket /a --stats-socket /s"), 0);
	assert_int_equal(o.gc_interval, 60 * NS_PER_S);
	assert_int_equal(o.log_level, LVL_INFO);
	assert_false(o.journal_reads);
	options_done(&o);
	assert_int_equal(parse(&o, &err,
			       "-api-socket=/a --gc-interval 6s --log-level debug --drop-message "
			       "lb_as_set_weight --drop-message=lb_conf"),
			 0);
	assert_int_equal(o.gc_interval, 6 * NS_PER_S);
	assert_int_equal(o.log_level, LVL_DEBUG);
	assert_true(o.dropped[VPP_LB_AS_SET_WEIGHT]);
	assert_true(o.dropped[VPP_LB_CONF]);
	assert_false(o.dropped[VPP_LB_CONF_GET]);
	options_done(&o);
	assert_int_equal(parse(&o, &err, "--help --nonsense"), COMMAND_HELP);
	assert_int_equal(parse(&o, &err, "--version"), COMMAND_VERSION);
}

static void test_bad(void **state)
{
	refused("", "--api-socket must be given");
	refused("--api-socket /a word", "unexpected argument \"word\"");
	refused("--api-socket /a --nonsense", "unknown flag --nonsense");
	refused("--api-socket /a --drop-message nope", "--drop-message: no message is called nope");
	refused("--api-socket /a --journal-reads", "--journal-reads needs --journal");
	refused("--api-socket /a --gc-interval 0s", "--gc-interval: 0s is not within 10ms..1h0m0s");
}

static void test_usage(void **state)
{
	struct options scratch = { 0 };
	struct str s = { 0 };
	command_usage(&options_command, &scratch, &s);
	assert_non_null(strstr(str_z(&s), "usage: maglev-lbsim --api-socket PATH [flags]\n"));
	assert_non_null(strstr(str_z(&s), "serve VPP's stats segment here"));
	assert_non_null(strstr(str_z(&s), "  fail MESSAGE RETVAL [COUNT]"));
	str_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
