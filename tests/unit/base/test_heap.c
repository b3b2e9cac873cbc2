/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rng.h"

#define NODES 200

static void test_order_of_equals(void **state)
{
	struct heap h = { 0 };
	struct heap_node n[50] = { 0 };

	for (int i = 0; i < 50; i++)
		heap_set(&h, &n[i], 7);
	heap_set(&h, &n[10], 7); /* setting again counts as a new insertion */
	for (int i = 0; i < 50; i++) {
		int want = i < 10 ? i : i < 49 ? i + 1 : 10;

		assert_ptr_equal(heap_min(&h), &n[want]);
		heap_remove(&h, &n[want]);
		assert_false(heap_has(&n[want]));
	}
	assert_null(heap_min(&h));
	heap_remove(&h, &n[3]); /* out already */
	heap_done(&h);
}

static const struct heap_node *naive_min(const struct heap_node *n)
{
	const struct heap_node *best = NULL;

	for (int i = 0; i < NODES; i++) {
		if (!n[i].pos)
			continue;
		if (!best || n[i].at < best->at || (n[i].at == best->at && n[i].seq < best->seq))
			best = &n[i];
	}
	return best;
}

static void test_random_walk(void **state)
{
	struct heap_node n[NODES] = { 0 };
	struct heap h = { 0 };
	struct rng r;

	rng_init(&r, 7);
	for (int step = 0; step < 100000; step++) {
		struct heap_node *x = &n[rng_below(&r, NODES)];
		uint64_t what = rng_below(&r, 10);

		if (what < 6)
			heap_set(&h, x, (int64_t)rng_below(&r, 50) - 25);
		else if (what < 8)
			heap_remove(&h, x);
		else if (heap_min(&h))
			heap_remove(&h, heap_min(&h));
		assert_ptr_equal(heap_min(&h), naive_min(n));
	}
	heap_done(&h);
	for (int i = 0; i < NODES; i++)
		assert_false(heap_has(&n[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_equals),
		cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
