/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tally.h"

#include "base/alloc.h"

/* Prometheus' default buckets. */
const double rpc_counts_bucket_s[RPC_COUNTS_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
							 0.5,   1,    2.5,   5,    10 };

static void add(_Atomic uint64_t *n, uint64_t by)
{
	atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void rpc_tally_started(struct rpc_tally *t)
{
	if (t)
		add(&t->started, 1);
}

void rpc_tally_received(struct rpc_tally *t)
{
	if (t)
		add(&t->received, 1);
}

void rpc_tally_sent(struct rpc_tally *t)
{
	if (t)
		add(&t->sent, 1);
}

void rpc_tally_handled(struct rpc_tally *t, enum rpc_status status, dur_ns took)
{
	size_t i = 0;

	if (!t)
		return;
	if ((unsigned)status >= RPC_STATUS_N)
		status = RPC_UNKNOWN;
	took = MAX(took, 0);
	while (i < RPC_COUNTS_BUCKETS && (double)took > rpc_counts_bucket_s[i] * (double)NS_PER_S)
		i++;
	add(&t->durations[i], 1);
	add(&t->duration_ns, (uint64_t)took);
	add(&t->handled[status], 1);
}

void rpc_tally_read(const struct rpc_tally *t, struct rpc_counts *ret)
{
	ret->started = get(&t->started);
	ret->received = get(&t->received);
	ret->sent = get(&t->sent);
	ret->duration_ns = get(&t->duration_ns);
	for (size_t i = 0; i < RPC_STATUS_N; i++)
		ret->handled[i] = get(&t->handled[i]);
	for (size_t i = 0; i <= RPC_COUNTS_BUCKETS; i++)
		ret->durations[i] = get(&t->durations[i]);
}
