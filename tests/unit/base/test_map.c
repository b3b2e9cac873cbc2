/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static void test_empty(void **state)
{
	struct map m = { 0 };
	size_t it = 0;

	assert_null(map_get_z(&m, "x"));
	assert_null(map_del_z(&m, "x"));
	assert_null(map_next(&m, &it));
	map_done(&m);
}

static void test_basics(void **state)
{
	struct map m = { 0 };
	char a[] = "alpha", again[] = "alpha";
	int one = 1, two = 2;

	assert_null(map_put_z(&m, a, &one));
	assert_ptr_equal(map_get_z(&m, "alpha"), &one);
	assert_null(map_get_z(&m, "alph"));
	assert_ptr_equal(map_put_z(&m, again, &two), &one);
	a[0] = 'X'; /* the first key may be gone once it is replaced */
	assert_ptr_equal(map_get_z(&m, "alpha"), &two);
	assert_int_equal(m.n, 1);
	assert_null(map_put(&m, NULL, 0, &one)); /* the empty key is a key */
	assert_ptr_equal(map_get(&m, "", 0), &one);
	assert_null(map_put(&m, "\0b", 2, &one)); /* bytes, not strings */
	assert_ptr_equal(map_get(&m, "\0b", 2), &one);
	assert_null(map_get(&m, "\0c", 2));
	assert_ptr_equal(map_del_z(&m, "alpha"), &two);
	assert_null(map_get_z(&m, "alpha"));
	map_done(&m);
}

#define KEYS 512

/* Against an array that is always right. Few enough keys that entries come, go and come again, so
 * that tombstones pile up and are swept. */
static void test_random_walk(void **state)
{
	static uint32_t keys[KEYS];
	static int values[KEYS][2];
	int *naive[KEYS] = { 0 };
	size_t n = 0;
	struct map m = { 0 };
	struct rng r;

	rng_init(&r, 20261120);
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = i * 2654435761u;
	for (int step = 0; step < 300000; step++) {
		size_t k = rng_below(&r, KEYS);
		int *v = &values[k][rng_below(&r, 2)];
		bool grow = rng_below(&r, 100) < (step / 50000 % 2 ? 30u : 70u);
		void *got = grow ? map_put(&m, &keys[k], sizeof keys[k], v)
				 : map_del(&m, &keys[k], sizeof keys[k]);

		assert_ptr_equal(got, naive[k]);
		n += (grow && !naive[k]) - (size_t)(!grow && naive[k]);
		naive[k] = grow ? v : NULL;
		assert_int_equal(m.n, n);
		k = rng_below(&r, KEYS);
		assert_ptr_equal(map_get(&m, &keys[k], sizeof keys[k]), naive[k]);
	}
	assert_true(m.cap <= 4 * KEYS); /* tombstones never make it grow for good */
	map_done(&m);
}

/* Each live entry comes once, and the one just returned may go. */
static void test_iteration_deletes(void **state)
{
	static struct {
		uint32_t key;
		int seen;
	} e[1000], *v;
	struct map m = { 0 };
	size_t it = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		e[i].key = i;
		map_put(&m, &e[i].key, sizeof e[i].key, &e[i]);
	}
	while ((v = map_next(&m, &it))) {
		v->seen++;
		if (v->key % 3 == 0)
			assert_ptr_equal(map_del(&m, &v->key, sizeof v->key), v);
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(e[i].seen, 1);
	assert_int_equal(m.n, 666);
	map_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_random_walk),
		cmocka_unit_test(test_iteration_deletes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
