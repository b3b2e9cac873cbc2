/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/client.h - a gRPC client: blocking unary calls, for command-line programs.
 *
 * Hides gRPC's core (client side). One thread at a time. The channel reconnects by itself. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/dur.h"
#include "base/err.h"
#include "rpc/keepalive.h"
#include "rpc/status.h"

struct rpc_client;

struct rpc_client_opts {
	const char *server; /* "host:port", "[v6]:port", "unix:/path" */
	/* Paths or NULL; tls_ca (or tls_cert) switches TLS on. */
	const char *tls_ca, *tls_cert, *tls_key;
	/* Asked ten times a second while rpc_client_call waits: true gives the call up, which fails
	 * with RPC_CANCELLED, -EINTR and "interrupted". NULL: never. Of the blocking client. */
	bool (*interrupted)(void);
	struct rpc_keepalive keepalive;
};

/* Does not wait for a connection. NULL with `e` when an option is unusable. */
struct rpc_client *rpc_client_new(const struct rpc_client_opts *o, struct err *e);
void rpc_client_free(struct rpc_client *c);

/* Call and wait. RPC_OK: *ret is the decoded answer, the caller frees it with
 * protobuf_c_message_free_unpacked(m, NULL). Otherwise `e->msg` is the server's message alone, or
 * says that the server cannot be reached. */
enum rpc_status rpc_client_call(struct rpc_client *c, const char *path,
				const ProtobufCMessage *request,
				const ProtobufCMessageDescriptor *response, dur_ns timeout,
				ProtobufCMessage **ret, struct err *e);
