/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/async.h - the inside of the client on a loop (private to rpc/): asyncclient.c has the
 * connection and calls, asyncwatch.c the subscriptions. */
#pragma once

#include "base/list.h"
#include "loop/mailbox.h"
#include "rpc/asyncclient.h"
#include "rpc/endpoint.h"
#include "rpc/queue.h"

/* A message to the owner's loop. */
struct async_mail {
	struct mail mail;
	void (*fn)(struct async_mail *m);   /* on the loop */
	void (*drop)(struct async_mail *m); /* instead, when the client is being freed */
};

struct rpc_async {
	struct loop *loop;
	void (*state)(void *ctx, bool connected, const char *why);
	void *ctx;
	struct rpc_endpoint endpoint;
	grpc_channel *channel;
	grpc_completion_queue *cq;
	struct mailbox *mailbox;
	pthread_t thread;

	/* owner */
	struct list calls;    /* of struct rpc_async_call, those not cancelled */
	struct list watches;  /* of struct rpc_watch */
	struct list attempts; /* of struct attempt */
	bool connected;
	char *why;   /* told last, while not connected */
	bool asking; /* for the reason of a failure */
	struct timer hurry;
	grpc_connectivity_state seen;
	struct rpc_tag changed_tag;
	struct async_mail changed_mail;
};

/* gRPC's thread. */
void async_post(struct rpc_async *a, struct async_mail *m);

/* ---- asyncwatch.c; owner */

void async_watches_connected(struct rpc_async *a);
/* Cancel all attempts and free all subscriptions. */
void async_watches_free(struct rpc_async *a);
