/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/http.h - the HTTP server in front of the metrics, on a thread of its own.
 *
 * Scrapers connect here; the owner's loop is asked for what there is to tell, once for all that
 * wait; what it hands over is formatted piece by piece on the server's thread, as fast as each
 * client takes it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "loop/loop.h"
#include "metrics/exposition.h"

/* Where in it a scrape is: the content's own business, zero at first. */
struct metrics_pos {
	size_t family, row;
};

/* What there is to tell: immutable, shared by all scrapes that were waiting for it. Put it at the
 * front of a struct of your own. */
struct metrics_content {
	_Atomic int refs;
	/* Server's thread: append the next piece (some KiB) to x->out. False: there is no more. */
	bool (*write)(const struct metrics_content *c, struct metrics_pos *pos,
		      struct exposition *x);
	void (*free)(struct metrics_content *c); /* any thread */
};
void metrics_content_unref(struct metrics_content *c); /* NULL is fine; any thread */

struct metrics_http;
struct metrics_http_opts {
	struct loop *loop; /* the owner's */
	const char *addr;  /* as listen_open has it */
	const char *page;  /* HTML at "/"; must outlive the server */
	/* Owner's loop: somebody waits. Answer with metrics_http_serve, now or later; it is not
	 * called again before that. */
	void (*wanted)(void *ctx);
	void *ctx;
	/* How long a connection may take to ask, and how old a content has to be before its slow
	 * readers are cut for a newer one; 0: ten and five seconds. */
	dur_ns ask_time, edition_age;
};

/* Listening when it returns. NULL with `e` as of listen_open. Starts a thread with all signals
 * blocked. */
struct metrics_http *metrics_http_new(const struct metrics_http_opts *o, struct err *e);
/* Owner: here it is. Takes the reference. */
void metrics_http_serve(struct metrics_http *h, struct metrics_content *c);
/* Owner: cuts all clients off and joins the thread. NULL is fine. Not from inside `wanted`. */
void metrics_http_free(struct metrics_http *h);
int metrics_http_port(const struct metrics_http *h);
