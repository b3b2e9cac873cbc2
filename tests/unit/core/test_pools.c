/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/pools.h"
#include "dies.h"

#define MAX_MEMBERS 4
#define MAX_POOLS   3

static const int weights[] = { 0, 1, 100 };
#define N_WEIGHTS 3

/* The naive model: pool by pool, as one would tell it. */
static bool pool_serves(const struct pools_member *m, size_t n, unsigned pool)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].pool == pool && m[i].state == HEALTH_UP && m[i].weight > 0)
			return true;
	return false;
}

static unsigned naive_active(const struct pools_member *m, size_t n)
{
	for (unsigned pool = 0; pool < MAX_POOLS; pool++)
		if (pool_serves(m, n, pool))
			return pool;
	return 0;
}

static bool naive_flush(enum health_state s, bool flush_on_down)
{
	switch (s) {
	case HEALTH_DOWN:
		return flush_on_down;
	case HEALTH_DISABLED:
	case HEALTH_REMOVED:
		return true;
	case HEALTH_UNKNOWN:
	case HEALTH_UP:
	case HEALTH_PAUSED:
	case HEALTH_STATE_N:
		break;
	}
	return false;
}

static void check(const struct pools_member *m, size_t n, bool flush_on_down)
{
	struct pools_verdict v[MAX_MEMBERS + 1] = { [0 ... MAX_MEMBERS] = { -7, true } };
	struct pools_result r = pools_evaluate(m, n, flush_on_down, v);
	unsigned active = naive_active(m, n);
	bool all_unknown = n > 0, any_weight = false;

	assert_int_equal(r.active_pool, active);
	for (size_t i = 0; i < n; i++) {
		bool serves = m[i].pool == active && m[i].state == HEALTH_UP;

		assert_int_equal(v[i].weight, serves ? m[i].weight : 0);
		assert_int_equal(v[i].flush, naive_flush(m[i].state, flush_on_down));
		all_unknown &= m[i].state == HEALTH_UNKNOWN;
		any_weight |= v[i].weight > 0;
	}
	assert_int_equal(v[n].weight, -7); /* writes n verdicts, no more */
	assert_int_equal(r.state, any_weight    ? FRONTEND_UP
				  : all_unknown ? FRONTEND_UNKNOWN
						: FRONTEND_DOWN);
}

/* All states x tiers x weights for member i and those behind it. */
static void enumerate(struct pools_member *m, size_t i, size_t n)
{
	if (i == n) {
		check(m, n, false);
		check(m, n, true);
		return;
	}
	for (unsigned pool = i ? m[i - 1].pool : 0; pool < MAX_POOLS; pool++)
		for (int w = 0; w < N_WEIGHTS; w++)
			for (enum health_state s = 0; s < HEALTH_STATE_N; s++) {
				m[i] = (struct pools_member){ pool, weights[w], s };
				enumerate(m, i + 1, n);
			}
}

static void test_exhaustively(void **state)
{
	struct pools_member m[MAX_MEMBERS];

	for (size_t n = 0; n <= MAX_MEMBERS; n++)
		enumerate(m, 0, n);
}

static void test_failover_and_back(void **state)
{
	struct pools_member m[] = {
		{ 0, 100, HEALTH_UP },
		{ 0, 50, HEALTH_UP },
		{ 1, 70, HEALTH_UP },
	};
	struct pools_verdict v[3];

	assert_int_equal(pools_evaluate(m, 3, true, v).active_pool, 0);
	assert_true(v[0].weight == 100 && v[1].weight == 50 && v[2].weight == 0);
	m[0].state = m[1].state = HEALTH_DOWN;
	assert_int_equal(pools_evaluate(m, 3, true, v).active_pool, 1);
	assert_true(v[0].weight == 0 && v[0].flush && v[2].weight == 70);
	m[1].state = HEALTH_UP; /* back: the fallback drains, its flows stay */
	assert_int_equal(pools_evaluate(m, 3, true, v).active_pool, 0);
	assert_true(v[1].weight == 50 && v[2].weight == 0 && !v[2].flush);
}

static void test_pool_without_weight_is_passed_over(void **state)
{
	const struct pools_member m[] = { { 0, 0, HEALTH_UP }, { 1, 10, HEALTH_UP } };
	struct pools_verdict v[2];
	struct pools_result r = pools_evaluate(m, 2, false, v);

	assert_int_equal(r.active_pool, 1);
	assert_int_equal(r.state, FRONTEND_UP);
	assert_int_equal(v[1].weight, 10);
}

static void test_names(void **state)
{
	assert_string_equal(frontend_state_name(FRONTEND_UNKNOWN), "unknown");
	assert_string_equal(frontend_state_name(FRONTEND_UP), "up");
	assert_string_equal(frontend_state_name(FRONTEND_DOWN), "down");
	assert_string_equal(frontend_state_name(FRONTEND_STATE_N), "?");
}

static void test_programmer_errors(void **state)
{
	const struct pools_member no_pool = { (unsigned)-1, 1, HEALTH_UP };
	const struct pools_member no_state = { 0, 1, HEALTH_STATE_N };
	struct pools_verdict v;

	assert_dies(pools_evaluate(&no_pool, 1, true, &v));
	assert_dies(pools_evaluate(&no_state, 1, true, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exhaustively),
		cmocka_unit_test(test_failover_and_back),
		cmocka_unit_test(test_pool_without_weight_is_passed_over),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
