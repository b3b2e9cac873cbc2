/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/init.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "loop/thread.h"

#define KEEPALIVE (30 * NS_PER_S)

static void *init(void *arg _unused_)
{
	grpc_init();
	return NULL;
}

void rpc_init(void)
{
	pthread_t t;

	/* It writes lines of its own to stderr, among which ours would drown. */
	setenv("GRPC_VERBOSITY", "NONE", 0);
	/* its own threads are then as this one: without signals, and behind probes */
	thread_start_behind(&t, "grpc-init", init, NULL);
	pthread_join(t, NULL);
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
