/* SPDX-License-Identifier: Apache-2.0 */
/* The server with the client of our own, on real sockets. What other languages' clients make of it
 * is in test_python.py. Deadlines here are generous: they end a test that hangs, nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "harness.h"
#include "maglev.pb-c.h"

#define LONG (60 * NS_PER_S)

/* ---- calls */

static void answers(struct harness *h)
{
	char text[HARNESS_TEXT];

	CHECK_INT(harness_get_backend(h->target, NULL, "web-a", LONG, text), RPC_OK);
	CHECK_STR(text, "web-a");
	CHECK_INT(harness_get_backend(h->target, NULL, "late", LONG, text), RPC_OK);
	CHECK_STR(text, "late");
	CHECK_INT(harness_get_backend(h->target, NULL, "", LONG, text), RPC_OK);
	CHECK_STR(text, "");
	CHECK_INT(harness_get_backend(h->target, NULL, "missing", LONG, text), RPC_NOT_FOUND);
	CHECK_STR(text, "backend \"missing\" not found");
	/* Strings that are no UTF-8 are mended on the way out. */
	CHECK_INT(harness_get_backend(h->target, NULL, "bytes", LONG, text), RPC_OK);
	CHECK_STR(text, "a\xef\xbf\xbd z");
	/* An endless message is cut. */
	CHECK_INT(harness_get_backend(h->target, NULL, "long", LONG, text), RPC_NOT_FOUND);
	CHECK(strlen(text) > 400 && strlen(text) <= 1024);
}

static void test_answers(void **state)
{
	struct harness h;

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, answers);
	assert_int_equal(h.sv.calls, 6);
	harness_end(&h);
}

static enum rpc_status version_at(const char *server, const char *path, struct err *e,
				  char text[HARNESS_TEXT])
{
	struct rpc_client *c = rpc_client_new(&(struct rpc_client_opts){ .server = server }, e);
	Maglev__GetVersionRequest request = MAGLEV__GET_VERSION_REQUEST__INIT;
	ProtobufCMessage *m;
	enum rpc_status st;

	CHECK(c);
	st = rpc_client_call(c, path, &request.base, &maglev__version_info__descriptor, LONG, &m,
			     e);
	if (st == RPC_OK) {
		const Maglev__VersionInfo *v = (const Maglev__VersionInfo *)m;
		snprintf(text, HARNESS_TEXT, "%s|%s|%s", v->version, v->commit, v->build_date);
		protobuf_c_message_free_unpacked(m, NULL);
	}
	rpc_client_free(c);
	return st;
}

static void unknown_methods(struct harness *h)
{
	char text[HARNESS_TEXT];
	struct err e = { 0 };

	CHECK_INT(version_at(h->target, "/maglev.Maglev/WatchEvents", &e, text), RPC_UNIMPLEMENTED);
	CHECK_STR(e.msg, "unknown method /maglev.Maglev/WatchEvents");
	CHECK_INT(version_at(h->target, "/no", &e, text), RPC_UNIMPLEMENTED);
	/* and again: the request for unknown methods is posted anew */
	CHECK_INT(version_at(h->target, "/no", &e, text), RPC_UNIMPLEMENTED);
}

static void test_unknown_methods(void **state)
{
	struct harness h;

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, unknown_methods);
	harness_end(&h);
}

static void sizes(struct harness *h)
{
	/* key, two or three bytes of length, the string */
	size_t fits = RPC_REQUEST_MAX - 4;
	_cleanup_free_ char *name = xcalloc(1, fits + 2);
	char text[HARNESS_TEXT];

	memset(name, 'x', fits);
	CHECK_INT(harness_get_backend(h->target, NULL, name, LONG, text), RPC_OK);
	CHECK_INT(strlen(text), 100);
	name[fits] = 'x';
	CHECK_INT(harness_get_backend(h->target, NULL, name, LONG, text), RPC_RESOURCE_EXHAUSTED);
}

static void test_request_size(void **state)
{
	struct harness h;

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, sizes);
	assert_int_equal(h.sv.calls, 1);
	harness_end(&h);
}

static void deadline(struct harness *h)
{
	char text[HARNESS_TEXT], want[256];

	CHECK_INT(harness_get_backend(h->target, NULL, "hang", 200 * NS_PER_MS, text),
		  RPC_DEADLINE_EXCEEDED);
	snprintf(want, sizeof want, "no answer from %s within 200ms", h->target);
	CHECK_STR(text, want);
}

static void test_deadline_cancels(void **state)
{
	struct harness h;
	mono_ns before = loop_clock();

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, deadline);
	while (!h.sv.cancelled)
		loop_turn(h.loop, -1);
	assert_int_equal(h.sv.cancelled, 1);
	assert_int_equal(h.sv.n_held, 0);
	assert_true(h.sv.deadline > before && h.sv.deadline < loop_clock() + NS_PER_S);
	harness_end(&h);
}

static void cancelled_later(void *ctx, struct rpc_call *c)
{
	bool *told = ctx;

	*told = true;
	rpc_call_fail(c, RPC_CANCELLED, "gone");
}

static void hang_shortly(struct harness *h)
{
	char text[HARNESS_TEXT];

	harness_get_backend(h->target, NULL, "never", 50 * NS_PER_MS, text);
}

/* Asking to be told of a cancellation that has been: told all the same, and not from inside. */
static void test_cancel_before_asking(void **state)
{
	struct harness h;
	bool told = false;

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, hang_shortly);
	/* The server's own deadline timer has the same 50 ms, started later. */
	for (int i = 0; i < 20; i++)
		loop_turn(h.loop, 50 * NS_PER_MS);
	assert_int_equal(h.sv.n_held, 1);
	rpc_call_on_cancel(h.sv.held[0], cancelled_later, &told);
	assert_false(told);
	harness_until(&h, &told);
	h.sv.n_held = 0;
	harness_end(&h);
}

/* ---- who calls */

static void peer_v4(struct harness *h)
{
	char text[HARNESS_TEXT], at[64];
	struct err e;

	snprintf(at, sizeof at, "127.0.0.1:%d", rpc_server_port(h->server));
	CHECK_INT(version_at(at, "/maglev.Maglev/GetVersion", &e, text), RPC_OK);
	CHECK(str_prefix(text, "ipv4:127.0.0.1:"));
	CHECK(strstr(text, "||local anonymous"));
}

static void peer_v6(struct harness *h)
{
	char text[HARNESS_TEXT], at[64];
	struct err e;

	snprintf(at, sizeof at, "[::1]:%d", rpc_server_port(h->server));
	CHECK_INT(version_at(at, "/maglev.Maglev/GetVersion", &e, text), RPC_OK);
	CHECK(str_prefix(text, "ipv6:[::1]:"));
	CHECK(strstr(text, "||local anonymous"));
}

static bool have_ipv6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ":port" is IPv4 and IPv6, and a client through the dual-stack socket (::ffff:127.0.0.1) is local.
 */
static void test_any_address(void **state)
{
	struct harness h;

	harness_init(&h);
	h.opts.addr = ":0";
	harness_start(&h);
	assert_true(rpc_server_port(h.server) > 0);
	harness_run(&h, peer_v4);
	if (have_ipv6())
		harness_run(&h, peer_v6);
	assert_int_equal(h.sv.deadline == INT64_MAX, 0); /* the client's minute */
	harness_end(&h);
}

static bool localhost_has_ipv6(void)
{
	struct addrinfo hints = { .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM }, *list;

	if (!have_ipv6() || getaddrinfo("localhost", NULL, &hints, &list))
		return false;
	freeaddrinfo(list);
	return true;
}

static void test_named_address(void **state)
{
	struct harness h;

	harness_init(&h);
	h.opts.addr = "localhost:0"; /* often two addresses, always one port */
	harness_start(&h);
	harness_run(&h, peer_v4);
	if (localhost_has_ipv6())
		harness_run(&h, peer_v6);
	harness_end(&h);
}

static void peer_unix(struct harness *h)
{
	char text[HARNESS_TEXT];
	struct err e;

	CHECK_INT(version_at(h->target, "/maglev.Maglev/GetVersion", &e, text), RPC_OK);
	CHECK(str_prefix(text, "unix:"));
	CHECK(strstr(text, "||local anonymous"));
}

static void test_unix_socket(void **state)
{
	struct harness h;
	char addr[128];
	struct stat st;

	harness_init(&h);
	snprintf(addr, sizeof addr, "unix:%s/s", h.dir);
	h.opts.addr = addr;
	mode_t mask = umask(0);
	harness_start(&h);
	assert_int_equal(umask(mask), 0); /* put back as it was */
	assert_int_equal(rpc_server_port(h.server), -1);
	assert_int_equal(stat(addr + 5, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	harness_run(&h, peer_unix);
	rpc_server_free(h.server);
	assert_int_equal(stat(addr + 5, &st), -1); /* cleaned up */
	h.server = NULL;
	harness_end(&h);
}

/* ---- addresses that cannot be had */

static void refused(struct harness *h, const char *addr, int code, const char *text)
{
	struct err e = { 0 };

	h->opts.addr = addr;
	assert_null(rpc_server_new(&h->opts, &e));
	assert_int_equal(e.code, code);
	if (!strstr(e.msg, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e.msg);
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = { "",       "9090",     "host",       "host:",
					   "host:x", "::1:9090", "host:70000", "[::1:9090" };
	struct harness h;
	char addr[256], text[300];

	harness_init(&h);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof text, "listen address \"%s\": expected", bad[i]);
		refused(&h, bad[i], -EINVAL, text);
	}
	refused(&h, "no such host:9090", -EINVAL, "listening on no such host:9090: ");
	refused(&h, "192.0.2.1:0", -EADDRNOTAVAIL, "listening on 192.0.2.1:0: ");
	refused(&h, "unix:", -EINVAL, "no path");
	memset(addr, 'x', sizeof addr);
	memcpy(addr, "unix:/", 6);
	addr[5 + 108] = '\0';
	refused(&h, addr, -EINVAL, "at most 107 bytes");
	snprintf(addr, sizeof addr, "unix:%s/none/s", h.dir);
	refused(&h, addr, -ENOENT, "none/s: No such file");
	snprintf(addr, sizeof addr, "unix:%s", h.dir);
	refused(&h, addr, -EEXIST, "no socket");
	harness_end(&h);
}

static void test_port_in_use(void **state)
{
	struct harness h, other;
	char addr[64];

	harness_init(&h);
	harness_start(&h);
	harness_init(&other);
	snprintf(addr, sizeof addr, "127.0.0.1:%d", rpc_server_port(h.server));
	refused(&other, addr, -EADDRINUSE, addr);
	snprintf(addr, sizeof addr, ":%d", rpc_server_port(h.server));
	refused(&other, addr, -EADDRINUSE, addr);
	/* one address of several */
	snprintf(addr, sizeof addr, "localhost:%d", rpc_server_port(h.server));
	refused(&other, addr, -EADDRINUSE, addr);
	harness_run(&h, answers); /* unharmed */
	harness_end(&other);
	harness_end(&h);
}

static void test_unix_in_use(void **state)
{
	struct harness h, other;
	char addr[128];

	harness_init(&h);
	snprintf(addr, sizeof addr, "unix:%s/s", h.dir);
	h.opts.addr = addr;
	harness_start(&h);
	harness_init(&other);
	refused(&other, addr, -EADDRINUSE, addr);
	harness_run(&h, peer_unix); /* the socket file is still the first one's */
	harness_end(&other);
	harness_end(&h);
}

static void test_unix_stale(void **state)
{
	struct harness h;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char addr[100];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	harness_init(&h);
	snprintf(addr, sizeof addr, "unix:%s/s", h.dir);
	strcpy(sun.sun_path, addr + 5);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
	close(fd); /* the file stays, as after kill -9 */
	h.opts.addr = addr;
	harness_start(&h);
	harness_run(&h, peer_unix);
	harness_end(&h);
}

/* ---- strangers on the port */

static int dial(const struct harness *h)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)rpc_server_port(h->server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_INT(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void garbage(struct harness *h)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const char http1[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	/* a HEADERS frame of 16 MiB on stream 0; SETTINGS of a wrong length; endless padding */
	static const char frames[][10] = { "\xff\xff\xff\x01\x04\x00\x00\x00\x00x",
					   "\x00\x00\x05\x04\x00\x00\x00\x00\x00x",
					   "\x00\x00\x01\x00\x08\x00\x00\x00\x01\xff" };
	unsigned seed = 7;
	char noise[4096];

	for (size_t i = 0; i < 40; i++) {
		int fd = dial(h);
		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (char)(seed = seed * 1103515245 + 12345, seed >> 16);
		if (i % 4 == 1)
			(void)!send(fd, http1, sizeof http1 - 1, MSG_NOSIGNAL);
		if (i % 4 >= 2)
			(void)!send(fd, preface, sizeof preface - 1, MSG_NOSIGNAL);
		if (i % 4 == 3)
			(void)!send(fd, frames[i / 4 % 3], 10, MSG_NOSIGNAL);
		if (i % 4 != 1)
			(void)!send(fd, noise, i * 100, MSG_NOSIGNAL);
		close(fd);
	}
	answers(h);
}

static void test_garbage(void **state)
{
	struct harness h;
	int silent;

	harness_init(&h);
	harness_start(&h);
	silent = dial(&h); /* says nothing, and is still there at the end */
	harness_run(&h, garbage);
	harness_end(&h);
	close(silent);
}

/* ---- shutdown */

static void finished(void *ctx)
{
	struct harness *h = ctx;

	h->done = true;
}

static void hang_released(struct harness *h)
{
	char text[HARNESS_TEXT];

	CHECK_INT(harness_get_backend(h->target, NULL, "hang", LONG, text), RPC_UNAVAILABLE);
	CHECK_STR(text, "released");
}

static void refused_stopping(struct harness *h)
{
	char text[HARNESS_TEXT];

	CHECK_INT(harness_get_backend(h->target, NULL, "web-a", LONG, text), RPC_UNAVAILABLE);
	CHECK_STR(text, "shutting down");
}

static void hang_cut_off(struct harness *h)
{
	char text[HARNESS_TEXT];
	enum rpc_status st = harness_get_backend(h->target, NULL, "hang", LONG, text);

	CHECK(st == RPC_UNAVAILABLE || st == RPC_CANCELLED);
}

static void never_cut_off(struct harness *h)
{
	char text[HARNESS_TEXT];
	enum rpc_status st = harness_get_backend(h->target, NULL, "never", LONG, text);

	CHECK(st == RPC_UNAVAILABLE || st == RPC_CANCELLED);
}

static void until_held(struct harness *h, size_t n)
{
	while (h->sv.n_held < n)
		loop_turn(h->loop, -1);
}

/* A call under way is answered after the shutdown began; new ones are not taken. */
static void test_shutdown_graceful(void **state)
{
	struct harness h;
	struct runner *r;

	harness_init(&h);
	harness_start(&h);
	r = harness_spawn(&h, hang_released);
	until_held(&h, 1);
	rpc_server_shutdown(h.server, LONG, finished, &h);
	harness_run(&h, refused_stopping);
	assert_false(h.done);
	service_release(&h.sv);
	harness_join(&h, r);
	harness_until(&h, &h.done);
	assert_int_equal(h.sv.cancelled, 0);
	harness_end(&h);
}

/* Nothing under way: done soon, though clients are connected and strangers are. */
static void test_shutdown_idle(void **state)
{
	struct harness h;
	mono_ns before;
	int silent;

	harness_init(&h);
	harness_start(&h);
	silent = dial(&h);
	harness_run(&h, answers);
	before = loop_clock();
	rpc_server_shutdown(h.server, LONG, finished, &h);
	harness_until(&h, &h.done);
	assert_true(loop_clock() - before < 8 * NS_PER_S); /* gRPC alone: 10 or 20 */
	close(silent);
	harness_end(&h);
}

/* Grace over: calls are cancelled, their owner is told, and done does not wait for one that is
 * never ended. */
static void test_shutdown_cancels(void **state)
{
	struct harness h;
	struct runner *a, *b;

	harness_init(&h);
	harness_start(&h);
	a = harness_spawn(&h, hang_cut_off);
	b = harness_spawn(&h, never_cut_off);
	until_held(&h, 2);
	rpc_server_shutdown(h.server, 10 * NS_PER_MS, finished, &h);
	harness_until(&h, &h.done);
	harness_join(&h, a);
	harness_join(&h, b);
	assert_int_equal(h.sv.cancelled, 1);
	assert_int_equal(h.sv.n_held, 1); /* "never" is ended after the server is gone */
	rpc_server_free(h.server);
	h.server = NULL;
	service_release(&h.sv);
	harness_end(&h);
}

static void freed(void *ctx)
{
	struct harness *h = ctx;

	rpc_server_free(h->server);
	h->server = NULL;
	h->done = true;
}

static void test_free_inside_done(void **state)
{
	struct harness h;

	harness_init(&h);
	harness_start(&h);
	harness_run(&h, answers);
	rpc_server_shutdown(h.server, LONG, freed, &h);
	harness_until(&h, &h.done);
	harness_end(&h);
}

/* Freed hard, with calls under way: one told (and ended inside), one that asked for nothing. */
static void test_free_hard(void **state)
{
	struct harness h;
	struct runner *a, *b;

	harness_init(&h);
	harness_start(&h);
	a = harness_spawn(&h, hang_cut_off);
	b = harness_spawn(&h, never_cut_off);
	until_held(&h, 2);
	rpc_server_free(h.server);
	h.server = NULL;
	assert_int_equal(h.sv.cancelled, 1);
	assert_int_equal(h.sv.n_held, 1);
	harness_join(&h, a);
	harness_join(&h, b);
	service_release(&h.sv);
	harness_end(&h);
}

/* Freed while calls lie in the mailbox that were never delivered. */
static void test_free_undelivered(void **state)
{
	struct harness h;
	struct runner *a, *b;

	harness_init(&h);
	harness_start(&h);
	a = harness_spawn(&h, never_cut_off);
	b = harness_spawn(&h, hang_cut_off);
	usleep(100000); /* they arrive, most likely; the test holds either way */
	rpc_server_free(h.server);
	h.server = NULL;
	harness_join(&h, a);
	harness_join(&h, b);
	assert_int_equal(h.sv.calls, 0);
	harness_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_unknown_methods),
		cmocka_unit_test(test_request_size),
		cmocka_unit_test(test_deadline_cancels),
		cmocka_unit_test(test_cancel_before_asking),
		cmocka_unit_test(test_any_address),
		cmocka_unit_test(test_named_address),
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_unix_in_use),
		cmocka_unit_test(test_unix_stale),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_shutdown_graceful),
		cmocka_unit_test(test_shutdown_idle),
		cmocka_unit_test(test_shutdown_cancels),
		cmocka_unit_test(test_free_inside_done),
		cmocka_unit_test(test_free_hard),
		cmocka_unit_test(test_free_undelivered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
