/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"

struct item {
	int v;
	struct list node;
};

static void expect(struct list *head, const int *want, int n)
{
	int i = 0;

	list_foreach (head, l) {
		assert_true(i < n);
		assert_int_equal(CONTAINER_OF(l, struct item, node)->v, want[i++]);
	}
	assert_int_equal(i, n);
}

static void test_list(void **state)
{
	struct item a = { .v = 1 }, b = { .v = 2 }, c = { .v = 3 };
	struct list head;

	list_init(&head);
	assert_true(list_empty(&head));
	assert_false(list_linked(&a.node)); /* zeroed */
	list_remove(&a.node);               /* never added: harmless */
	assert_false(list_linked(&a.node)); /* initialised */
	list_add_tail(&head, &a.node);
	list_add_tail(&head, &b.node);
	list_add_tail(&head, &c.node);
	assert_true(list_linked(&b.node));
	expect(&head, (int[]){ 1, 2, 3 }, 3);
	list_remove(&b.node);
	list_remove(&b.node);
	assert_false(list_linked(&b.node));
	expect(&head, (int[]){ 1, 3 }, 2);
	list_foreach (&head, l)
		list_remove(l);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
