/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics server: libmicrohttpd on a loop and a thread of our own.
 *
 * We accept, libmicrohttpd speaks HTTP (its epoll descriptor nests in our loop), and a scrape goes
 *
 *   request ──> suspended, in `waiting` ──mail──> owner's loop: wanted
 *                                                     │ metrics_http_serve
 *   response, read piece by piece <──resumed <──mail──┘
 *
 * All state here is the server thread's, but for what says otherwise.
 *
 * Nobody is trusted. A connection carries one request, has ASK_TIME to make it and READ_TIME to
 * read the answer, however busily it trickles; there are VISITORS_MAX of them, and when one more
 * comes the oldest that still asks or the oldest that reads gives way to it (find_victim), so that
 * whoever opens connections and says nothing, or reads nothing, keeps nobody out. Slow readers can
 * hold EDITIONS_MAX contents in memory; when another is wanted, the readers of the oldest are cut
 * off once it is EDITION_AGE old. */
#include "metrics/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "httpd/door.h"
#include "httpd/turn.h"
#include "loop/mailbox.h"
#include "loop/thread.h"

#define VISITORS_MAX 64 /* a few scrapers, and room for the curious */
/* Beyond those, while libmicrohttpd has not closed what we cut off. */
#define CONNECTIONS_MAX (VISITORS_MAX + 32)
#define ASK_TIME        (10 * NS_PER_S)
#define READ_TIME       (60 * NS_PER_S)
#define EDITIONS_MAX    4 /* a content is some MB for a large fleet */
#define EDITION_AGE     (5 * NS_PER_S)
#define TICK            (500 * NS_PER_MS)
/* Request line and headers (more: 431), then the same memory for chunks on their way out. */
#define CONNECTION_MEMORY (32u << 10)
/* Of the kernel's buffers a reader that stopped may fill. */
#define SEND_BUFFER    (256 << 10)
#define RESPONSE_BLOCK (16u << 10)

/* One content being read. */
struct edition {
	struct list node;
	struct metrics_content *content;
	mono_ns since;
	int readers;
};

enum visit { VISIT_ASKING, VISIT_WAITING, VISIT_READING };

/* One connection. */
struct visitor {
	struct list node; /* in visitors, in the order they came */
	struct list wait; /* in waiting, then in served_next */
	struct metrics_http *http;
	struct MHD_Connection *connection;
	struct edition *edition; /* of its scrape, while there is one */
	int fd;
	enum visit visit;
	bool cut; /* off, and soon gone */
	mono_ns until;
	enum exposition_format format;
};

/* The answer to one scrape: owned by its response. */
struct scrape {
	struct metrics_http *http;
	struct edition *edition;
	struct metrics_pos pos;
	struct exposition x;
	size_t taken; /* of x.out */
	bool whole;   /* everything is in x.out */
};

struct metrics_http {
	struct metrics_http_opts o;
	int port;
	struct loop *loop;
	pthread_t thread;
	bool running; /* owner's */
	struct mailbox *to_owner, *to_server;
	struct mail wanted_mail; /* with the owner while `asked` */

	struct httpd_door door;
	struct httpd_turn turn;
	struct timer tick;
	dur_ns tick_time;
	struct list visitors, waiting, editions;
	struct list served_next; /* those of the waiting for whom the owner was asked */
	size_t n_visitors, n_editions;
	bool asked; /* the owner is at it */
	struct MHD_Response *page, *not_found, *not_allowed, *bare[EXPOSITION_FORMAT_N];
};

struct served_mail {
	struct mail mail;
	struct metrics_content *content;
};

void metrics_content_unref(struct metrics_content *c)
{
	if (c && atomic_fetch_sub(&c->refs, 1) == 1)
		c->free(c);
}

/* ---- editions */

static struct edition *edition_new(struct metrics_http *h, struct metrics_content *c)
{
	struct edition *ed = XNEW(struct edition);

	ed->content = c;
	ed->since = loop_clock();
	ed->readers = 1; /* whoever makes it */
	list_add_tail(&h->editions, &ed->node);
	h->n_editions++;
	return ed;
}

static void edition_leave(struct metrics_http *h, struct edition *ed)
{
	if (--ed->readers)
		return;
	list_remove(&ed->node);
	h->n_editions--;
	metrics_content_unref(ed->content);
	free(ed);
}

/* ---- asking the owner */

static void cut_off(struct visitor *v)
{
	if (v->cut)
		return;
	v->cut = true;
	(void)shutdown(v->fd, SHUT_RDWR); /* libmicrohttpd notices and closes it */
	httpd_turn_soon(&v->http->turn);
}

static void cut_readers(struct metrics_http *h, const struct edition *ed)
{
	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->edition == ed)
			cut_off(v);
	}
}

/* Is there room for another content in memory? When not, it is looked at again at the next tick. */
static bool make_room(struct metrics_http *h)
{
	const struct edition *oldest;

	if (h->n_editions < EDITIONS_MAX)
		return true;
	oldest = CONTAINER_OF(h->editions.next, struct edition, node);
	if (oldest->since + h->o.edition_age <= loop_clock())
		cut_readers(h, oldest);
	return false;
}

static void ask(struct metrics_http *h)
{
	if (h->asked || list_empty(&h->waiting) || !make_room(h))
		return;
	h->asked = true;
	/* Who comes from now on is not content with what is being made already: he may have changed
	 * something just now. */
	while (!list_empty(&h->waiting)) {
		struct list *n = h->waiting.next;

		list_remove(n);
		list_add_tail(&h->served_next, n);
	}
	mailbox_post(h->to_owner, &h->wanted_mail);
}

/* On the owner's loop. */
static void on_wanted(void *ctx, struct mail *m _unused_)
{
	struct metrics_http *h = ctx;

	h->o.wanted(h->o.ctx);
}

void metrics_http_serve(struct metrics_http *h, struct metrics_content *c)
{
	struct served_mail *m = XNEW(struct served_mail);

	m->content = c;
	mailbox_post(h->to_server, &m->mail);
}

static void stop_waiting(struct visitor *v)
{
	list_remove(&v->wait);
	v->visit = VISIT_READING;
	v->until = loop_clock() + READ_TIME;
	MHD_resume_connection(v->connection);
}

static void on_served(void *ctx, struct mail *m)
{
	struct metrics_http *h = ctx;
	struct served_mail *served = CONTAINER_OF(m, struct served_mail, mail);
	struct edition *ed = edition_new(h, served->content);

	free(served);
	h->asked = false;
	while (!list_empty(&h->served_next)) {
		struct visitor *v = CONTAINER_OF(h->served_next.next, struct visitor, wait);

		v->edition = ed;
		ed->readers++;
		stop_waiting(v);
	}
	edition_leave(h, ed);
	ask(h);
	httpd_turn_soon(&h->turn);
}

static void served_drop(void *ctx _unused_, struct mail *m)
{
	struct served_mail *served = CONTAINER_OF(m, struct served_mail, mail);

	metrics_content_unref(served->content);
	free(served);
}

/* ---- answers */

static ssize_t read_piece(void *cls, uint64_t pos _unused_, char *buf, size_t max)
{
	struct scrape *s = cls;
	const struct metrics_content *c = s->edition->content;
	size_t n;

	while (s->taken == s->x.out.len && !s->whole) {
		str_clear(&s->x.out);
		s->taken = 0;
		s->whole = !c->write(c, &s->pos, &s->x);
	}
	n = MIN(max, s->x.out.len - s->taken);
	if (!n)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(buf, s->x.out.p + s->taken, n);
	s->taken += n;
	return (ssize_t)n;
}

static void scrape_free(void *cls)
{
	struct scrape *s = cls;

	exposition_done(&s->x);
	edition_leave(s->http, s->edition);
	free(s);
}

/* Of any answer: the connection ends with it. */
static void finish_head(struct MHD_Response *r, const char *content_type)
{
	assert(r);
	httpd_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	httpd_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

static struct MHD_Response *text_response(const char *text, const char *content_type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	finish_head(r, content_type);
	return r;
}

static enum MHD_Result answer_scrape(struct visitor *v)
{
	struct scrape *s = XNEW(struct scrape);
	struct MHD_Response *r;
	enum MHD_Result ret;

	s->http = v->http;
	s->edition = v->edition;
	s->edition->readers++;
	exposition_init(&s->x, v->format);
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, RESPONSE_BLOCK, read_piece, s,
					      scrape_free);
	finish_head(r, exposition_content_type(v->format));
	ret = MHD_queue_response(v->connection, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result answer(struct visitor *v, unsigned status, struct MHD_Response *r)
{
	v->visit = VISIT_READING;
	v->until = loop_clock() + READ_TIME;
	return MHD_queue_response(v->connection, status, r);
}

static enum MHD_Result wait_for_content(struct visitor *v)
{
	struct metrics_http *h = v->http;

	v->visit = VISIT_WAITING;
	list_add_tail(&h->waiting, &v->wait);
	MHD_suspend_connection(v->connection);
	ask(h);
	return MHD_YES;
}

static enum MHD_Result visit_metrics(struct visitor *v, bool body)
{
	const char *accept = MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_ACCEPT);

	v->format = exposition_negotiate(accept);
	return body ? wait_for_content(v) : answer(v, MHD_HTTP_OK, v->http->bare[v->format]);
}

/* Called with the head of a request, then (con_cls set) when the request is complete, and once more
 * when the visitor was resumed. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version _unused_,
				  const char *upload _unused_, size_t *upload_size, void **con_cls)
{
	struct metrics_http *h = cls;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct visitor *v = info->socket_context;
	bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
	bool metrics = strcmp(url, "/metrics") == 0;

	if (v->edition)
		return answer_scrape(v);
	if (!metrics && strcmp(url, "/") != 0)
		return answer(v, MHD_HTTP_NOT_FOUND, h->not_found);
	if (!get && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(v, MHD_HTTP_METHOD_NOT_ALLOWED, h->not_allowed);
	if (!*con_cls) {
		*con_cls = v;
		return MHD_YES;
	}
	*upload_size = 0; /* nobody sends a body along, and if so it is not looked at */
	if (!metrics)
		return answer(v, MHD_HTTP_OK, h->page);
	return visit_metrics(v, get);
}

/* ---- connections */

static void visitor_enter(struct metrics_http *h, struct MHD_Connection *c, void **ret)
{
	struct visitor *v = XNEW(struct visitor);

	v->http = h;
	v->connection = c;
	v->fd = httpd_fd(c);
	v->until = loop_clock() + v->http->o.ask_time;
	list_add_tail(&h->visitors, &v->node);
	h->n_visitors++;
	*ret = v;
}

static void visitor_leave(struct visitor *v)
{
	struct metrics_http *h = v->http;

	if (v->visit == VISIT_WAITING)
		list_remove(&v->wait);
	if (v->edition)
		edition_leave(h, v->edition);
	list_remove(&v->node);
	h->n_visitors--;
	free(v);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		visitor_enter(cls, c, socket_context);
	else if (*socket_context)
		visitor_leave(*socket_context);
}

/* Who gives way: the oldest of those that ask, where these have their half of the places; else the
 * oldest that reads, but nobody while all others wait for the owner, who is quick. Each kind at the
 * cost of its own: a flood of requests that never end cuts nobody off from his answer, and answers
 * that nobody reads leave room to ask. */
static struct visitor *find_victim(const struct metrics_http *h)
{
	struct visitor *reader = NULL, *asker = NULL;
	size_t n_asking = 0;

	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->cut || v->visit == VISIT_WAITING)
			continue;
		n_asking += v->visit == VISIT_ASKING;
		if (v->visit == VISIT_READING && !reader)
			reader = v;
		if (v->visit == VISIT_ASKING && !asker)
			asker = v;
	}
	return n_asking >= VISITORS_MAX / 2 ? asker : reader;
}

/* Somebody new is there. Before anybody gives way to him, what those before him said is read. */
static void make_place(void *ctx)
{
	struct metrics_http *h = ctx;
	struct visitor *victim;

	if (h->n_visitors < VISITORS_MAX)
		return;
	httpd_turn_now(&h->turn);
	victim = h->n_visitors < VISITORS_MAX ? NULL : find_victim(h);
	if (victim)
		cut_off(victim);
	if (h->n_visitors >= VISITORS_MAX)
		httpd_turn_now(&h->turn); /* closes it */
}

static void on_tick(void *ctx, struct timer *t)
{
	struct metrics_http *h = ctx;
	mono_ns now = loop_clock();

	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->visit != VISIT_WAITING && v->until <= now)
			cut_off(v);
	}
	httpd_door_tick(&h->door);
	ask(h);
	timer_set(h->loop, t, now + h->tick_time, on_tick, h);
}

/* ---- life */

static void *server_thread(void *arg)
{
	struct metrics_http *h = arg;

	(void)loop_run(h->loop);
	return NULL;
}

static ssize_t read_nothing(void *cls _unused_, uint64_t pos _unused_, char *buf _unused_,
			    size_t max _unused_)
{
	return MHD_CONTENT_READER_END_OF_STREAM;
}

static void make_responses(struct metrics_http *h)
{
	h->page = text_response(h->o.page, "text/html; charset=utf-8");
	h->not_found = text_response("Not found: there is /metrics.\n",
				     "text/plain; charset=utf-8");
	h->not_allowed = text_response("GET and HEAD alone.\n", "text/plain; charset=utf-8");
	httpd_header(h->not_allowed, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	for (enum exposition_format f = 0; f < EXPOSITION_FORMAT_N; f++) {
		h->bare[f] = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, read_nothing,
							       NULL, NULL);
		finish_head(h->bare[f], exposition_content_type(f));
	}
}

static void free_responses(struct metrics_http *h)
{
	struct MHD_Response *const all[] = { h->page, h->not_found, h->not_allowed,
					     h->bare[EXPOSITION_TEXT],
					     h->bare[EXPOSITION_OPENMETRICS] };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i])
			MHD_destroy_response(all[i]);
}

static int start_daemon(struct metrics_http *h, struct err *e)
{
	const struct httpd_turn_opts o = { .loop = h->loop,
					   .on_request = on_request,
					   .on_connection = on_connection,
					   .ctx = h,
					   .connections = CONNECTIONS_MAX,
					   .memory = CONNECTION_MEMORY };
	int r = httpd_turn_start(&h->turn, &o, e);

	if (r)
		(void)err_prefix(e, "metrics: ");
	return r;
}

static void fill_times(struct metrics_http *h)
{
	h->o.ask_time = h->o.ask_time ? h->o.ask_time : ASK_TIME;
	h->o.edition_age = h->o.edition_age ? h->o.edition_age : EDITION_AGE;
	h->tick_time = MIN(TICK, MIN(h->o.ask_time, h->o.edition_age) / 4);
}

struct metrics_http *metrics_http_new(const struct metrics_http_opts *o, struct err *e)
{
	struct metrics_http *h = XNEW(struct metrics_http);
	struct httpd_door_opts door = { .addr = o->addr,
					.turn = &h->turn,
					.send_buffer = SEND_BUFFER,
					.coming = make_place,
					.ctx = h };

	h->o = *o;
	fill_times(h);
	list_init(&h->visitors);
	list_init(&h->waiting);
	list_init(&h->served_next);
	list_init(&h->editions);
	h->loop = door.loop = loop_new();
	door.defer = h->o.ask_time;
	h->to_owner = mailbox_new(o->loop, on_wanted, h);
	h->to_server = mailbox_new(h->loop, on_served, h);
	if (httpd_door_open(&h->door, &door, &h->port, e) || start_daemon(h, e)) {
		metrics_http_free(h);
		return NULL;
	}
	make_responses(h);
	timer_set(h->loop, &h->tick, loop_clock() + h->tick_time, on_tick, h);
	thread_start_behind(&h->thread, "metrics", server_thread, h);
	h->running = true;
	return h;
}

/* Suspended connections must be resumed before the daemon is stopped. The visitors are read by the
 * owner here: the thread is gone. */
static void stop_daemon(struct metrics_http *h)
{
	list_foreach (&h->visitors, n) {
		struct visitor *v = CONTAINER_OF(n, struct visitor, node);

		if (v->visit == VISIT_WAITING)
			stop_waiting(v);
	}
	httpd_turn_stop(&h->turn);
}

void metrics_http_free(struct metrics_http *h)
{
	if (!h)
		return;
	if (h->running) {
		loop_stop_async(h->loop, 0);
		pthread_join(h->thread, NULL);
	}
	stop_daemon(h);
	httpd_door_close(&h->door);
	free_responses(h);
	mailbox_free(h->to_owner, NULL, NULL);
	mailbox_free(h->to_server, served_drop, NULL);
	timer_cancel(h->loop, &h->tick);
	loop_free(h->loop);
	free(h);
}

int metrics_http_port(const struct metrics_http *h)
{
	return h->port;
}
