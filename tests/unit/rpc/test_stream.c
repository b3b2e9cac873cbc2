/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the server, through the client on the same loop; that client's own ways; health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/list.h"
#include "harness.h"
#include "health.pb-c.h"
#include "maglev.pb-c.h"
#include "rpc/asyncclient.h"
#include "rpc/health.h"
#include "rpc/stream.h"

#define LONG (120 * NS_PER_S)

/* ---- the server: WatchEvents opens a stream and keeps it; log_level says what to do with it */

struct kept {
	struct list node;
	struct rpc_stream *stream;
	struct bed *bed;
};

struct bed {
	struct loop *loop;
	struct rpc_server *server;
	struct rpc_health *health;
	char target[64];
	struct list streams;
	size_t n_streams, n_closed;
	bool stopped;

	/* the client */
	struct rpc_async *async;
	bool connected;
	int n_connected, n_lost;
	char why[256];
};

static void on_closed(void *ctx, struct rpc_stream *st _unused_)
{
	struct kept *k = ctx;

	k->bed->n_closed++;
	k->bed->n_streams--;
	list_remove(&k->node);
	free(k);
}

static const struct rpc_stream_ops stream_ops = { .closed = on_closed };

/* Number `i`, filled up to `size`. */
static struct rpc_packed *event(int i, size_t size)
{
	_cleanup_free_ char *name = xcalloc(1, size + 32);
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__BackendEvent b = MAGLEV__BACKEND_EVENT__INIT;

	(void)snprintf(name, size + 32, "%d%*s", i, (int)size, "");
	b.backend_name = name;
	m.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	m.backend = &b;
	return rpc_packed_one(&m.base);
}

static void send_sized(struct rpc_stream *st, int i, size_t size)
{
	struct rpc_packed *p = event(i, size);

	rpc_stream_send(st, p);
	rpc_packed_unref(p);
}

static void send(struct rpc_stream *st, int i)
{
	send_sized(st, i, 0);
}

static void watch_events(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	struct bed *b = ctx;
	const Maglev__WatchRequest *r = (const Maglev__WatchRequest *)request;
	struct kept *k;

	if (strcmp(r->log_level, "refuse") == 0) {
		rpc_call_fail(c, RPC_INVALID_ARGUMENT, "refused");
		return;
	}
	k = XNEW(struct kept);
	k->bed = b;
	k->stream = rpc_stream_open(c, &stream_ops, k);
	list_add_tail(&b->streams, &k->node);
	b->n_streams++;
}

static struct kept *first(struct bed *b)
{
	return CONTAINER_OF(b->streams.next, struct kept, node);
}

static void end_first(struct bed *b, enum rpc_status status, const char *text)
{
	struct kept *k = first(b);

	rpc_stream_end(k->stream, status, text);
	list_remove(&k->node);
	b->n_streams--;
	free(k);
}

static void get_version(void *ctx _unused_, struct rpc_call *c,
			const ProtobufCMessage *request _unused_)
{
	Maglev__VersionInfo v = MAGLEV__VERSION_INFO__INIT;
	char version[] = "7";

	v.version = version;
	rpc_call_reply(c, &v.base);
}

static const struct rpc_method methods[] = {
	{ .path = "/maglev.Maglev/WatchEvents",
	  .request = &maglev__watch_request__descriptor,
	  .fn = watch_events,
	  .kind = RPC_SERVER_STREAM },
	{ .path = "/maglev.Maglev/GetVersion",
	  .request = &maglev__get_version_request__descriptor,
	  .fn = get_version },
};

static void server_start(struct bed *b, int port)
{
	struct err e = { 0 };
	char addr[64];

	(void)snprintf(addr, sizeof addr, "127.0.0.1:%d", port);
	b->health = rpc_health_new("maglev.Maglev");
	const struct rpc_service more[] = { rpc_health_service(b->health) };
	b->server = rpc_server_new(&(struct rpc_server_opts){ .loop = b->loop,
							      .addr = addr,
							      .methods = methods,
							      .n_methods = ARRAY_LEN(methods),
							      .ctx = b,
							      .more = more,
							      .n_more = 1 },
				   &e);
	CHECK_STR(e.msg, "");
	(void)snprintf(b->target, sizeof b->target, "127.0.0.1:%d", rpc_server_port(b->server));
}

static void server_kill(struct bed *b)
{
	rpc_server_free(b->server); /* streams are told: their closed */
	rpc_health_free(b->health);
	b->server = NULL;
	b->health = NULL;
}

static void on_state(void *ctx, bool connected, const char *why)
{
	struct bed *b = ctx;

	b->n_connected += connected;
	b->n_lost += b->connected && !connected;
	b->connected = connected;
	(void)snprintf(b->why, sizeof b->why, "%s", why);
}

static void client_start(struct bed *b)
{
	struct err e = { 0 };

	b->async = rpc_async_new(&(struct rpc_async_opts){ .loop = b->loop,
							   .server = { .server = b->target },
							   .state = on_state,
							   .ctx = b },
				 &e);
	CHECK_STR(e.msg, "");
}

static void bed_start(struct bed *b)
{
	memset(b, 0, sizeof *b);
	b->loop = loop_new();
	list_init(&b->streams);
	server_start(b, 0);
	client_start(b);
}

static void bed_end(struct bed *b)
{
	rpc_async_free(b->async);
	server_kill(b);
	assert_int_equal(b->n_streams, 0);
	loop_free(b->loop);
}

#define UNTIL(B, COND)                                                                             \
	while (!(COND))                                                                            \
	loop_turn((B)->loop, NS_PER_S)

/* ---- a subscription that writes down */

struct sub {
	struct rpc_watch *watch;
	int opened, ended, next, wrong, n_messages;
	enum rpc_status status;
	char text[256];
	bool cancel_on_message, cancel_on_end;
};

static void sub_opened(void *ctx)
{
	struct sub *s = ctx;

	s->opened++;
	s->next = 0;
}

static void sub_message(void *ctx, const ProtobufCMessage *m)
{
	struct sub *s = ctx;
	const Maglev__Event *e = (const Maglev__Event *)m;

	s->wrong += atoi(e->backend->backend_name) != s->next;
	s->next++;
	s->n_messages++;
	if (s->cancel_on_message)
		rpc_watch_cancel(s->watch);
}

static void sub_ended(void *ctx, enum rpc_status status, const char *text)
{
	struct sub *s = ctx;

	s->ended++;
	s->status = status;
	(void)snprintf(s->text, sizeof s->text, "%s", text);
	if (s->cancel_on_end)
		rpc_watch_cancel(s->watch);
}

static const struct rpc_watch_ops sub_ops = { sub_opened, sub_message, sub_ended };

static void subscribe(struct bed *b, struct sub *s, const char *what)
{
	Maglev__WatchRequest r = MAGLEV__WATCH_REQUEST__INIT;
	_cleanup_free_ char *level = xstrdup(what);

	r.log_level = level;
	s->watch = rpc_async_watch(b->async, &(struct rpc_watch_request){
						     .path = "/maglev.Maglev/WatchEvents",
						     .request = &r.base,
						     .response = &maglev__event__descriptor,
						     .ops = &sub_ops,
						     .ctx = s,
					     });
}

/* ---- tests */

/* In order, none lost, whatever the size of the bursts; a beginning longer than the bound. */
static void test_order(void **state _unused_)
{
	struct bed b;
	struct sub s = { 0 };
	struct rpc_packed *begin = rpc_packed_new();
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__BackendEvent e = MAGLEV__BACKEND_EVENT__INIT;
	char name[32];
	int n = 0;

	bed_start(&b);
	subscribe(&b, &s, "");
	UNTIL(&b, b.n_streams == 1);
	m.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	m.backend = &e;
	e.backend_name = name;
	for (; n < 2 * RPC_STREAM_QUEUE_MAX; n++) {
		(void)snprintf(name, sizeof name, "%d", n);
		rpc_packed_add(begin, &m.base);
	}
	assert_int_equal(rpc_packed_count(begin), n);
	rpc_stream_begin(first(&b)->stream, begin);
	rpc_packed_unref(begin);
	for (int burst = 1; burst <= 512; burst *= 2) {
		for (int i = 0; i < burst; i++)
			send(first(&b)->stream, n++);
		loop_turn(b.loop, 0);
	}
	UNTIL(&b, s.next == n);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.ended, 0);
	bed_end(&b);
	assert_int_equal(b.n_closed, 1);
}

/* All that was sent comes before the end does, and then another attempt is made. */
static void test_end_after_the_queue(void **state _unused_)
{
	struct bed b;
	struct sub s = { 0 };

	bed_start(&b);
	subscribe(&b, &s, "");
	UNTIL(&b, b.n_streams == 1);
	for (int i = 0; i < 1000; i++)
		send(first(&b)->stream, i);
	end_first(&b, RPC_UNAVAILABLE, "shutting down");
	UNTIL(&b, s.ended == 1);
	assert_int_equal(s.next, 1000);
	assert_int_equal(s.status, RPC_UNAVAILABLE);
	assert_string_equal(s.text, "shutting down");
	UNTIL(&b, b.n_streams == 1);
	send(first(&b)->stream, 0);
	UNTIL(&b, s.opened == 2 && s.next == 1);
	rpc_watch_cancel(s.watch);
	UNTIL(&b, b.n_closed == 1);
	assert_int_equal(s.wrong, 0);
	bed_end(&b);
}

/* A stream without messages is told of, too; a refused one is not opened, and is tried again. */
static void send_paced(struct rpc_stream *st, int i)
{
	struct rpc_packed *p = event(i, 0);

	rpc_stream_send_paced(st, p);
	rpc_packed_unref(p);
}

/* The first leaves at once, what follows together and not before a tenth of a second is over; what
 * cannot wait takes along what does. */
static void test_pace(void **state _unused_)
{
	struct bed b;
	struct sub s = { 0 };
	bool paced = false;
	int n = 0;

	bed_start(&b);
	subscribe(&b, &s, "");
	UNTIL(&b, b.n_streams == 1);
	/* What is sent while a message is on its way follows that at once, so not each round shows
	 * it. */
	while (!paced && n < 100) {
		mono_ns start = loop_now_fresh(b.loop);

		send_paced(first(&b)->stream, n++);
		UNTIL(&b, s.next == n);
		send_paced(first(&b)->stream, n++);
		UNTIL(&b, s.next == n);
		paced = loop_clock() - start >= 100 * NS_PER_MS;
	}
	assert_true(paced);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < round % 4; i++)
			send_paced(first(&b)->stream, n++);
		if (round % 3 == 0)
			send(first(&b)->stream, n++);
		loop_turn(b.loop, 0);
	}
	UNTIL(&b, s.next == n);
	assert_int_equal(s.wrong, 0);
	send_paced(first(&b)->stream, n++);
	send_paced(first(&b)->stream, n++);
	end_first(&b, RPC_UNAVAILABLE, "over"); /* after the queue */
	s.cancel_on_end = true;
	UNTIL(&b, s.ended == 1);
	assert_int_equal(s.n_messages, n);
	bed_end(&b);
}

static void test_opened_and_refused(void **state _unused_)
{
	struct bed b;
	struct sub silent = { 0 }, refused = { 0 };

	bed_start(&b);
	subscribe(&b, &silent, "");
	subscribe(&b, &refused, "refuse");
	UNTIL(&b, silent.opened == 1 && refused.ended == 2);
	assert_int_equal(refused.opened, 0);
	assert_int_equal(refused.status, RPC_INVALID_ARGUMENT);
	assert_string_equal(refused.text, "refused");
	refused.cancel_on_end = true;
	UNTIL(&b, refused.ended == 3);
	silent.cancel_on_message = true;
	send(first(&b)->stream, 0);
	UNTIL(&b, b.n_closed == 1);
	assert_int_equal(silent.next, 1);
	bed_end(&b);
}

/* The loop is held up, so that the client takes no more than its backlog and its window: cut at
 * the bound; what it had taken before comes through in order. */
static void test_too_slow(void **state _unused_)
{
	struct bed b;
	struct sub slow = { 0 };
	const int n = 2 * RPC_STREAM_QUEUE_MAX;

	bed_start(&b);
	subscribe(&b, &slow, "");
	UNTIL(&b, b.n_streams == 1);
	for (int i = 0; i < n; i++)
		send_sized(first(&b)->stream, i, 4096);
	assert_int_equal(b.n_closed, 0); /* told later, not from inside */
	UNTIL(&b, b.n_closed == 1 && slow.ended == 1);
	assert_int_equal(slow.status, RPC_RESOURCE_EXHAUSTED);
	assert_string_equal(slow.text, "subscriber too slow");
	assert_true(slow.n_messages <= n - RPC_STREAM_QUEUE_MAX);
	assert_int_equal(slow.wrong, 0);
	bed_end(&b);
}

/* ---- the client */

static void on_version(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
		       const char *text)
{
	char *out = ctx;

	if (answer)
		(void)snprintf(out, 256, "%d %s", status,
			       ((const Maglev__VersionInfo *)answer)->version);
	else
		(void)snprintf(out, 256, "%d %s", status, text);
}

static struct rpc_async_call *ask_version(struct bed *b, char *out)
{
	static const Maglev__GetVersionRequest request = MAGLEV__GET_VERSION_REQUEST__INIT;

	return rpc_async_call(b->async, &(struct rpc_async_request){
						.path = "/maglev.Maglev/GetVersion",
						.request = &request.base,
						.response = &maglev__version_info__descriptor,
						.timeout = LONG,
						.done = on_version,
						.ctx = out,
					});
}

static void test_calls(void **state _unused_)
{
	struct bed b;
	char out[2][256] = { "", "" };

	bed_start(&b);
	(void)ask_version(&b, out[0]);
	rpc_async_cancel(ask_version(&b, out[1]));
	UNTIL(&b, out[0][0]);
	assert_string_equal(out[0], "0 7");
	(void)ask_version(&b, out[1]); /* freed under way: no answer */
	rpc_async_free(b.async);
	b.async = NULL;
	loop_turn(b.loop, 0);
	assert_string_equal(out[1], "");
	bed_end(&b);
}

/* The server dies and comes back: said with the reason, and subscriptions are made anew. */
static void test_reconnects(void **state _unused_)
{
	struct bed b;
	struct sub s = { 0 };
	char out[256] = "";
	int port;

	bed_start(&b);
	UNTIL(&b, b.connected);
	assert_true(rpc_async_connected(b.async));
	assert_string_equal(b.why, "");
	subscribe(&b, &s, "");
	UNTIL(&b, b.n_streams == 1);
	send(first(&b)->stream, 0);
	UNTIL(&b, s.next == 1);
	port = rpc_server_port(b.server);
	server_kill(&b);
	UNTIL(&b, !b.connected && strstr(b.why, "onnection refused"));
	assert_int_equal(b.n_lost, 1);
	assert_int_equal(s.ended, 1);
	(void)ask_version(&b, out);
	UNTIL(&b, out[0]);
	assert_non_null(strstr(out, "14 cannot reach 127.0.0.1:"));
	server_start(&b, port);
	UNTIL(&b, b.connected && b.n_streams == 1);
	send(first(&b)->stream, 0);
	UNTIL(&b, s.opened == 2 && s.next == 1);
	assert_int_equal(b.n_connected, 2);
	bed_end(&b);
}

/* More than the client takes at a time, to an owner that comes to it late. */
static void test_backlog(void **state _unused_)
{
	struct bed b;
	struct sub s = { 0 };
	int n = 0;

	bed_start(&b);
	subscribe(&b, &s, "");
	UNTIL(&b, b.n_streams == 1);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 2000; i++)
			send(first(&b)->stream, n++);
		UNTIL(&b, s.next > n - 1500);
	}
	UNTIL(&b, s.next == n);
	assert_int_equal(s.wrong, 0);
	bed_end(&b);
}

static void test_bad_options(void **state _unused_)
{
	struct loop *l = loop_new();
	struct err e = { 0 };

	assert_null(rpc_async_new(
		&(struct rpc_async_opts){ .loop = l, .server = { .server = "x" } }, &e));
	assert_non_null(strstr(e.msg, "expected host:port"));
	rpc_async_free(NULL);
	loop_free(l);
}

/* ---- health */

struct health_sub {
	int statuses[8], n, ended;
};

static void health_message(void *ctx, const ProtobufCMessage *m)
{
	struct health_sub *h = ctx;

	h->statuses[h->n++] = (int)((const Grpc__Health__V1__HealthCheckResponse *)m)->status;
}

static void health_ended(void *ctx, enum rpc_status status _unused_, const char *text _unused_)
{
	((struct health_sub *)ctx)->ended++;
}

static const struct rpc_watch_ops health_ops = { .message = health_message, .ended = health_ended };

static struct rpc_watch *watch_health(struct bed *b, struct health_sub *h, const char *service)
{
	Grpc__Health__V1__HealthCheckRequest r = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	_cleanup_free_ char *name = xstrdup(service);

	r.service = name;
	return rpc_async_watch(
		b->async, &(struct rpc_watch_request){
				  .path = "/grpc.health.v1.Health/Watch",
				  .request = &r.base,
				  .response = &grpc__health__v1__health_check_response__descriptor,
				  .ops = &health_ops,
				  .ctx = h,
			  });
}

static void test_health(void **state _unused_)
{
	struct bed b;
	struct health_sub all = { 0 }, ours = { 0 }, other = { 0 };

	bed_start(&b);
	(void)watch_health(&b, &all, "");
	(void)watch_health(&b, &ours, "maglev.Maglev");
	(void)watch_health(&b, &other, "else");
	UNTIL(&b, all.n == 1 && ours.n == 1 && other.n == 1);
	rpc_health_set(b.health, true);
	rpc_health_set(b.health, true); /* no change, no message */
	UNTIL(&b, all.n == 2 && ours.n == 2);
	rpc_health_stop(b.health);
	UNTIL(&b, all.ended == 1 && ours.ended == 1 && other.ended == 1);
	const int want[] = { 2, 1, 2 };
	assert_memory_equal(all.statuses, want, sizeof want);
	assert_memory_equal(ours.statuses, want, sizeof want);
	assert_int_equal(other.statuses[0], 3);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),       cmocka_unit_test(test_end_after_the_queue),
		cmocka_unit_test(test_pace),        cmocka_unit_test(test_opened_and_refused),
		cmocka_unit_test(test_too_slow),    cmocka_unit_test(test_calls),
		cmocka_unit_test(test_reconnects),  cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_bad_options), cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
