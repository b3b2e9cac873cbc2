/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/stream.h - answering a call with a stream of messages (server side).
 *
 * The method is registered with kind RPC_SERVER_STREAM or RPC_BIDI_STREAM. Its handler gets the
 * call as any other does and either fails it or makes it a stream. From then on the owner puts
 * messages on the stream's queue; they leave in that order, and no hop to the owner's thread is
 * made per message: gRPC's thread takes the next when one has left.
 *
 * All functions are called on the owner's thread. Nothing here calls back from inside itself. */
#pragma once

#include <stdbool.h>

#include "rpc/packed.h"
#include "rpc/server.h"

/* Messages that wait for one reader. At 50 events a second it may stall for more than a minute. */
#define RPC_STREAM_QUEUE_MAX 4096
/* Streams at a time, of all clients; more are refused with RESOURCE_EXHAUSTED. A thousand
 * subscribers are normal; one connection (with its 2,048 streams) must not take all there are. */
#define RPC_STREAMS_MAX 4096

struct rpc_stream;

struct rpc_stream_ops {
	/* The client has gone, its deadline has passed, or the stream was cut for being slow.
	 * Required; at most once; the stream is gone when it returns. Never after rpc_stream_end.
	 */
	void (*closed)(void *ctx, struct rpc_stream *st);
	/* RPC_BIDI_STREAM: the client's next message (the stream's, until this returns). It is not
	 * asked for before all that was sent until then has left, so that a client which sends and
	 * does not read is not a queue. */
	void (*message)(void *ctx, struct rpc_stream *st, const ProtobufCMessage *m);
	/* RPC_BIDI_STREAM: no more of these come. */
	void (*half_closed)(void *ctx, struct rpc_stream *st);
	/* RPC_SERVER_STREAM that begins with much: it is this stream's turn to (a few begin at a
	 * time), so now is the moment for rpc_stream_begin. Set: called once, from the loop, unless
	 * the stream ends before. NULL: it begins at once. */
	void (*turn)(void *ctx, struct rpc_stream *st);
};

/* Make a stream of a call, in its handler or later, instead of ending it. The call is the stream's
 * now. `ops` must outlive it. */
struct rpc_stream *rpc_stream_open(struct rpc_call *c, const struct rpc_stream_ops *ops, void *ctx);
/* Where the stream begins: these messages do not count for RPC_STREAM_QUEUE_MAX (a snapshot may be
 * longer than that, and is shared). Before the first rpc_stream_send. Takes no reference away. */
void rpc_stream_begin(struct rpc_stream *st, struct rpc_packed *p);
/* Send these (takes a reference of its own). A reader that is RPC_STREAM_QUEUE_MAX messages behind
 * is cut: what waits is dropped and its stream ends with RESOURCE_EXHAUSTED "subscriber too slow";
 * `closed` tells, later. */
void rpc_stream_send(struct rpc_stream *st, struct rpc_packed *p);
/* As rpc_stream_send, for news to many readers: it leaves at once when nothing was sent so for a
 * tenth of a second, else together with what else comes until a tenth of a second is over. */
void rpc_stream_send_paced(struct rpc_stream *st, struct rpc_packed *p);
/* End it when all that was sent has left; the pointer is dead. */
void rpc_stream_end(struct rpc_stream *st, enum rpc_status status, const char *text);
