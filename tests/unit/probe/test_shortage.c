/* SPDX-License-Identifier: Apache-2.0 */
/* Which errno of which call says something about the backend, and which only about us: the table of
 * docs/checker.md, row by row, through whole probes. The linker puts the wrappers below in front of
 * the system calls of the probe threads; the test's own thread and servers get the true ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "harness.h"
#include "probe/result.h"

enum call { CALL_NONE, CALL_SOCKET, CALL_BIND, CALL_CONNECT, CALL_EPOLL, CALL_SEND, CALL_PENDING };

static _Atomic enum call failing;
static _Atomic int failing_errno;
static _Thread_local bool is_test;

static bool fails(enum call call)
{
	if (is_test || failing != call)
		return false;
	errno = failing_errno;
	return true;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	return fails(CALL_SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __real_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	return fails(CALL_BIND) ? -1 : __real_bind(fd, sa, len);
}

int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return fails(CALL_CONNECT) ? -1 : __real_connect(fd, sa, len);
}

int __real_epoll_ctl(int fd, int op, int what, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int op, int what, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int op, int what, struct epoll_event *e)
{
	return fails(CALL_EPOLL) ? -1 : __real_epoll_ctl(fd, op, what, e);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *h, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *h, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *h, int flags)
{
	return fails(CALL_SEND) ? -1 : __real_sendmsg(fd, h, flags);
}

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	int r = __real_getsockopt(fd, level, option, value, len);

	if (level == SOL_SOCKET && option == SO_ERROR && fails(CALL_PENDING))
		memcpy(value, &(int){ failing_errno }, sizeof(int));
	return r;
}

static struct rig *rig;

static int setup(void **state)
{
	is_test = true;
	rig = rig_new(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

/* The first result, conclusive or not, of a probe one of whose calls fails. */
static struct probe_result probe_failing(enum call call, int errno_value, const struct addr *addr,
					 struct healthcheck *c)
{
	static uint32_t id = 100;
	size_t n = rig->n;
	struct probe_result r;

	failing_errno = errno_value;
	failing = call;
	rig_put(rig, ++id, addr, c);
	do
		rig_wait(rig, ++n);
	while (rig->r[n - 1].id != id);
	r = rig->r[n - 1];
	failing = CALL_NONE;
	probe_engine_remove(rig->e, id);
	healthcheck_unref(c);
	return r;
}

static void expect(const char *call, int errno_value, enum code code, struct probe_result r)
{
	char text[RESULT_ERRNO_LEN];

	if (r.code != code || !strstr(r.detail, result_errno(errno_value, text)))
		fail_msg("%s, %s: %s (%s), want %s", call, text, code_name(r.code), r.detail,
			 code_name(code));
}

/* ---- the table */

static const struct {
	int errno_value;
	enum code code;
} rows[] = {
	{ EMFILE, CODE_LOCAL },          { ENFILE, CODE_LOCAL },
	{ ENOBUFS, CODE_LOCAL },         { ENOMEM, CODE_LOCAL },
	{ ENOSPC, CODE_LOCAL },          { EADDRNOTAVAIL, CODE_LOCAL },
	{ EADDRINUSE, CODE_LOCAL },      { EAGAIN, CODE_LOCAL },
	{ EPERM, CODE_LOCAL },           { EACCES, CODE_LOCAL },
	{ EAFNOSUPPORT, CODE_LOCAL },    { EPROTONOSUPPORT, CODE_LOCAL },
	{ ESOCKTNOSUPPORT, CODE_LOCAL }, { ENETUNREACH, CODE_LOCAL },
	{ ENETDOWN, CODE_LOCAL },        { EHOSTUNREACH, CODE_L4CON },
	{ EINVAL, CODE_L4CON },          { ECONNREFUSED, CODE_L4CON },
	{ ECONNRESET, CODE_L4CON },      { ECONNABORTED, CODE_L4CON },
	{ EPIPE, CODE_L4CON },           { EPROTO, CODE_L4CON },
	{ ETIMEDOUT, CODE_L4TOUT },
};

static void test_connect(void **state)
{
	static const enum hc_type types[] = { HC_TCP, HC_HTTP, HC_HTTPS };
	struct addr a = addr_of("127.0.0.1");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			expect("connect", rows[i].errno_value, rows[i].code,
			       probe_failing(CALL_CONNECT, rows[i].errno_value, &a,
					     check_new(types[k], 1)));
}

/* An echo request that is not sent; "timed out" is no answer to a send. */
static void test_send(void **state)
{
	struct addr a[] = { addr_of("127.0.0.1"), addr_of("::1") };
	struct err e;

	if (probe_missing_icmp(&e))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum code want = rows[i].code == CODE_LOCAL ? CODE_LOCAL : CODE_L4CON;

		for (size_t f = 0; f < 2; f++)
			expect("send", rows[i].errno_value, want,
			       probe_failing(CALL_SEND, rows[i].errno_value, &a[f],
					     check_new(HC_ICMP, 0)));
	}
}

/* Nothing has left this host yet: whatever fails is ours. */
static void test_before_anything_is_sent(void **state)
{
	struct addr a = addr_of("127.0.0.1");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct healthcheck *c = check_new(HC_TCP, 1);

		expect("socket", rows[i].errno_value, CODE_LOCAL,
		       probe_failing(CALL_SOCKET, rows[i].errno_value, &a, check_new(HC_TCP, 1)));
		c->src4 = addr_of("127.0.0.2");
		expect("bind", rows[i].errno_value, CODE_LOCAL,
		       probe_failing(CALL_BIND, rows[i].errno_value, &a, c));
		expect("epoll_ctl", rows[i].errno_value, CODE_LOCAL,
		       probe_failing(CALL_EPOLL, rows[i].errno_value, &a, check_new(HC_TCP, 1)));
	}
}

/* What comes later was sent by the network, whatever its number; but memory is ours at any time. */
static void test_pending(void **state)
{
	struct addr a = addr_of("127.0.0.1");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int n = rows[i].errno_value;
		enum code want = n == ENOBUFS || n == ENOMEM ? CODE_LOCAL
				 : n == ETIMEDOUT            ? CODE_L4TOUT
							     : CODE_L4CON;

		/* refused, so that there is something pending to be exchanged */
		expect("SO_ERROR", n, want,
		       probe_failing(CALL_PENDING, n, &a, check_new(HC_TCP, port_refusing())));
	}
}

/* The wrappers are in their places, and let through what is not to fail. */
static void test_nothing_fails(void **state)
{
	struct server *s = server_answering("");

	assert_code(rig_probe_server(rig, s, check_new(HC_TCP, s->port)), CODE_L4OK);
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_before_anything_is_sent),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_nothing_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
