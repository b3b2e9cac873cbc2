/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams on connections.
 *
 *   take what is there ──nothing──> suspended, in `idle` ──published, ping due, gone──> resumed
 *           ^                                                                             │
 *           └─────────────────────────────────────────────────────────────────────────────┘
 *
 * libmicrohttpd does not look at suspended connections, so we do: a close shows as EPOLLRDHUP. A
 * client that vanished without one shows in TCP: keepalive finds it when the line is quiet; when
 * something was sent, it is not acknowledged. One that is there but does not read (its window is
 * closed) acknowledges; it costs a place in the ring and SEND_BUFFER, until STALL_MAX. */
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "dashboard/http_internal.h"

/* Both together within 20 s, when a ping is sent just before the last probe fails: it stops them.
 * Quiet for 5 s, then three probes 2 s apart: 11 s. */
#define KEEPALIVE_IDLE_S     5
#define KEEPALIVE_INTERVAL_S 2
#define KEEPALIVE_PROBES     3
/* Retransmissions without an answer, each after twice the time of the one before: 0.2 s × (2^5 - 1)
 * = 6.2 s on a quick line. Who was only away for so long reconnects and misses nothing. */
#define RETRANSMITS_MAX 5
#define STALL_MAX       (120 * NS_PER_S)
#define BLOCK           4096 /* libmicrohttpd's chunk: half of a connection's memory */

struct stream {
	struct list node; /* in http->idle */
	struct request *request;
	struct broker_reader reader;
	struct loop_io io; /* hears of a close */
	bool gone;
	mono_ns progress; /* when it last took something, or there was nothing to take */
};

static void set(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof value);
}

static void wake(struct stream *s)
{
	list_remove(&s->node);
	http_resume(s->request->visitor);
}

void http_stream_wake(void *http)
{
	struct http *h = http;
	mono_ns now = loop_clock();

	h->woken = now;
	list_foreach (&h->idle, n) {
		struct stream *s = CONTAINER_OF(n, struct stream, node);

		if (broker_reader_waiting(h->o.broker, &s->reader, now))
			wake(s);
	}
	httpd_turn_soon(&h->turn);
}

void http_stream_tick(struct http *h, mono_ns now)
{
	broker_trim(h->o.broker, now);
	http_stream_wake(h);
}

void http_stream_check(struct visitor *v, mono_ns now)
{
	struct stream *s = v->request ? v->request->stream : NULL;
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (!s || v->cut)
		return;
	if (v->suspended)
		s->progress = now;
	if (getsockopt(v->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return;
	if (info.tcpi_retransmits >= RETRANSMITS_MAX || s->progress + STALL_MAX < now)
		http_cut(v);
}

static void on_close(void *ctx, uint32_t events _unused_)
{
	struct stream *s = ctx;

	s->gone = true;
	loop_io_del(&s->io);
	http_cut(s->request->visitor);
}

/* libmicrohttpd wants more of the answer. */
static ssize_t read_events(void *cls, uint64_t pos _unused_, char *buf, size_t max)
{
	struct stream *s = cls;
	struct visitor *v = s->request->visitor;
	mono_ns now = loop_clock();
	size_t n;

	if (s->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	s->progress = now;
	n = broker_reader_take(v->http->o.broker, &s->reader, now, buf, max);
	if (n)
		return (ssize_t)n;
	if (v->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	MHD_suspend_connection(v->connection);
	v->suspended = true;
	list_add_tail(&v->http->idle, &s->node);
	return 0;
}

static void stream_free(void *cls)
{
	struct stream *s = cls;

	loop_io_del(&s->io);
	list_remove(&s->node);
	broker_reader_done(&s->reader);
	s->request->visitor->http->n_streams--;
	s->request->stream = NULL;
	free(s);
}

static void watch_connection(struct stream *s, struct visitor *v)
{
	set(v->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(v->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set(v->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set(v->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	if (loop_io_add(v->http->o.loop, &s->io, v->fd, EPOLLRDHUP | EPOLLET, on_close, s))
		s->gone = true;
}

void http_answer_stream(struct request *r, enum log_level level, const char *last_id)
{
	struct visitor *v = r->visitor;
	struct http *h = v->http;
	struct stream *s;

	if (h->n_streams >= h->streams_max) {
		http_answer_refusal(r, MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER,
				    "5", "too many readers");
		return;
	}
	s = XNEW(struct stream);
	list_init(&s->node);
	s->request = r;
	s->progress = loop_clock();
	broker_reader_init(h->o.broker, &s->reader, level, last_id, s->progress);
	h->n_streams++;
	watch_connection(s, v);
	r->stream = s;
	r->status = MHD_HTTP_OK;
	r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_events, s,
							NULL);
	content_headers(r->response);
	httpd_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	httpd_header(r->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	httpd_header(r->response, "X-Accel-Buffering", "no");
	/* libmicrohttpd ends chunks that it did not begin: no chunks. */
	if (strcmp(r->method, MHD_HTTP_METHOD_HEAD) == 0)
		(void)MHD_set_response_options(r->response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
					       MHD_RO_END);
	v->visit = VISIT_STREAMING;
	request_on_gone(r, stream_free, s);
}
