/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/client.h - a session with VPP's binary API: connects, keeps itself alive, comes back.
 *
 *   WAIT --retry timer--> HELLO --message table good--> UP
 *    ^                      |                            |
 *    +------ any failure, with its reason ---------------+
 *
 * Everything happens on the loop's thread. Requests are pipelined; their answers come in callbacks,
 * in the order of the requests. Logs nothing above debug: the owner is told of every change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/err.h"
#include "loop/loop.h"
#include "vpp/messages.h"

struct vpp_client;

struct vpp_client_opts {
	struct loop *loop;
	const char *path; /* copied */
	/* 0 stands for the default: ping every 10 s, dead after 5 s without an answer to it (or to
	 * the handshake), retries after 1, 2, 4, 5, 5 ... s. */
	dur_ns ping_interval, ping_timeout, retry_min, retry_max;
	void *ctx;
	void (*up)(void *ctx); /* requests can be made */
	/* It was up and is no more; every request has been answered with -ENOTCONN. */
	void (*down)(void *ctx, const char *why);
	void (*failed)(void *ctx, const char *why); /* one attempt to connect came to nothing */
};

/* Connects at the next turn of the loop. */
struct vpp_client *vpp_client_new(const struct vpp_client_opts *o);
/* Says goodbye (sockclnt_delete) as far as that goes without waiting. Open requests are dropped
 * without an answer. NULL is fine. Not from inside a callback of the client. */
void vpp_client_free(struct vpp_client *c);

bool vpp_client_is_up(const struct vpp_client *c);
/* Why it is not up, for people; valid until the next turn. "" when it is. */
const char *vpp_client_why(const struct vpp_client *c);

struct vpp_answer {
	int status;   /* 0; -ENOTCONN: the connection ended first, the rest is not set */
	bool last;    /* no more answers to this request; false for the details of a dump */
	bool details; /* body is one row of a dump; else it is the reply, or NULL at a dump's end */
	const union vpp_body *body; /* during the call only */
};
typedef void vpp_answer_fn(void *ctx, const struct vpp_answer *a);

/* Send a request; `body` as vpp_msgs[m] describes (NULL for those without fields). `fn` is called
 * with `last` set exactly once, unless the client is freed. A dump is followed by the control_ping
 * that ends it. 0; -ENOTCONN when not up; -ENOBUFS when VPP_CLIENT_MAX_OPEN requests are open or
 * VPP takes no bytes. */
#define VPP_CLIENT_MAX_OPEN 4096 /* the window of a sync is 256; beyond is a mistake of ours */
int vpp_client_send(struct vpp_client *c, enum vpp_msg m, const void *body, vpp_answer_fn *fn,
		    void *ctx);
size_t vpp_client_open_requests(const struct vpp_client *c);

/* ---- counters, for metrics */
#define VPP_CLIENT_BUCKETS 13
extern const double vpp_client_bucket_s[VPP_CLIENT_BUCKETS]; /* upper bounds, seconds */
struct vpp_msg_stats {
	uint64_t send_ok, send_failed;           /* failed: there was no connection, or no room */
	uint64_t recv_ok, recv_failed;           /* failed: retval < 0 */
	uint64_t round_trips, round_trip_ns;     /* of requests: count and sum */
	uint64_t round_trip[VPP_CLIENT_BUCKETS]; /* not cumulative; slower ones are in the count */
};
const struct vpp_msg_stats *vpp_client_stats(const struct vpp_client *c, enum vpp_msg m);
