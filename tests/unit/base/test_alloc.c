/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_zero_sizes(void **state)
{
	void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xreallocarray(NULL, 0, 4);
	void *d = xmemdup(NULL, 0);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_non_null(d);
	free(a);
	free(b);
	free(c);
	free(d);
}

static void test_copies(void **state)
{
	_cleanup_free_ char *a = xstrdup("abc"), *b = xstrndup("abcdef", 3);
	_cleanup_free_ char *c = xstrndup("ab", 9), *d = xasprintf("%s-%d", "x", 7);
	_cleanup_free_ int *z = xcalloc(4, sizeof *z);

	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc");
	assert_string_equal(c, "ab");
	assert_string_equal(d, "x-7");
	assert_int_equal(z[0] | z[1] | z[2] | z[3], 0);
}

/* Death is the contract: a product that overflows, and memory the machine does not have. */
static void child_dies(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

static volatile size_t huge = SIZE_MAX / 2 + 8;

static void overflow(void)
{
	free(xreallocarray(NULL, huge, 2));
}

static void too_much(void)
{
	free(xmalloc(huge));
}

static void test_failure_aborts(void **state)
{
	child_dies(overflow);
	child_dies(too_much);
}

struct outer {
	int before;
	int member;
};

static void test_macros(void **state)
{
	struct outer o = { 0 };
	int a[7];

	assert_ptr_equal(CONTAINER_OF(&o.member, struct outer, member), &o);
	assert_int_equal(ARRAY_LEN(a), 7);
	assert_int_equal(MIN(2, 3), 2);
	assert_int_equal(MAX(2, 3), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_sizes),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_failure_aborts),
		cmocka_unit_test(test_macros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
