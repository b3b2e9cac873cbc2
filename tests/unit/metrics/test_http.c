/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets, with an owner that answers from this thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
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
#include "loop/loop.h"
#include "metrics/http.h"

#define PATIENCE (60 * NS_PER_S)
/* Where those who never ask are waited for; long enough to ask in. */
#define ASK_TIME NS_PER_S

struct bed {
	struct loop *loop;
	struct metrics_http *http;
	int wanted;        /* times */
	size_t lines;      /* of a content */
	bool hold;         /* do not answer */
	_Atomic int alive; /* contents not freed */
	int value;         /* in the next content */
};

struct content {
	struct metrics_content base;
	struct bed *bed;
	size_t lines;
	int value;
};

static const struct metrics_family family = { "t_line", METRICS_GAUGE,    "", { "n" },
					      1,        .help = "A line." };

static bool content_write(const struct metrics_content *base, struct metrics_pos *pos,
			  struct exposition *x)
{
	const struct content *c = (const struct content *)(const void *)base;
	char n[24];

	if (pos->row == 0)
		exposition_family(x, &family);
	while (pos->row < c->lines) {
		(void)snprintf(n, sizeof n, "%zu", pos->row++);
		exposition_uint(x, (const char *[]){ n }, (uint64_t)c->value);
		if (x->out.len > 4096)
			return true;
	}
	exposition_end(x);
	return false;
}

static void content_free(struct metrics_content *base)
{
	struct content *c = (struct content *)(void *)base;

	atomic_fetch_sub(&c->bed->alive, 1);
	free(c);
}

static void serve(struct bed *b)
{
	struct content *c = XNEW(struct content);

	atomic_init(&c->base.refs, 1);
	c->base.write = content_write;
	c->base.free = content_free;
	c->bed = b;
	c->lines = b->lines;
	c->value = b->value;
	atomic_fetch_add(&b->alive, 1);
	metrics_http_serve(b->http, &c->base);
}

static void on_wanted(void *ctx)
{
	struct bed *b = ctx;

	b->wanted++;
	if (!b->hold)
		serve(b);
}

static struct bed *bed_with(dur_ns ask_time, dur_ns edition_age)
{
	struct bed *b = XNEW(struct bed);
	struct err e;
	struct metrics_http_opts o = { .addr = "127.0.0.1:0",
				       .page = "<p>page</p>\n",
				       .wanted = on_wanted,
				       .ctx = b,
				       .ask_time = ask_time,
				       .edition_age = edition_age };

	b->loop = o.loop = loop_new();
	b->lines = 3;
	b->value = 1;
	b->http = metrics_http_new(&o, &e);
	assert_non_null(b->http);
	return b;
}

static struct bed *bed_new(void)
{
	return bed_with(0, 0);
}

static void bed_free(struct bed *b)
{
	metrics_http_free(b->http);
	assert_int_equal(atomic_load(&b->alive), 0);
	loop_free(b->loop);
	free(b);
}

static int dial(const struct bed *b)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)metrics_http_port(b->http)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

/* One that takes no more than about `room` bytes ahead of what is read. */
static int dial_slow_reader(const struct bed *b, int room)
{
	int fd = dial(b);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
	return fd;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything until the other side closes, while our loop turns. */
static char *read_all(struct bed *b, int fd)
{
	struct str in = { 0 };
	mono_ns end = loop_clock() + PATIENCE;
	char buf[8192];

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

		assert_true(loop_clock() < end);
		if (n > 0)
			str_add_n(&in, buf, (size_t)n);
		else if (n == 0 || errno == ECONNRESET)
			break;
		else
			loop_turn(b->loop, 5 * NS_PER_MS);
	}
	close(fd);
	return str_take(&in);
}

static char *ask(struct bed *b, const char *request)
{
	int fd = dial(b);

	say(fd, request);
	return read_all(b, fd);
}

static void expect(struct bed *b, const char *request, const char *status, const char *part)
{
	char *got = ask(b, request);

	if (strncmp(got, "HTTP/1.", 7) != 0 || strncmp(got + 9, status, 3) != 0)
		fail_msg("%s: %s", request, got);
	if (!strstr(got, part))
		fail_msg("%s: no \"%s\" in %s", request, part, got);
	free(got);
}

#define HOST "Host: x\r\n\r\n"

static void pages(void **state)
{
	struct bed *b = bed_new();

	expect(b, "GET / HTTP/1.1\r\n" HOST, "200", "<p>page</p>");
	expect(b, "HEAD / HTTP/1.1\r\n" HOST, "200", "Content-Length: 12\r\n");
	expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200", "t_line{n=\"2\"} 1\n");
	expect(b, "GET /metrics HTTP/1.0\r\n\r\n", "200", "t_line{n=\"2\"} 1\n");
	expect(b, "GET /metrics?x=y HTTP/1.1\r\n" HOST, "200", "t_line{n=\"2\"} 1\n");
	expect(b, "HEAD /metrics HTTP/1.1\r\n" HOST, "200", "version=0.0.4");
	expect(b, "GET /metrics/ HTTP/1.1\r\n" HOST, "404", "/metrics");
	expect(b, "GET /favicon.ico HTTP/1.1\r\n" HOST, "404", "/metrics");
	expect(b, "POST /x HTTP/1.1\r\nContent-Length: 3\r\n" HOST, "404", "/metrics");
	expect(b, "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n" HOST "abc", "405",
	       "Allow: GET, HEAD");
	expect(b, "DELETE / HTTP/1.1\r\n" HOST, "405", "Allow: GET, HEAD");
	expect(b, "OPTIONS /metrics HTTP/1.1\r\n" HOST, "405", "Allow: GET, HEAD");
	assert_int_equal(b->wanted, 3); /* for the bodies alone */
	bed_free(b);
}

static void formats(void **state)
{
	struct bed *b = bed_new();

	expect(b, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n" HOST, "200",
	       "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	expect(b, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n" HOST, "200",
	       "# EOF\n");
	expect(b, "HEAD /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n" HOST, "200",
	       "Content-Type: application/openmetrics-text; ");
	expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200",
	       "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	bed_free(b);
}

static void every_answer_ends_its_connection(void **state)
{
	struct bed *b = bed_new();

	expect(b, "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "200",
	       "Connection: close");
	bed_free(b);
}

/* Decodes the chunks of an answer; asserts that the last one is there. */
static char *dechunk(const char *answer)
{
	const char *at = strstr(answer, "\r\n\r\n") + 4;
	struct str out = { 0 };

	for (;;) {
		char *end;
		unsigned long n = strtoul(at, &end, 16);

		assert_true(end > at && strncmp(end, "\r\n", 2) == 0);
		if (n == 0)
			return str_take(&out);
		str_add_n(&out, end + 2, n);
		at = end + 2 + n + 2;
	}
}

static void a_long_answer_is_whole(void **state)
{
	struct bed *b = bed_new();
	char *got, *body, *p;
	size_t n = 0;

	b->lines = 100000;
	got = ask(b, "GET /metrics HTTP/1.1\r\n" HOST);
	body = dechunk(got);
	for (p = body; (p = strstr(p, "t_line{")); p++)
		n++;
	assert_int_equal(n, 100000);
	free(body);
	free(got);
	bed_free(b);
}

static void junk(void **state)
{
	static const char *const requests[] = { "\r\n\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n",
						"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET\r\n\r\n",
						"GET /metrics\r\n\r\n" };
	struct bed *b = bed_with(ASK_TIME, 0);
	int fds[ARRAY_LEN(requests)];

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		fds[i] = dial(b);
		say(fds[i], requests[i]);
		shutdown(fds[i], SHUT_WR);
	}
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		char *got = read_all(b, fds[i]);

		assert_true(!*got || strncmp(got, "HTTP/1.", 7) == 0);
		free(got);
	}
	expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200", "t_line");
	bed_free(b);
}

static void headers_are_bounded(void **state)
{
	struct bed *b = bed_new();
	struct str r = { 0 };
	char *got;
	int fd = dial(b);

	str_add(&r, "GET /metrics HTTP/1.1\r\nX: ");
	while (r.len < 256 << 10)
		str_add(&r, "xxxxxxxxxxxxxxxx");
	(void)!send(fd, r.p, r.len, MSG_NOSIGNAL);
	got = read_all(b, fd);
	assert_true(!*got || strstr(got, " 431 ") || strstr(got, " 413 "));
	free(got);
	str_done(&r);
	bed_free(b);
}

/* Waits for a condition on our side while the loop turns. */
#define TURN_UNTIL(B, COND)                                                                        \
	do {                                                                                       \
		mono_ns end_ = loop_clock() + PATIENCE;                                            \
		while (!(COND)) {                                                                  \
			assert_true(loop_clock() < end_);                                          \
			loop_turn((B)->loop, 5 * NS_PER_MS);                                       \
		}                                                                                  \
	} while (0)

static void those_who_wait_share_an_answer_and_latecomers_get_their_own(void **state)
{
	struct bed *b = bed_new();
	char *first, *late;
	int fd = dial(b), fd2;

	b->hold = true;
	say(fd, "GET /metrics HTTP/1.1\r\n" HOST);
	TURN_UNTIL(b, b->wanted == 1);
	fd2 = dial(b);
	say(fd2, "GET /metrics HTTP/1.1\r\n" HOST);
	/* So that the server has certainly seen it. */
	expect(b, "GET / HTTP/1.1\r\n" HOST, "200", "page");
	b->hold = false;
	serve(b);
	b->value = 2;
	first = read_all(b, fd);
	late = read_all(b, fd2);
	assert_int_equal(b->wanted, 2);
	assert_non_null(strstr(first, "t_line{n=\"0\"} 1\n"));
	assert_non_null(strstr(late, "t_line{n=\"0\"} 2\n"));
	free(first);
	free(late);
	bed_free(b);
}

/* More who open and say nothing than there are places: whoever asks is served all the same. */
static void the_silent_keep_nobody_out(void **state)
{
	struct bed *b = bed_new();
	int fds[200], n_cut = 0;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(b);
		say(fds[i], "GET /metrics HTTP/1.1\r\nX-");
	}
	for (int i = 0; i < 5; i++)
		expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200", "t_line");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		char c;

		n_cut += recv(fds[i], &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
		close(fds[i]);
	}
	assert_true(n_cut >= 100); /* a place is for 64 */
	bed_free(b);
}

/* A reader who takes his time, and enough of the slow at asking to fill all places several times.
 */
static void a_flood_of_the_slow_cuts_off_no_reader(void **state)
{
	struct bed *b = bed_new();
	int fd = dial_slow_reader(b, 32768), fds[300];
	char *got;

	b->lines = 100000;
	say(fd, "GET /metrics HTTP/1.1\r\n" HOST);
	TURN_UNTIL(b, b->wanted == 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(b);
		say(fds[i], "GET /metrics HTTP/1.1\r\nX-");
	}
	got = read_all(b, fd);
	assert_non_null(strstr(got, "t_line{n=\"99999\"}"));
	free(got);
	close_all(fds, ARRAY_LEN(fds));
	bed_free(b);
}

/* And the other way about. */
static void a_flood_of_readers_cuts_off_nobody_who_asks(void **state)
{
	struct bed *b = bed_new();
	int fd = dial(b), fds[200];
	char *got;

	say(fd, "GET / HTTP/1.1\r\n");
	b->lines = 200000;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial_slow_reader(b, 4096);
		say(fds[i], "GET /metrics HTTP/1.1\r\n" HOST);
		loop_turn(b->loop, 0); /* serves those who came so far */
	}
	say(fd, HOST);
	got = read_all(b, fd);
	assert_non_null(strstr(got, "page"));
	free(got);
	close_all(fds, ARRAY_LEN(fds));
	bed_free(b);
}

/* Those who ask for much and do not read hold a few contents at most, and are cut for newer ones.
 */
static void slow_readers_hold_little_memory(void **state)
{
	struct bed *b = bed_with(0, 50 * NS_PER_MS);
	int fds[12];

	b->lines = 200000;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial_slow_reader(b, 4096);
		say(fds[i], "GET /metrics HTTP/1.1\r\n" HOST);
		expect(b, "GET / HTTP/1.1\r\n" HOST, "200", "page");
		assert_true(atomic_load(&b->alive) <= 5);
	}
	/* One of them has to go first, after a while. */
	b->lines = 3;
	expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200", "t_line");
	assert_true(atomic_load(&b->alive) <= 5);
	close_all(fds, ARRAY_LEN(fds));
	bed_free(b);
}

static void ends_in_the_middle_of_things(void **state)
{
	struct bed *b = bed_new();
	int waits = dial(b), reads = dial(b), silent = dial(b), other;

	b->lines = 1000000;
	say(reads, "GET /metrics HTTP/1.1\r\n" HOST);
	TURN_UNTIL(b, b->wanted == 1);
	b->hold = true;
	other = dial(b);
	say(waits, "GET /metrics HTTP/1.1\r\n" HOST);
	say(other, "GET /metrics HTTP/1.1\r\n" HOST);
	TURN_UNTIL(b, b->wanted == 2);
	serve(b); /* on its way when the server ends */
	bed_free(b);
	close(waits);
	close(reads);
	close(silent);
	close(other);
}

static void clients_that_left_are_forgotten(void **state)
{
	struct bed *b = bed_new();

	b->hold = true;
	for (int i = 0; i < 3; i++) {
		int fd = dial(b);

		say(fd, "GET /metrics HTTP/1.1\r\n" HOST);
		close(fd);
	}
	TURN_UNTIL(b, b->wanted == 1);
	b->hold = false;
	serve(b);
	expect(b, "GET /metrics HTTP/1.1\r\n" HOST, "200", "t_line");
	TURN_UNTIL(b, atomic_load(&b->alive) == 0);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(formats),
		cmocka_unit_test(every_answer_ends_its_connection),
		cmocka_unit_test(a_long_answer_is_whole),
		cmocka_unit_test(junk),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(those_who_wait_share_an_answer_and_latecomers_get_their_own),
		cmocka_unit_test(the_silent_keep_nobody_out),
		cmocka_unit_test(a_flood_of_the_slow_cuts_off_no_reader),
		cmocka_unit_test(a_flood_of_readers_cuts_off_nobody_who_asks),
		cmocka_unit_test(slow_readers_hold_little_memory),
		cmocka_unit_test(ends_in_the_middle_of_things),
		cmocka_unit_test(clients_that_left_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
