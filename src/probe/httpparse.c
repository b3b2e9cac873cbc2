/* SPDX-License-Identifier: Apache-2.0 */
/* The parser takes lines (status line, headers, chunk sizes, trailers) and runs of body bytes.
 *
 * A line is scanned as it comes and only its first HTTP_LINE_KEPT bytes are kept, so a parser needs
 * no buffer that grows with what the peer sends. Lines end with CRLF or, as RFC 9112 2.2 allows, a
 * bare LF; control characters inside break the response, because no HTTP server sends them. The
 * first bytes are compared with "HTTP/1." as they come: who speaks another protocol, and then
 * waits, is recognised at once instead of at the deadline. */
#include "probe/httpparse.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"

static void broken(struct http_parser *p, const char *why)
{
	p->state = HTTP_BROKEN;
	p->error = why;
	p->persistent = false;
}

/* Forget the response under way, not the budget it used up. */
static void response_reset(struct http_parser *p)
{
	p->state = HTTP_STATUS_LINE;
	p->chunked = p->has_te = p->has_length = p->says_close = p->says_keep_alive = false;
	p->cr = p->fold_forbidden = false;
	p->length = 0;
	p->line_len = 0;
	if (p->field)
		p->field->len = 0;
}

void http_parser_init(struct http_parser *p, struct str *body)
{
	/* not the line buffer: what is in it is said by line_len */
	memset(p, 0, offsetof(struct http_parser, line));
	p->body = body;
	if (body)
		str_clear(body);
}

/* ---- lines */

static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* One byte of a line, its LF excluded. */
static bool line_byte(struct http_parser *p, unsigned char c)
{
	static const char magic[] = "HTTP/1.";

	if (p->cr) {
		broken(p, "a carriage return inside a line");
		return false;
	}
	if (p->state == HTTP_STATUS_LINE && p->line_len < sizeof magic - 1 &&
	    c != (unsigned char)magic[p->line_len]) {
		broken(p, "not HTTP/1");
		return false;
	}
	if (c == '\r') {
		p->cr = true;
		return true;
	}
	if (p->state == HTTP_CHUNK_END) {
		broken(p, "chunk longer than its size");
		return false;
	}
	if ((c < 0x20 && c != '\t') || c == 0x7f) {
		broken(p, "a control character in a line");
		return false;
	}
	if (p->line_len < HTTP_LINE_KEPT)
		p->line[p->line_len] = (char)c;
	p->line_len++;
	return true;
}

/* Take bytes up to and including LF. Returns how many; *ret_whole says that the line is whole. */
static size_t line_take(struct http_parser *p, const char *data, size_t n, bool *ret_whole)
{
	bool in_head = p->state == HTTP_STATUS_LINE || p->state == HTTP_HEADERS;
	size_t *used = in_head ? &p->head_bytes : &p->framing_bytes;
	size_t max = in_head ? HTTP_HEAD_MAX : HTTP_FRAMING_MAX;

	for (size_t i = 0; i < n; i++) {
		if (++*used > max) {
			broken(p, in_head ? "header section over 64 KiB" : "too much framing");
			return i + 1;
		}
		if (data[i] == '\n') {
			p->cr = false;
			*ret_whole = true;
			return i + 1;
		}
		if (!line_byte(p, (unsigned char)data[i]))
			return i + 1;
	}
	return n;
}

/* The kept part of the line as trimmed text from `from` on; false when the line was longer. */
static bool line_value(const struct http_parser *p, size_t from, const char **ret, size_t *ret_len)
{
	size_t end = MIN(p->line_len, HTTP_LINE_KEPT);

	while (from < end && (p->line[from] == ' ' || p->line[from] == '\t'))
		from++;
	while (end > from && (p->line[end - 1] == ' ' || p->line[end - 1] == '\t'))
		end--;
	*ret = p->line + from;
	*ret_len = end - from;
	return p->line_len <= HTTP_LINE_KEPT;
}

/* Next element of a comma list, trimmed; false at the end. Empty elements are passed over. */
static bool list_next(const char **s, size_t *n, const char **ret, size_t *ret_len)
{
	while (*n > 0) {
		const char *start = *s, *comma = memchr(start, ',', *n);
		size_t len = comma ? (size_t)(comma - start) : *n;

		*s += comma ? len + 1 : len;
		*n -= comma ? len + 1 : len;
		while (len > 0 && (*start == ' ' || *start == '\t'))
			start++, len--;
		while (len > 0 && (start[len - 1] == ' ' || start[len - 1] == '\t'))
			len--;
		if (len > 0) {
			*ret = start;
			*ret_len = len;
			return true;
		}
	}
	return false;
}

static bool word_is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* ---- the header section */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1." DIGIT SP 3DIGIT [SP reason] */
static void status_line(struct http_parser *p)
{
	const char *s = p->line;

	if (p->line_len < 12 || !digit(s[7]) || s[8] != ' ' || !digit(s[9]) || !digit(s[10]) ||
	    !digit(s[11]) || (p->line_len > 12 && s[12] != ' ')) {
		broken(p, "malformed status line");
		return;
	}
	p->minor = s[7] - '0';
	p->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	if (p->status < 100) {
		broken(p, "malformed status line");
		return;
	}
	p->state = HTTP_HEADERS;
}

static bool number_parse(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0 || n > 18) /* 10^18 - 1 fits, and no health check page is longer */
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!digit(s[i]))
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return true;
}

/* Repeated equal values (in one line or several) count once: RFC 9112 6.3. */
static void content_length(struct http_parser *p, const char *s, size_t n)
{
	const char *word;
	size_t len;
	bool any = false;

	while (list_next(&s, &n, &word, &len)) {
		uint64_t v;

		if (!number_parse(word, len, &v) || (p->has_length && v != p->length)) {
			broken(p, "bad Content-Length");
			return;
		}
		p->has_length = any = true;
		p->length = v;
	}
	if (!any)
		broken(p, "bad Content-Length");
}

static void transfer_encoding(struct http_parser *p, const char *s, size_t n)
{
	const char *word;
	size_t len;

	p->has_te = true;
	while (list_next(&s, &n, &word, &len))
		p->chunked = word_is(word, len, "chunked"); /* the last one frames the body */
}

static void connection(struct http_parser *p, const char *s, size_t n)
{
	const char *word;
	size_t len;

	while (list_next(&s, &n, &word, &len)) {
		if (word_is(word, len, "close"))
			p->says_close = true;
		else if (word_is(word, len, "keep-alive"))
			p->says_keep_alive = true;
	}
}

/* The length of the field name before the colon, 0 when there is none that is well-formed. */
static size_t name_length(const struct http_parser *p)
{
	size_t kept = MIN(p->line_len, HTTP_LINE_KEPT);

	for (size_t i = 0; i < kept; i++) {
		if (p->line[i] == ':')
			return i;
		if (!is_token_char((unsigned char)p->line[i]))
			return 0;
	}
	return 0;
}

static void field_keep(struct http_parser *p, size_t from)
{
	struct http_field *f = p->field;
	const char *value;
	size_t len;

	(void)line_value(p, from, &value, &len);
	f->len = MIN(len, sizeof f->value);
	memcpy(f->value, value, f->len);
}

static void header_line(struct http_parser *p)
{
	static const struct {
		const char *name;
		void (*take)(struct http_parser *p, const char *s, size_t n);
	} known[] = {
		{ "content-length", content_length },
		{ "transfer-encoding", transfer_encoding },
		{ "connection", connection },
	};
	size_t name, len;
	const char *value;

	if (p->line[0] == ' ' || p->line[0] == '\t') { /* obs-fold: more of the line before */
		if (p->fold_forbidden)
			broken(p, "malformed header line");
		return;
	}
	name = name_length(p);
	if (name == 0) {
		broken(p, "malformed header line");
		return;
	}
	p->fold_forbidden = false;
	if (p->field && p->field->len == 0 && word_is(p->line, name, p->field->name))
		field_keep(p, name + 1);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!word_is(p->line, name, known[i].name))
			continue;
		p->fold_forbidden = true;
		if (!line_value(p, name + 1, &value, &len))
			broken(p, "overlong header line");
		else
			known[i].take(p, value, len);
		return;
	}
}

/* The blank line: how long is the body (RFC 9112 6.3)? */
static void head_end(struct http_parser *p)
{
	if (p->status < 200 && p->status != 101) {
		response_reset(p);
		return;
	}
	p->head_done = true;
	p->persistent = !p->says_close && (p->minor >= 1 || p->says_keep_alive) &&
			!(p->has_te && (p->has_length || p->minor == 0)) && p->status != 101;
	if (p->status == 204 || p->status == 304) {
		p->state = HTTP_COMPLETE;
	} else if (p->chunked) {
		p->state = HTTP_CHUNK_SIZE;
	} else if (p->has_length && !p->has_te) {
		p->state = p->length ? HTTP_BODY_LENGTH : HTTP_COMPLETE;
	} else {
		p->state = HTTP_BODY_CLOSE;
		p->persistent = false;
	}
}

/* ---- the body */

/* 1*HEXDIG [BWS ";" extensions] */
static void chunk_size(struct http_parser *p)
{
	size_t kept = MIN(p->line_len, HTTP_LINE_KEPT), i = 0;
	uint64_t size = 0;

	for (; i < kept && hex_digit(p->line[i]) >= 0; i++) {
		if (i == 15) {
			broken(p, "bad chunk size");
			return;
		}
		size = size << 4 | (uint64_t)hex_digit(p->line[i]);
	}
	if (i == 0 || (i < kept && !strchr("; \t", p->line[i]))) {
		broken(p, "bad chunk size");
		return;
	}
	p->length = size;
	p->state = size ? HTTP_CHUNK_DATA : HTTP_TRAILERS;
}

static void line_done(struct http_parser *p)
{
	switch (p->state) {
	case HTTP_STATUS_LINE:
		status_line(p);
		/* a first header line must not be a continuation of something */
		p->fold_forbidden = true;
		break;
	case HTTP_HEADERS:
		if (p->line_len == 0)
			head_end(p);
		else
			header_line(p);
		break;
	case HTTP_CHUNK_SIZE:
		chunk_size(p);
		break;
	case HTTP_CHUNK_END:
		p->state = HTTP_CHUNK_SIZE;
		break;
	case HTTP_TRAILERS:
		if (p->line_len == 0)
			p->state = HTTP_COMPLETE;
		break;
	case HTTP_BODY_LENGTH:
	case HTTP_BODY_CLOSE:
	case HTTP_CHUNK_DATA:
	case HTTP_COMPLETE:
	case HTTP_BROKEN:
		assert(false); /* these take bytes, not lines */
	}
	p->line_len = 0;
}

static size_t body_take(struct http_parser *p, const char *data, size_t n)
{
	bool bounded = p->state != HTTP_BODY_CLOSE;
	size_t room = HTTP_BODY_MAX - p->body_collected;

	if (bounded)
		n = (size_t)MIN((uint64_t)n, p->length);
	if (p->body)
		str_add_n(p->body, data, MIN(n, room));
	p->body_collected += MIN(n, room);
	if (bounded) {
		p->length -= n;
		if (p->length == 0)
			p->state = p->state == HTTP_CHUNK_DATA ? HTTP_CHUNK_END : HTTP_COMPLETE;
	}
	return n;
}

/* ---- the outside */

void http_parser_feed(struct http_parser *p, const char *data, size_t n)
{
	p->n_bytes += n;
	while (n > 0 && p->state != HTTP_BROKEN) {
		bool whole = false;
		size_t used;

		if (p->state == HTTP_COMPLETE) {
			p->excess = true;
			p->persistent = false;
			return;
		}
		if (p->state == HTTP_BODY_LENGTH || p->state == HTTP_BODY_CLOSE ||
		    p->state == HTTP_CHUNK_DATA)
			used = body_take(p, data, n);
		else
			used = line_take(p, data, n, &whole);
		if (whole)
			line_done(p);
		data += used;
		n -= used;
	}
}

void http_parser_eof(struct http_parser *p)
{
	p->persistent = false;
	if (p->state == HTTP_BODY_CLOSE)
		p->state = HTTP_COMPLETE;
	else if (p->state != HTTP_COMPLETE && p->state != HTTP_BROKEN)
		broken(p, p->n_bytes ? "truncated response" : "closed without a response");
}

bool http_parser_body_enough(const struct http_parser *p)
{
	return p->head_done && (p->state == HTTP_COMPLETE || p->body_collected == HTTP_BODY_MAX);
}
