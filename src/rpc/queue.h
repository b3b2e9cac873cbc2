/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/queue.h - a completion queue and what its events are tagged with (private to rpc/). */
#pragma once

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdbool.h>

/* What a completion is tagged with; fn runs on the thread that sits on the queue. */
struct rpc_tag {
	void (*fn)(struct rpc_tag *t, bool ok);
};

/* Sit on the queue until it is shut down and empty. */
void rpc_queue_drain(grpc_completion_queue *cq);
/* A thread with all signals blocked. */
void rpc_thread_start(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg);
