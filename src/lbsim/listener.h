/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/listener.h - a listening Unix socket on the loop.
 *
 * A socket file that nobody answers on is a leftover and is replaced; one that somebody answers on
 * is an error. The file is removed at the end. */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

struct listener;
/* A connection (non-blocking, close-on-exec), the handler's from here on. */
typedef void listener_fn(void *ctx, int fd);

/* `type`: SOCK_STREAM or SOCK_SEQPACKET. NULL with `err`: -EADDRINUSE, -EEXIST (a file that is no
 * socket), -ENAMETOOLONG, or what the system says. Heap. */
struct listener *listener_new(struct loop *l, const char *path, int type, listener_fn *fn,
			      void *ctx, struct err *err);
void listener_free(struct listener *l); /* NULL is fine */
/* Leave callers waiting in the kernel's queue. */
void listener_pause(struct listener *l, bool paused);
