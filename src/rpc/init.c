/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/init.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

void rpc_init(void)
{
	sigset_t all, before;

	/* It writes lines of its own to stderr, among which ours would drown. */
	setenv("GRPC_VERBOSITY", "NONE", 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	grpc_init();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void rpc_shutdown(void)
{
	grpc_shutdown();
}

grpc_arg rpc_arg_int(const char *key, int value)
{
	union {
		const char *given;
		char *wanted;
	} k = { .given = key };
	grpc_arg a = { .type = GRPC_ARG_INTEGER, .key = k.wanted };

	a.value.integer = value;
	return a;
}
