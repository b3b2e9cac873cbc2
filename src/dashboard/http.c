/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: libmicrohttpd nested in the program's one loop.
 *
 *   connection ──head──> refused, or ──body──> handler ──answer──> queued ──read──> next request
 *                                                 └──later──> suspended ──answer──> resumed ──┘
 *
 * Everything is on one thread: the upstreams' events, the store, the readers. Nothing here takes
 * long (the whole state is written once for all who ask, see api.c), and nothing needs a lock.
 *
 * Nobody is trusted. What a head says is what libmicrohttpd and any proxy before us must read
 * alike: two lengths, a length and chunks, two hosts, or a header name with a space in it end the
 * connection, so that no request hides in another's body. A connection has ASK_TIME for a request
 * (and to rest between two), READ_TIME for an answer, however busily it trickles. When all places
 * are taken, the oldest that asks nothing gives way. A response before the whole request was read
 * ends the connection, and so does every refusal. */
#include "dashboard/http.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dashboard/http_internal.h"

#define STREAMS_MAX      4096 /* twice the 2,000 browsers that are meant to be served */
#define VISITORS_MAX     (STREAMS_MAX + 512)
#define FDS_RESERVED     128 /* for everything but visitors */
#define CONNECTIONS_MORE 32  /* beyond the visitors, while libmicrohttpd closes what we cut off */
#define ASK_TIME         (15 * NS_PER_S)
#define READ_TIME        (60 * NS_PER_S)
#define TICK             (500 * NS_PER_MS)
/* Request line and headers (more: 431 or 414), then the same memory for chunks on their way out. */
#define CONNECTION_MEMORY (8u << 10)
/* News after a silence leave at once; what follows within this time leaves together: a write to
 * each of 2,000 readers is what news cost. */
#define GATHER      (50 * NS_PER_MS)
#define SEND_BUFFER (64 << 10) /* of the kernel's that a reader who stopped may fill */

/* ---- connections */

void http_cut(struct visitor *v)
{
	if (v->cut)
		return;
	v->cut = true;
	(void)shutdown(v->fd, SHUT_RDWR); /* libmicrohttpd notices and closes it */
	if (v->suspended && v->visit == VISIT_STREAMING)
		http_resume(v);
	httpd_turn_soon(&v->http->turn);
}

void http_resume(struct visitor *v)
{
	if (!v->suspended)
		return;
	v->suspended = false;
	MHD_resume_connection(v->connection);
}

/* ::ffff:192.0.2.1 is 192.0.2.1: or all of IPv4 would be one peer, and its neighbours' victim. */
static struct addr peer_of(struct MHD_Connection *c)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_storage ss = { 0 };
	struct addr a = { 0 }, v4 = { .family = ADDR_IP4 };

	memcpy(&ss, info->client_addr,
	       info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							: sizeof(struct sockaddr_in));
	if (addr_from_sockaddr(&ss, &a, NULL) < 0 || a.family != ADDR_IP6 ||
	    memcmp(a.b, mapped, sizeof mapped) != 0)
		return a;
	memcpy(v4.b, a.b + sizeof mapped, 4);
	return v4;
}

static struct visitor *visitor_enter(struct http *h, struct MHD_Connection *c)
{
	struct visitor *v = XNEW(struct visitor);

	v->http = h;
	v->connection = c;
	v->fd = httpd_fd(c);
	v->peer = peer_of(c);
	v->until = loop_clock() + ASK_TIME;
	list_add_tail(&h->visitors, &v->node);
	h->n_visitors++;
	return v;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct visitor *v = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = visitor_enter(cls, c);
	} else if (v) {
		list_remove(&v->node);
		v->http->n_visitors--;
		free(v);
	}
}

/* Somebody new is there. When all places are taken, the oldest that asks nothing gives way. */
static void make_place(void *ctx)
{
	struct http *h = ctx;

	if (h->n_visitors < h->visitors_max)
		return;
	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->cut || v->visit != VISIT_ASKING)
			continue;
		http_cut(v);
		break;
	}
	httpd_turn_now(&h->turn); /* closes it */
}

static void on_tick(void *ctx, struct timer *t)
{
	struct http *h = ctx;
	mono_ns now = loop_clock();

	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->visit == VISIT_STREAMING)
			http_stream_check(v, now);
		else if (v->visit != VISIT_WAITING && v->until <= now)
			http_cut(v);
	}
	http_stream_tick(h, now);
	httpd_door_tick(&h->door);
	timer_set(h->o.loop, t, now + TICK, on_tick, h);
}

/* ---- heads */

struct head {
	int lengths, encodings, hosts;
	bool odd; /* a name with a space in it, or an encoding that is not "chunked" */
	long long length;
};

static enum MHD_Result look_at_header(void *cls, enum MHD_ValueKind kind _unused_, const char *name,
				      const char *value)
{
	struct head *head = cls;

	if (strpbrk(name, " \t\r\n:"))
		head->odd = true;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
		head->lengths++;
		if (!value || str_to_i64(value, 0, INT64_MAX, &head->length))
			head->odd = true;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		head->encodings++;
		if (!value || strcasecmp(value, "chunked") != 0)
			head->odd = true;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
		head->hosts++;
	}
	return MHD_YES;
}

/* Refuse what must not be read on. */
static void check_head(struct request *r)
{
	struct head head = { 0 };

	(void)MHD_get_connection_values(r->visitor->connection, MHD_HEADER_KIND, look_at_header,
					&head);
	if (head.odd || head.lengths > 1 || head.encodings > 1 || head.hosts > 1 ||
	    (head.lengths && head.encodings))
		http_answer_error(r, MHD_HTTP_BAD_REQUEST, "this request can be read in two ways");
	else if (head.length > HTTP_BODY_MAX)
		http_answer_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body has more than %u bytes",
				  HTTP_BODY_MAX);
}

/* ---- requests */

static struct request *request_new(struct visitor *v, const char *method, const char *url)
{
	struct request *r = XNEW(struct request);

	r->visitor = v;
	r->method = method;
	r->is_path = path_parse(url, &r->path) == 0;
	v->request = r;
	return r;
}

static void on_completed(void *cls _unused_, struct MHD_Connection *c _unused_, void **con_cls,
			 enum MHD_RequestTerminationCode code _unused_)
{
	struct request *r = *con_cls;

	if (!r)
		return;
	*con_cls = NULL;
	if (r->gone)
		r->gone(r->gone_data);
	if (r->content)
		content_unref(r->content);
	else if (r->response)
		MHD_destroy_response(r->response);
	r->visitor->request = NULL;
	r->visitor->visit = VISIT_ASKING;
	r->visitor->until = loop_clock() + ASK_TIME;
	str_done(&r->body);
	free(r);
}

static enum MHD_Result queue(struct request *r)
{
	struct visitor *v = r->visitor;

	if (v->visit != VISIT_STREAMING) {
		v->visit = VISIT_READING;
		v->until = loop_clock() + READ_TIME;
	}
	return MHD_queue_response(v->connection, r->status, r->response);
}

static enum MHD_Result wait_for_answer(struct request *r)
{
	r->visitor->visit = VISIT_WAITING;
	r->visitor->suspended = true;
	MHD_suspend_connection(r->visitor->connection);
	return MHD_YES;
}

static void take_body(struct request *r, const char *p, size_t n)
{
	if (r->body.len + n > HTTP_BODY_MAX)
		r->too_large = true;
	else
		str_add_n(&r->body, p, n);
}

static void handle(struct request *r)
{
	r->handled = true;
	if (r->too_large)
		http_answer_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body has more than %u bytes",
				  HTTP_BODY_MAX);
	else
		r->visitor->http->o.handle(r->visitor->http->o.ctx, r);
}

/* Called with the head of a request, with each piece of its body, when it is complete, and once
 * more when the visitor was resumed with an answer. */
static enum MHD_Result on_request(void *cls _unused_, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version _unused_,
				  const char *upload, size_t *upload_size, void **con_cls)
{
	struct request *r = *con_cls;

	if (!r) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
			c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

		r = *con_cls = request_new(info->socket_context, method, url);
		check_head(r);
		return r->response ? queue(r) : MHD_YES;
	}
	if (*upload_size) {
		take_body(r, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!r->handled)
		handle(r);
	return r->response ? queue(r) : wait_for_answer(r);
}

/* Paths are decoded by path.c, segment by segment. */
static size_t leave_escapes(void *cls _unused_, struct MHD_Connection *c _unused_, char *s)
{
	return strlen(s);
}

const char *request_method(const struct request *r)
{
	return r->method;
}

const struct path *request_path(const struct request *r)
{
	return r->is_path ? &r->path : NULL;
}

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->visitor->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *r, const char *key)
{
	return MHD_lookup_connection_value(r->visitor->connection, MHD_GET_ARGUMENT_KIND, key);
}

const struct str *request_body(const struct request *r)
{
	return &r->body;
}

const struct addr *request_peer(const struct request *r)
{
	return &r->visitor->peer;
}

void request_on_gone(struct request *r, void (*fn)(void *data), void *data)
{
	assert(!r->gone);
	r->gone = fn;
	r->gone_data = data;
}

/* ---- answers */

/* `response`: the request's, or that of its content. */
static void answer(struct request *r, unsigned status, struct MHD_Response *response)
{
	assert(!r->response);
	r->handled = true;
	r->status = status;
	r->response = response;
	if (!r->visitor->suspended)
		return; /* on_request queues it */
	http_resume(r->visitor);
	httpd_turn_soon(&r->visitor->http->turn);
}

void http_answer_content(struct request *r, unsigned status, struct content *c)
{
	unsigned accepted = encoding_accepted(request_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING));

	r->content = content_ref(c);
	answer(r, status, content_response(c, accepted));
}

void http_answer_json(struct request *r, unsigned status, struct str *text)
{
	struct content *c = content_json(text);

	http_answer_content(r, status, c);
	content_unref(c);
}

static struct MHD_Response *copy_response(const char *text, size_t len, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	content_headers(response);
	httpd_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	httpd_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return response;
}

void http_answer_refusal(struct request *r, unsigned status, const char *name, const char *value,
			 const char *text)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct MHD_Response *response;
	struct json j;

	json_init(&j, &out);
	json_obj(&j);
	json_field_str(&j, "error", text);
	json_obj_end(&j);
	str_add_c(&out, '\n');
	response = copy_response(out.p, out.len, "application/json");
	httpd_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (name)
		httpd_header(response, name, value);
	answer(r, status, response);
}

void http_answer_error(struct request *r, unsigned status, const char *fmt, ...)
{
	_cleanup_(str_done) struct str text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	http_answer_refusal(r, status, NULL, NULL, str_z(&text));
}

void http_answer_text(struct request *r, unsigned status, const char *text)
{
	answer(r, status, copy_response(text, strlen(text), "text/plain; charset=utf-8"));
}

void http_answer_redirect(struct request *r, const char *location)
{
	struct MHD_Response *response = copy_response("", 0, "text/plain; charset=utf-8");

	httpd_header(response, MHD_HTTP_HEADER_LOCATION, location);
	answer(r, MHD_HTTP_FOUND, response);
}

/* ---- life */

static void on_gathered(void *ctx, struct timer *t _unused_)
{
	http_stream_wake(ctx);
}

void http_news(struct http *h)
{
	if (list_empty(&h->idle) || timer_armed(&h->gather))
		return;
	if (h->woken + GATHER <= loop_clock())
		loop_defer_set(h->o.loop, &h->wake, http_stream_wake, h);
	else
		timer_set(h->o.loop, &h->gather, h->woken + GATHER, on_gathered, h);
}

/* As many places as there are descriptors for. */
static void reserve(struct http *h)
{
	struct rlimit lim;
	size_t room = VISITORS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = MIN(lim.rlim_max, VISITORS_MAX + FDS_RESERVED + CONNECTIONS_MORE);
		(void)setrlimit(RLIMIT_NOFILE, &lim);
		if (lim.rlim_cur < VISITORS_MAX + FDS_RESERVED + CONNECTIONS_MORE)
			room = lim.rlim_cur > (rlim_t)2 * FDS_RESERVED
				       ? lim.rlim_cur - FDS_RESERVED - CONNECTIONS_MORE
				       : FDS_RESERVED / 2;
	}
	h->visitors_max = room;
	h->streams_max = MIN(STREAMS_MAX, room - room / 8); /* the rest is for questions */
}

static int start_daemon(struct http *h, struct err *e)
{
	const struct MHD_OptionItem more[] = {
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h },
		{ MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, h },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct httpd_turn_opts o = {
		.loop = h->o.loop,
		.on_request = on_request,
		.on_connection = on_connection,
		.ctx = h,
		.connections = (unsigned)(h->visitors_max + CONNECTIONS_MORE),
		.memory = CONNECTION_MEMORY,
		.more = more,
	};

	return httpd_turn_start(&h->turn, &o, e);
}

struct http *http_new(const struct http_opts *o, struct err *e)
{
	struct http *h = XNEW(struct http);
	const struct httpd_door_opts door = { .loop = o->loop,
					      .addr = o->addr,
					      .turn = &h->turn,
					      .send_buffer = SEND_BUFFER,
					      .coming = make_place,
					      .ctx = h };

	h->o = *o;
	list_init(&h->visitors);
	list_init(&h->idle);
	reserve(h);
	if (httpd_door_open(&h->door, &door, &h->port, e) || start_daemon(h, e)) {
		http_free(h);
		return NULL;
	}
	timer_set(o->loop, &h->tick, loop_clock() + TICK, on_tick, h);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	/* Suspended connections must be resumed before the daemon is stopped. */
	list_foreach (&h->visitors, n)
		http_resume(CONTAINER_OF(n, struct visitor, node));
	httpd_turn_stop(&h->turn);
	httpd_door_close(&h->door);
	timer_cancel(h->o.loop, &h->tick);
	timer_cancel(h->o.loop, &h->gather);
	loop_defer_cancel(&h->wake);
	free(h);
}

int http_port(const struct http *h)
{
	return h->port;
}
