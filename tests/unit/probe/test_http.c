/* SPDX-License-Identifier: Apache-2.0 */
/* http probes against servers that behave, misbehave and lie, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "harness.h"

#define SHORT (300 * NS_PER_MS) /* a timeout that is meant to pass */

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

/* ---- one answer, one verdict */

static struct healthcheck *plain(const struct server *s)
{
	return check_new(HC_HTTP, s->port);
}

static struct healthcheck *with_regexp(const struct server *s, const char *re)
{
	struct healthcheck *c = plain(s);

	c->regexp = xstrdup(re);
	return c;
}

static const struct {
	const char *answer, *regexp;
	enum code code;
	const char *detail;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", NULL, CODE_L7OK, "HTTP status 200" },
	{ "HTTP/1.0 200 OK\r\n\r\nok", NULL, CODE_L7OK, "HTTP status 200" },
	/* the body is not looked at: nor is its framing */
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\njunk", NULL, CODE_L7OK, "200" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok", NULL, CODE_L7OK, "200" },
	{ "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", NULL, CODE_L7STS,
	  "HTTP status 503, want 200" },
	{ "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", NULL, CODE_L7STS,
	  "301" },
	{ "HTTP/1.1 999 Hm\r\nContent-Length: 0\r\n\r\n", NULL, CODE_L7STS, "999" },
	{ "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok", "ok", CODE_L7STS, "500" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL,
	  CODE_L7OK, "200" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nstatus=ready", "^status=(ready|idle)$",
	  CODE_L7OK, "body matches" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nstatus=dying", "^status=(ready|idle)$",
	  CODE_L7RSP, "does not match" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
	  "ready", CODE_L7OK, "body matches" },
	{ "HTTP/1.1 200 OK\r\n\r\nready until close", "close$", CODE_L7OK, "body matches" },
	{ "HTTP/1.1 200 OK\r\n\r\n\xff\xfe ready", "ready", CODE_L7OK, "body matches" },
	{ "HTTP/1.1 204 None\r\n\r\n", NULL, CODE_L7STS, "204" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "^$", CODE_L7OK, "body matches" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "x", CODE_L7RSP,
	  "bad chunk size" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "short", CODE_L7RSP,
	  "truncated response" },
	{ "HTTP/1.1 200 O", NULL, CODE_L7RSP, "truncated response after 14 bytes" },
	{ "", NULL, CODE_L7RSP, "closed without a response" },
	{ "<html>old</html>", NULL, CODE_L7RSP, "not HTTP/1: starts with \"<html>old" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NULL, CODE_L7RSP, "not HTTP/1: starts with" },
	{ "\x01\x02\x03\xff", NULL, CODE_L7RSP, "\"\\x01\\x02\\x03\\xff\"" },
	{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", NULL, CODE_L7RSP, "malformed header line" },
	/* a TLS server's word for it: an alert, "unexpected message" */
	{ "\x15\x03\x01\x02\x02\x0a", NULL, CODE_L7RSP, "not HTTP/1: starts with \"\\x15\\x03" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", NULL, CODE_L7RSP, "not HTTP/1: starts with \"SSH-2.0" },
	{ "HTTP/2 200\r\n\r\n", NULL, CODE_L7RSP, "not HTTP/1" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "hello",
	  CODE_L7RSP, "bad chunk size" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
	  "hello", CODE_L7RSP, "bad chunk size" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", "hello",
	  CODE_L7RSP, "chunk longer than its size" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello",
	  CODE_L7RSP, "truncated response" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", NULL, CODE_L7RSP,
	  "bad Content-Length" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", NULL, CODE_L7RSP,
	  "bad Content-Length" },
};

static void test_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct server *s = server_answering(answers[i].answer);
		struct healthcheck *c = answers[i].regexp ? with_regexp(s, answers[i].regexp)
							  : plain(s);
		struct probe_result r = rig_probe_server(rig, s, c);

		if (r.code != answers[i].code || !strstr(r.detail, answers[i].detail))
			fail_msg("answer %zu: %s %s", i, code_name(r.code), r.detail);
		assert_int_equal(r.cert_not_after, 0);
		server_free(s);
	}
}

static void test_accepted_codes(void **state)
{
	struct server *s = server_answering("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	struct healthcheck *c = plain(s);

	for (int code = 400; code < 500; code++)
		code_set_add(&c->codes, code);
	assert_code(rig_probe_server(rig, s, c), CODE_L7OK);
	server_free(s);
}

/* ---- what is sent */

static void serve_recording(struct server *s, int fd, int nth)
{
	if (server_read_request(s, fd, s->ctx, 4096))
		server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void expect_request(const char *ip, const char *path, const char *host, const char *want)
{
	char request[4096] = "", wanted[4096];
	struct server *s = server_new(ip, serve_recording);
	struct healthcheck *c = plain(s);

	s->ctx = request;
	free(c->path);
	c->path = xstrdup(path);
	c->host = host ? xstrdup(host) : NULL;
	snprintf(wanted, sizeof wanted, want, s->port);
	assert_code(rig_probe_server(rig, s, c), CODE_L7OK);
	server_free(s);
	assert_string_equal(request, wanted);
}

static void test_request(void **state)
{
	expect_request("127.0.0.1", "/", NULL,
		       "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: maglevd/test (+x)\r\n"
		       "Accept: */*\r\nConnection: close\r\n\r\n");
	expect_request("127.0.0.1", "/h?a=b&c", "www.example.net",
		       "GET /h?a=b&c HTTP/1.1\r\nHost: www.example.net\r\n"
		       "User-Agent: maglevd/test (+x)\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	expect_request("127.0.0.1", "/a b\r\nX: y\xc3\xa9", "evil\r\nX: y",
		       "GET /a%%20b%%0D%%0AX:%%20y%%C3%%A9 HTTP/1.1\r\nHost: evilX: y\r\n"
		       "User-Agent: maglevd/test (+x)\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

static void test_request_ip6(void **state)
{
	expect_request("::1", "/", NULL,
		       "GET / HTTP/1.1\r\nHost: [::1]:%u\r\nUser-Agent: maglevd/test (+x)\r\n"
		       "Accept: */*\r\nConnection: close\r\n\r\n");
}

static void test_long_request(void **state)
{
	/* longer than a socket buffer takes at once from a server that reads byte by byte */
	struct server *s = server_new("127.0.0.1", serve_recording);
	struct healthcheck *c = plain(s);
	size_t n = 3000;
	char *request = xcalloc(1, 4096);

	s->ctx = request;
	free(c->path);
	c->path = xcalloc(1, n + 1);
	memset(c->path, 'p', n);
	c->path[0] = '/';
	assert_code(rig_probe_server(rig, s, c), CODE_L7OK);
	assert_int_equal(strlen(request) > n, 1);
	server_free(s);
	free(request);
}

/* ---- time */

static void serve_dripping(struct server *s, int fd, int nth)
{
	static const char drops[] = "HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	for (size_t i = 0; i < sizeof drops - 1; i++) {
		server_send(fd, drops + i, 1);
		(void)usleep(30000); /* slow on purpose: the peer's deadline ends this */
	}
}

static void test_one_deadline_over_everything(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_dripping);
	struct healthcheck *c = plain(s);
	struct probe_result r;

	c->timeout = SHORT;
	r = rig_probe_server(rig, s, c);
	assert_code(r, CODE_L7TOUT);
	assert_string_equal(r.detail, "no complete response within 300ms");
	assert_true(r.duration >= SHORT);
	server_free(s);
}

static void test_silence(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = plain(s);

	c->timeout = SHORT;
	assert_code(rig_probe_server(rig, s, c), CODE_L7TOUT);
	server_free(s);
}

/* ---- floods */

static void serve_endless_head(struct server *s, int fd, int nth)
{
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 20000; i++)
		server_send_z(fd, "X-Header: of which there is no end\r\n");
	server_hold(s, fd);
}

static void test_endless_head(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_endless_head);
	struct probe_result r = rig_probe_server(rig, s, plain(s));

	assert_code(r, CODE_L7RSP);
	assert_detail(r, "header section over 64 KiB");
	server_free(s);
}

/* Sends s->answer, and then the second half of it for as long as it is taken. */
static void serve_for_ever(struct server *s, int fd, int nth)
{
	const char *again = s->ctx;
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, s->answer);
	while (send(fd, again, strlen(again), MSG_NOSIGNAL) > 0)
		continue; /* until the prober resets the connection */
}

static struct probe_result endless(const char *answer, const char *again, const char *regexp)
{
	struct server *s = server_new("127.0.0.1", serve_for_ever);
	struct probe_result r;

	s->answer = answer;
	s->ctx = (void *)(uintptr_t)again;
	r = rig_probe_server(rig, s, regexp ? with_regexp(s, regexp) : plain(s));
	server_free(s);
	return r;
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void test_endless_answers(void **state)
{
	struct probe_result r = endless("HTTP/1.1 100 Continue\r\n\r\n",
					"HTTP/1.1 100 Continue\r\n\r\n", NULL);

	assert_code(r, CODE_L7RSP);
	assert_detail(r, "header section over 64 KiB");
	r = endless("HTTP/1.1 200 OK\r\nX: ", "one line without an end", NULL);
	assert_code(r, CODE_L7RSP);
	assert_detail(r, "header section over 64 KiB");
	r = endless(CHUNKED "0\r\n", "X-Trailer: and another\r\n", "never there");
	assert_code(r, CODE_L7RSP);
	assert_detail(r, "too much framing");
	r = endless(CHUNKED, "1\r\nx\r\n", "^x+$");
	assert_true(r.code == CODE_L7OK || r.code == CODE_L7RSP); /* what is enough, or too much */
	assert_code(endless("HTTP/1.1 200 OK\r\n\r\n", "no length, no end ", "no end"), CODE_L7OK);
	assert_code(endless("HTTP/1.1 200 OK\r\n\r\n", "no length, no end ", NULL), CODE_L7OK);
}

static void serve_big_body(struct server *s, int fd, int nth)
{
	char buf[4096];
	_Atomic size_t *sent = s->ctx;

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nhead ");
	memset(buf, 'x', sizeof buf);
	for (size_t i = 0; i < 1000000000 / sizeof buf; i++) {
		if (send(fd, buf, sizeof buf, MSG_NOSIGNAL) < (ssize_t)sizeof buf)
			return; /* reset by the prober */
		*sent += sizeof buf;
	}
}

static void test_big_body_is_not_read(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_big_body);
	_Atomic size_t sent = 0;

	s->ctx = &sent;
	assert_code(rig_probe_server(rig, s, plain(s)), CODE_L7OK);
	assert_code(rig_probe_server(rig, s, with_regexp(s, "^head x+$")), CODE_L7OK);
	assert_code(rig_probe_server(rig, s, with_regexp(s, "tail")), CODE_L7RSP);
	server_free(s);
	assert_true(sent < 100000000); /* what socket buffers hold, not a gigabyte */
}

static void test_catastrophic_pattern(void **state)
{
	char answer[4096] = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n";
	struct server *s;
	struct probe_result r;

	memset(answer + strlen(answer), 'a', 3000);
	s = server_answering(answer);
	r = rig_probe_server(rig, s, with_regexp(s, "^(a+)+$|^(a|aa)+b"));
	assert_code(r, CODE_L7OK);
	r = rig_probe_server(rig, s, with_regexp(s, "(a+)+[0-9]"));
	assert_code(r, CODE_L7RSP);
	assert_detail(r, "given up");
	r = rig_probe_server(rig, s, with_regexp(s, "(unclosed"));
	assert_code(r, CODE_LOCAL);
	server_free(s);
}

/* ---- another protocol */

/* An HTTP/2 server's first frame: SETTINGS, empty. */
static void serve_http2(struct server *s, int fd, int nth)
{
	static const char settings[] = "\0\0\0\4\0\0\0\0\0";

	server_send(fd, settings, sizeof settings - 1);
	server_hold(s, fd);
}

static void test_http2_server(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_http2);
	struct probe_result r = rig_probe_server(rig, s, plain(s));

	assert_code(r, CODE_L7RSP);
	assert_detail(r, "not HTTP/1: starts with \"\\x00\\x00\\x00\\x04");
	server_free(s);
}

/* ---- broken connections */

static void test_refused(void **state)
{
	struct addr a = addr_of("127.0.0.1");
	struct probe_result r = rig_probe(rig, &a, check_new(HC_HTTP, port_refusing()));

	assert_code(r, CODE_L4CON);
	assert_string_equal(r.detail, "connect: Connection refused");
}

static void serve_reset(struct server *s, int fd, int nth)
{
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, s->answer);
	if (*s->answer)
		(void)usleep(50000); /* let it be read before the reset throws it away */
	server_reset(fd);
}

static void test_reset_before_the_answer(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_reset);
	struct probe_result r;

	s->answer = "";
	r = rig_probe_server(rig, s, plain(s));
	assert_code(r, CODE_L4CON);
	assert_string_equal(r.detail, "no response: Connection reset by peer");
	server_free(s);
}

static void test_reset_in_the_middle(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_reset);
	struct probe_result r;

	s->answer = "HTTP/1.1 200 OK\r\nContent-Len";
	r = rig_probe_server(rig, s, plain(s));
	/* a reset may overtake the bytes; both are failures, with the reset in the detail */
	assert_true(r.code == CODE_L7RSP || r.code == CODE_L4CON);
	assert_detail(r, "reset");
	server_free(s);
}

/* Half-closed: it will say no more, but does not go either. */
static void serve_half(struct server *s, int fd, int nth)
{
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, s->answer);
	(void)shutdown(fd, SHUT_WR);
	server_hold(s, fd);
}

static void test_half_closed(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_half);
	struct probe_result r;

	s->answer = "";
	r = rig_probe_server(rig, s, plain(s));
	assert_code(r, CODE_L7RSP);
	assert_string_equal(r.detail, "closed without a response");
	s->answer = "HTTP/1.1 200 OK\r\nContent-Le";
	r = rig_probe_server(rig, s, plain(s));
	assert_code(r, CODE_L7RSP);
	assert_detail(r, "truncated response");
	s->answer = "HTTP/1.1 200 OK\r\n\r\nall of it";
	assert_code(rig_probe_server(rig, s, with_regexp(s, "^all of it$")), CODE_L7OK);
	server_free(s);
}

/* An answer that comes before the request was read, then a reset of the request. */
static void serve_early(struct server *s, int fd, int nth)
{
	server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	server_hold(s, fd);
}

static void test_early_answer(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_early);

	assert_code(rig_probe_server(rig, s, plain(s)), CODE_L7OK);
	server_free(s);
}

static void test_source_address(void **state)
{
	struct server *s = server_answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct healthcheck *c = plain(s);
	struct probe_result r;

	c->src4 = addr_of("127.0.0.77");
	assert_code(rig_probe_server(rig, s, c), CODE_L7OK);
	c = plain(s);
	c->src4 = addr_of("198.51.100.77"); /* not ours */
	r = rig_probe_server(rig, s, c);
	assert_code(r, CODE_LOCAL);
	assert_detail(r, "source address");
	server_free(s);
}

/* ---- reuse-connection */

/* As many answers per connection as `left` allows; then what `ending` says. */
struct keeper {
	int per_connection;
	bool reset;
	const char *answer;
};

static void serve_kept(struct server *s, int fd, int nth)
{
	const struct keeper *k = s->ctx;
	char buf[4096];

	for (int i = 0; i < k->per_connection; i++) {
		if (!server_read_request(s, fd, buf, sizeof buf))
			return;
		assert_non_null(strstr(buf, "Connection: keep-alive\r\n"));
		server_send_z(fd, k->answer);
	}
	if (k->reset)
		server_reset(fd);
}

/* The next `n` results of this target are `code`; of others some may still be under way. */
static void expect_results(uint32_t id, size_t n, enum code code)
{
	for (size_t i = rig->n, got = 0; got < n; i++) {
		rig_wait(rig, i + 1);
		if (rig->r[i].id != id)
			continue;
		assert_code(rig->r[i], code);
		got++;
	}
}

/* `n` probes on one target; every verdict is `code`. */
static struct server *probe_kept(struct keeper *k, size_t n, enum code code, const char *regexp)
{
	static uint32_t id =
		42; /* a new one each time: results of the last may still be under way */
	struct server *s = server_new("127.0.0.1", serve_kept);
	struct healthcheck *c = check_new(HC_HTTP, s->port);

	s->ctx = k;
	c->reuse_connection = true;
	c->regexp = regexp ? xstrdup(regexp) : NULL;
	c->interval = c->fast_interval = 10 * NS_PER_MS;
	rig_put(rig, ++id, &s->addr, c);
	expect_results(id, n, code);
	probe_engine_remove(rig->e, id);
	healthcheck_unref(c);
	return s;
}

#define KEPT_OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void test_reuse(void **state)
{
	struct keeper k = { .per_connection = 1000, .answer = KEPT_OK };
	struct server *s = probe_kept(&k, 20, CODE_L7OK, NULL);

	assert_int_equal(s->connections, 1);
	assert_true(s->requests >= 20);
	server_free(s);
}

static void test_reuse_with_a_body_read_later(void **state)
{
	/* wrong status with a regexp: judged at the head, the chunked body drained afterwards */
	struct keeper k = { .per_connection = 1000,
			    .answer = "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n"
				      "5\r\nhello\r\n0\r\n\r\n" };
	struct server *s = probe_kept(&k, 10, CODE_L7STS, "hello");

	assert_int_equal(s->connections, 1);
	server_free(s);
}

static void test_reuse_of_a_closed_connection(void **state)
{
	struct keeper k = { .per_connection = 3, .answer = KEPT_OK };
	struct server *s = probe_kept(&k, 12, CODE_L7OK, "hello");

	assert_true(s->connections >= 4);
	server_free(s);
	k.reset = true;
	s = probe_kept(&k, 12, CODE_L7OK, NULL);
	assert_true(s->connections >= 4);
	server_free(s);
}

static void test_reuse_when_the_server_declines(void **state)
{
	struct keeper k = { .per_connection = 1,
			    .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
				      "Content-Length: 0\r\n\r\n" };
	struct server *s = probe_kept(&k, 5, CODE_L7OK, NULL);

	assert_true(s->connections >= 5);
	server_free(s);
}

/* The second request on a connection is read and answered by closing: before the first byte of an
 * answer, so it is asked again on a new one. */
static void serve_second_dies(struct server *s, int fd, int nth)
{
	char buf[4096];

	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, KEPT_OK);
	(void)server_read_request(s, fd, buf, sizeof buf);
	if (s->ctx)
		server_reset(fd);
}

static void test_reused_connection_that_fails(void **state)
{
	for (int with_reset = 0; with_reset < 2; with_reset++) {
		struct server *s = server_new("127.0.0.1", serve_second_dies);
		struct healthcheck *c = check_new(HC_HTTP, s->port);

		s->ctx = with_reset ? s : NULL;
		c->reuse_connection = true;
		c->interval = c->fast_interval = 10 * NS_PER_MS;
		rig_put(rig, 10 + (uint32_t)with_reset, &s->addr, c);
		expect_results(10 + (uint32_t)with_reset, 10, CODE_L7OK);
		assert_true(s->requests > s->connections);
		probe_engine_remove(rig->e, 10 + (uint32_t)with_reset);
		healthcheck_unref(c);
		server_free(s);
	}
}

/* A body too large to drain: a new connection each time, and no waiting for the rest. */
static void serve_large_kept(struct server *s, int fd, int nth)
{
	char buf[4096];

	if (server_read_request(s, fd, buf, sizeof buf))
		server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nbegin");
	server_hold(s, fd);
}

static void test_reuse_of_a_large_body(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_large_kept);
	struct healthcheck *c = check_new(HC_HTTP, s->port);

	c->reuse_connection = true;
	c->interval = c->fast_interval = 10 * NS_PER_MS;
	rig_put(rig, 20, &s->addr, c);
	expect_results(20, 5, CODE_L7OK);
	assert_true(s->connections >= 5);
	probe_engine_remove(rig->e, 20);
	healthcheck_unref(c);
	server_free(s);
}

/* ---- what the owner wants to know besides the verdict */

static void test_reported_header(void **state)
{
	static const struct {
		const char *answer;
		int status;
		const char *value;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nX-Server: srv-a\r\nContent-Length: 0\r\n\r\n", 200, "srv-a" },
		{ "HTTP/1.1 503 No\r\nx-server: \xffz\r\nContent-Length: 0\r\n\r\n", 503, "?z" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, NULL },
		{ "HTTP/1.1 200 OK\r\nX-Server: srv-a\r\n", 0, NULL },
		{ "SSH-2.0\r\n", 0, NULL },
	};
	struct rig *own = rig_new_reporting("X-Server");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server *s = server_answering(rows[i].answer);
		struct probe_result r = rig_probe_server(own, s, plain(s));
		const char *value = probe_result_field(&r);

		assert_int_equal(r.status, rows[i].status);
		assert_true(rows[i].value ? value && strcmp(value, rows[i].value) == 0 : !value);
		r = rig_probe_server(rig, s, plain(s)); /* an engine that reports none */
		assert_int_equal(r.status, 0);
		assert_null(probe_result_field(&r));
		server_free(s);
	}
	rig_free(own);
}

/* The header of one answer is not taken for the next one's on the same connection. */
static void serve_changing(struct server *s, int fd, int nth)
{
	char buf[4096];

	for (int i = 0; server_read_request(s, fd, buf, sizeof buf); i++) {
		server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
		server_send_z(fd, i % 2 ? "\r\n" : "X-Server: srv-a\r\n\r\n");
	}
}

static void test_reported_header_of_a_kept_connection(void **state)
{
	struct rig *own = rig_new_reporting("X-Server");
	struct server *s = server_new("127.0.0.1", serve_changing);
	struct healthcheck *c = plain(s);

	c->reuse_connection = true;
	c->interval = 10 * NS_PER_MS;
	rig_put(own, 30, &s->addr, c);
	rig_wait(own, 6);
	assert_int_equal(s->connections, 1);
	for (size_t i = 0; i < 6; i++) {
		assert_code(own->r[i], CODE_L7OK);
		assert_int_equal(probe_result_field(&own->r[i]) == NULL, i % 2);
	}
	rig_free(own);
	healthcheck_unref(c);
	server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_accepted_codes),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_ip6),
		cmocka_unit_test(test_long_request),
		cmocka_unit_test(test_one_deadline_over_everything),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_endless_head),
		cmocka_unit_test(test_endless_answers),
		cmocka_unit_test(test_http2_server),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_big_body_is_not_read),
		cmocka_unit_test(test_catastrophic_pattern),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reset_before_the_answer),
		cmocka_unit_test(test_reset_in_the_middle),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_source_address),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_reuse_with_a_body_read_later),
		cmocka_unit_test(test_reuse_of_a_closed_connection),
		cmocka_unit_test(test_reuse_when_the_server_declines),
		cmocka_unit_test(test_reused_connection_that_fails),
		cmocka_unit_test(test_reuse_of_a_large_body),
		cmocka_unit_test(test_reported_header),
		cmocka_unit_test(test_reported_header_of_a_kept_connection),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
