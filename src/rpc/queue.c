/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/queue.h"

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
