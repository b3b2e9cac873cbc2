/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/queue.h"

#include <assert.h>
#include <signal.h>

#include <grpc/support/time.h>

void rpc_queue_drain(grpc_completion_queue *cq)
{
	for (;;) {
		grpc_event ev = grpc_completion_queue_next(cq, gpr_inf_future(GPR_CLOCK_MONOTONIC),
							   NULL);
		if (ev.type == GRPC_QUEUE_SHUTDOWN)
			return;
		struct rpc_tag *t = ev.tag;
		atomic_load_explicit(&t->fn, memory_order_acquire)(t, ev.success);
	}
}

void rpc_thread_start(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	r = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(r == 0);
	(void)pthread_setname_np(*ret, name);
}
