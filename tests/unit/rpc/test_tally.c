/* SPDX-License-Identifier: Apache-2.0 */
/* Counting calls: each in its bucket and under its status, from several threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "rpc/tally.h"

static void every_call_has_its_bucket(void **state)
{
	static const struct {
		dur_ns took;
		size_t bucket;
	} cases[] = {
		{ -1, 0 },
		{ 0, 0 },
		{ 5 * NS_PER_MS, 0 }, /* inclusive */
		{ 5 * NS_PER_MS + 1, 1 },
		{ 10 * NS_PER_S, RPC_COUNTS_BUCKETS - 1 },
		{ 10 * NS_PER_S + 1, RPC_COUNTS_BUCKETS },
		{ INT64_MAX, RPC_COUNTS_BUCKETS },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rpc_tally t = { 0 };
		struct rpc_counts c = { 0 };

		rpc_tally_handled(&t, RPC_OK, cases[i].took);
		rpc_tally_read(&t, &c);
		assert_int_equal(c.durations[cases[i].bucket], 1);
		assert_int_equal(c.duration_ns, cases[i].took < 0 ? 0 : cases[i].took);
		assert_int_equal(c.handled[RPC_OK], 1);
	}
}

static void statuses(void **state)
{
	struct rpc_tally t = { 0 };
	struct rpc_counts c = { 0 };

	for (unsigned s = 0; s < RPC_STATUS_N; s++)
		for (unsigned i = 0; i <= s; i++)
			rpc_tally_handled(&t, (enum rpc_status)s, 0);
	rpc_tally_handled(&t, (enum rpc_status)77, 0); /* none of gRPC's */
	rpc_tally_read(&t, &c);
	for (unsigned s = 0; s < RPC_STATUS_N; s++)
		assert_int_equal(c.handled[s], s + 1 + (s == RPC_UNKNOWN));
}

static void nobody_counts_for_unknown_methods(void **state)
{
	rpc_tally_started(NULL);
	rpc_tally_received(NULL);
	rpc_tally_sent(NULL);
	rpc_tally_handled(NULL, RPC_UNIMPLEMENTED, 1);
}

#define ROUNDS 10000

static void *work(void *arg)
{
	struct rpc_tally *t = arg;

	for (int i = 0; i < ROUNDS; i++) {
		rpc_tally_started(t);
		rpc_tally_received(t);
		rpc_tally_sent(t);
		rpc_tally_handled(t, RPC_NOT_FOUND, NS_PER_S);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct rpc_tally t = { 0 };
	struct rpc_counts c = { 0 };
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &t), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	rpc_tally_read(&t, &c);
	assert_int_equal(c.started, 4 * ROUNDS);
	assert_int_equal(c.received, 4 * ROUNDS);
	assert_int_equal(c.sent, 4 * ROUNDS);
	assert_int_equal(c.handled[RPC_NOT_FOUND], 4 * ROUNDS);
	assert_int_equal(c.duration_ns, 4 * ROUNDS * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_has_its_bucket),
		cmocka_unit_test(statuses),
		cmocka_unit_test(nobody_counts_for_unknown_methods),
		cmocka_unit_test(threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
