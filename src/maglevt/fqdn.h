/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/fqdn.h - this host's full name, as hostname -f tells it, without waiting for it.
 *
 * It is asked of DNS, which may take its time: a child process asks, the loop reads its answer. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "loop/loop.h"

#define FQDN_LEN 256

struct fqdn {
	char name[FQDN_LEN]; /* the short name until the full one is known */
	pid_t child;
	int fd;
	struct loop_io io;
	void (*changed)(void *ctx);
	void *ctx;
};

/* To be called before any thread is started. `changed` is called when `name` got better. */
void fqdn_start(struct fqdn *f, struct loop *l, void (*changed)(void *ctx), void *ctx);
void fqdn_stop(struct fqdn *f); /* ends the child */
