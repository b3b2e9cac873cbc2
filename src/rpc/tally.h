/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/tally.h - counting the calls of one method, on any thread (private to rpc/). */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/dur.h"
#include "rpc/counts.h"

struct rpc_tally { /* {0} is fresh */
	_Atomic uint64_t started, received, sent, duration_ns;
	_Atomic uint64_t handled[RPC_STATUS_N], durations[RPC_COUNTS_BUCKETS + 1];
};

/* NULL, for methods that nobody knows, counts nothing. */
void rpc_tally_started(struct rpc_tally *t);
void rpc_tally_received(struct rpc_tally *t);
void rpc_tally_sent(struct rpc_tally *t);
void rpc_tally_handled(struct rpc_tally *t, enum rpc_status status, dur_ns took);
void rpc_tally_read(const struct rpc_tally *t, struct rpc_counts *ret); /* but path and type */
