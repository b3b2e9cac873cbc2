/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/core.h - the inside of the server, shared by server.c and call.c (private to rpc/).
 *
 * Threads: "gRPC" is the one that sits on the completion queue, "owner" the one that turns the
 * loop. Each field says whose it is; what says neither is set before the other side can see it. */
#pragma once

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "rpc/packed.h"
#include "rpc/queue.h"
#include "rpc/server.h"
#include "rpc/stream.h"
#include "rpc/tally.h"
#include "rpc/turns.h"

enum rpc_msg_kind { RPC_MSG_CALL, RPC_MSG_CANCEL, RPC_MSG_RECEIVED, RPC_MSG_STOPPED };

struct rpc_msg { /* gRPC -> owner */
	struct mail mail;
	enum rpc_msg_kind kind;
	struct rpc_call *call; /* with a reference, but for RPC_MSG_STOPPED */
};

/* One posted request for a call: of a method, or (method NULL) of any that is not registered. */
struct rpc_slot {
	struct rpc_tag tag;
	struct rpc_server *server;
	const struct rpc_method *method;
	void *ctx;    /* for the method's handler */
	void *handle; /* gRPC's name of the method */
	struct rpc_tally tally;
	/* filled when the tag comes */
	grpc_call *gcall;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_call_details details; /* unregistered only */
	grpc_byte_buffer *payload; /* registered, one request; NULL when the client sent none */
};

struct rpc_server {
	struct loop *loop;
	bool mutual; /* the server demands client certificates */
	int port;
	grpc_server *server;
	grpc_completion_queue *cq;
	struct mailbox *mailbox;
	pthread_t thread;
	struct rpc_slot *slots;
	size_t n_slots;

	pthread_mutex_t lock;
	struct list calls;   /* handed to the owner and not ended; under lock */
	size_t n_calls;      /* those of unary methods; under lock */
	bool closing;        /* hand over no more; under lock */
	struct list unsent;  /* answered, not yet taken by the client, oldest first; under lock */
	size_t unsent_bytes; /* of their answers; under lock */
	dur_ns unsent_max;   /* how long a call may stay there */

	_Atomic size_t live;    /* struct rpc_calls that exist: any thread */
	_Atomic size_t streams; /* of them, those that may be or become streams */

	struct rpc_tag down_tag;    /* gRPC's own shutdown is complete */
	struct rpc_msg stopped_msg; /* the gRPC thread's last words */

	/* owner */
	struct list idle; /* of streams that have something to send */
	struct loop_defer start_defer;
	struct list paced; /* of those that wait for pace_timer to get there */
	struct timer pace_timer;
	mono_ns paced_at; /* when such went last */
	struct rpc_turns turns;
	bool running;  /* the thread has not been joined */
	bool draining; /* shutdown was asked for */
	bool stopping; /* gRPC's shutdown was asked for */
	struct timer unsent_timer;
	struct timer grace;
	mono_ns grace_end;
	int idle_ticks;
	struct loop_defer done_defer;
	void (*done)(void *ctx);
	void *done_ctx;
};

/* A call. References: the owner's (dropped when the call is ended), one for each batch under way,
 * one for a queued cancel message. The last one frees it, on whatever thread. */
struct rpc_call {
	_Atomic int refs;
	struct rpc_server *server;
	const struct rpc_method *method; /* NULL: not registered */
	void *ctx;                       /* of its handler */
	ProtobufCMessage *request;       /* NULL with RPC_BIDI_STREAM */
	mono_ns began, deadline;
	struct rpc_tally *tally;  /* its slot's; NULL: not counted */
	_Atomic bool end_counted; /* in it */
	struct rpc_peer peer;
	char *peer_text, *peer_subject;
	struct rpc_msg arrival, cancel;

	/* owner once handed over, of a stream under its lock; NULL when let go of */
	grpc_call *gcall;
	struct rpc_tag closed_tag, sent_tag;
	int cancelled;              /* written by gRPC before closed_tag comes */
	grpc_byte_buffer *response; /* until sent_tag comes */

	size_t response_len;
	mono_ns ended_at;

	/* owner */
	struct list node; /* in server->calls, then in server->unsent, under its lock */
	bool listed;
	bool counted;              /* in server->streams */
	struct rpc_stream *stream; /* made of it; freed with it */
	bool ended;                /* replied, failed, or its stream ended */
	bool gone;                 /* the client is: an answer goes nowhere */
	bool orphan;               /* the server is: nothing of it may be touched */
	void (*cancel_fn)(void *ctx, struct rpc_call *c);
	void *cancel_ctx;
};

/* ---- call.c */

/* gRPC thread: take the call out of a slot whose tag came: refuse it, or hand it to the owner. */
void rpc_call_begin(struct rpc_slot *slot);
/* Owner: messages. */
void rpc_call_arrived(struct rpc_call *c);
void rpc_call_cancelled(struct rpc_call *c);
void rpc_call_ref(struct rpc_call *c);
void rpc_call_unref(struct rpc_call *c);
/* Owner, as the server is torn down: let go of a listed call as if its client had gone. */
void rpc_call_abandon(struct rpc_call *c);
/* Owner: no more of it, after its answer was sent or its client went; drops the owner's reference.
 */
void rpc_call_close(struct rpc_call *c);
/* Owner: the client has gone; gRPC's call is not needed any more. */
void rpc_call_let_go(struct rpc_call *c);
/* Owner: send the message that tells of a client which went before somebody asked to be told. */
void rpc_call_tell_gone(struct rpc_call *c);
/* Owner, any thread: it was ended and its client has so much time to read what is left; it did. */
void rpc_call_unsent_add(struct rpc_call *c);
void rpc_call_unsent_remove(struct rpc_call *c);
/* Any thread, before the client can know it: count how the call ends. The first one holds. */
void rpc_call_count_end(struct rpc_call *c, enum rpc_status status);
/* Owner: as that, of one whose client has gone. */
void rpc_call_count_gone(struct rpc_call *c);
/* Any thread: bytes from a client to a message of the method's request type. */
enum rpc_status rpc_call_decode(const struct rpc_method *m, grpc_byte_buffer *payload,
				ProtobufCMessage **ret, struct err *e);

/* ---- stream.c; owner */

void rpc_stream_gone(struct rpc_stream *st);     /* its client is, or the server */
void rpc_stream_received(struct rpc_stream *st); /* a message, or the last was */
void rpc_stream_free(struct rpc_stream *st);     /* any thread, with its call */
extern const struct rpc_turns_ops rpc_stream_turns;

/* ---- packed.c */

void rpc_packed_seal(struct rpc_packed *p); /* its builder; before anything below */
/* Any thread: the i-th message for a batch; the caller destroys it. */
grpc_byte_buffer *rpc_packed_buffer(const struct rpc_packed *p, size_t i);
