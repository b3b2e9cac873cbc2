/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/endpoint.h - a server as a client sees it: its name, channels to it, and what went wrong on
 * the way to it in words for people (private to rpc/; shared by both clients). */
#pragma once

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "base/dur.h"
#include "base/err.h"
#include "rpc/client.h"
#include "rpc/queue.h"

struct rpc_endpoint {
	char *server; /* as the user wrote it */
	char *target; /* as gRPC wants it */
	grpc_channel_credentials *creds;
	struct rpc_keepalive keepalive;
};

/* 0, or a negative errno with `e`, and nothing to undo. After rpc_init. */
int rpc_endpoint_init(struct rpc_endpoint *ep, const struct rpc_client_opts *o, struct err *e);
void rpc_endpoint_done(struct rpc_endpoint *ep); /* {0} is fine */
grpc_channel *rpc_endpoint_channel(const struct rpc_endpoint *ep);

/* ---- one call */

struct rpc_exchange { /* {0} is none */
	grpc_call *call;
	grpc_byte_buffer *request, *answer;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice details;
	const char *debug; /* gRPC's own words on a failure */
};

grpc_byte_buffer *rpc_request_encode(const ProtobufCMessage *m);
/* Takes the request. */
void rpc_exchange_init(struct rpc_exchange *x, grpc_channel *channel, grpc_completion_queue *cq,
		       const char *path, grpc_byte_buffer *request, gpr_timespec deadline);
void rpc_exchange_done(struct rpc_exchange *x);
/* Send the request and receive what begins the answer (and, when `whole`, the answer); and
 * receive the status. Two batches, each with its tag. */
void rpc_exchange_start(struct rpc_exchange *x, bool whole, struct rpc_tag *tag,
			struct rpc_tag *status_tag);
void rpc_exchange_receive(struct rpc_exchange *x,
			  struct rpc_tag *tag); /* the next message of a stream */
/* The message received: RPC_OK, or RPC_INTERNAL with `e`. */
enum rpc_status rpc_exchange_decode(const struct rpc_exchange *x,
				    const ProtobufCMessageDescriptor *d, ProtobufCMessage **ret,
				    struct err *e);
/* Of a status that is not OK: which, and a sentence: the server's, or why it could not be asked.
 * `timeout` is what was allowed. */
enum rpc_status rpc_exchange_failed(const struct rpc_endpoint *ep, const struct rpc_exchange *x,
				    dur_ns timeout, struct err *e);
/* Did the status come from the server? */
bool rpc_exchange_answered(const struct rpc_exchange *x);
