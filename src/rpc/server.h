/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/server.h - a gRPC server whose handlers run on the caller's loop.
 *
 * The one header behind which gRPC's core hides (server side). One thread sits on the completion
 * queue; a unary call is decoded there and posted to the owner's loop, where its handler answers at
 * once or later. All functions are called on the owner's thread. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/dur.h"
#include "base/err.h"
#include "loop/loop.h"
#include "rpc/keepalive.h"
#include "rpc/status.h"

#define RPC_REQUEST_MAX (64u << 10) /* larger requests: RESOURCE_EXHAUSTED */

struct rpc_server;
struct rpc_call; /* one call under way; gone once answered */

enum rpc_kind {
	RPC_UNARY,         /* one request, one answer */
	RPC_SERVER_STREAM, /* one request, a stream of answers: see rpc/stream.h */
	RPC_BIDI_STREAM,   /* streams both ways; the handler's `request` is NULL */
};

typedef void rpc_handler_fn(void *ctx, struct rpc_call *call, const ProtobufCMessage *request);

struct rpc_method {
	const char *path; /* "/maglev.Maglev/GetVersion" */
	const ProtobufCMessageDescriptor *request;
	rpc_handler_fn *fn;
	const void *data; /* the handler finds it with rpc_call_method */
	enum rpc_kind kind;
	bool while_stopping; /* called during a shutdown, too; others fail: UNAVAILABLE */
};

/* Methods that share a context. */
struct rpc_service {
	const struct rpc_method *methods; /* must outlive the server */
	size_t n_methods;
	void *ctx;
};

struct rpc_server_opts {
	struct loop *loop;
	const char
		*addr; /* ":9090", "host:port", "[v6]:port", "unix:/path" (made with mode 0660) */
	const char *tls_cert, *tls_key, *client_ca; /* paths, or NULL */
	const struct rpc_method *methods;           /* must outlive the server */
	size_t n_methods;
	void *ctx;
	const struct rpc_service *more; /* services beside that one; the array is copied */
	size_t n_more;
	dur_ns read_timeout; /* how long a client may take to read its answer, or the rest of
				a stream that was ended; 0: a minute */
	struct rpc_keepalive keepalive;
};

/* Listening when it returns. NULL with `e`, which names the address or file: -EINVAL (no address,
 * no certificate or key in a file, key and certificate do not belong together), -EADDRINUSE,
 * -EACCES and others as bind(2) and open(2) have them. Starts a thread with all signals blocked. */
struct rpc_server *rpc_server_new(const struct rpc_server_opts *o, struct err *e);
/* Once. Refuse new calls ("shutting down"; but for methods with while_stopping; streams are for
 * their owners to end), give those under way `grace` (answered on the loop: the caller keeps
 * turning it), then cancel. `done` runs on the loop when no client is left; it may free the server.
 */
void rpc_server_shutdown(struct rpc_server *s, dur_ns grace, void (*done)(void *ctx), void *ctx);
/* After shutdown's `done`, or hard: clients are cut off. Calls that were not ended are told so
 * through their on_cancel first, inside this function; one that is ended after it is just dropped.
 * Not from inside a handler or on_cancel. NULL is fine. */
void rpc_server_free(struct rpc_server *s);
int rpc_server_port(const struct rpc_server *s); /* the TCP port bound (for ":0"), or -1 */

/* ---- a call. Exactly one of reply and fail ends it, in the handler or later (or
 * rpc_stream_open makes a stream of it; reply is for unary methods alone). The request is the
 * call's, freed with it. At most 1,024 unary calls are with the owner at a time; more are refused
 * with RESOURCE_EXHAUSTED before they get here, as unknown methods (UNIMPLEMENTED), requests over
 * RPC_REQUEST_MAX (RESOURCE_EXHAUSTED) and requests that do not decode (INVALID_ARGUMENT) are. An
 * answer over 64 KiB is replaced by RESOURCE_EXHAUSTED while 64 MiB of others wait for their
 * clients to read them. */
void rpc_call_reply(struct rpc_call *c, const ProtobufCMessage *response);
void rpc_call_fail(struct rpc_call *c, enum rpc_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Tell me when the client goes away or its deadline passes; the call still has to be ended (the
 * answer is dropped). `fn` runs on the loop, at most once, never after the call was ended. */
void rpc_call_on_cancel(struct rpc_call *c, void (*fn)(void *ctx, struct rpc_call *c), void *ctx);
mono_ns rpc_call_deadline(const struct rpc_call *c); /* loop_clock() time; INT64_MAX when none */
const struct rpc_method *rpc_call_method(const struct rpc_call *c);

struct rpc_peer {
	const char *text;    /* "ipv4:127.0.0.1:40000", "unix:…": as gRPC gives it */
	bool local;          /* loopback (::ffff:127.0.0.1 too) or the Unix socket */
	bool authenticated;  /* presented a certificate signed by client_ca */
	const char *subject; /* of that certificate; "" when none */
};
const struct rpc_peer *rpc_call_peer(const struct rpc_call *c); /* valid until the call ends */
