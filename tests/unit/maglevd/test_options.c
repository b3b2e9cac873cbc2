/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of maglevd, and who may change things. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "maglevd/admin.h"
#include "maglevd/options.h"

/* Parses; what it borrowed is gone afterwards, so only the result and the message count. */
static int parse(struct err *e, const char *const *words, int n)
{
	char *argv[16] = { xstrdup("maglevd") };
	struct options o = { 0 };
	int r;

	for (int i = 0; i < n; i++)
		argv[i + 1] = xstrdup(words[i]);
	r = command_parse(&options_command, &o, n + 1, argv, e);
	for (int i = 0; i <= n; i++)
		free(argv[i]);
	return r;
}

static void defaults(void **state)
{
	char *argv[] = { (char[]){ "maglevd" }, NULL };
	struct options o = { 0 };
	struct err e;

	assert_int_equal(command_parse(&options_command, &o, 1, argv, &e), 0);
	assert_string_equal(o.config, "/etc/vpp-maglev/maglev.yaml");
	assert_string_equal(o.grpc_addr, ":9090");
	assert_string_equal(o.vpp_api_addr, "/run/vpp/api.sock");
	assert_string_equal(o.metrics_addr, ":9091");
	assert_int_equal(o.log_level, LVL_INFO);
	assert_int_equal(o.probe_threads, 1);
	assert_false(o.check || o.grpc_allow_remote_admin);
	assert_string_equal(o.grpc_client_ca, "");
}

static void wrong_words(void **state)
{
	static const struct {
		const char *words[3];
		const char *says;
	} cases[] = {
		{ { "--nonsense" }, "nonsense" },
		{ { "serve" }, "serve" },
		{ { "--log-level=loud" }, "log-level" },
		{ { "--probe-threads=0" }, "probe-threads" },
		{ { "--probe-threads=x" }, "probe-threads" },
		{ { "--config" }, "config" },
		{ { "--grpc-addr=" }, "--grpc-addr" },
		{ { "--grpc-tls-cert=/x" }, "--grpc-tls-key" },
		{ { "--grpc-tls-key=/x" }, "--grpc-tls-cert" },
		{ { "--grpc-client-ca=/x" }, "--grpc-client-ca" },
		{ { "--check=maybe" }, "check" },
	};
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int n = 0;

		while (n < 3 && cases[i].words[n])
			n++;
		assert_int_equal(parse(&e, cases[i].words, n), -EINVAL);
		if (!strstr(e.msg, cases[i].says))
			fail_msg("%s: %s", cases[i].words[0], e.msg);
	}
}

static void flags_win_over_the_environment(void **state)
{
	char *argv[] = { (char[]){ "maglevd" }, (char[]){ "-config" }, (char[]){ "/flag" }, NULL };
	struct options o = { 0 };
	struct err e;

	(void)setenv("MAGLEV_CONFIG", "/env", 1);
	(void)setenv("MAGLEV_VPP_API_ADDR", "", 1);
	(void)setenv("MAGLEV_LOG_LEVEL", "debug", 1);
	assert_int_equal(command_parse(&options_command, &o, 3, argv, &e), 0);
	assert_string_equal(o.config, "/flag");
	assert_string_equal(o.vpp_api_addr, ""); /* switched off */
	assert_int_equal(o.log_level, LVL_DEBUG);
	(void)unsetenv("MAGLEV_CONFIG");
	(void)unsetenv("MAGLEV_VPP_API_ADDR");
	(void)unsetenv("MAGLEV_LOG_LEVEL");
}

static void usage_names_every_flag(void **state)
{
	struct options scratch = { 0 };
	struct str s = { 0 };

	command_usage(&options_command, &scratch, &s);
	assert_non_null(strstr(str_z(&s), "--grpc-allow-remote-admin"));
	assert_non_null(strstr(str_z(&s), "MAGLEV_PROBE_THREADS"));
	str_done(&s);
}

/* Every combination: local or not, client CA or not, certificate or not, flag or not. */
static void who_may_change_things(void **state)
{
	for (int i = 0; i < 16; i++) {
		bool ca = i & 1, remote = i & 2;
		struct rpc_peer peer = { .text = "ipv4:198.51.100.7:1",
					 .local = i & 4,
					 .authenticated = i & 8,
					 .subject = "" };
		struct err e = { 0 };
		bool may = admin_may_change(&peer, ca, remote, &e);

		assert_int_equal(may, peer.local || remote || (ca && peer.authenticated));
		if (may)
			continue;
		assert_non_null(strstr(e.msg, "--grpc-client-ca"));
		assert_non_null(strstr(e.msg, "--grpc-allow-remote-admin"));
		assert_non_null(strstr(e.msg, "198.51.100.7"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(flags_win_over_the_environment),
		cmocka_unit_test(usage_names_every_flag),
		cmocka_unit_test(who_may_change_things),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
