/* SPDX-License-Identifier: Apache-2.0 */
/* httpd/turn.h - libmicrohttpd on an event loop: its epoll descriptor nests in ours.
 *
 * A daemon without a thread or a socket of its own (door.h has those). Everything happens on the
 * loop's thread. */
#pragma once

#include <microhttpd.h>

#include "base/err.h"
#include "loop/loop.h"

struct httpd_turn { /* embed; {0} is idle */
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_io io;
	struct loop_defer run;
	struct timer timer;
};

struct httpd_turn_opts {
	struct loop *loop;
	/* As MHD_start_daemon and MHD_OPTION_NOTIFY_CONNECTION have them; both get ctx. */
	MHD_AccessHandlerCallback on_request;
	MHD_NotifyConnectionCallback on_connection;
	void *ctx;
	unsigned connections; /* at a time */
	size_t memory;        /* of one: request line and headers, then chunks on their way out */
	const struct MHD_OptionItem *more; /* up to MHD_OPTION_END; or NULL */
};

/* From now on the loop serves. 0, or negative with `e`; after a failure, too, it is to be stopped.
 */
int httpd_turn_start(struct httpd_turn *t, const struct httpd_turn_opts *o, struct err *e);
/* Closes all connections, of which none may be suspended. Idle is fine. */
void httpd_turn_stop(struct httpd_turn *t);

/* Let it work: at once (not from its callbacks), or at the end of this turn of the loop, after
 * connections were resumed, added or cut. */
void httpd_turn_now(struct httpd_turn *t);
void httpd_turn_soon(struct httpd_turn *t);

/* ---- about connections and answers */

int httpd_fd(struct MHD_Connection *c); /* its descriptor */
void httpd_header(struct MHD_Response *r, const char *name, const char *value);
