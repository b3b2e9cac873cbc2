/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of a client on a loop, and its calls.
 *
 * gRPC's channel does the connecting: it is watched, asked to connect whenever it idles, and does
 * not share connections with other channels. It says whether it is connected, not why not: that is
 * learnt from a call made into it then, which fails on the spot with the reason.
 *
 * gRPC's pauses between attempts grow to a second, its pauses between attempts to resolve a name to
 * minutes; so while there is no connection all of them are begun anew every few seconds.
 *
 * Threads: completions run on a thread of the client's own and only post messages to the loop. What
 * a batch writes into is left alone until its completion has been posted. */
#include "rpc/asyncclient.h"

#include <stdlib.h>
#include <string.h>

#include <grpc/support/time.h>

#include "base/alloc.h"
#include "base/str.h"
#include "loop/thread.h"
#include "health.pb-c.h"
#include "rpc/async.h"
#include "rpc/init.h"

/* While not connected, pauses that have grown longer are cut to this. */
#define HURRY (5 * NS_PER_S)
/* For the call that asks why; it fails at once. */
#define ASK_TIMEOUT (5 * NS_PER_S)

struct rpc_async_call {
	struct list node; /* in async->calls */
	struct rpc_async *async;
	struct rpc_exchange exchange;
	const ProtobufCMessageDescriptor *response;
	dur_ns timeout;
	rpc_async_done_fn *done; /* NULL: cancelled */
	void *ctx;
	int batches; /* under way; gRPC's thread */
	struct rpc_tag answer_tag, status_tag;
	struct async_mail mail;
};

void async_post(struct rpc_async *a, struct async_mail *m)
{
	mailbox_post(a->mailbox, &m->mail);
}

/* ---- calls */

static void call_free(struct rpc_async_call *c)
{
	list_remove(&c->node);
	rpc_exchange_done(&c->exchange);
	free(c);
}

static void call_drop(struct async_mail *m)
{
	call_free(CONTAINER_OF(m, struct rpc_async_call, mail));
}

static void call_finished(struct async_mail *m)
{
	struct rpc_async_call *c = CONTAINER_OF(m, struct rpc_async_call, mail);
	rpc_async_done_fn *done = c->done;
	ProtobufCMessage *answer = NULL;
	enum rpc_status status = RPC_OK;
	struct err e = { 0 };

	c->done = NULL;
	list_remove(&c->node);
	if (done) {
		status = c->exchange.status == GRPC_STATUS_OK
				 ? rpc_exchange_decode(&c->exchange, c->response, &answer, &e)
				 : rpc_exchange_failed(&c->async->endpoint, &c->exchange,
						       c->timeout, &e);
		done(c->ctx, status, answer, e.msg);
	}
	if (answer)
		protobuf_c_message_free_unpacked(answer, NULL);
	call_free(c);
}

static void call_batch_done(struct rpc_async_call *c)
{
	if (--c->batches == 0)
		async_post(c->async, &c->mail);
}

static void call_answered(struct rpc_tag *t, bool ok _unused_)
{
	call_batch_done(CONTAINER_OF(t, struct rpc_async_call, answer_tag));
}

static void call_status(struct rpc_tag *t, bool ok _unused_)
{
	call_batch_done(CONTAINER_OF(t, struct rpc_async_call, status_tag));
}

struct rpc_async_call *rpc_async_call(struct rpc_async *a, const struct rpc_async_request *r)
{
	struct rpc_async_call *c = XNEW(struct rpc_async_call);
	gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
					     gpr_time_from_nanos(r->timeout, GPR_TIMESPAN));

	c->async = a;
	c->response = r->response;
	c->timeout = r->timeout;
	c->done = r->done;
	c->ctx = r->ctx;
	c->batches = 2;
	c->answer_tag.fn = call_answered;
	c->status_tag.fn = call_status;
	c->mail = (struct async_mail){ .fn = call_finished, .drop = call_drop };
	list_add_tail(&a->calls, &c->node);
	rpc_exchange_init(&c->exchange, a->channel, a->cq, r->path, rpc_request_encode(r->request),
			  deadline);
	rpc_exchange_start(&c->exchange, true, &c->answer_tag, &c->status_tag);
	return c;
}

void rpc_async_cancel(struct rpc_async_call *c)
{
	c->done = NULL;
	list_remove(&c->node);
	(void)grpc_call_cancel(c->exchange.call, NULL);
}

static void calls_cancel(struct rpc_async *a)
{
	while (!list_empty(&a->calls))
		rpc_async_cancel(CONTAINER_OF(a->calls.next, struct rpc_async_call, node));
}

/* ---- the connection */

static void tell(struct rpc_async *a, const char *why)
{
	if (a->why && str_eq(a->why, why))
		return;
	free(a->why);
	a->why = xstrdup(why);
	if (a->state)
		a->state(a->ctx, false, why);
}

static void on_reason(void *ctx, enum rpc_status status, const ProtobufCMessage *answer _unused_,
		      const char *text)
{
	struct rpc_async *a = ctx;

	a->asking = false;
	if (!a->connected && status == RPC_UNAVAILABLE)
		tell(a, text);
}

static void ask_reason(struct rpc_async *a)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	const struct rpc_async_request r = {
		.path = "/grpc.health.v1.Health/Check",
		.request = &request.base,
		.response = &grpc__health__v1__health_check_response__descriptor,
		.timeout = ASK_TIMEOUT,
		.done = on_reason,
		.ctx = a,
	};

	if (a->asking)
		return;
	a->asking = true;
	(void)rpc_async_call(a, &r);
}

static void on_hurry(void *ctx, struct timer *t)
{
	struct rpc_async *a = ctx;

	if (a->connected)
		return;
	grpc_channel_reset_connect_backoff(a->channel);
	timer_set(a->loop, t, loop_now(a->loop) + HURRY, on_hurry, a);
}

static void set_connected(struct rpc_async *a)
{
	if (a->connected)
		return;
	a->connected = true;
	timer_cancel(a->loop, &a->hurry);
	free(a->why);
	a->why = NULL;
	if (a->state)
		a->state(a->ctx, true, "");
	async_watches_connected(a);
}

static void set_lost(struct rpc_async *a)
{
	_cleanup_free_ char *why = NULL;

	if (!a->connected)
		return;
	a->connected = false;
	timer_set(a->loop, &a->hurry, loop_now(a->loop) + HURRY, on_hurry, a);
	why = xasprintf("the connection to %s was lost", a->endpoint.server);
	tell(a, why);
}

/* Look at the channel, and have it say when it is different. */
static void look(struct rpc_async *a)
{
	a->seen = grpc_channel_check_connectivity_state(a->channel, /* try_to_connect= */ 1);
	rpc_tag_arm(&a->changed_tag);
	grpc_channel_watch_connectivity_state(
		a->channel, a->seen, gpr_inf_future(GPR_CLOCK_MONOTONIC), a->cq, &a->changed_tag);
	if (a->seen == GRPC_CHANNEL_READY)
		set_connected(a);
	else
		set_lost(a);
	if (a->seen == GRPC_CHANNEL_TRANSIENT_FAILURE)
		ask_reason(a);
}

static void on_changed(struct async_mail *m)
{
	look(CONTAINER_OF(m, struct rpc_async, changed_mail));
}

static void no_drop(struct async_mail *m _unused_) {}

static void changed(struct rpc_tag *t, bool ok _unused_)
{
	struct rpc_async *a = CONTAINER_OF(t, struct rpc_async, changed_tag);

	async_post(a, &a->changed_mail);
}

/* ---- making and ending one */

static void *async_thread(void *arg)
{
	struct rpc_async *a = arg;

	rpc_queue_drain(a->cq);
	return NULL;
}

static void deliver(void *ctx _unused_, struct mail *mail)
{
	struct async_mail *m = CONTAINER_OF(mail, struct async_mail, mail);

	m->fn(m);
}

static void discard(void *ctx _unused_, struct mail *mail)
{
	struct async_mail *m = CONTAINER_OF(mail, struct async_mail, mail);

	m->drop(m);
}

struct rpc_async *rpc_async_new(const struct rpc_async_opts *o, struct err *e)
{
	struct rpc_async *a = XNEW(struct rpc_async);

	rpc_init();
	if (rpc_endpoint_init(&a->endpoint, &o->server, e)) {
		rpc_shutdown();
		free(a);
		return NULL;
	}
	a->loop = o->loop;
	a->state = o->state;
	a->ctx = o->ctx;
	list_init(&a->calls);
	list_init(&a->watches);
	list_init(&a->attempts);
	a->changed_tag.fn = changed;
	a->changed_mail = (struct async_mail){ .fn = on_changed, .drop = no_drop };
	a->cq = grpc_completion_queue_create_for_next(NULL);
	a->channel = rpc_endpoint_channel(&a->endpoint);
	a->mailbox = mailbox_new(a->loop, deliver, a);
	thread_start(&a->thread, "grpc-client", async_thread, a);
	timer_set(a->loop, &a->hurry, loop_now_fresh(a->loop) + HURRY, on_hurry, a);
	/* The first look is not from inside here: it may call back. */
	async_post(a, &a->changed_mail);
	return a;
}

/* What is cancelled completes; once the queue has been drained each call and attempt has posted
 * its last message, and is freed with it. */
void rpc_async_free(struct rpc_async *a)
{
	if (!a)
		return;
	timer_cancel(a->loop, &a->hurry);
	calls_cancel(a);
	async_watches_free(a);
	grpc_channel_destroy(a->channel);
	grpc_completion_queue_shutdown(a->cq);
	pthread_join(a->thread, NULL);
	grpc_completion_queue_destroy(a->cq);
	mailbox_free(a->mailbox, discard, NULL);
	rpc_endpoint_done(&a->endpoint);
	free(a->why);
	free(a);
	rpc_shutdown();
}

bool rpc_async_connected(const struct rpc_async *a)
{
	return a->connected;
}
