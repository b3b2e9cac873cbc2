/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

static struct addr must(const char *s)
{
	struct addr a = { 0 };

	if (addr_parse(s, &a) < 0)
		fail_msg("%s does not parse", s);
	return a;
}

static void test_parse_and_format(void **state)
{
	static const char *const rows[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "fe80::1:2:3:4", "fe80::1:2:3:4" },
	};
	char buf[ADDR_STRLEN];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = must(rows[i][0]);

		assert_string_equal(addr_format(&a, buf), rows[i][1]);
	}
	assert_string_equal(addr_format(&(struct addr){ 0 }, buf), "");
}

static void test_parse_refuses(void **state)
{
	static const char *const rows[] = {
		"",           " 1.2.3.4",      "1.2.3.4 ",  "1.2.3",        "1.2.3.4.5",
		"1.2.3.256",  "01.2.3.4",      "1.2.3.0x4", "fe80::1%eth0", "[::1]",
		"1.2.3.4/32", "2001:db8::/64", ":::",       "1::2::3",      "12345::",
		"localhost",  "1:2:3:4:5:6:7", "::1.2.3",   "0x7f.1",       "2130706433",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a, was;

		memset(&a, 0x5a, sizeof a);
		was = a;
		assert_int_equal(addr_parse(rows[i], &a), -EINVAL);
		assert_memory_equal(&a, &was, sizeof a);
	}
}

static void test_order(void **state)
{
	static const char *const sorted[] = { "10.0.0.2", "10.0.0.10",   "192.0.2.1",
					      "::1",      "2001:db8::2", "2001:db8::10" };

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		for (size_t k = 0; k < ARRAY_LEN(sorted); k++) {
			struct addr a = must(sorted[i]), b = must(sorted[k]);
			int c = addr_cmp(&a, &b);

			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
			assert_int_equal(addr_eq(&a, &b), i == k);
		}
	}
}

static void test_classes(void **state)
{
	static const struct {
		const char *s;
		bool unicast, loopback;
	} rows[] = {
		{ "0.0.0.0", false, false },
		{ "0.0.0.1", true, false },
		{ "127.0.0.1", true, true },
		{ "127.255.255.254", true, true },
		{ "223.255.255.255", true, false },
		{ "224.0.0.1", false, false },
		{ "239.255.255.255", false, false },
		{ "240.0.0.1", true, false },
		{ "255.255.255.255", false, false },
		{ "::", false, false },
		{ "::1", false, true },
		{ "::1.2.3.4", false, false },
		{ "::1:0:0", true, false }, /* just outside ::/96 */
		{ "::ffff:127.0.0.1", true, true },
		{ "::ffff:10.0.0.1", true, false },
		{ "ff02::1", false, false },
		{ "fe80::1", true, false },
		{ "2001:db8::1", true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = must(rows[i].s);

		if (addr_unicast(&a) != rows[i].unicast || addr_loopback(&a) != rows[i].loopback)
			fail_msg("%s", rows[i].s);
	}
	assert_false(addr_unicast(&(struct addr){ 0 }));
	assert_false(addr_loopback(&(struct addr){ 0 }));
}

static void test_prefixes(void **state)
{
	struct addr v4 = must("192.0.2.1"), v6 = must("2001:db8::1");
	struct prefix a = prefix_host(&v4), b = prefix_host(&v6), c = a;
	char buf[PREFIX_STRLEN];

	c.len = 24;
	assert_string_equal(prefix_format(&a, buf), "192.0.2.1/32");
	assert_string_equal(prefix_format(&b, buf), "2001:db8::1/128");
	assert_true(prefix_cmp(&a, &b) < 0);
	assert_true(prefix_cmp(&c, &a) < 0);
	assert_true(prefix_cmp(&a, &c) > 0);
	assert_int_equal(prefix_cmp(&a, &a), 0);
}

static void test_sockaddr(void **state)
{
	static const char *const rows[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage ss;
	uint16_t port = 0;
	struct addr back;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = must(rows[i]);
		unsigned len = addr_to_sockaddr(&a, 8443, &ss);

		assert_int_equal(len, i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(addr_from_sockaddr(&ss, &back, &port), 0);
		assert_memory_equal(&back, &a, sizeof a);
		assert_int_equal(port, 8443);
		assert_int_equal(addr_from_sockaddr(&ss, &back, NULL), 0);
	}
	ss.ss_family = AF_UNIX;
	port = 9;
	assert_int_equal(addr_from_sockaddr(&ss, &back, &port), -EAFNOSUPPORT);
	assert_int_equal(port, 9);
}

static void test_hostport(void **state)
{
	static const struct {
		const char *s, *host;
		int port; /* -1: refused */
	} rows[] = {
		{ ":9090", "", 9090 },
		{ "localhost:80", "localhost", 80 },
		{ "127.0.0.1:0", "127.0.0.1", 0 },
		{ "[::1]:65535", "::1", 65535 },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0", 1 },
		{ "", NULL, -1 },
		{ "host", NULL, -1 },
		{ "host:", NULL, -1 },
		{ "host:65536", NULL, -1 },
		{ "host:-1", NULL, -1 },
		{ "host:-0", NULL, -1 },
		{ "host:+1", NULL, -1 },
		{ "host: 1", NULL, -1 },
		{ "host:http", NULL, -1 },
		{ "::1:80", NULL, -1 },
		{ "[]:80", NULL, -1 },
		{ "[::1:80", NULL, -1 },
		{ "::1]:80", NULL, -1 },
		{ "[[::1]]:80", NULL, -1 },
		{ "[::1]80", NULL, -1 },
		{ "[::1]x:80", NULL, -1 },
		{ "a-name-that-is-longer-than-its-room:80", NULL, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char host[20] = "untouched";
		uint16_t port = 77;
		int r = hostport_split(rows[i].s, host, sizeof host, &port);

		if (r != (rows[i].port < 0 ? -EINVAL : 0))
			fail_msg("%s gives %d", rows[i].s, r);
		assert_string_equal(host, r ? "untouched" : rows[i].host);
		assert_int_equal(port, r ? 77 : rows[i].port);
	}
}

/* Any address survives being written and read. */
static void test_round_trip(void **state)
{
	char buf[ADDR_STRLEN];
	struct rng r;

	rng_init(&r, 11);
	for (int i = 0; i < 20000; i++) {
		struct addr a = { .family = i % 2 ? ADDR_IP4 : ADDR_IP6 }, back;

		for (int k = 0; k < (i % 2 ? 4 : 16); k++)
			a.b[k] = rng_below(&r, 3) ? (uint8_t)rng_u64(&r) : 0;
		assert_int_equal(addr_parse(addr_format(&a, buf), &back), 0);
		assert_memory_equal(&a, &back, sizeof a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_hostport),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
