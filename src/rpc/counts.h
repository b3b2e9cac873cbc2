/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/counts.h - what a server counts of its calls, for metrics. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/status.h"

#define RPC_STATUS_N       (RPC_UNAUTHENTICATED + 1)
#define RPC_COUNTS_BUCKETS 11

extern const double rpc_counts_bucket_s[RPC_COUNTS_BUCKETS]; /* upper bounds, seconds */

struct rpc_counts {
	const char *path;        /* of the method */
	const char *type;        /* "unary", "server_stream", "bidi_stream" */
	uint64_t started;        /* calls */
	uint64_t received, sent; /* messages */
	uint64_t handled[RPC_STATUS_N];
	uint64_t durations[RPC_COUNTS_BUCKETS + 1]; /* of the handled; not cumulative */
	uint64_t duration_ns;                       /* their sum */
};

struct rpc_server;
/* Those of the server's i-th method since its start; false: there are not so many. Calls of unknown
 * methods are not counted. Owner's thread; the figures of calls under way on gRPC's may be a moment
 * apart. */
bool rpc_server_counts(const struct rpc_server *s, size_t i, struct rpc_counts *ret);
