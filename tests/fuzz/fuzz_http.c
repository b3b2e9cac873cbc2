/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP response parser: any bytes, whole and in pieces, must give the same picture.
 *
 * Input: one byte that says how to cut and whether the connection ends, then the response. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "probe/httpparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct http_parser *p, const uint8_t *data, size_t n, size_t piece)
{
	for (size_t at = 0; at < n; at += piece) {
		size_t len = MIN(piece, n - at);
		char *copy = xmemdup(data + at, len);

		http_parser_feed(p, copy, len);
		free(copy);
	}
}

static void check(const struct http_parser *p, const struct str *body)
{
	assert((p->state == HTTP_BROKEN) == (p->error != NULL));
	assert(body->len <= HTTP_BODY_MAX);
	assert(p->head_bytes <= HTTP_HEAD_MAX + 1 && p->framing_bytes <= HTTP_FRAMING_MAX + 1);
	if (p->head_done)
		assert(p->status >= 100 && p->status <= 999);
	if (p->state == HTTP_COMPLETE)
		assert(http_parser_body_enough(p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_parser whole = { 0 }, pieces = { 0 };
	struct str body_whole = { 0 }, body_pieces = { 0 };
	uint8_t how;

	if (size < 1)
		return 0;
	how = *data++;
	size--;
	http_parser_init(&whole, &body_whole);
	http_parser_init(&pieces, &body_pieces);
	feed(&whole, data, size, MAX(size, 1));
	feed(&pieces, data, size, 1 + how % 17);
	if (how & 0x80) {
		http_parser_eof(&whole);
		http_parser_eof(&pieces);
	}
	check(&whole, &body_whole);
	check(&pieces, &body_pieces);
	assert(whole.state == pieces.state && whole.error == pieces.error);
	assert(whole.head_done == pieces.head_done && whole.persistent == pieces.persistent);
	assert(!whole.head_done || whole.status == pieces.status);
	assert(body_whole.len == body_pieces.len);
	assert(memcmp(str_z(&body_whole), str_z(&body_pieces), body_whole.len) == 0);
	str_done(&body_whole);
	str_done(&body_pieces);
	return 0;
}
