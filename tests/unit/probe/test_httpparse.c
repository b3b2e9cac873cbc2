/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "probe/httpparse.h"

enum end { OPEN, CLOSED }; /* does the peer close behind the bytes? */

struct want {
	const char *name, *bytes;
	enum end end;
	enum http_state state;
	int status; /* 0: no head */
	bool persistent, excess;
	const char *body, *error;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct want wants[] = {
	{ "length", OK "Content-Length: 5\r\n\r\nhello", OPEN, HTTP_COMPLETE, 200, true, false,
	  "hello", NULL },
	{ "length, more to come", OK "Content-Length: 6\r\n\r\nhello", OPEN, HTTP_BODY_LENGTH, 200,
	  true, false, "hello", NULL },
	{ "length, cut off", OK "Content-Length: 6\r\n\r\nhello", CLOSED, HTTP_BROKEN, 200, false,
	  false, "hello", "truncated response" },
	{ "length 0", OK "Content-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 200, true, false, "",
	  NULL },
	{ "length and excess", OK "Content-Length: 2\r\n\r\nhello", OPEN, HTTP_COMPLETE, 200, false,
	  true, "he", NULL },
	{ "until close", OK "\r\nhello", CLOSED, HTTP_COMPLETE, 200, false, false, "hello", NULL },
	{ "until close, open", OK "\r\nhello", OPEN, HTTP_BODY_CLOSE, 200, false, false, "hello",
	  NULL },
	{ "chunked",
	  OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\n\r\n",
	  OPEN, HTTP_COMPLETE, 200, true, false, "hello world", NULL },
	{ "chunked, upper-case hex, leading zeros",
	  OK "transfer-encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n0 \r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, true, false, "0123456789", NULL },
	{ "chunked with trailers", OK "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
	  OPEN, HTTP_COMPLETE, 200, true, false, "", NULL },
	{ "chunked, last coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
	  OPEN, HTTP_COMPLETE, 200, true, false, "x", NULL },
	{ "not chunked at last", OK "Transfer-Encoding: chunked, gzip\r\n\r\n1\r\nx", CLOSED,
	  HTTP_COMPLETE, 200, false, false, "1\r\nx", NULL },
	{ "chunked and length",
	  OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, false, false, "", NULL },
	{ "chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, false, false, "", NULL },
	{ "chunked, cut off", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", CLOSED, HTTP_BROKEN,
	  200, false, false, "hel", "truncated response" },
	{ "chunk without size", OK "Transfer-Encoding: chunked\r\n\r\nhello\r\n", OPEN, HTTP_BROKEN,
	  200, false, false, "", "bad chunk size" },
	{ "chunk size empty", OK "Transfer-Encoding: chunked\r\n\r\n\r\n", OPEN, HTTP_BROKEN, 200,
	  false, false, "", "bad chunk size" },
	{ "chunk size negative", OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n", OPEN, HTTP_BROKEN,
	  200, false, false, "", "bad chunk size" },
	{ "chunk size huge", OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", OPEN,
	  HTTP_BROKEN, 200, false, false, "", "bad chunk size" },
	{ "chunk size then junk", OK "Transfer-Encoding: chunked\r\n\r\n5x\r\nhello", OPEN,
	  HTTP_BROKEN, 200, false, false, "", "bad chunk size" },
	{ "chunk too long", OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n", OPEN,
	  HTTP_BROKEN, 200, false, false, "hel", "chunk longer than its size" },
	{ "100 first", "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", OPEN,
	  HTTP_COMPLETE, 200, true, false, "x", NULL },
	{ "103 with fields, and 102",
	  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"
	  "HTTP/1.1 102 Processing\r\n\r\n" OK "Content-Length: 1\r\n\r\nx",
	  OPEN, HTTP_COMPLETE, 200, true, false, "x", NULL },
	{ "100 and no more", "HTTP/1.1 100 Continue\r\n\r\n", CLOSED, HTTP_BROKEN, 0, false, false,
	  "", "truncated response" },
	{ "101 is final", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", OPEN,
	  HTTP_BODY_CLOSE, 101, false, false, "", NULL },
	{ "204 has no body", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 204, true, false, "", NULL },
	{ "304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 304, true, false, "", NULL },
	{ "no reason", "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 503, true,
	  false, "", NULL },
	{ "empty reason", "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 503,
	  true, false, "", NULL },
	{ "reason in UTF-8", "HTTP/1.1 200 d\xc3\xa9j\xc3\xa0\r\nContent-Length: 0\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, true, false, "", NULL },
	{ "bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", OPEN, HTTP_COMPLETE, 200, true,
	  false, "x", NULL },
	{ "close", OK "Connection: close\r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 200,
	  false, false, "", NULL },
	{ "close in a list", OK "Connection: foo ,, Close\r\nContent-Length: 0\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, false, false, "", NULL },
	{ "1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 200, false,
	  false, "", NULL },
	{ "1.0 keep-alive",
	  "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", OPEN,
	  HTTP_COMPLETE, 200, true, false, "", NULL },
	{ "length twice", OK "Content-Length: 1\r\nContent-Length: 1, 1\r\n\r\nx", OPEN,
	  HTTP_COMPLETE, 200, true, false, "x", NULL },
	{ "two lengths", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", OPEN, HTTP_BROKEN, 0,
	  false, false, "", "bad Content-Length" },
	{ "length with a sign", OK "Content-Length: +1\r\n\r\nx", OPEN, HTTP_BROKEN, 0, false,
	  false, "", "bad Content-Length" },
	{ "length empty", OK "Content-Length: \r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "bad Content-Length" },
	{ "length too long", OK "Content-Length: 99999999999999999999\r\n\r\n", OPEN, HTTP_BROKEN,
	  0, false, false, "", "bad Content-Length" },
	{ "folded field", OK "X-A: b\r\n\tc\r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 200,
	  true, false, "", NULL },
	{ "folded length", OK "Content-Length: 1\r\n 2\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false,
	  "", "malformed header line" },
	{ "fold at first", OK " X: y\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed header line" },
	{ "no colon", OK "nonsense\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed header line" },
	{ "no name", OK ": x\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed header line" },
	{ "space before the colon", OK "X : x\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed header line" },
	{ "NUL is seen", OK "X: \x01\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "a control character in a line" },
	{ "CR alone", OK "X: a\rb\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "a carriage return inside a line" },
	{ "HTTP/0.9", "<html>hello</html>", OPEN, HTTP_BROKEN, 0, false, false, "", "not HTTP/1" },
	{ "HTTP/2", "HTTP/2 200 \r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "", "not HTTP/1" },
	{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false,
	  "", "not HTTP/1" },
	{ "HTTP/2 frame", "\x01\x12\x04", OPEN, HTTP_BROKEN, 0, false, false, "", "not HTTP/1" },
	{ "SSH", "SSH-2.0-OpenSSH_9.2\r\n", OPEN, HTTP_BROKEN, 0, false, false, "", "not HTTP/1" },
	{ "lower case", "http/1.1 200 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "not HTTP/1" },
	{ "status of two digits", "HTTP/1.1 20 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed status line" },
	{ "status of four", "HTTP/1.1 2000 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed status line" },
	{ "status 099", "HTTP/1.1 099 X\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed status line" },
	{ "status with letters", "HTTP/1.1 2x0 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed status line" },
	{ "version of two digits", "HTTP/1.10 200 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false,
	  "", "malformed status line" },
	{ "tab for space", "HTTP/1.1\t200 OK\r\n\r\n", OPEN, HTTP_BROKEN, 0, false, false, "",
	  "malformed status line" },
	{ "nothing", "", CLOSED, HTTP_BROKEN, 0, false, false, "", "closed without a response" },
	{ "part of a status line", "HTTP/1.1 2", CLOSED, HTTP_BROKEN, 0, false, false, "",
	  "truncated response" },
	{ "999", "HTTP/1.1 999 Strange\r\nContent-Length: 0\r\n\r\n", OPEN, HTTP_COMPLETE, 999,
	  true, false, "", NULL },
};

static void check(const struct want *w, const struct http_parser *p, const struct str *body)
{
	if (p->state != w->state || p->persistent != w->persistent || p->excess != w->excess)
		fail_msg("%s: state %d persistent %d excess %d (%s)", w->name, (int)p->state,
			 p->persistent, p->excess, p->error ? p->error : "");
	assert_int_equal(p->head_done, w->status != 0);
	if (w->status)
		assert_int_equal(p->status, w->status);
	assert_string_equal(str_z(body), w->body);
	assert_int_equal(!p->error, !w->error);
	if (w->error)
		assert_string_equal(p->error, w->error);
}

static void test_responses_whole(void **state)
{
	struct str body = { 0 };
	struct http_parser p = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		http_parser_init(&p, &body);
		http_parser_feed(&p, wants[i].bytes, strlen(wants[i].bytes));
		if (wants[i].end == CLOSED)
			http_parser_eof(&p);
		check(&wants[i], &p, &body);
		assert_int_equal(p.n_bytes, strlen(wants[i].bytes));
	}
	str_done(&body);
}

/* Where the bytes are cut makes no difference: byte by byte, then at random. */
static void test_responses_in_pieces(void **state)
{
	struct str body = { 0 };
	struct http_parser p = { 0 };
	struct rng rng;

	rng_init(&rng, 99);
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		const char *bytes = wants[i].bytes;
		size_t n = strlen(bytes);

		for (int round = 0; round < 30; round++) {
			http_parser_init(&p, &body);
			for (size_t at = 0, len; at < n; at += len) {
				char *piece;

				len = round ? 1 + rng_below(&rng, n - at) : 1;
				/* a copy of its own: a read beyond it is seen */
				piece = xmemdup(bytes + at, len);
				http_parser_feed(&p, piece, len);
				free(piece);
			}
			if (wants[i].end == CLOSED)
				http_parser_eof(&p);
			check(&wants[i], &p, &body);
		}
	}
	str_done(&body);
}

static void feed_z(struct http_parser *p, const char *z)
{
	http_parser_feed(p, z, strlen(z));
}

static void test_head_limit(void **state)
{
	struct http_parser p = { 0 };
	char line[1024];

	memset(line, 'x', sizeof line);
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	http_parser_init(&p, NULL);
	feed_z(&p, OK); /* 17 bytes */
	for (int i = 0; i < 63; i++)
		http_parser_feed(&p, line, sizeof line);
	assert_int_equal(p.state, HTTP_HEADERS);
	memcpy(line + 1024 - 19 - 2, "\r\n\r\n", 4);
	http_parser_feed(&p, line, 1024 - 17);
	assert_int_equal(p.state, HTTP_BODY_CLOSE); /* exactly 64 KiB is fine */

	http_parser_init(&p, NULL);
	feed_z(&p, OK);
	for (int i = 0; i < 64 * 1024 && p.state != HTTP_BROKEN; i++)
		feed_z(&p, i ? "y" : "X: ");
	assert_string_equal(p.error, "header section over 64 KiB");
	assert_true(p.n_bytes == HTTP_HEAD_MAX + 1);

	/* interim responses count, or they could go on for ever */
	http_parser_init(&p, NULL);
	while (p.state != HTTP_BROKEN)
		feed_z(&p, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(p.error, "header section over 64 KiB");
}

static void test_long_lines_are_cut_not_kept(void **state)
{
	struct http_parser p = { 0 };

	http_parser_init(&p, NULL);
	feed_z(&p, OK "X-Long: ");
	for (int i = 0; i < 5000; i++)
		feed_z(&p, "abcdefgh");
	feed_z(&p, "\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(p.state, HTTP_COMPLETE);

	http_parser_init(&p, NULL);
	feed_z(&p, OK "Transfer-Encoding: ");
	for (int i = 0; i < 100; i++)
		feed_z(&p, "gzip, ");
	feed_z(&p, "chunked\r\n\r\n");
	assert_string_equal(p.error, "overlong header line");

	http_parser_init(&p, NULL);
	feed_z(&p, OK);
	for (int i = 0; i < 300; i++)
		feed_z(&p, "n");
	feed_z(&p, ": v\r\n\r\n");
	assert_string_equal(p.error, "malformed header line");
}

static void test_body_limit(void **state)
{
	struct http_parser p = { 0 };
	struct str body = { 0 };

	http_parser_init(&p, &body);
	feed_z(&p, OK "\r\n");
	for (size_t i = 0; i < HTTP_BODY_MAX / 8 - 1; i++)
		feed_z(&p, "12345678");
	assert_false(http_parser_body_enough(&p));
	feed_z(&p, "12345678AB");
	assert_true(http_parser_body_enough(&p));
	assert_int_equal(body.len, HTTP_BODY_MAX);
	feed_z(&p, "more");
	assert_int_equal(body.len, HTTP_BODY_MAX);
	assert_int_equal(p.state, HTTP_BODY_CLOSE);
	str_done(&body);
}

static void test_framing_limit(void **state)
{
	struct http_parser p = { 0 };
	struct str body = { 0 };

	/* the whole body in chunks of one byte fits */
	http_parser_init(&p, &body);
	feed_z(&p, OK "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < HTTP_BODY_MAX; i++)
		feed_z(&p, "1\r\nx\r\n");
	assert_true(http_parser_body_enough(&p));
	assert_null(p.error);

	http_parser_init(&p, &body);
	feed_z(&p, OK "Transfer-Encoding: chunked\r\n\r\n1;");
	while (p.state != HTTP_BROKEN)
		feed_z(&p, "extension");
	assert_string_equal(p.error, "too much framing");
	assert_true(p.n_bytes < HTTP_FRAMING_MAX + 100);

	http_parser_init(&p, &body);
	feed_z(&p, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	while (p.state != HTTP_BROKEN)
		feed_z(&p, "Trailer: value\r\n");
	assert_string_equal(p.error, "too much framing");
	str_done(&body);
}

static void test_eof_after_the_end(void **state)
{
	struct http_parser p = { 0 };

	http_parser_init(&p, NULL);
	feed_z(&p, OK "Content-Length: 0\r\n\r\n");
	http_parser_eof(&p);
	assert_int_equal(p.state, HTTP_COMPLETE);
	assert_false(p.persistent);
}

/* A wanted field: the final response's first one, whatever the case and wherever the cuts. */
static void test_field(void **state)
{
	static const struct {
		const char *bytes, *value;
	} rows[] = {
		{ OK "X-Who: srv-a\r\nContent-Length: 0\r\n\r\n", "srv-a" },
		{ OK "A: b\r\nx-WHO:\t srv a, b \r\n\r\n", "srv a, b" },
		{ OK "X-Who: one\r\nX-Who: two\r\n\r\n", "one" },
		{ OK "X-Who: \r\nX-Who: two\r\n\r\n", "two" },
		{ OK "X-Who2: one\r\nX-Wh: two\r\n\r\n", "" },
		{ "HTTP/1.1 103 Early\r\nX-Who: early\r\n\r\n" OK "\r\n", "" },
		{ "HTTP/1.1 103 Early\r\nX-Who: early\r\n\r\n" OK "X-Who: late\r\n\r\n", "late" },
		{ OK "X-Who: \xff\xfe\r\n\r\n", "\xff\xfe" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].bytes);

		for (size_t cut = 0; cut <= n; cut++) {
			struct http_field f = { .name = "X-Who" };
			struct http_parser p = { 0 };

			http_parser_init(&p, NULL);
			p.field = &f;
			http_parser_feed(&p, rows[i].bytes, cut);
			http_parser_feed(&p, rows[i].bytes + cut, n - cut);
			assert_true(p.head_done);
			assert_int_equal(f.len, strlen(rows[i].value));
			assert_memory_equal(f.value, rows[i].value, f.len);
		}
	}
}

static void test_field_is_cut(void **state)
{
	struct http_field f = { .name = "Connection" };
	struct http_parser p = { 0 };

	http_parser_init(&p, NULL);
	p.field = &f;
	feed_z(&p, OK "Connection: close");
	for (int i = 0; i < 20; i++)
		feed_z(&p, ", xxxxxxx");
	feed_z(&p, "\r\n\r\n");
	assert_true(p.head_done && p.says_close);
	assert_int_equal(f.len, HTTP_FIELD_KEPT);
	assert_memory_equal(f.value, "close, xxxxxxx, ", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_responses_whole),
		cmocka_unit_test(test_responses_in_pieces),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_long_lines_are_cut_not_kept),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_framing_limit),
		cmocka_unit_test(test_eof_after_the_end),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_field_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
