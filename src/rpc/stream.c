/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: a queue per reader, filled by the owner, emptied by whoever finds it idle.
 *
 *   rpc_stream_send ──> queue ──(idle: at the end of this turn)──> batch ──> send_tag
 *                         ^                                          ^          │
 *                         └────────────── next, on gRPC's thread ────┴──────────┘
 *
 * Of one call, one batch that sends is under way at a time. While there is one, the owner only
 * queues: its completion, on gRPC's thread, starts the next without asking the owner (a hop per
 * message would cost ten times as much as the message). Messages that have others behind them are
 * sent with gRPC's hint to buffer, so that a burst leaves in few writes.
 *
 * Starting a batch usually writes to the socket there and then. An event for a thousand readers
 * would hold the owner up for milliseconds: so idle streams are only noted when something is put on
 * their queues, and started some at a time, a portion in each turn of the loop.
 *
 * A write to a reader costs several times what a message does: the system call, the reader's window
 * update that answers it, and gRPC's thread woken to read that. So what is sent paced leaves at
 * once when all has been quiet, but what follows within PACE leaves together.
 *
 * The lock of a stream guards its queue and its use of gRPC's call. A stream lives as long as its
 * call; batches and messages hold references to that. */
#include "rpc/stream.h"

#include <assert.h>
#include <stdlib.h>

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "base/alloc.h"
#include "base/str.h"
#include "rpc/core.h"

/* Streams started in one turn of the loop: at some 5 µs each under a millisecond. */
#define STARTS_PER_TURN 128
/* Between writes of what is sent paced. People read it: to them a tenth of a second is at once. */
#define PACE (100 * NS_PER_MS)
/* A ring that has grown beyond this is given back when it is empty. */
#define RING_KEPT 64

struct rpc_stream {
	struct rpc_call *call;
	const struct rpc_stream_ops *ops;
	void *ctx;
	struct list idle;     /* in server->idle or ->paced: queued, nothing under way; owner */
	bool paced;           /* it is the latter; owner */
	struct rpc_turn turn; /* owner */

	pthread_mutex_t lock; /* guards the rest, and call->gcall */
	struct rpc_packed **ring;
	size_t cap, head, n; /* of the ring */
	size_t at;           /* the next message in the first entry */
	size_t n_begin;      /* first entries that are the beginning */
	size_t begin_left;   /* messages in them */
	size_t waiting;      /* messages in all the others */
	bool sending;        /* a batch of send_tag is under way */
	bool want_message;   /* the owner is ready for the client's next */
	bool dead;           /* nothing can be sent any more */
	bool ending;         /* the status follows the queue */
	enum rpc_status status;
	char *text;
	struct rpc_tag send_tag, receive_tag;
	grpc_byte_buffer *out, *in; /* of the batches under way */

	ProtobufCMessage *received; /* NULL: half-closed; gRPC's thread until posted, then owner */
	struct rpc_msg received_msg;
};

/* ---- the ring */

static void ring_push(struct rpc_stream *st, struct rpc_packed *p)
{
	if (st->n == st->cap) {
		size_t cap = MAX(2 * st->cap, 8);
		struct rpc_packed **ring = xcalloc(cap, sizeof(struct rpc_packed *));

		for (size_t i = 0; i < st->n; i++)
			ring[i] = st->ring[(st->head + i) % st->cap];
		free(st->ring);
		st->ring = ring;
		st->cap = cap;
		st->head = 0;
	}
	st->ring[(st->head + st->n++) % st->cap] = rpc_packed_ref(p);
}

static void ring_drop_first(struct rpc_stream *st)
{
	rpc_packed_unref(st->ring[st->head]);
	st->head = (st->head + 1) % st->cap;
	st->n--;
	st->at = 0;
	if (st->n == 0 && st->cap > RING_KEPT) {
		free(st->ring);
		st->ring = NULL;
		st->cap = st->head = 0;
	}
}

static void ring_clear(struct rpc_stream *st)
{
	while (st->n > 0)
		ring_drop_first(st);
	st->n_begin = st->begin_left = st->waiting = 0;
}

/* The next message, for gRPC. */
static grpc_byte_buffer *ring_take(struct rpc_stream *st)
{
	struct rpc_packed *p = st->ring[st->head];
	grpc_byte_buffer *b = rpc_packed_buffer(p, st->at++);
	bool begin = st->n_begin > 0;

	if (begin)
		st->begin_left--;
	else
		st->waiting--;
	if (st->at == rpc_packed_count(p)) {
		ring_drop_first(st);
		st->n_begin -= begin;
	}
	return b;
}

/* ---- batches; all under the lock */

static void start(struct rpc_stream *st, const grpc_op *op, struct rpc_tag *tag)
{
	grpc_call_error r;

	rpc_call_ref(st->call);
	rpc_tag_arm(tag);
	r = grpc_call_start_batch(st->call->gcall, op, 1, tag, NULL);
	assert(r == GRPC_CALL_OK);
}

static void send_headers(struct rpc_stream *st)
{
	grpc_op op = { .op = GRPC_OP_SEND_INITIAL_METADATA };

	st->sending = true;
	start(st, &op, &st->send_tag);
}

static void send_message(struct rpc_stream *st)
{
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	st->out = ring_take(st);
	rpc_tally_sent(st->call->tally);
	op.data.send_message.send_message = st->out;
	if (st->n > 0)
		op.flags = GRPC_WRITE_BUFFER_HINT;
	st->sending = true;
	start(st, &op, &st->send_tag);
}

static void send_status(struct rpc_stream *st)
{
	grpc_op op = { .op = GRPC_OP_SEND_STATUS_FROM_SERVER };
	grpc_slice details = grpc_slice_from_copied_string(st->text);

	op.data.send_status_from_server.status = (grpc_status_code)st->status;
	op.data.send_status_from_server.status_details = *st->text ? &details : NULL;
	st->sending = st->dead = true;
	rpc_call_count_end(st->call, st->status);
	start(st, &op, &st->send_tag);
	grpc_slice_unref(details);
}

static void receive_message(struct rpc_stream *st)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	st->want_message = false;
	op.data.recv_message.recv_message = &st->in;
	start(st, &op, &st->receive_tag);
}

/* Whatever can be done next. */
static void proceed(struct rpc_stream *st)
{
	if (st->sending || st->dead)
		return;
	if (st->n > 0)
		send_message(st);
	else if (st->ending)
		send_status(st);
	else if (st->want_message)
		receive_message(st);
}

/* End it with a status that overtakes what gRPC still holds back for a reader that does not read.
 * The owner learns of it as of a client that went. */
static void cut(struct rpc_stream *st, enum rpc_status status, const char *text)
{
	ring_clear(st);
	st->dead = true;
	rpc_call_count_end(st->call, status);
	(void)grpc_call_cancel_with_status(st->call->gcall, (grpc_status_code)status, text, NULL);
}

/* ---- completions, on gRPC's thread */

static void sent(struct rpc_tag *t, bool ok)
{
	struct rpc_stream *st = CONTAINER_OF(t, struct rpc_stream, send_tag);
	struct rpc_call *c = st->call;

	pthread_mutex_lock(&st->lock);
	if (st->out)
		grpc_byte_buffer_destroy(st->out);
	st->out = NULL;
	st->sending = false;
	if (!ok) { /* nobody is there: the call's own close tells the owner */
		ring_clear(st);
		st->dead = true;
	}
	proceed(st);
	pthread_mutex_unlock(&st->lock);
	rpc_call_unref(c);
}

static void received(struct rpc_tag *t, bool ok)
{
	struct rpc_stream *st = CONTAINER_OF(t, struct rpc_stream, receive_tag);
	struct rpc_call *c = st->call;
	enum rpc_status status = RPC_OK;
	struct err e;

	st->received = NULL;
	if (ok && st->in)
		status = rpc_call_decode(c->method, st->in, &st->received, &e);
	if (st->in)
		grpc_byte_buffer_destroy(st->in);
	st->in = NULL;
	if (status) {
		pthread_mutex_lock(&st->lock);
		if (!st->dead)
			cut(st, status, e.msg);
		pthread_mutex_unlock(&st->lock);
	} else if (ok) {
		if (st->received)
			rpc_tally_received(c->tally);
		rpc_call_ref(c);
		mailbox_post(c->server->mailbox, &st->received_msg.mail);
	}
	rpc_call_unref(c);
}

/* ---- the owner's side */

struct rpc_stream *rpc_stream_open(struct rpc_call *c, const struct rpc_stream_ops *ops, void *ctx)
{
	struct rpc_stream *st = XNEW(struct rpc_stream);

	assert(!c->ended && !c->stream && !c->cancel_fn && c->method->kind != RPC_UNARY);
	assert(ops->closed && (!ops->message == (c->method->kind != RPC_BIDI_STREAM)));
	assert(!ops->turn || c->method->kind == RPC_SERVER_STREAM);
	st->call = c;
	st->ops = ops;
	st->ctx = ctx;
	pthread_mutex_init(&st->lock, NULL);
	list_init(&st->idle);
	st->send_tag.fn = sent;
	st->receive_tag.fn = received;
	st->received_msg = (struct rpc_msg){ .kind = RPC_MSG_RECEIVED, .call = c };
	st->want_message = c->method->kind == RPC_BIDI_STREAM;
	c->stream = st;
	if (c->gone) {
		st->dead = true;
		rpc_call_tell_gone(c);
	} else {
		pthread_mutex_lock(&st->lock);
		send_headers(st);
		pthread_mutex_unlock(&st->lock);
	}
	if (ops->turn)
		rpc_turns_await(&c->server->turns, &st->turn);
	return st;
}

void rpc_stream_free(struct rpc_stream *st)
{
	if (!st)
		return;
	ring_clear(st);
	free(st->ring);
	free(st->text);
	if (st->received)
		protobuf_c_message_free_unpacked(st->received, NULL);
	pthread_mutex_destroy(&st->lock);
	free(st);
}

/* A portion of the idle. */
static void streams_start(void *server)
{
	struct rpc_server *s = server;

	for (int i = 0; i < STARTS_PER_TURN && !list_empty(&s->idle); i++) {
		struct rpc_stream *st = CONTAINER_OF(s->idle.next, struct rpc_stream, idle);

		list_remove(&st->idle);
		pthread_mutex_lock(&st->lock);
		proceed(st);
		pthread_mutex_unlock(&st->lock);
	}
	if (!list_empty(&s->idle))
		loop_defer_set(s->loop, &s->start_defer, streams_start, s);
}

static void note_idle(struct rpc_stream *st)
{
	struct rpc_server *s = st->call->server;

	if (list_linked(&st->idle) && !st->paced)
		return;
	list_remove(&st->idle);
	st->paced = false;
	list_add_tail(&s->idle, &st->idle);
	loop_defer_set(s->loop, &s->start_defer, streams_start, s);
}

static void pace_over(void *ctx, struct timer *t _unused_)
{
	struct rpc_server *s = ctx;

	s->paced_at = loop_now(s->loop);
	list_foreach (&s->paced, node)
		note_idle(CONTAINER_OF(node, struct rpc_stream, idle));
}

/* All that is sent in one turn of the loop leaves together anyway. */
static void note_paced(struct rpc_stream *st)
{
	struct rpc_server *s = st->call->server;
	mono_ns now = loop_now(s->loop);

	if (list_linked(&st->idle))
		return;
	if (now == s->paced_at || now >= s->paced_at + PACE) {
		s->paced_at = now;
		note_idle(st);
		return;
	}
	st->paced = true;
	list_add_tail(&s->paced, &st->idle);
	if (!timer_armed(&s->pace_timer))
		timer_set(s->loop, &s->pace_timer, s->paced_at + PACE, pace_over, s);
}

enum put { PUT_BEGIN, PUT_NOW, PUT_PACED };

static void put(struct rpc_stream *st, struct rpc_packed *p, enum put how)
{
	const bool begin = how == PUT_BEGIN;
	size_t n = rpc_packed_count(p);
	bool idle = false;

	assert(!st->call->ended);
	if (n == 0)
		return;
	rpc_packed_seal(p);
	pthread_mutex_lock(&st->lock);
	assert(!begin || st->waiting == 0);
	if (!st->dead && !begin && st->waiting + n > RPC_STREAM_QUEUE_MAX) {
		cut(st, RPC_RESOURCE_EXHAUSTED, "subscriber too slow");
	} else if (!st->dead) {
		ring_push(st, p);
		if (begin) {
			st->n_begin++;
			st->begin_left += n;
		} else {
			st->waiting += n;
		}
		idle = !st->sending;
	}
	pthread_mutex_unlock(&st->lock);
	if (idle && how == PUT_PACED)
		note_paced(st);
	else if (idle)
		note_idle(st);
}

void rpc_stream_begin(struct rpc_stream *st, struct rpc_packed *p)
{
	put(st, p, PUT_BEGIN);
}

void rpc_stream_send(struct rpc_stream *st, struct rpc_packed *p)
{
	put(st, p, PUT_NOW);
}

void rpc_stream_send_paced(struct rpc_stream *st, struct rpc_packed *p)
{
	put(st, p, PUT_PACED);
}

/* ---- turns */

static void turn_begin(struct rpc_turn *t)
{
	struct rpc_stream *st = CONTAINER_OF(t, struct rpc_stream, turn);

	st->ops->turn(st->ctx, st);
}

static size_t turn_left(struct rpc_turn *t)
{
	struct rpc_stream *st = CONTAINER_OF(t, struct rpc_stream, turn);
	size_t left;

	pthread_mutex_lock(&st->lock);
	left = st->begin_left;
	pthread_mutex_unlock(&st->lock);
	return left;
}

const struct rpc_turns_ops rpc_stream_turns = { .begin = turn_begin, .left = turn_left };

/* ---- the end */

/* Of what the owner has planned for it. */
static void forget(struct rpc_stream *st)
{
	list_remove(&st->idle);
	rpc_turns_leave(&st->call->server->turns, &st->turn);
}

void rpc_stream_end(struct rpc_stream *st, enum rpc_status status, const char *text)
{
	struct rpc_call *c = st->call;

	assert(!c->ended);
	forget(st);
	rpc_call_ref(c);
	rpc_call_close(c);
	rpc_call_unsent_add(c);
	pthread_mutex_lock(&st->lock);
	st->ending = true;
	st->status = status;
	st->text = xstrdup(text);
	proceed(st);
	pthread_mutex_unlock(&st->lock);
	rpc_call_unref(c);
}

void rpc_stream_gone(struct rpc_stream *st)
{
	struct rpc_call *c = st->call;

	forget(st);
	rpc_call_count_gone(c);
	if (c->ended)
		rpc_call_unsent_remove(c);
	pthread_mutex_lock(&st->lock);
	st->dead = true;
	ring_clear(st);
	rpc_call_let_go(c);
	pthread_mutex_unlock(&st->lock);
	if (c->ended)
		return;
	st->ops->closed(st->ctx, st);
	rpc_call_close(c);
}

void rpc_stream_received(struct rpc_stream *st)
{
	ProtobufCMessage *m = st->received;
	struct rpc_call *c = st->call;

	st->received = NULL;
	if (!c->ended && m)
		st->ops->message(st->ctx, st, m);
	else if (!c->ended && st->ops->half_closed)
		st->ops->half_closed(st->ctx, st);
	if (m && !c->ended) {
		pthread_mutex_lock(&st->lock);
		st->want_message = true;
		proceed(st);
		pthread_mutex_unlock(&st->lock);
	}
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
}
