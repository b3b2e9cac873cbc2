/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/content.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "httpd/turn.h"

#define GZIP_WINDOW (15 + 16) /* deflateInit2: the largest window, with gzip's header */
#define GZIP_LEVEL  3         /* 2 MB of state take some 15 ms; on the loop */
#define GZIP_FROM   1024      /* bytes; less fits into a packet anyway */

struct content {
	unsigned refs;
	struct MHD_Response *variant[ENCODING_N]; /* NULL: there is none */
};

void content_headers(struct MHD_Response *r)
{
	assert(r);
	httpd_header(r, "Content-Security-Policy",
		     "default-src 'none'; script-src 'self'; style-src 'self'; "
		     "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
		     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	httpd_header(r, "X-Content-Type-Options", "nosniff");
	httpd_header(r, "X-Frame-Options", "DENY");
	httpd_header(r, "Referrer-Policy", "no-referrer");
	httpd_header(r, "Cross-Origin-Resource-Policy", "same-origin");
}

static void set_variant(struct content *c, enum encoding e, struct MHD_Response *r,
			const char *type, const char *cache_control)
{
	content_headers(r);
	httpd_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	httpd_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache_control);
	httpd_header(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	if (e != ENCODING_PLAIN)
		httpd_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding_name(e));
	c->variant[e] = r;
}

/* NULL: it would not be smaller. */
static struct MHD_Response *gzip(const struct str *text)
{
	z_stream z = { .next_in = (Bytef *)text->p, .avail_in = (uInt)text->len };
	unsigned char *buf = xmalloc(text->len);
	int r;

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory */
	z.next_out = buf;
	z.avail_out = (uInt)text->len;
	r = deflate(&z, Z_FINISH);
	(void)deflateEnd(&z);
	if (r == Z_STREAM_END)
		return MHD_create_response_from_buffer(z.total_out, buf, MHD_RESPMEM_MUST_FREE);
	free(buf);
	return NULL;
}

struct content *content_json(struct str *text)
{
	struct content *c = XNEW(struct content);
	struct MHD_Response *small = text->len >= GZIP_FROM ? gzip(text) : NULL;
	size_t len = text->len;

	c->refs = 1;
	if (small)
		set_variant(c, ENCODING_GZIP, small, "application/json", "no-store");
	set_variant(c, ENCODING_PLAIN,
		    MHD_create_response_from_buffer(len, str_take(text), MHD_RESPMEM_MUST_FREE),
		    "application/json", "no-store");
	return c;
}

struct content *content_asset(const struct asset *a, const char *cache_control)
{
	struct content *c = XNEW(struct content);

	c->refs = 1;
	for (enum encoding e = 0; e < ENCODING_N; e++)
		if (a->variant[e].p)
			set_variant(c, e,
				    MHD_create_response_from_buffer(
					    a->variant[e].len, (void *)(uintptr_t)a->variant[e].p,
					    MHD_RESPMEM_PERSISTENT),
				    a->type, cache_control);
	return c;
}

struct content *content_ref(struct content *c)
{
	c->refs++;
	return c;
}

void content_unref(struct content *c)
{
	if (!c || --c->refs)
		return;
	for (enum encoding e = 0; e < ENCODING_N; e++)
		if (c->variant[e])
			MHD_destroy_response(c->variant[e]);
	free(c);
}

struct MHD_Response *content_response(const struct content *c, unsigned accepted)
{
	if (c->variant[ENCODING_BROTLI] && accepted & 1u << ENCODING_BROTLI)
		return c->variant[ENCODING_BROTLI];
	if (c->variant[ENCODING_GZIP] && accepted & 1u << ENCODING_GZIP)
		return c->variant[ENCODING_GZIP];
	return c->variant[ENCODING_PLAIN];
}
