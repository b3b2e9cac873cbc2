/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
	struct err e = { 0 };

	assert_int_equal(err_set(&e, -EINVAL, "bad %s %d", "thing", 3), -EINVAL);
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(e.msg, "bad thing 3");
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
}

static void test_errno(void **state)
{
	struct err e = { 0 };

	assert_int_equal(err_set_errno(&e, ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	assert_int_equal(err_set_errno(NULL, EACCES, "x"), -EACCES);
}

static void test_prefix(void **state)
{
	struct err e = { 0 };

	err_set(&e, -EPERM, "not allowed");
	assert_int_equal(err_prefix(&e, "pausing %s: ", "web"), -EPERM);
	assert_string_equal(e.msg, "pausing web: not allowed");
	assert_int_equal(err_prefix(NULL, "x"), 0);
}

/* Too long a message is cut at the end, context in front is what survives. */
static void test_truncation(void **state)
{
	char big[2 * ERR_MSG_MAX];
	struct err e = { 0 };

	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	err_set_errno(&e, EIO, "%s", big);
	assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
	err_prefix(&e, "ctx: ");
	assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(e.msg, "ctx: aaa", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
