/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/http.h - the HTTP server: connections, requests, and answers of a few kinds.
 *
 * Knows nothing of paths: each request goes to one handler, which answers it at once or later. All
 * on the loop's thread. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "dashboard/broker.h"
#include "dashboard/content.h"
#include "dashboard/path.h"
#include "loop/loop.h"

#define HTTP_BODY_MAX (16u << 10) /* of a request; ours have some 30 bytes. More: 413 */

struct http;
struct request;

struct http_opts {
	struct loop *loop;
	const char *addr; /* as listen_open has it */
	struct broker *broker;
	/* Exactly one http_answer_* ends a request, inside this or later. */
	void (*handle)(void *ctx, struct request *r);
	void *ctx;
};

/* Listening when it returns. NULL with `e` as of listen_open. */
struct http *http_new(const struct http_opts *o, struct err *e);
void http_free(struct http *h); /* cuts everybody off; NULL is fine */
int http_port(const struct http *h);
/* Something was published: the readers get it at the end of this turn of the loop. */
void http_news(struct http *h);

/* ---- a request; gone once its answer has left, or its client has (see request_on_gone) */

const char *request_method(const struct request *r);
const struct path *request_path(const struct request *r);              /* NULL: it is none */
const char *request_header(const struct request *r, const char *name); /* NULL: there is none */
const char *request_query(const struct request *r, const char *key);   /* as it came; NULL */
const struct str *request_body(const struct request *r);
const struct addr *request_peer(const struct request *r); /* IPv4 inside IPv6 as IPv4 */
/* Before an answer that comes later: called once, instead of it or behind it. */
void request_on_gone(struct request *r, void (*fn)(void *data), void *data);

/* ---- answers */

void http_answer_content(struct request *r, unsigned status, struct content *c); /* borrowed */
void http_answer_json(struct request *r, unsigned status, struct str *text);     /* takes it */
/* {"error": "…"}; the connection ends with it. */
void http_answer_error(struct request *r, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with another header. */
void http_answer_refusal(struct request *r, unsigned status, const char *name, const char *value,
			 const char *text);
void http_answer_redirect(struct request *r, const char *location);
void http_answer_text(struct request *r, unsigned status, const char *text); /* a literal */
/* Events, from now on or behind `last_id` (may be NULL), until the client goes. */
void http_answer_stream(struct request *r, enum log_level level, const char *last_id);
