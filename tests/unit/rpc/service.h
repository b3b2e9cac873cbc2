/* SPDX-License-Identifier: Apache-2.0 */
/* A small service for the tests of rpc/, on the messages of maglev.proto.
 *
 *   GetVersion      who calls: version = peer, commit = subject, build_date = "local authenticated"
 *   GetBackend      by name: "hang" waits for its cancellation, "late" answers after a while,
 *                   "missing" is NOT_FOUND, "bytes" answers with bytes that are no UTF-8,
 *                   "never" is not ended at all, "big" has an answer of SERVICE_BIG bytes, anything
 * else comes back, cut to 100 bytes ListBackends    counter fields: what the service has seen
 */
#pragma once

#include <stddef.h>

#include "loop/loop.h"
#include "rpc/server.h"

#define SERVICE_HELD_MAX 4096
#define SERVICE_BIG      (3u << 20)

struct service {
	struct loop *loop;
	struct timer late;
	struct rpc_call *late_call;
	struct rpc_call *held[SERVICE_HELD_MAX]; /* "hang" and "never", until ended */
	size_t n_held;
	int calls, cancelled;
	mono_ns deadline;    /* of the last call */
	bool keep_cancelled; /* do not end a call that was cancelled */
};

extern const struct rpc_method service_methods[];
extern const size_t service_n_methods;

/* End everything that is held, as UNAVAILABLE. */
void service_release(struct service *sv);
