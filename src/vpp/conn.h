/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/conn.h - frames over a non-blocking Unix stream socket on a loop (its thread only).
 *
 * Knows framing and buffers, no messages. What is queued in one turn of the loop goes out in one
 * write(2) at its end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

/* Output that VPP does not take is bounded here: a sync keeps a few hundred calls of under 100
 * bytes in flight, so that this is reached only by a VPP that reads nothing. */
#define VPP_CONN_OUT_MAX (4u << 20)

struct vpp_conn { /* embed; {.fd = -1} is closed */
	int fd;
	struct loop *loop;
	struct loop_io io;
	struct loop_defer flush;
	bool want_out; /* EPOLLOUT is armed */
	struct str out;
	size_t out_sent;
	uint8_t *in;
	size_t in_len, in_cap;
	/* One whole payload, valid during the call; < 0 with `e` ends the connection. */
	int (*frame)(void *ctx, const uint8_t *payload, size_t n, struct err *e);
	/* The connection is of no more use and must be closed by this callback. */
	void (*broken)(void *ctx, const struct err *e);
	void *ctx;
};

/* Connect to `path` (a Unix socket answers connect(2) at once). `frame`, `broken`, `ctx` and
 * `loop` are set by the caller. 0, or a negative errno with a sentence for the operator: no such
 * socket, no permission, nobody listening, path too long, backlog full. */
int vpp_conn_open(struct vpp_conn *c, const char *path, struct err *e);
/* Write what can be written without waiting, close, free the buffers. No-op when closed. */
void vpp_conn_close(struct vpp_conn *c);
/* The output, to append whole frames to; then vpp_conn_kick. */
static inline struct str *vpp_conn_out(struct vpp_conn *c)
{
	return &c->out;
}
void vpp_conn_kick(struct vpp_conn *c);
/* Is there no room for another frame? */
bool vpp_conn_full(const struct vpp_conn *c);
/* Take what has arrived, outside the loop's own dispatch: before a deadline that may have passed
 * because this process slept, not VPP. May call `frame` and `broken`. */
void vpp_conn_poll(struct vpp_conn *c);
