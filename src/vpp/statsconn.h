/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/statsconn.h - gets hold of VPP's stats segment, and tries again until it does.
 *
 * VPP hands the descriptor of its memory to whoever connects to its stats socket (one message over
 * SOCK_SEQPACKET, SCM_RIGHTS). Nothing ends when VPP does, so that the owner, who has the API
 * session, says when to start and stop. Loop's thread only. */
#pragma once

#include "base/dur.h"
#include "loop/loop.h"
#include "vpp/stats.h"

struct vpp_statsconn;

struct vpp_statsconn_opts {
	struct loop *loop;
	const char *path; /* copied */
	/* 0 stands for the default: 5 s between attempts, 5 s for VPP to answer one. */
	dur_ns retry, timeout;
	void *ctx;
	void (*opened)(void *ctx);                  /* vpp_statsconn_mem is there */
	void (*failed)(void *ctx, const char *why); /* an attempt came to nothing */
};

struct vpp_statsconn *vpp_statsconn_new(const struct vpp_statsconn_opts *o); /* idle */
void vpp_statsconn_free(struct vpp_statsconn *c);                            /* NULL is fine */
/* Connect, the first time at the next turn; until opened or stopped. From idle only. */
void vpp_statsconn_start(struct vpp_statsconn *c);
void vpp_statsconn_stop(struct vpp_statsconn *c); /* lets go of the memory */
/* The memory is of no use: let go of it and connect again after `retry`. */
void vpp_statsconn_renew(struct vpp_statsconn *c);
const struct vpp_stats_mem *vpp_statsconn_mem(const struct vpp_statsconn *c); /* or NULL */
