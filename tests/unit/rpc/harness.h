/* SPDX-License-Identifier: Apache-2.0 */
/* A server on this thread's loop and a client on another thread, for test_server.c and others. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/client.h"
#include "rpc/server.h"
#include "service.h"

struct harness {
	struct loop *loop;
	struct service sv;
	struct rpc_server *server;
	struct rpc_server_opts opts; /* fill before harness_start what is not to be the default */
	char target[160];            /* where clients find it */
	char dir[64];                /* scratch directory */
	bool done;                   /* shutdown has finished */
};

void harness_init(struct harness *h);
void harness_start(struct harness *h); /* on opts.addr, 127.0.0.1:0 by default */
void harness_end(struct harness *h);

/* Run fn on a thread of its own, turning the loop until it returns. */
void harness_run(struct harness *h, void (*fn)(struct harness *h));
/* Start fn; harness_join turns the loop until it returns. */
struct runner;
struct runner *harness_spawn(struct harness *h, void (*fn)(struct harness *h));
void harness_join(struct harness *h, struct runner *r);
/* Turn the loop until *flag (which a handler on it sets). */
void harness_until(struct harness *h, const bool *flag);

/* cmocka's assertions jump, which only its own thread may: these are for the others. */
#define CHECK(COND)                                                                                \
	do {                                                                                       \
		if (!(COND)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #COND);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
#define CHECK_INT(A, B)                                                                            \
	do {                                                                                       \
		long long a_ = (long long)(A), b_ = (long long)(B);                                \
		if (a_ != b_) {                                                                    \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #A,   \
				a_, b_);                                                           \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
#define CHECK_STR(A, B)                                                                            \
	do {                                                                                       \
		if (strcmp((A), (B)) != 0) {                                                       \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,   \
				#A, (A), (B));                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Any thread: one call of GetBackend; returns the status, the answer's name or the error in text.
 * `o` NULL: no TLS. */
#define HARNESS_TEXT 2048
enum rpc_status harness_get_backend(const char *server, const struct rpc_client_opts *o,
				    const char *name, dur_ns timeout, char text[HARNESS_TEXT]);
