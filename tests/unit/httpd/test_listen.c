/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as people write them, and what stands in their way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "httpd/listen.h"

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void any_free_port(void **state)
{
	static const char *const addrs[] = { ":0", "127.0.0.1:0", "localhost:0" };
	int fds[LISTEN_MAX], port;
	struct err e;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		if (listen_open(addrs[i], fds, &n, &port, &e))
			fail_msg("%s: %s", addrs[i], e.msg);
		assert_in_range(n, 1, LISTEN_MAX);
		assert_in_range(port, 1, 65535);
		close_all(fds, n);
	}
}

static void a_port_in_use_is_named(void **state)
{
	int fds[LISTEN_MAX], more[LISTEN_MAX], port;
	char addr[32];
	struct err e;
	size_t n, n_more = 77;

	assert_int_equal(listen_open("127.0.0.1:0", fds, &n, &port, &e), 0);
	(void)snprintf(addr, sizeof addr, "127.0.0.1:%d", port);
	assert_int_equal(listen_open(addr, more, &n_more, &port, &e), -EADDRINUSE);
	assert_int_equal(n_more, 77);
	assert_non_null(strstr(e.msg, addr));
	(void)snprintf(addr, sizeof addr, ":%d", port);
	assert_int_equal(listen_open(addr, more, &n_more, &port, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, addr));
	close_all(fds, n);
}

static void what_is_no_address(void **state)
{
	static const char *const addrs[] = { "x",      "9091",      "127.0.0.1",
					     ":99999", "[::1:9091", "no.such.host.invalid:1" };
	int fds[LISTEN_MAX], port;
	struct err e;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		assert_int_equal(listen_open(addrs[i], fds, &n, &port, &e), -EINVAL);
		assert_non_null(strstr(e.msg, addrs[i]));
	}
	assert_int_equal(listen_open("192.0.2.1:0", fds, &n, &port, &e), -EADDRNOTAVAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_free_port),
		cmocka_unit_test(a_port_in_use_is_named),
		cmocka_unit_test(what_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
