/* SPDX-License-Identifier: Apache-2.0 */
/* probe/httpparse.h - an incremental parser of HTTP/1.x responses to GET (pure: bytes in, state
 * out).
 *
 * RFC 9110 and 9112. Reads what a health check needs: the status, how the body is framed, the first
 * HTTP_BODY_MAX bytes of it, and whether the connection can carry another request. Nothing of the
 * peer's is trusted: any byte sequence, cut anywhere, gives a state; where the cuts are makes no
 * difference to `status`, `head_done`, the collected body, and the first error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

/* All header sections of one probe, interim (1xx) responses included. */
#define HTTP_HEAD_MAX ((size_t)64 * 1024)
/* As much of the body as is collected, and so as a regexp can see. */
#define HTTP_BODY_MAX ((size_t)64 * 1024)
/* Chunk-size lines and trailers of one response: room for HTTP_BODY_MAX in chunks of one byte. */
#define HTTP_FRAMING_MAX (8 * HTTP_BODY_MAX)
/* As much of each line as is kept: more than any status line, name or value looked at needs. */
#define HTTP_LINE_KEPT 256

/* One header field that somebody wants the value of. */
#define HTTP_FIELD_KEPT 128
struct http_field {
	const char *name;            /* borrowed; case does not matter */
	size_t len;                  /* of `value`; 0: not there, or empty */
	char value[HTTP_FIELD_KEPT]; /* the first one's, as sent, cut at this length; no NUL */
};

enum http_state {
	HTTP_STATUS_LINE,
	HTTP_HEADERS,
	HTTP_BODY_LENGTH, /* as many bytes as Content-Length said */
	HTTP_BODY_CLOSE,  /* until the connection ends */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END, /* the line end after a chunk's data */
	HTTP_TRAILERS,
	HTTP_COMPLETE,
	HTTP_BROKEN, /* `error` says why */
};

struct http_parser {
	enum http_state state;
	int status;        /* 100..999, valid once head_done */
	bool head_done;    /* the final response's header section is complete */
	bool persistent;   /* once complete: the connection may carry another request */
	bool excess;       /* bytes came after the end of the response */
	const char *error; /* static text; NULL unless HTTP_BROKEN */
	struct str *body;  /* borrowed; where to collect it, NULL: nowhere */
	uint64_t n_bytes;  /* all that was fed */
	/* Borrowed; to be set behind http_parser_init, and emptied there. NULL: none is wanted. Has
	 * the final response's value once head_done. */
	struct http_field *field;

	/* the rest is internal */
	int minor; /* HTTP/1.<minor> */
	bool chunked, has_te, has_length, says_close, says_keep_alive;
	bool cr, fold_forbidden;
	uint64_t length; /* Content-Length; then what is left of the body or of a chunk */
	size_t head_bytes, framing_bytes, body_collected;
	size_t line_len; /* of the line under way, may exceed HTTP_LINE_KEPT */
	char line[HTTP_LINE_KEPT];
};

/* Start anew for one response. `body` (may be NULL) is cleared and borrowed until the next init. */
void http_parser_init(struct http_parser *p, struct str *body);
/* Take bytes as they come. Never fails: look at head_done, state, error. O(n). */
void http_parser_feed(struct http_parser *p, const char *data, size_t n);
/* The peer closed the connection: completes a body that lasts until then, breaks anything else. */
void http_parser_eof(struct http_parser *p);
/* Is everything that could be collected of the body collected? */
bool http_parser_body_enough(const struct http_parser *p);
