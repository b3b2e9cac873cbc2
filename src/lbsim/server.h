/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/server.h - VPP's API socket: connections and frames around lbsim/api.h, on the loop. */
#pragma once

#include "base/err.h"
#include "lbsim/api.h"
#include "lbsim/forward.h"
#include "lbsim/stats.h"
#include "loop/loop.h"

struct server;

struct server_options {
	const char *path;       /* of the socket; borrowed for the call */
	const char *stats_path; /* of the stats; NULL or "": none */
	const char *forward;    /* the TUN device of --forward; NULL: packets are not forwarded */
	/* For struct api; send, leave and ctx are the server's own. died gets died_ctx. */
	struct api_options api;
	void *died_ctx;
	dur_ns gc_interval; /* > 0; VPP's 60 s. VPP's whole clock runs as much faster as this is
			     * shorter, so that all its times keep their proportion. */
};

/* NULL with `err`: see listener_new, stats_new, forward_new. VPP's clock starts here. Heap. */
struct server *server_new(struct loop *l, const struct server_options *opt, struct err *err);
void server_free(struct server *s); /* closes everybody; NULL is fine */

struct api *server_api(struct server *s);
struct stats *server_stats(struct server *s);                 /* NULL: none */
const struct forward *server_forward(const struct server *s); /* NULL: packets are not forwarded */
/* The plugin may have changed by other ways than the API. */
void server_changed(struct server *s);
/* VPP's uptime and the time of day, now. */
struct api_time server_time(struct server *s);

/* ---- what tests do to it */
/* Let VPP's clock jump ahead; collections that fall due on the way happen. */
void server_advance(struct server *s, uint32_t seconds);
/* Neither accept, read nor answer for so long, as a VPP that hangs; then go on with what came. */
void server_silence(struct server *s, dur_ns d);
/* Close every connection. Returns how many. */
unsigned server_drop(struct server *s);
/* Send bytes as they are to every client. Returns to how many. */
unsigned server_send_raw(struct server *s, const void *p, size_t n);
unsigned server_send_keepalive(struct server *s);
