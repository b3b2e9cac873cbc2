/* SPDX-License-Identifier: Apache-2.0 */
/* http and https: one GET, judged as soon as its answer allows.
 *
 * Without a regexp the verdict is in with the header section. With one, a wrong status ends it
 * there too; else the body is collected up to HTTP_BODY_MAX and matched.
 *
 * A new connection each time, unless the check says reuse-connection. Then, after the verdict, what
 * is left of a small body is read in passing, and the connection waits for the next probe:
 *
 *   start -> CONNECTING -> sending, receiving -> verdict -> [draining] -> idle -> start
 *                                                        \-> closed           \-> closed by the
 *                                                                                 server: closed
 *
 * One that turns out to be dead before the first byte of the answer says nothing about the server:
 * it is replaced once, within the same deadline. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/alloc.h"
#include "core/model.h"
#include "probe/internal.h"
#include "probe/regexp.h"

static void http_ready(void *ctx, uint32_t events);

/* ---- the request */

/* What must not stand in a request target is percent-encoded: the file may hold any UTF-8. */
static void path_add(struct str *s, const char *path)
{
	for (const char *p = path; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c <= 0x20 || c >= 0x7f)
			str_addf(s, "%%%02X", c);
		else
			str_add_c(s, *p);
	}
}

/* A field value: no byte may end the line. */
static void value_add(struct str *s, const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p >= 0x20 && *p != 0x7f)
			str_add_c(s, *p);
}

static void host_add(struct str *s, const struct target *t)
{
	uint16_t standard = t->check->type == HC_HTTPS ? 443 : 80;
	char text[ADDR_STRLEN];

	if (t->check->host) {
		value_add(s, t->check->host);
		return;
	}
	addr_format(&t->addr, text);
	str_addf(s, t->addr.family == ADDR_IP6 ? "[%s]" : "%s", text);
	if (t->check->port != standard)
		str_addf(s, ":%u", t->check->port);
}

static void http_setup(struct target *t)
{
	struct str s = { 0 };

	str_add(&s, "GET ");
	path_add(&s, t->check->path ? t->check->path : "/");
	str_add(&s, " HTTP/1.1\r\nHost: ");
	host_add(&s, t);
	str_add(&s, "\r\nUser-Agent: ");
	value_add(&s, t->w->engine->user_agent);
	str_addf(&s, "\r\nAccept: */*\r\nConnection: %s\r\n\r\n",
		 t->check->reuse_connection ? "keep-alive" : "close");
	t->http.request_len = s.len;
	t->http.request = str_take(&s);
	if (t->w->engine->report_header) {
		t->http.field = XNEW(struct http_field);
		t->http.field->name = t->w->engine->report_header;
	}
	if (t->check->regexp)
		t->http.regexp = http_regexp_get(&t->w->regexps, t->check);
}

static void http_cleanup(struct target *t)
{
	http_regexp_put(&t->w->regexps, t->http.regexp);
	free(t->http.request);
	free(t->http.field);
	str_done(&t->http.body);
}

/* ---- the parser: there while a response is being read. Most targets have none at most times, and
 * it is half of what one would weigh. */

static struct http_parser *parser_get(struct http_probe *h)
{
	if (!h->parser) {
		h->parser = xmalloc(sizeof *h->parser);
		http_parser_init(h->parser, h->regexp ? &h->body : NULL);
		h->parser->field = h->field;
		if (h->field)
			h->field->len = 0;
	}
	return h->parser;
}

static void parser_drop(struct http_probe *h)
{
	free(h->parser);
	h->parser = NULL;
}

static uint64_t bytes_seen(const struct http_probe *h)
{
	return h->parser ? h->parser->n_bytes : 0;
}

/* ---- the connection after the verdict */

static void http_close(struct http_probe *h)
{
	conn_close(&h->conn);
	parser_drop(h);
	h->draining = false;
}

/* Keep it, read on, or close it? A large body is the better thrown away, with its connection, than
 * waited for. */
static void settle(struct target *t)
{
	struct http_probe *h = &t->http;
	const struct http_parser *p = h->parser;
	bool may = t->check->reuse_connection && p->head_done && p->persistent &&
		   h->sent == h->request_len;
	bool small = p->n_bytes < HTTP_HEAD_MAX + HTTP_BODY_MAX &&
		     !(p->state == HTTP_BODY_LENGTH && p->length > HTTP_BODY_MAX);

	h->draining = may && small && p->state != HTTP_COMPLETE;
	if (!h->draining && !(may && p->state == HTTP_COMPLETE))
		http_close(h);
	if (!h->draining)
		parser_drop(h);
	/* what a body took beyond a page is given back, a page is kept for the next one */
	if (h->body.cap > 4096)
		str_done(&h->body);
}

/* An event on a connection that carries no probe. */
static void kept_ready(struct target *t, uint32_t events)
{
	struct http_probe *h = &t->http;

	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return;
	for (;;) {
		ssize_t n = conn_recv(t, &h->conn, t->w->buf, sizeof t->w->buf);

		if (n == -EAGAIN)
			return;
		/* closed meanwhile, or bytes that nobody asked for */
		if (n <= 0 || !h->draining) {
			http_close(h);
			return;
		}
		http_parser_feed(parser_get(h), t->w->buf, (size_t)n);
		settle(t);
		if (h->conn.state == CONN_CLOSED)
			return;
	}
}

/* ---- the verdict */

static void body_verdict(struct target *t)
{
	struct http_probe *h = &t->http;
	char why[128];
	int r = http_regexp_match(h->regexp, t->w->matcher, str_z(&h->body), h->body.len, why,
				  sizeof why);

	if (r == 1)
		probe_conclude(t, CODE_L7OK, "HTTP status %d, body matches", h->parser->status);
	else if (r == 0)
		probe_conclude(t, CODE_L7RSP, "body does not match the regexp (%zu bytes)",
			       h->body.len);
	else if (r == -E2BIG)
		probe_conclude(t, CODE_L7RSP, "matching the body was given up: %s", why);
	else
		probe_conclude(t, CODE_LOCAL, "response-regexp: %s", why);
}

static void broken_verdict(struct target *t, const char *data, size_t n)
{
	const struct http_parser *p = t->http.parser;
	char excerpt[RESULT_EXCERPT_LEN];

	/* the very first bytes show best who is speaking there */
	if (p->n_bytes == 0)
		probe_conclude(t, CODE_L7RSP, "%s", p->error);
	else if (!p->status && p->n_bytes == n)
		probe_conclude(t, CODE_L7RSP, "%s: starts with %s", p->error,
			       result_excerpt(data, n, excerpt));
	else
		probe_conclude(t, CODE_L7RSP, "%s after %llu bytes", p->error,
			       (unsigned long long)p->n_bytes);
}

/* Judge what has come so far; `data` is what came last. True: concluded. */
static bool verdict(struct target *t, const char *data, size_t n)
{
	struct http_probe *h = &t->http;
	const struct http_parser *p = h->parser;

	if (p->head_done && !code_set_has(&t->check->codes, p->status))
		probe_conclude(t, CODE_L7STS, "HTTP status %d, want %s", p->status,
			       t->check->response_code ? t->check->response_code : "another");
	else if (p->head_done && !h->regexp)
		probe_conclude(t, CODE_L7OK, "HTTP status %d", p->status);
	else if (http_parser_body_enough(p))
		body_verdict(t);
	else if (p->state == HTTP_BROKEN)
		broken_verdict(t, data, n);
	else
		return false;
	if (h->field && p->head_done)
		probe_report(t, p->status, h->field);
	settle(t);
	return true;
}

/* ---- the probe */

static void http_begin(struct target *t)
{
	struct http_probe *h = &t->http;

	h->sent = 0;
	parser_drop(h);
}

/* The connection is of no more use and there is no verdict: `r` is 0 or -errno. */
static void lost(struct target *t, ssize_t r)
{
	struct http_probe *h = &t->http;
	char text[RESULT_ERRNO_LEN];

	if (h->reused && bytes_seen(h) == 0) {
		h->reused = false;
		http_close(h);
		http_begin(t);
		(void)conn_open(t, &h->conn, http_ready);
		return;
	}
	http_parser_eof(parser_get(h));
	if (r == -EPROTO)
		probe_conclude(t, CODE_L6RSP, "TLS: %s", t->w->tls_why);
	else if (r < 0 && result_errno_is_local((int)-r))
		probe_conclude_errno(t, CODE_LOCAL, "connection", (int)-r);
	else if (probe_is_late(t))
		probe_conclude(t, CODE_LOCAL, "connection lost while we were late");
	else if (r < 0 && bytes_seen(h) == 0)
		probe_conclude_errno(t, CODE_L4CON, "no response", (int)-r);
	else if (r < 0)
		probe_conclude(t, CODE_L7RSP, "truncated response after %llu bytes: %s",
			       (unsigned long long)bytes_seen(h), result_errno((int)-r, text));
	else if (verdict(t, NULL, 0))
		return;
	http_close(h);
}

static void receive(struct target *t, uint32_t events)
{
	struct http_probe *h = &t->http;

	for (;;) {
		ssize_t n = conn_recv(t, &h->conn, t->w->buf, sizeof t->w->buf);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			lost(t, n);
			return;
		}
		http_parser_feed(parser_get(h), t->w->buf, (size_t)n);
		if (verdict(t, t->w->buf, (size_t)n))
			break;
		if ((size_t)n < sizeof t->w->buf && !conn_read_again(&h->conn, events))
			return;
	}
	/* a kept connection: the edge that brought us here may have announced more than we read */
	if (h->conn.state != CONN_CLOSED)
		kept_ready(t, EPOLLIN);
}

/* True: all of it is on its way, or we wait for room to send; false: no connection any more. */
static bool send_request(struct target *t)
{
	struct http_probe *h = &t->http;

	while (h->sent < h->request_len) {
		ssize_t n = conn_send(t, &h->conn, h->request + h->sent, h->request_len - h->sent);

		if (n == -EAGAIN)
			return true;
		if (n <= 0) {
			/* who refuses a request may have answered it before */
			receive(t, EPOLLRDHUP);
			if (t->in_flight && h->conn.state == CONN_OPEN)
				lost(t, n);
			return false;
		}
		h->sent += (size_t)n;
	}
	return true;
}

static void http_ready(void *ctx, uint32_t events)
{
	struct target *t = ctx;
	struct http_probe *h = &t->http;
	bool was_open = h->conn.state == CONN_OPEN;

	if (!t->in_flight) {
		kept_ready(t, events);
		return;
	}
	if (!conn_advance(t, &h->conn, events))
		return;
	if (h->sent < h->request_len && !send_request(t))
		return;
	/* The handshake may have eaten the edge of what came right behind it. */
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) || (!was_open && h->conn.tls))
		receive(t, events);
}

static void http_start(struct target *t)
{
	struct http_probe *h = &t->http;

	if (h->draining)
		http_close(h); /* not done in all the time since: a new one is quicker */
	http_begin(t);
	h->reused = h->conn.state == CONN_OPEN;
	if (h->reused)
		(void)send_request(t);
	else
		(void)conn_open(t, &h->conn, http_ready);
}

static struct probe_overdue http_expire(struct target *t)
{
	http_ready(t, conn_events(&t->http.conn));
	return conn_overdue(&t->http.conn);
}

static void http_abandon(struct target *t)
{
	http_close(&t->http);
}

const struct probe_kind probe_kind_http = {
	.setup = http_setup,
	.cleanup = http_cleanup,
	.start = http_start,
	.expire = http_expire,
	.abandon = http_abandon,
};
