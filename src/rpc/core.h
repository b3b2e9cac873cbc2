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
#include "rpc/server.h"

/* What a completion is tagged with; fn runs on the gRPC thread. */
struct rpc_tag {
	void (*fn)(struct rpc_tag *t, bool ok);
};

enum rpc_msg_kind { RPC_MSG_CALL, RPC_MSG_CANCEL, RPC_MSG_STOPPED };

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
	void *handle; /* gRPC's name of the method */
	/* filled when the tag comes */
	grpc_call *gcall;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_call_details details; /* unregistered only */
	grpc_byte_buffer *payload; /* registered only; NULL when the client sent none */
};

struct rpc_server {
	struct loop *loop;
	void *ctx;
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
	size_t n_calls;      /* their number; under lock */
	bool closing;        /* hand over no more; under lock */
	struct list unsent;  /* answered, not yet taken by the client, oldest first; under lock */
	size_t unsent_bytes; /* of their answers; under lock */
	dur_ns unsent_max;   /* how long a call may stay there */

	_Atomic size_t live; /* struct rpc_calls that exist: any thread */

	struct rpc_tag down_tag;    /* gRPC's own shutdown is complete */
	struct rpc_msg stopped_msg; /* the gRPC thread's last words */

	/* owner */
	bool running;  /* the thread has not been joined */
	bool stopping; /* shutdown was asked for */
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
	ProtobufCMessage *request;
	mono_ns deadline;
	struct rpc_peer peer;
	char *peer_text, *peer_subject;
	struct rpc_msg arrival, cancel;

	grpc_call *gcall; /* owner once handed over; NULL when let go of */
	struct rpc_tag closed_tag, sent_tag;
	int cancelled;              /* written by gRPC before closed_tag comes */
	grpc_byte_buffer *response; /* until sent_tag comes */

	size_t response_len;
	mono_ns ended_at;

	/* owner */
	struct list node; /* in server->calls, then in server->unsent, under its lock */
	bool listed;
	bool ended;  /* replied or failed */
	bool gone;   /* the client is: an answer goes nowhere */
	bool orphan; /* the server is: nothing of it may be touched */
	void (*cancel_fn)(void *ctx, struct rpc_call *c);
	void *cancel_ctx;
};

/* ---- call.c */

/* gRPC thread: take the call out of a slot whose tag came: refuse it, or hand it to the owner. */
void rpc_call_begin(struct rpc_slot *slot);
/* Owner: messages. */
void rpc_call_arrived(struct rpc_call *c);
void rpc_call_cancelled(struct rpc_call *c);
void rpc_call_unref(struct rpc_call *c);
/* Owner, as the server is torn down: let go of a listed call as if its client had gone. */
void rpc_call_abandon(struct rpc_call *c);
