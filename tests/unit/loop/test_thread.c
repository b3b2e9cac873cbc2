/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "loop/thread.h"

struct seen {
	int niceness, policy;
	sigset_t blocked;
};

static void look(struct seen *s)
{
	s->niceness = getpriority(PRIO_PROCESS, (id_t)gettid());
	s->policy = sched_getscheduler(0);
	pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
}

static void *looker(void *seen)
{
	look(seen);
	return seen;
}

/* What a thread of the library's would find that one of ours starts. */
static void *starter(void *seen)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, looker, seen), 0);
	pthread_join(t, NULL);
	return seen;
}

static struct seen run(void (*start)(pthread_t *, const char *, void *(*)(void *), void *),
		       void *(*fn)(void *))
{
	struct seen s = { 0 };
	pthread_t t;
	void *ret;

	start(&t, "a-name", fn, &s);
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_ptr_equal(ret, &s);
	return s;
}

static void test_signals_are_the_main_threads(void **state)
{
	const int some[] = { SIGTERM, SIGHUP, SIGPIPE, SIGUSR1 };
	struct seen before, after, s = run(thread_start, looker);

	look(&before);
	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		assert_int_equal(sigismember(&s.blocked, some[i]), 1);
		assert_int_equal(sigismember(&before.blocked, some[i]), 0);
	}
	s = run(thread_start_behind, looker);
	assert_int_equal(sigismember(&s.blocked, SIGTERM), 1);
	look(&after); /* the caller's own mask is as it was */
	assert_int_equal(sigismember(&after.blocked, SIGTERM), 0);
}

static void test_who_steps_back(void **state)
{
	struct seen own, s = run(thread_start, looker);

	look(&own);
	assert_int_equal(s.niceness, own.niceness);
	s = run(thread_start_behind, looker);
	assert_int_equal(s.niceness, THREAD_BEHIND);
	s = run(thread_start_behind, starter);
	assert_int_equal(s.niceness, THREAD_BEHIND);
	look(&own);
	assert_true(own.niceness < THREAD_BEHIND);
}

static void test_a_real_time_class_is_left(void **state)
{
	const struct sched_param one = { .sched_priority = 1 }, none = { 0 };
	struct seen kept, left;

	if (sched_setscheduler(0, SCHED_RR, &one) < 0)
		skip(); /* not allowed */
	kept = run(thread_start, looker);
	left = run(thread_start_behind, starter);
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	assert_int_equal(kept.policy, SCHED_RR);
	assert_int_equal(left.policy, SCHED_OTHER);
	assert_int_equal(left.niceness, THREAD_BEHIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_the_main_threads),
		cmocka_unit_test(test_who_steps_back),
		cmocka_unit_test(test_a_real_time_class_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
