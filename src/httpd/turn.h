/* SPDX-License-Identifier: Apache-2.0 */
/* httpd/turn.h - libmicrohttpd on an event loop: its epoll descriptor nests in ours.
 *
 * For a daemon started with MHD_USE_EPOLL and without a thread of its own. Everything happens on
 * the loop's thread. */
#pragma once

#include "loop/loop.h"

struct MHD_Daemon;

struct httpd_turn { /* embed; {0} is idle */
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_io io;
	struct loop_defer run;
	struct timer timer;
};

/* From now on the loop serves the daemon, which stays the caller's. 0, or -errno. */
int httpd_turn_start(struct httpd_turn *t, struct loop *l, struct MHD_Daemon *d);
void httpd_turn_stop(struct httpd_turn *t); /* before MHD_stop_daemon; idle is fine */
/* Let it work: at once (not from its callbacks), or at the end of this turn of the loop, after
 * connections were resumed, added or cut. */
void httpd_turn_now(struct httpd_turn *t);
void httpd_turn_soon(struct httpd_turn *t);
