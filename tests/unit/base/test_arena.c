/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define PIECES 5000

/* Pieces of all sizes, around the block's and beyond it: zeroed, aligned, none over another. */
static void test_pieces(void **state)
{
	static unsigned char *piece[PIECES];
	static size_t size[PIECES];
	struct arena a = { 0 };
	struct rng r;

	rng_init(&r, 1);
	for (size_t i = 0; i < PIECES; i++) {
		size[i] = (size_t)rng_below(&r, rng_below(&r, 50) ? 200 : 70000);
		piece[i] = arena_alloc(&a, size[i]);
		assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < size[i]; k++)
			if (piece[i][k])
				fail_msg("piece %zu is not zeroed", i);
		memset(piece[i], (int)(i % 255) + 1, size[i]);
	}
	for (size_t i = 0; i < PIECES; i++)
		for (size_t k = 0; k < size[i]; k++)
			if (piece[i][k] != i % 255 + 1)
				fail_msg("piece %zu was written over", i);
	arena_done(&a);
	assert_null(a.head);
}

static void test_helpers(void **state)
{
	struct arena a = { 0 };
	int *n = ARENA_NEW(&a, int), *v = ARENA_ARRAY(&a, 100, int);
	const char *s = arena_strdup(&a, "text");

	assert_int_equal(*n, 0);
	assert_int_equal(v[99], 0);
	assert_string_equal(s, "text");
	arena_done(&a);
	arena_done(&a); /* empty: nothing to do */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
