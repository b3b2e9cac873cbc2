/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts that are asserted: see that they are, without a process for each. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static sigjmp_buf dies_return;

static inline void dies_aborted(int sig)
{
	siglongjmp(dies_return, sig);
}

/* Swap stderr (assert's message is no news here) and SIGABRT's handler; returns the old stderr. */
static inline int dies_begin(void)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)dup2(null, STDERR_FILENO);
	(void)close(null);
	(void)signal(SIGABRT, dies_aborted);
	return saved;
}

static inline void dies_end(int saved)
{
	(void)signal(SIGABRT, SIG_DFL);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
}

#define assert_dies(CALL)                                                                          \
	do {                                                                                       \
		const int dies_saved = dies_begin();                                               \
		const bool dies_survived = sigsetjmp(dies_return, 1) == 0 && ((void)(CALL), 1);    \
		dies_end(dies_saved);                                                              \
		if (dies_survived)                                                                 \
			fail_msg("%s did not assert", #CALL);                                      \
	} while (0)
