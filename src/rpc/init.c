/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/init.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define KEEPALIVE (30 * NS_PER_S)

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

int rpc_keepalive_ms(const struct rpc_keepalive *k)
{
	return (int)((k->after ? k->after : KEEPALIVE) / NS_PER_MS);
}

int rpc_keepalive_timeout_ms(const struct rpc_keepalive *k)
{
	return k->timeout ? (int)(k->timeout / NS_PER_MS) : rpc_keepalive_ms(k) / 3;
}
