/* SPDX-License-Identifier: Apache-2.0 */
/* Which VIPs there are, and how each is probed: every rule a row. */
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
#include "sample_vips.h"

#define HEAD                                                                                       \
	"maglev:\n"                                                                                \
	"  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1'}}\n"            \
	"  healthchecks:\n"                                                                        \
	"    http: {type: http, port: 8000}\n"                                                     \
	"    https: {type: https, port: 9443}\n"                                                   \
	"    tcp: {type: tcp, port: 2525}\n"                                                       \
	"    tls: {type: tcp, port: 993, params: {ssl: true}}\n"                                   \
	"    icmp: {type: icmp}\n"                                                                 \
	"  backends:\n"                                                                            \
	"    none: {address: 192.0.2.9}\n"                                                         \
	"    http: {address: 192.0.2.10, healthcheck: http}\n"                                     \
	"    https: {address: 192.0.2.11, healthcheck: https}\n"                                   \
	"    tcp: {address: 192.0.2.12, healthcheck: tcp}\n"                                       \
	"    tls: {address: 192.0.2.13, healthcheck: tls}\n"                                       \
	"    icmp: {address: 192.0.2.14, healthcheck: icmp}\n"                                     \
	"  frontends:\n"
#define POOLS(B) "pools: [{name: p, backends: {" B "}}]}\n"

static void test_how_each_is_probed(void **state)
{
	static const struct {
		const char *where, *backends;
		/* with auto, http, https, tcp: scheme and port, "-": not probed */
		const char *want[4];
	} rows[] = {
		{ "protocol: tcp, port: 80",
		  "none: {}",
		  { "http:80", "http:80", "https:80", "tcp:80" } },
		{ "protocol: tcp, port: 8080",
		  "https: {}",
		  { "http:8080", "http:8080", "https:8080", "tcp:8080" } },
		{ "protocol: tcp, port: 443",
		  "http: {}",
		  { "https:443", "http:443", "https:443", "tcp:443" } },
		{ "protocol: tcp, port: 8443",
		  "tcp: {}",
		  { "https:8443", "http:8443", "https:8443", "tcp:8443" } },
		{ "protocol: tcp, port: 25",
		  "none: {}",
		  { "tcp:25", "http:25", "https:25", "tcp:25" } },
		{ "protocol: tcp, port: 25",
		  "tcp: {}",
		  { "tcp:25", "http:25", "https:25", "tcp:25" } },
		{ "protocol: tcp, port: 993",
		  "tls: {}",
		  { "tcp:993", "http:993", "https:993", "tcp:993" } },
		{ "protocol: tcp, port: 81",
		  "http: {}",
		  { "http:81", "http:81", "https:81", "tcp:81" } },
		{ "protocol: tcp, port: 81",
		  "https: {}",
		  { "https:81", "http:81", "https:81", "tcp:81" } },
		{ "protocol: tcp, port: 81",
		  "icmp: {}, tcp: {}, https: {}",
		  { "https:81", "http:81", "https:81", "tcp:81" } },
		{ "protocol: udp, port: 53", "http: {}", { "-", "-", "-", "-" } },
		{ "protocol: udp, port: 80", "http: {}", { "-", "-", "-", "-" } },
		/* all ports */
		{ "description: all", "none: {}", { "-", "http:80", "https:443", "-" } },
		{ "description: all", "icmp: {}", { "-", "http:80", "https:443", "-" } },
		{ "description: all",
		  "http: {}",
		  { "http:8000", "http:8000", "https:8000", "tcp:8000" } },
		{ "description: all",
		  "https: {}",
		  { "https:9443", "http:9443", "https:9443", "tcp:9443" } },
		{ "description: all",
		  "tcp: {}",
		  { "tcp:2525", "http:2525", "https:2525", "tcp:2525" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (enum scheme_choice c = CHOICE_AUTO; c <= CHOICE_TCP; c++) {
			_cleanup_free_ char *text = xasprintf(
				HEAD "    f: {address: 203.0.113.1, %s, " POOLS("%s"),
				rows[i].where, rows[i].backends);
			struct vips v = { 0 };
			char got[32];

			vips_of_text(&v, text, c, NULL);
			assert_int_equal(v.n, 1);
			snprintf(got, sizeof got, "%s:%u", scheme_name(v.v[0].scheme),
				 v.v[0].probe_port);
			if (v.v[0].scheme == SCHEME_NONE)
				assert_string_equal(rows[i].want[c], "-");
			else
				assert_string_equal(got, rows[i].want[c]);
			assert_int_equal(v.v[0].why_not != NULL, v.v[0].scheme == SCHEME_NONE);
			assert_int_equal(vips_probed(&v), v.v[0].scheme != SCHEME_NONE);
			vips_done(&v);
		}
	}
}

static void test_united(void **state)
{
	static const char one[] = HEAD
		"    b: {address: 203.0.113.1, protocol: tcp, port: 80, " POOLS(
			"none: {}") "    a: {address: 203.0.113.1, protocol: udp, port: "
				    "80, " POOLS("none: {}");
	static const char two[] = HEAD
		/* the first again under another name; other port, other address, other protocol */
		"    x: {address: 203.0.113.1, protocol: tcp, port: 80, " POOLS(
			"none: {}") "    "
				    "y: "
				    "{addre"
				    "ss: "
				    "203.0."
				    "113.1,"
				    " proto"
				    "col: "
				    "tcp, "
				    "port: "
				    "81,"
				    " " POOLS("none: {}") "    b: {address: '2001:db8::5', "
							  "protocol: tcp, port: 80, " POOLS(
								  "none: {}");
	struct vips v = { 0 };

	vips_of_text(&v, one, CHOICE_AUTO, NULL);
	vips_of_text(&v, two, CHOICE_AUTO, NULL);
	vips_of_text(&v, two, CHOICE_AUTO, NULL);
	assert_int_equal(v.n, 4);
	assert_string_equal(v.v[0].name, "a");
	assert_string_equal(v.v[1].name, "b");
	assert_string_equal(v.v[2].name, "b");
	assert_string_equal(v.v[2].endpoint, "[2001:db8::5]:80");
	assert_string_equal(v.v[3].endpoint, "203.0.113.1:81");
	vips_done(&v);
}

static void test_filter(void **state)
{
	struct vips v = { 0 };
	struct filter *f = NULL;
	struct err e;

	assert_int_equal(filter_new("^web-(000|001)$|caf\xc3\xa9", &f, &e), 0);
	assert_true(filter_matches(f, "le caf\xc3\xa9"));
	assert_false(filter_matches(f, "web-0000"));
	assert_true(filter_matches(NULL, "x"));
	filter_free(f);
	assert_int_equal(filter_new("web-00[0-2]", &f, &e), 0);
	{
		struct vips all = { 0 };

		vips_many(&all, 5, true);
		assert_int_equal(all.n, 8);
		vips_done(&all);
	}
	vips_of_text(&v,
		     HEAD "    web-001: {address: 203.0.113.1, protocol: tcp, port: 80, " POOLS(
			     "none: {}") "    web-003: {address: 203.0.113.2, protocol: tcp, port: "
					 "80, " POOLS("none: {}"),
		     CHOICE_AUTO, f);
	assert_int_equal(v.n, 1);
	vips_done(&v);
	filter_free(f);
	f = NULL;
	assert_int_equal(filter_new("(", &f, &e), -EINVAL);
	assert_string_equal(e.msg, "missing closing parenthesis (at character 2)");
	assert_int_equal(filter_new("\xff", &f, &e), -EINVAL);
	assert_null(f);
	/* a catastrophic one gives up */
	assert_int_equal(filter_new("(a*)*(a*)*(a*)*b", &f, &e), 0);
	assert_false(filter_matches(f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_each_is_probed),
		cmocka_unit_test(test_united),
		cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
