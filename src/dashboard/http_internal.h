/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/http_internal.h - what the files of the HTTP server share. */
#pragma once

#include <microhttpd.h>

#include "base/list.h"
#include "dashboard/http.h"
#include "httpd/door.h"
#include "httpd/turn.h"

/* What a connection is at. */
enum visit {
	VISIT_ASKING,    /* between requests, or sending one */
	VISIT_WAITING,   /* suspended until the handler answers */
	VISIT_READING,   /* an answer */
	VISIT_STREAMING, /* reads events */
};

struct visitor {          /* one connection */
	struct list node; /* in visitors, in the order they came */
	struct http *http;
	struct MHD_Connection *connection;
	int fd;
	struct addr peer;
	enum visit visit;
	bool suspended;
	bool cut;      /* off, and soon gone */
	mono_ns until; /* of ASKING and READING */
	struct request *request;
};

struct request {
	struct visitor *visitor;
	const char *method;
	bool is_path;
	bool handled; /* the handler was called, or refused before */
	struct path path;
	struct str body;
	bool too_large;
	unsigned status;
	struct MHD_Response *response; /* queued when libmicrohttpd calls next */
	struct content *content;       /* whose it is; NULL: the request's */
	void (*gone)(void *data);
	void *gone_data;
	struct stream *stream; /* its answer is one */
};

struct http {
	struct http_opts o;
	int port;
	struct httpd_turn turn;
	struct httpd_door door;
	struct timer tick;
	struct list visitors;
	size_t n_visitors, visitors_max;
	struct list idle; /* streams that wait for events */
	size_t n_streams, streams_max;
	struct loop_defer wake;
	struct timer gather;
	mono_ns woken; /* when readers were last told */
};

void http_cut(struct visitor *v);    /* end the connection: soon */
void http_resume(struct visitor *v); /* a suspended one */

/* ---- http_stream.c */

void http_stream_tick(struct http *h, mono_ns now);
void http_stream_check(struct visitor *v, mono_ns now); /* one that streams: is anybody there? */
void http_stream_wake(void *http);
