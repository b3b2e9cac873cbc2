/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC server on the plain C surface of gRPC's core.
 *
 * One thread sits on one completion queue and does all of gRPC's reading and writing (the queue
 * polls inside grpc_completion_queue_next). Per registered method one request for a call is always
 * posted, and one for calls of any other method: a call that nobody asks for is never answered.
 * What happens to a call is told in call.c.
 *
 * Shutdown, by gRPC's rules: after grpc_server_shutdown_and_notify no call comes in; its tag comes
 * when the last call is let go of, or at the latest after grpc_server_cancel_all_calls. Nothing may
 * be started on the completion queue once that is shut down, so the gRPC thread itself does it, on
 * that tag, drains the queue, and says so with its last message. */
#include "rpc/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/compression.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include "base/alloc.h"
#include "loop/thread.h"
#include "rpc/accept.h"
#include "rpc/core.h"
#include "rpc/init.h"
#include "rpc/listen.h"
#include "rpc/tls.h"

/* A thousand watchers may come through one connection (a proxy, a test), and calls beside them. */
#define STREAMS_PER_CONNECTION 2048
/* What a burst on one stream gathers before it is written. gRPC keeps 32 bytes per part of a
 * message for good, where the largest burst has been: with its default, 64 KiB, the small messages
 * of a snapshot leave 150 KB in each connection. */
#define WRITE_BUFFER 4096
/* What all connections' buffers may take together before gRPC sheds them. */
#define CONNECTION_MEMORY (256u << 20)
/* A connection that says nothing, or nothing of gRPC's, is closed. */
#define HANDSHAKE_MS 10000
/* A peer that vanished is noticed by an unanswered ping, idle or not. Clients may ping idle
 * connections too (in gRPC's default that earns them "too_many_pings"), but not busily. */
#define CLIENT_PINGS_MAX 6 /* for one of ours */
/* 10 MB over 2 Mbit/s. */
#define READ_TIMEOUT (60 * NS_PER_S)
/* In a shutdown: how long connections without calls may take to close by themselves. */
#define TICK       (50 * NS_PER_MS)
#define IDLE_TICKS 6

/* ---- the completion queue */

static void slot_post(struct rpc_slot *slot)
{
	struct rpc_server *s = slot->server;
	grpc_call_error r;

	grpc_metadata_array_init(&slot->metadata);
	grpc_call_details_init(&slot->details);
	rpc_tag_arm(&slot->tag);
	if (slot->method)
		r = grpc_server_request_registered_call(
			s->server, slot->handle, &slot->gcall, &slot->deadline, &slot->metadata,
			slot->method->kind == RPC_BIDI_STREAM ? NULL : &slot->payload, s->cq, s->cq,
			&slot->tag);
	else
		r = grpc_server_request_call(s->server, &slot->gcall, &slot->details,
					     &slot->metadata, s->cq, s->cq, &slot->tag);
	assert(r == GRPC_CALL_OK);
}

static void slot_clear(struct rpc_slot *slot)
{
	grpc_metadata_array_destroy(&slot->metadata);
	grpc_call_details_destroy(&slot->details);
	if (slot->payload)
		grpc_byte_buffer_destroy(slot->payload);
	slot->payload = NULL;
}

static void slot_ready(struct rpc_tag *t, bool ok)
{
	struct rpc_slot *slot = CONTAINER_OF(t, struct rpc_slot, tag);

	if (ok)
		rpc_call_begin(slot);
	slot_clear(slot);
	if (ok)
		slot_post(slot);
}

static void server_down(struct rpc_tag *t, bool ok _unused_)
{
	grpc_completion_queue_shutdown(CONTAINER_OF(t, struct rpc_server, down_tag)->cq);
}

static void *server_thread(void *arg)
{
	struct rpc_server *s = arg;

	rpc_accept_guard();
	rpc_queue_drain(s->cq);
	mailbox_post(s->mailbox, &s->stopped_msg.mail);
	return NULL;
}

/* ---- messages, on the owner's loop */

static void stopped(void *ctx)
{
	struct rpc_server *s = ctx;

	s->done(s->done_ctx); /* may free s */
}

static void message(void *ctx, struct mail *m)
{
	struct rpc_server *s = ctx;
	struct rpc_msg *msg = CONTAINER_OF(m, struct rpc_msg, mail);

	switch (msg->kind) {
	case RPC_MSG_CALL:
		rpc_call_arrived(msg->call);
		break;
	case RPC_MSG_CANCEL:
		rpc_call_cancelled(msg->call);
		break;
	case RPC_MSG_RECEIVED:
		rpc_stream_received(msg->call->stream);
		rpc_call_unref(msg->call);
		break;
	case RPC_MSG_STOPPED:
		timer_cancel(s->loop, &s->grace);
		pthread_join(s->thread, NULL);
		s->running = false;
		/* Not from in here: the mailbox is busy with this very message. */
		loop_defer_set(s->loop, &s->done_defer, stopped, s);
		break;
	}
}

/* A message that will not be delivered any more. */
static void message_drop(void *ctx _unused_, struct mail *m)
{
	struct rpc_msg *msg = CONTAINER_OF(m, struct rpc_msg, mail);

	if (msg->call)
		rpc_call_unref(msg->call);
}

/* ---- making one */

static grpc_arg quota_arg(grpc_resource_quota *quota)
{
	grpc_arg a = rpc_arg_int(GRPC_ARG_RESOURCE_QUOTA, 0);

	a.type = GRPC_ARG_POINTER;
	a.value.pointer.p = quota;
	a.value.pointer.vtable = grpc_resource_quota_arg_vtable();
	return a;
}

static grpc_server *grpc_server_make(const struct rpc_server_opts *o)
{
	const int keepalive_ms = rpc_keepalive_ms(&o->keepalive);
	grpc_resource_quota *quota = grpc_resource_quota_create("rpc_server");
	grpc_arg args[] = {
		quota_arg(quota),
		/* Two daemons must not share a port without knowing. */
		rpc_arg_int(GRPC_ARG_ALLOW_REUSEPORT, 0),
		rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_REQUEST_MAX),
		/* Identity alone: 64 KiB can be 64 MiB in disguise. */
		rpc_arg_int(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
			    1 << GRPC_COMPRESS_NONE),
		rpc_arg_int(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION),
		rpc_arg_int(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, WRITE_BUFFER),
		rpc_arg_int(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, rpc_keepalive_timeout_ms(&o->keepalive)),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		rpc_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
		rpc_arg_int(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
			    keepalive_ms / CLIENT_PINGS_MAX),
	};
	grpc_channel_args all = { ARRAY_LEN(args), args };
	grpc_server *server;

	grpc_resource_quota_resize(quota, CONNECTION_MEMORY);
	server = grpc_server_create(&all, NULL);
	grpc_resource_quota_unref(quota);
	return server;
}

static void slot_init(struct rpc_server *s, struct rpc_slot *slot, const struct rpc_method *m,
		      void *ctx)
{
	slot->tag.fn = slot_ready;
	slot->server = s;
	slot->method = m;
	slot->ctx = ctx;
	if (!m)
		return;
	slot->handle = grpc_server_register_method(
		s->server, m->path, NULL,
		m->kind == RPC_BIDI_STREAM ? GRPC_SRM_PAYLOAD_NONE
					   : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER,
		0);
	assert(slot->handle); /* a path registered twice */
}

static struct rpc_slot *slots_of_service(struct rpc_server *s, struct rpc_slot *slot,
					 const struct rpc_service *sv)
{
	for (size_t i = 0; i < sv->n_methods; i++)
		slot_init(s, slot++, &sv->methods[i], sv->ctx);
	return slot;
}

static void slots_make(struct rpc_server *s, const struct rpc_server_opts *o)
{
	const struct rpc_service first = { o->methods, o->n_methods, o->ctx };
	struct rpc_slot *next;

	s->n_slots = o->n_methods + 1; /* the last: any other method */
	for (size_t i = 0; i < o->n_more; i++)
		s->n_slots += o->more[i].n_methods;
	s->slots = xcalloc(s->n_slots, sizeof *s->slots);
	next = slots_of_service(s, s->slots, &first);
	for (size_t i = 0; i < o->n_more; i++)
		next = slots_of_service(s, next, &o->more[i]);
	slot_init(s, next, NULL, NULL);
}

static struct rpc_server *server_make(const struct rpc_server_opts *o)
{
	struct rpc_server *s = XNEW(struct rpc_server);

	s->loop = o->loop;
	s->mutual = o->client_ca != NULL;
	s->port = -1;
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->calls);
	list_init(&s->idle);
	list_init(&s->paced);
	s->paced_at = INT64_MIN / 2; /* long ago */
	rpc_turns_init(&s->turns, o->loop, &rpc_stream_turns);
	list_init(&s->unsent);
	s->unsent_max = o->read_timeout ? o->read_timeout : READ_TIMEOUT;
	s->down_tag.fn = server_down;
	s->stopped_msg.kind = RPC_MSG_STOPPED;
	rpc_init();
	s->server = grpc_server_make(o);
	s->cq = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(s->server, s->cq, NULL);
	slots_make(s, o);
	s->mailbox = mailbox_new(o->loop, message, s);
	return s;
}

static int server_listen(struct rpc_server *s, const struct rpc_server_opts *o, struct err *e)
{
	grpc_server_credentials *creds;
	int r = rpc_tls_server(o->tls_cert, o->tls_key, o->client_ca, &creds, e);

	if (r)
		return r;
	r = rpc_listen(s->server, o->addr, creds, &s->port, e);
	grpc_server_credentials_release(creds);
	return r;
}

static void server_start(struct rpc_server *s)
{
	grpc_server_start(s->server);
	for (size_t i = 0; i < s->n_slots; i++)
		slot_post(&s->slots[i]);
	/* callers can wait: it is this thread that reads what they send, and writes */
	thread_start_behind(&s->thread, "grpc", server_thread, s);
	s->running = true;
}

struct rpc_server *rpc_server_new(const struct rpc_server_opts *o, struct err *e)
{
	struct rpc_server *s = server_make(o);

	if (server_listen(s, o, e)) {
		rpc_server_free(s);
		return NULL;
	}
	server_start(s);
	return s;
}

int rpc_server_port(const struct rpc_server *s)
{
	return s->port;
}

static const char *const kind_names[] = {
	[RPC_UNARY] = "unary",
	[RPC_SERVER_STREAM] = "server_stream",
	[RPC_BIDI_STREAM] = "bidi_stream",
};

bool rpc_server_counts(const struct rpc_server *s, size_t i, struct rpc_counts *ret)
{
	if (i + 1 >= s->n_slots) /* the last slot is for methods nobody knows */
		return false;
	*ret = (struct rpc_counts){ .path = s->slots[i].method->path,
				    .type = kind_names[s->slots[i].method->kind] };
	rpc_tally_read(&s->slots[i].tally, ret);
	return true;
}

/* ---- ending it */

static void stop_accepting(struct rpc_server *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	rpc_tag_arm(&s->down_tag);
	grpc_server_shutdown_and_notify(s->server, s->cq, &s->down_tag);
}

/* New calls come in as long as others are under way, so that a question for the server's health is
 * answered; all but such are refused on arrival (call.c). Then gRPC itself shuts down.
 *
 * gRPC says goodbye to each connection and waits for its answer, up to 20 s for a peer that is
 * silent. With no call left that is not worth waiting for. */
static void grace_tick(void *ctx, struct timer *t)
{
	struct rpc_server *s = ctx;
	mono_ns now = loop_now(s->loop);

	bool idle = atomic_load(&s->live) == 0;

	if (idle || now >= s->grace_end)
		stop_accepting(s);
	s->idle_ticks = idle ? s->idle_ticks + 1 : 0;
	if (now >= s->grace_end || s->idle_ticks > IDLE_TICKS)
		grpc_server_cancel_all_calls(s->server);
	else
		timer_set(s->loop, t, MIN(now + TICK, s->grace_end), grace_tick, s);
}

void rpc_server_shutdown(struct rpc_server *s, dur_ns grace, void (*done)(void *ctx), void *ctx)
{
	assert(!s->draining && done);
	s->draining = true;
	s->done = done;
	s->done_ctx = ctx;
	s->grace_end = loop_now_fresh(s->loop) + grace;
	grace_tick(s, &s->grace);
}

/* Let go of every call that the owner has not ended; those still in the mailbox are among them. */
static void abandon_calls(struct rpc_server *s)
{
	struct rpc_call *c;

	do {
		pthread_mutex_lock(&s->lock);
		s->closing = true;
		c = list_empty(&s->calls) ? NULL
					  : CONTAINER_OF(s->calls.next, struct rpc_call, node);
		pthread_mutex_unlock(&s->lock);
		if (c)
			rpc_call_abandon(c); /* takes it out of the list */
	} while (c);
}

static void stop_now(struct rpc_server *s)
{
	abandon_calls(s);
	stop_accepting(s);
	grpc_server_cancel_all_calls(s->server);
	if (s->running)
		pthread_join(s->thread, NULL);
	else
		rpc_queue_drain(s->cq); /* it never ran */
	s->running = false;
}

void rpc_server_free(struct rpc_server *s)
{
	bool stopped_already;

	if (!s)
		return;
	stopped_already = s->stopping && !s->running;
	timer_cancel(s->loop, &s->grace);
	timer_cancel(s->loop, &s->unsent_timer);
	timer_cancel(s->loop, &s->pace_timer);
	loop_defer_cancel(&s->done_defer);
	loop_defer_cancel(&s->start_defer);
	if (stopped_already)
		abandon_calls(s);
	else
		stop_now(s);
	rpc_turns_done(&s->turns);
	grpc_server_destroy(s->server);
	grpc_completion_queue_destroy(s->cq);
	mailbox_free(s->mailbox, message_drop, NULL);
	pthread_mutex_destroy(&s->lock);
	free(s->slots);
	free(s);
	rpc_shutdown();
}
