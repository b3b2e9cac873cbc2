/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/queue.h - a completion queue and what its events are tagged with (private to rpc/). */
#pragma once

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What a completion is tagged with; fn runs on the thread that sits on the queue. */
struct rpc_tag {
	void (*_Atomic fn)(struct rpc_tag *t, bool ok);
};

/* Before each operation that is started with it: what this thread has written so far, fn will see.
 * (gRPC's own locks do the same, but no tool can see into them, nor does its interface say so.) */
static inline void rpc_tag_arm(struct rpc_tag *t)
{
	atomic_store_explicit(&t->fn, atomic_load_explicit(&t->fn, memory_order_relaxed),
			      memory_order_release);
}

/* Sit on the queue until it is shut down and empty. */
void rpc_queue_drain(grpc_completion_queue *cq);
