/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/conn.h - a buffered stream connection on the loop, bounded both ways.
 *
 * What arrives is collected and offered to the owner in a contiguous piece until it takes no more
 * of it. While more than CONN_OUT_HIGH bytes wait for a slow reader nothing more is offered or
 * read, so that what is buffered for a peer is at most that and the answers to one more request. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"

#define CONN_OUT_HIGH (1u << 20)
/* Beyond this the peer is dropped: only somebody else's requests, answered to it, get there. */
#define CONN_OUT_MAX (64u << 20)

struct conn;

struct conn_ops {
	size_t in_max; /* most that may wait to be taken; more closes the connection */
	/* How many of these bytes are used up: 0 to wait for more, negative to close. It may
	 * conn_send and conn_finish, not conn_free. */
	ssize_t (*input)(void *ctx, const uint8_t *p, size_t n);
	/* The connection is over: `why` for the log, NULL at the peer's own wish. The conn is freed
	 * after it. Not called for conn_free. */
	void (*closed)(void *ctx, const char *why);
};

/* Takes the (non-blocking) fd. Heap. */
struct conn *conn_new(struct loop *l, int fd, const struct conn_ops *ops, void *ctx);
/* Close now, without a callback. NULL is fine. */
void conn_free(struct conn *c);
/* Queue for sending (at the end of the loop's turn). */
void conn_send(struct conn *c, const void *p, size_t n);
/* No more input; close, with the callback, when what is queued was sent. */
void conn_finish(struct conn *c);
/* Neither read nor write until told otherwise; the peer sees a process that hangs. */
void conn_pause(struct conn *c, bool paused);
