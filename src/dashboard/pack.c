/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/pack.c - a build tool: the files of a directory, and their compressed variants, as the
 * C tables of dashboard/assets.h.
 *
 *   dashboard-pack OUT.c OUT.d DIR
 *
 * OUT.d tells when to do it again.
 * The same files give the same bytes: sorted, and nothing of the machine in it. */
#include <brotli/encode.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "dashboard/assets.h"

#define GZIP_WINDOW (15 + 16) /* deflateInit2: the largest window, with gzip's header */

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "dashboard-pack: %s: %s\n", what, why);
	exit(1);
}

static const char *type_of(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".ico", "image/x-icon" },
		{ ".png", "image/png" },
		{ ".woff2", "font/woff2" },
		{ ".json", "application/json" },
		{ ".webmanifest", "application/manifest+json" },
		{ ".txt", "text/plain; charset=utf-8" },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t m = strlen(types[i].ending);

		if (n > m && strcmp(path + n - m, types[i].ending) == 0)
			return types[i].type;
	}
	die(path, "of what type is this? (see type_of)");
	return NULL;
}

static void read_file(const char *path, struct str *out)
{
	char buf[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		die(path, strerror(errno));
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add_n(out, buf, n);
	if (ferror(f))
		die(path, "cannot be read");
	(void)fclose(f);
}

static void gzip(const struct str *in, struct str *out)
{
	z_stream z = { .next_in = (z_const Bytef *)str_z(in), .avail_in = (uInt)in->len };
	size_t max;
	char *buf;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		die("gzip", "does not start");
	max = deflateBound(&z, in->len);
	buf = xmalloc(max);
	z.next_out = (Bytef *)buf;
	z.avail_out = (uInt)max;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		die("gzip", "does not end");
	str_add_n(out, buf, z.total_out);
	(void)deflateEnd(&z);
	free(buf);
}

static void brotli(const struct str *in, struct str *out)
{
	size_t len = BrotliEncoderMaxCompressedSize(in->len) + 64;
	uint8_t *buf = xmalloc(len);

	if (!BrotliEncoderCompress(BROTLI_MAX_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC,
				   in->len, (const uint8_t *)str_z(in), &len, buf))
		die("brotli", "does not end");
	str_add_n(out, (const char *)buf, len);
	free(buf);
}

static void write_bytes(FILE *f, size_t file, int variant, const struct str *s)
{
	(void)fprintf(f, "static const uint8_t f%zu_%d[] = {", file, variant);
	for (size_t i = 0; i < s->len; i++)
		(void)fprintf(f, "%s%u,", i % 24 ? "" : "\n\t", (unsigned char)s->p[i]);
	(void)fprintf(f, "%s\n};\n", s->len ? "" : "\n\t0,");
}

/* Its arrays into `f`, its row into `rows`. */
static void pack(FILE *f, struct str *rows, size_t file, const char *full, const char *path)
{
	struct str v[ENCODING_N] = { 0 };

	read_file(full, &v[ENCODING_PLAIN]);
	gzip(&v[ENCODING_PLAIN], &v[ENCODING_GZIP]);
	brotli(&v[ENCODING_PLAIN], &v[ENCODING_BROTLI]);
	str_addf(rows, "\t{ \"%s\", \"%s\", {", path, type_of(path));
	for (int i = 0; i < ENCODING_N; i++) {
		if (i == ENCODING_PLAIN || v[i].len < v[ENCODING_PLAIN].len) {
			write_bytes(f, file, i, &v[i]);
			str_addf(rows, " { f%zu_%d, %zu },", file, i, v[i].len);
		} else {
			str_add(rows, " { 0 },");
		}
	}
	for (int i = 0; i < ENCODING_N; i++)
		str_done(&v[i]);
	str_add(rows, " } },\n");
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static size_t pack_all(FILE *f, struct str *rows, struct str *inputs, const char *dir)
{
	char *const dirs[] = { (char *)(uintptr_t)dir, NULL };
	FTS *fts = fts_open(dirs, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t n = 0;
	FTSENT *e;

	if (!fts)
		die(dir, strerror(errno));
	while ((e = fts_read(fts))) {
		if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
			die(e->fts_path, strerror(e->fts_errno));
		if (e->fts_info == FTS_F || e->fts_info == FTS_D)
			str_addf(inputs, " %s", e->fts_path);
		if (e->fts_info == FTS_F)
			pack(f, rows, n++, e->fts_path, e->fts_path + strlen(dir) + 1);
	}
	(void)fts_close(fts);
	return n;
}

int main(int argc, char **argv)
{
	_cleanup_(str_done) struct str rows = { 0 }, inputs = { 0 };
	FILE *f, *d;
	size_t n;

	if (argc != 4)
		die("usage", "dashboard-pack OUT.c OUT.d DIR");
	f = fopen(argv[1], "w");
	d = fopen(argv[2], "w");
	if (!f || !d)
		die(argv[1], strerror(errno));
	(void)fprintf(f, "/* Made by dashboard-pack. */\n#include \"dashboard/assets.h\"\n\n");
	n = pack_all(f, &rows, &inputs, argv[3]);
	if (n == 0)
		die(argv[3], "there is no page in it");
	(void)fprintf(f, "\nconst struct asset assets[] = {\n%s};\nconst size_t assets_n = %zu;\n",
		      str_z(&rows), n);
	(void)fprintf(d, "%s:%s\n", argv[1], str_z(&inputs));
	if (fclose(f) || fclose(d))
		die(argv[1], strerror(errno));
	return 0;
}
