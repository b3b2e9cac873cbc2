/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions of a client on a loop.
 *
 * A subscription makes one attempt after the other; an attempt is one stream. gRPC's thread takes
 * message after message, decodes it and posts it to the loop; when the loop is BACKLOG_MAX messages
 * behind it stops taking, and HTTP/2's flow control holds the server back.
 *
 * That a stream exists is told with its first message. A stream that brings none at once (nothing
 * happens) is told a moment after its headers came: a refusal also begins with headers, and is to
 * be told as one. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include "base/alloc.h"
#include "rpc/async.h"
#include "rpc/message.h"

#define BACKLOG_MAX 1024
/* Pauses between attempts while there is a connection. */
#define RETRY_MIN    (100 * NS_PER_MS)
#define RETRY_MAX    (5 * NS_PER_S)
#define OPENED_AFTER (100 * NS_PER_MS)

struct attempt;

struct rpc_watch {
	struct list node; /* in async->watches */
	struct rpc_async *async;
	char *path;
	grpc_slice request;
	const ProtobufCMessageDescriptor *response;
	const struct rpc_watch_ops *ops;
	void *ctx;
	struct attempt *now; /* NULL: none */
	struct timer retry;
	dur_ns pause; /* before the next attempt */
};

struct attempt {
	struct list node; /* in async->attempts */
	struct rpc_async *async;
	const ProtobufCMessageDescriptor *response;
	struct rpc_exchange exchange;
	struct rpc_tag headers_tag, message_tag, status_tag;
	struct async_mail headers_mail, end_mail;

	/* owner */
	struct rpc_watch *watch; /* NULL: cancelled */
	bool opened;             /* and told */
	struct timer open_timer;

	pthread_mutex_t lock;
	int batches;    /* under way; under lock */
	bool receiving; /* of them, one of message_tag */
	bool no_more;   /* messages will come */
	bool abandoned; /* start nothing any more */
	size_t backlog; /* posted, and not delivered */
};

/* A message on its way to the loop. */
struct parcel {
	struct async_mail mail;
	struct attempt *attempt;
	ProtobufCMessage *message;
};

/* ---- gRPC's thread */

/* Under the lock. */
static void receive(struct attempt *at)
{
	if (at->receiving || at->no_more || at->abandoned || at->backlog >= BACKLOG_MAX)
		return;
	at->receiving = true;
	at->batches++;
	rpc_exchange_receive(&at->exchange, &at->message_tag);
}

/* Ends a completion: after the last nobody but the owner, who gets this message, knows it. */
static void batch_done(struct attempt *at)
{
	bool last;

	pthread_mutex_lock(&at->lock);
	last = --at->batches == 0;
	pthread_mutex_unlock(&at->lock);
	if (last)
		async_post(at->async, &at->end_mail);
}

static void headers(struct rpc_tag *t, bool ok)
{
	struct attempt *at = CONTAINER_OF(t, struct attempt, headers_tag);

	if (ok)
		async_post(at->async, &at->headers_mail);
	batch_done(at);
}

static void status(struct rpc_tag *t, bool ok _unused_)
{
	batch_done(CONTAINER_OF(t, struct attempt, status_tag));
}

static void parcel_free(struct async_mail *m)
{
	struct parcel *p = CONTAINER_OF(m, struct parcel, mail);

	protobuf_c_message_free_unpacked(p->message, NULL);
	free(p);
}

static void on_parcel(struct async_mail *m);

/* What was received goes to the owner; false when there was nothing, or nothing of use. */
static bool pass_on(struct attempt *at)
{
	ProtobufCMessage *m;
	struct parcel *p;

	if (!at->exchange.answer)
		return false;
	if (rpc_exchange_decode(&at->exchange, at->response, &m, NULL)) {
		(void)grpc_call_cancel_with_status(at->exchange.call, GRPC_STATUS_INTERNAL,
						   "the server's message is not valid", NULL);
		return false;
	}
	p = XNEW(struct parcel);
	p->mail = (struct async_mail){ .fn = on_parcel, .drop = parcel_free };
	p->attempt = at;
	p->message = m;
	async_post(at->async, &p->mail);
	return true;
}

static void message(struct rpc_tag *t, bool ok)
{
	struct attempt *at = CONTAINER_OF(t, struct attempt, message_tag);
	bool more = ok && pass_on(at);

	pthread_mutex_lock(&at->lock);
	at->receiving = false;
	at->backlog += more;
	at->no_more = !more;
	receive(at);
	pthread_mutex_unlock(&at->lock);
	batch_done(at);
}

/* ---- the owner's side */

static void tell_opened(struct attempt *at)
{
	struct rpc_watch *w = at->watch;

	timer_cancel(at->async->loop, &at->open_timer);
	if (at->opened || !w)
		return;
	at->opened = true;
	w->pause = RETRY_MIN;
	if (w->ops->opened)
		w->ops->opened(w->ctx);
}

static void on_open_timer(void *ctx, struct timer *t _unused_)
{
	tell_opened(ctx);
}

static void on_headers(struct async_mail *m)
{
	struct attempt *at = CONTAINER_OF(m, struct attempt, headers_mail);
	struct loop *l = at->async->loop;

	if (at->watch && !at->opened)
		timer_set(l, &at->open_timer, loop_now(l) + OPENED_AFTER, on_open_timer, at);
}

static void on_parcel(struct async_mail *m)
{
	struct parcel *p = CONTAINER_OF(m, struct parcel, mail);
	struct attempt *at = p->attempt;

	tell_opened(at);
	if (at->watch) /* the callbacks may cancel it */
		at->watch->ops->message(at->watch->ctx, p->message);
	parcel_free(m);
	pthread_mutex_lock(&at->lock);
	at->backlog--;
	if (at->backlog <= BACKLOG_MAX / 2 && at->batches > 0)
		receive(at);
	pthread_mutex_unlock(&at->lock);
}

static void attempt_free(struct attempt *at)
{
	timer_cancel(at->async->loop, &at->open_timer);
	list_remove(&at->node);
	rpc_exchange_done(&at->exchange);
	pthread_mutex_destroy(&at->lock);
	free(at);
}

static void end_drop(struct async_mail *m)
{
	attempt_free(CONTAINER_OF(m, struct attempt, end_mail));
}

static void tell_ended(struct attempt *at)
{
	struct rpc_watch *w = at->watch;
	struct err e = { 0 };
	enum rpc_status st = RPC_OK;

	if (at->exchange.status != GRPC_STATUS_OK)
		st = rpc_exchange_failed(&at->async->endpoint, &at->exchange, 0, &e);
	else
		(void)err_set(&e, 0, "the stream has ended");
	if (w->ops->ended && (at->opened || st == RPC_OK || rpc_exchange_answered(&at->exchange)))
		w->ops->ended(w->ctx, st, e.msg);
}

static void on_retry(void *ctx, struct timer *t);

static void on_end(struct async_mail *m)
{
	struct attempt *at = CONTAINER_OF(m, struct attempt, end_mail);
	struct loop *l = at->async->loop;
	struct rpc_watch *w;

	if (at->watch)
		tell_ended(at);
	w = at->watch; /* NULL when it was cancelled there */
	if (w) {
		w->now = NULL;
		timer_set(l, &w->retry, loop_now(l) + w->pause, on_retry, w);
		w->pause = MIN(2 * w->pause, RETRY_MAX);
	}
	attempt_free(at);
}

static void no_drop(struct async_mail *m _unused_) {}

static struct attempt *attempt_new(struct rpc_watch *w)
{
	struct attempt *at = XNEW(struct attempt);
	grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&w->request, 1);

	at->async = w->async;
	at->response = w->response;
	at->watch = w;
	at->headers_tag.fn = headers;
	at->message_tag.fn = message;
	at->status_tag.fn = status;
	at->headers_mail = (struct async_mail){ .fn = on_headers, .drop = no_drop };
	at->end_mail = (struct async_mail){ .fn = on_end, .drop = end_drop };
	pthread_mutex_init(&at->lock, NULL);
	list_add_tail(&w->async->attempts, &at->node);
	rpc_exchange_init(&at->exchange, w->async->channel, w->async->cq, w->path, request,
			  gpr_inf_future(GPR_CLOCK_MONOTONIC));
	return at;
}

static void attempt_start(struct rpc_watch *w)
{
	struct attempt *at = attempt_new(w);

	w->now = at;
	pthread_mutex_lock(&at->lock);
	at->batches = 2;
	rpc_exchange_start(&at->exchange, false, &at->headers_tag, &at->status_tag);
	receive(at);
	pthread_mutex_unlock(&at->lock);
}

/* Without a connection the next one starts it. */
static void on_retry(void *ctx, struct timer *t _unused_)
{
	struct rpc_watch *w = ctx;

	if (w->async->connected)
		attempt_start(w);
}

void async_watches_connected(struct rpc_async *a)
{
	list_foreach (&a->watches, node) {
		struct rpc_watch *w = CONTAINER_OF(node, struct rpc_watch, node);
		w->pause = RETRY_MIN;
		if (w->now)
			continue; /* its end is on its way, and with it the next */
		timer_cancel(a->loop, &w->retry);
		attempt_start(w);
	}
}

struct rpc_watch *rpc_async_watch(struct rpc_async *a, const struct rpc_watch_request *r)
{
	struct rpc_watch *w = XNEW(struct rpc_watch);
	size_t n;
	uint8_t *bytes = rpc_message_encode(r->request, &n);

	assert(r->ops->message);
	w->async = a;
	w->path = xstrdup(r->path);
	w->request = grpc_slice_new(bytes, n, free);
	w->response = r->response;
	w->ops = r->ops;
	w->ctx = r->ctx;
	w->pause = RETRY_MIN;
	list_add_tail(&a->watches, &w->node);
	if (a->connected)
		attempt_start(w);
	return w;
}

void rpc_watch_cancel(struct rpc_watch *w)
{
	struct attempt *at = w->now;

	if (at) {
		at->watch = NULL;
		pthread_mutex_lock(&at->lock);
		at->abandoned = true;
		pthread_mutex_unlock(&at->lock);
		(void)grpc_call_cancel(at->exchange.call, NULL);
	}
	timer_cancel(w->async->loop, &w->retry);
	list_remove(&w->node);
	grpc_slice_unref(w->request);
	free(w->path);
	free(w);
}

void async_watches_free(struct rpc_async *a)
{
	list_foreach (&a->watches, node)
		rpc_watch_cancel(CONTAINER_OF(node, struct rpc_watch, node));
	/* Timers go with the loop's owner, the rest with each attempt's last message. */
	list_foreach (&a->attempts, node)
		timer_cancel(a->loop, &CONTAINER_OF(node, struct attempt, node)->open_timer);
}
