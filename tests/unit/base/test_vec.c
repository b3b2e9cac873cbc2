/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
	int a;
	char pad[13];
};

static void test_push_and_add(void **state)
{
	VEC(struct item) v = { 0 };

	for (int i = 0; i < 1000; i++) {
		if (i % 2)
			vec_push(&v, ((struct item){ .a = i }));
		else
			vec_add(&v)->a = i;
	}
	assert_int_equal(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.v[i].a, i);
	vec_clear(&v);
	assert_int_equal(v.n, 0);
	assert_int_equal(vec_add(&v)->a, 0); /* zeroed, though the memory was used before */
	vec_done(&v);
	assert_null(v.v);
	assert_int_equal(v.cap, 0);
}

static void test_reserve(void **state)
{
	VEC(uint64_t) v = { 0 };
	uint64_t *p;

	vec_reserve(&v, 100);
	p = v.v;
	for (uint64_t i = 0; i < 100; i++)
		vec_push(&v, i);
	assert_ptr_equal(v.v, p);
	assert_true(v.cap >= 100);
	vec_done(&v);
}

static void test_fit(void **state)
{
	VEC(struct item) v = { 0 };

	vec_fit(&v, 1);
	assert_int_equal(v.cap, 1);
	vec_push(&v, ((struct item){ .a = 1 }));
	assert_int_equal(v.cap, 1);
	vec_fit(&v, 3);
	assert_int_equal(v.cap, 3);
	vec_fit(&v, 2); /* never less */
	assert_int_equal(v.cap, 3);
	assert_int_equal(v.v[0].a, 1);
	vec_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_and_add),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
