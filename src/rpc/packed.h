/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/packed.h - messages serialised once, to be sent on any number of streams.
 *
 * A packed is built by one thread, sealed by its first use, and shared from then on: references may
 * be taken and dropped on any thread. All its messages lie in one block of memory. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct rpc_packed;

struct rpc_packed *rpc_packed_new(void); /* empty; one reference, the caller's */
struct rpc_packed *rpc_packed_one(const ProtobufCMessage *m); /* with one message in it */
/* Serialise `m` to the end, as rpc_message_encode does. Not once it was sent. */
void rpc_packed_add(struct rpc_packed *p, const ProtobufCMessage *m);
size_t rpc_packed_count(const struct rpc_packed *p);
struct rpc_packed *rpc_packed_ref(struct rpc_packed *p);
void rpc_packed_unref(struct rpc_packed *p); /* NULL is fine */
