/* SPDX-License-Identifier: Apache-2.0 */
/* Command line and environment. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dashboard/options.h"

static const char *const variables[] = { "MAGLEV_FRONTEND_SERVERS",   "MAGLEV_SERVERS",
					 "MAGLEV_FRONTEND_LISTEN",    "MAGLEV_LISTEN",
					 "MAGLEV_FRONTEND_USER",      "MAGLEV_FRONTEND_PASSWORD",
					 "MAGLEV_FRONTEND_LOG_LEVEL", "MAGLEV_FRONTEND_TLS_CA",
					 "MAGLEV_FRONTEND_TLS_CERT",  "MAGLEV_FRONTEND_TLS_KEY" };

static int clear(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

#define PARSE(O, E, ...)                                                                           \
	command_parse(&options_command, (O),                                                       \
		      (int)ARRAY_LEN(((const char *const[]){ "x", ##__VA_ARGS__ })),               \
		      (char *const *)(uintptr_t)(const char *const[]){ "x", ##__VA_ARGS__, NULL }, \
		      (E))

static void expect(const struct options *o, const char *servers)
{
	_cleanup_(str_done) struct str s = { 0 };

	for (size_t i = 0; i < o->n_servers; i++)
		str_addf(&s, "%s%s=%s", i ? " " : "", o->servers[i].name, o->servers[i].address);
	assert_string_equal(str_z(&s), servers);
}

static void servers(void **state)
{
	_cleanup_(options_done) struct options o = { 0 }, p = { 0 }, q = { 0 };
	struct err e;

	assert_int_equal(PARSE(&o, &e), 0);
	expect(&o, "localhost:9090=localhost:9090");
	assert_string_equal(o.listen, ":8080");
	assert_null(o.user);
	assert_int_equal(PARSE(&p, &e, "-server", "a,x=b:1", "--server=[::1]:2"), 0);
	expect(&p, "a=a x=b:1 [::1]:2=[::1]:2");
	setenv("MAGLEV_SERVERS", "old:1", 1);
	setenv("MAGLEV_FRONTEND_SERVERS", "n=new:1,new:2", 1);
	assert_int_equal(PARSE(&q, &e), 0);
	expect(&q, "n=new:1 new:2=new:2");
}

static void old_variables(void **state)
{
	_cleanup_(options_done) struct options o = { 0 };
	struct err e;

	setenv("MAGLEV_SERVERS", "old:1,old:2", 1);
	setenv("MAGLEV_FRONTEND_SERVERS", "", 1);
	setenv("MAGLEV_LISTEN", ":81", 1);
	assert_int_equal(PARSE(&o, &e), 0);
	expect(&o, "old:1=old:1 old:2=old:2");
	assert_string_equal(o.listen, ":81");
}

static void admin_needs_both(void **state)
{
	_cleanup_(options_done) struct options o = { 0 }, p = { 0 }, q = { 0 };
	struct err e;

	setenv("MAGLEV_FRONTEND_USER", "u", 1);
	assert_int_equal(PARSE(&o, &e), 0);
	assert_null(o.user);
	setenv("MAGLEV_FRONTEND_PASSWORD", "", 1);
	assert_int_equal(PARSE(&p, &e), 0);
	assert_null(p.user);
	setenv("MAGLEV_FRONTEND_PASSWORD", "p", 1);
	assert_int_equal(PARSE(&q, &e), 0);
	assert_string_equal(q.user, "u");
	assert_string_equal(q.password, "p");
}

/* What is said names the flag (or the variable, or the word) and what is wrong with it. */
static void mistakes(void **state)
{
	static const struct {
		const char *arg, *says;
	} bad[] = {
		{ "--server=", "--server \"\": expected [name=]address" },
		{ "--server=a,", "--server \"\": expected [name=]address" },
		{ "--server==a", "--server \"=a\": expected [name=]address" },
		{ "--server=x=", "--server \"x=\": expected [name=]address" },
		{ "--server=a,a", "--server: two have the name \"a\"" },
		{ "--server=x=a,x=b", "--server: two have the name \"x\"" },
		{ "--listen=", "--listen must not be empty" },
		{ "--tls-cert=c", "--tls-cert and --tls-key go together" },
		{ "--tls-key=k", "--tls-cert and --tls-key go together" },
		{ "--log-level=", "--log-level: \"\" is not one of debug, info, warn, error" },
		{ "--log-level=loud",
		  "--log-level: \"loud\" is not one of debug, info, warn, error" },
		{ "--unknown", "unknown flag --unknown" },
		{ "--listen", "--listen needs a value" },
		{ "word", "unexpected argument \"word\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(options_done) struct options o = { 0 };
		struct err e = { 0 };

		assert_int_equal(PARSE(&o, &e, bad[i].arg), -EINVAL);
		assert_string_equal(e.msg, bad[i].says);
	}
}

/* Every flag but -version has its variable, and wins over it. */
static void every_variable(void **state)
{
	_cleanup_(options_done) struct options o = { 0 }, p = { 0 }, q = { 0 };
	struct err e = { 0 };

	setenv("MAGLEV_FRONTEND_SERVERS", "v=env:1", 1);
	setenv("MAGLEV_FRONTEND_LISTEN", ":1", 1);
	setenv("MAGLEV_FRONTEND_LOG_LEVEL", "warn", 1);
	setenv("MAGLEV_FRONTEND_TLS_CA", "/env/ca", 1);
	setenv("MAGLEV_FRONTEND_TLS_CERT", "/env/cert", 1);
	setenv("MAGLEV_FRONTEND_TLS_KEY", "/env/key", 1);
	assert_int_equal(PARSE(&o, &e), COMMAND_RUN);
	expect(&o, "v=env:1");
	assert_string_equal(o.listen, ":1");
	assert_int_equal(o.log_level, LVL_WARN);
	assert_string_equal(o.tls_ca, "/env/ca");
	assert_string_equal(o.tls_cert, "/env/cert");
	assert_string_equal(o.tls_key, "/env/key");
	assert_int_equal(PARSE(&p, &e, "-server", "f=flag:1", "-listen", ":2", "-log-level=error",
			       "-tls-ca=/a", "-tls-cert=/b", "-tls-key=/c"),
			 COMMAND_RUN);
	expect(&p, "f=flag:1");
	assert_string_equal(p.listen, ":2");
	assert_int_equal(p.log_level, LVL_ERROR);
	assert_string_equal(p.tls_ca, "/a");
	assert_string_equal(p.tls_cert, "/b");
	assert_string_equal(p.tls_key, "/c");
	setenv("MAGLEV_FRONTEND_LOG_LEVEL", "loud", 1);
	assert_int_equal(PARSE(&q, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "MAGLEV_FRONTEND_LOG_LEVEL: \"loud\""));
}

static void help_and_version(void **state)
{
	_cleanup_(options_done) struct options o = { 0 }, scratch = { 0 };
	_cleanup_(str_done) struct str s = { 0 };
	struct err e = { 0 };

	assert_int_equal(PARSE(&o, &e, "-version"), COMMAND_VERSION);
	assert_int_equal(PARSE(&o, &e, "-help", "--nonsense"), COMMAND_HELP);
	command_usage(&options_command, &scratch, &s);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (!strstr(str_z(&s), variables[i]))
			fail_msg("--help does not tell of %s", variables[i]);
}

static void too_many(void **state)
{
	_cleanup_(options_done) struct options o = { 0 };
	_cleanup_(str_done) struct str s = { 0 };
	struct err e;

	for (int i = 0; i <= OPTIONS_SERVERS_MAX; i++)
		str_addf(&s, "%sh:%d", i ? "," : "", i + 1);
	assert_int_equal(PARSE(&o, &e, "-server", str_z(&s)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(servers, clear),
		cmocka_unit_test_setup(old_variables, clear),
		cmocka_unit_test_setup(admin_needs_both, clear),
		cmocka_unit_test_setup(mistakes, clear),
		cmocka_unit_test_setup(every_variable, clear),
		cmocka_unit_test_setup(help_and_version, clear),
		cmocka_unit_test_setup(too_many, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
