/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/internal.h"

#define FDS 40

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

struct table {
	int fds[FDS];
	int *keep;
	size_t n;
	bool open[FDS]; /* there, afterwards */
	bool standard;
	int theirs; /* opened there: not ours */
};

static void *in_thread(void *table)
{
	struct table *t = table;

	fdtable_own(t->keep, t->n);
	for (size_t i = 0; i < FDS; i++)
		t->open[i] = is_open(t->fds[i]);
	t->standard = is_open(0) && is_open(1) && is_open(2);
	t->theirs = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static struct table run(int *keep, size_t n, const int *fds)
{
	struct table t = { .keep = keep, .n = n };
	pthread_t thread;

	for (size_t i = 0; i < FDS; i++)
		t.fds[i] = fds[i];
	assert_int_equal(pthread_create(&thread, NULL, in_thread, &t), 0);
	pthread_join(thread, NULL);
	return t;
}

static void fds_open(int fds[static FDS])
{
	for (size_t i = 0; i < FDS; i++)
		assert_true((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
}

static void fds_close(const int fds[static FDS])
{
	for (size_t i = 0; i < FDS; i++)
		assert_int_equal(close(fds[i]), 0); /* still ours */
}

/* Whether this kernel, and the sanitizer that may be in here, let a thread have its own. */
static bool possible(void)
{
	int fds[FDS], none[1] = { -1 };
	struct table t;

	fds_open(fds);
	t = run(none, 1, fds);
	fds_close(fds);
	return !t.open[0];
}

static void test_all_but_the_kept_are_gone(void **state)
{
	int fds[FDS];

	if (!possible())
		skip();
	for (unsigned seed = 1; seed <= 50; seed++) {
		int keep[FDS + 2] = { -1, 1 };
		bool kept[FDS] = { 0 };
		size_t n = 2;
		struct table t;

		srand(seed);
		fds_open(fds);
		for (size_t i = FDS; i-- > 0;)
			if ((kept[i] = rand() % 3 == 0))
				keep[n++] = fds[i]; /* falling: in no order to rely on */
		t = run(keep, n, fds);
		assert_true(t.standard);
		for (size_t i = 0; i < FDS; i++)
			assert_int_equal(t.open[i], kept[i]);
		fds_close(fds);
	}
}

static void test_what_it_opens_is_its_own(void **state)
{
	int fds[FDS], none[1] = { -1 };
	struct table t;

	if (!possible())
		skip();
	fds_open(fds);
	t = run(none, 1, fds);
	assert_true(t.theirs >= 0);
	/* the lowest number that was free there, and one of our own here */
	assert_true(t.theirs <= fds[0]);
	fds_close(fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_but_the_kept_are_gone),
		cmocka_unit_test(test_what_it_opens_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
