/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/thread.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"

struct start {
	void *(*fn)(void *arg);
	void *arg;
};

static void step_back(void)
{
	const struct sched_param none = { 0 };

	/* Neither can be refused: both give up something. */
	(void)pthread_setschedparam(pthread_self(), SCHED_OTHER, &none);
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), THREAD_BEHIND);
}

static void *behind(void *start)
{
	struct start s = *(struct start *)start;

	free(start);
	step_back();
	return s.fn(s.arg);
}

void thread_start(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(r == 0);
	r = pthread_setname_np(*ret, name);
	assert(r != ERANGE);
}

void thread_start_behind(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg)
{
	struct start *s = xmalloc(sizeof *s);

	*s = (struct start){ .fn = fn, .arg = arg };
	thread_start(ret, name, behind, s);
}
