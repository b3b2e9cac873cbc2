/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/asyncclient.h - a gRPC client on an event loop: calls, and subscriptions that last.
 *
 * For programs that stay: it connects, and connects again with growing pauses for as long as it
 * lives; it makes subscriptions anew on each connection. One thread of its own waits for gRPC; all
 * callbacks come on the owner's loop, and all functions are called there. Nothing calls back from
 * inside a function. Any callback may call any function but rpc_async_free. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/dur.h"
#include "base/err.h"
#include "loop/loop.h"
#include "rpc/client.h"
#include "rpc/status.h"

struct rpc_async;
struct rpc_async_call;
struct rpc_watch;

struct rpc_async_opts {
	struct loop *loop;
	struct rpc_client_opts server; /* as the blocking client takes them */
	/* Told of each change: connected (why is ""), or not connected, with the reason in a
	 * sentence ("cannot reach host:9090: connection refused"). While it stays unreachable,
	 * told again when the reason changes. May be NULL. */
	void (*state)(void *ctx, bool connected, const char *why);
	void *ctx;
};

/* Begins to connect; does not wait. NULL with `e` when an option is unusable. */
struct rpc_async *rpc_async_new(const struct rpc_async_opts *o, struct err *e);
/* Calls and subscriptions under way end without a callback. Not from a callback. NULL is fine. */
void rpc_async_free(struct rpc_async *a);
bool rpc_async_connected(const struct rpc_async *a);

/* ---- a call */

/* RPC_OK: `answer` is the callee's until it returns. Otherwise `text` is the server's message, or
 * says that the server cannot be reached or did not answer in time. */
typedef void rpc_async_done_fn(void *ctx, enum rpc_status status, const ProtobufCMessage *answer,
			       const char *text);

struct rpc_async_request {
	const char *path;
	const ProtobufCMessage *request; /* encoded at once */
	const ProtobufCMessageDescriptor *response;
	dur_ns timeout;
	rpc_async_done_fn *done; /* exactly once, unless cancelled before */
	void *ctx;
};
/* Fails at once (but through `done`, later) when there is no connection. */
struct rpc_async_call *rpc_async_call(struct rpc_async *a, const struct rpc_async_request *r);
/* Before `done` only: it will not come. */
void rpc_async_cancel(struct rpc_async_call *c);

/* ---- a subscription to a stream of the server's */

struct rpc_watch_ops {
	/* A stream has been opened: what follows is its beginning (a replay, say). May be NULL. */
	void (*opened)(void *ctx);
	/* `m` is the callee's until it returns. */
	void (*message)(void *ctx, const ProtobufCMessage *m);
	/* The stream has ended, by the server or with its connection. It is tried again, after a
	 * pause, unless it was cancelled (here, perhaps). Told also of each attempt that the server
	 * refuses; not of those that find no connection. May be NULL. */
	void (*ended)(void *ctx, enum rpc_status status, const char *text);
};

struct rpc_watch_request {
	const char *path;
	const ProtobufCMessage *request; /* encoded at once */
	const ProtobufCMessageDescriptor *response;
	const struct rpc_watch_ops *ops; /* must outlive it */
	void *ctx;
};
struct rpc_watch *rpc_async_watch(struct rpc_async *a, const struct rpc_watch_request *r);
void rpc_watch_cancel(struct rpc_watch *w); /* nothing comes any more; the pointer is dead */
