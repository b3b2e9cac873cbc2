/* SPDX-License-Identifier: Apache-2.0 */
/* The picture, cell by cell: golden files of chosen screens (text, then a letter per cell for how
 * it looks), and properties that hold at any size.
 *
 * With UPDATE_GOLDEN=1 in the environment the files are written anew, for a person to look through.
 */
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "maglevt/view.h"
#include "sample_vips.h"

#define S  NS_PER_S
#define MS NS_PER_MS

struct scene {
	struct vips vips;
	struct model *m;
	struct ui u;
	struct view v;
};

static void scene_open(struct scene *x, size_t n, bool more)
{
	*x = (struct scene){ 0 };
	vips_many(&x->vips, n, more);
	x->m = model_new(&x->vips, 0);
	ui_init(&x->u, x->m);
	x->v = (struct view){ .model = x->m,
			      .host = "watch.example.net",
			      .version = "2.0.0",
			      .header = "X-IPng-Frontend",
			      .now = 75 * S };
}

static void scene_close(struct scene *x)
{
	ui_done(&x->u);
	model_free(x->m);
	vips_done(&x->vips);
}

static void take(struct scene *x, struct reading r)
{
	model_take(x->m, &r);
}

#define MAIL   1
#define SECURE 2
#define WEB    3

/* A minute of it: one VIP well, one with a drained server, one with trouble behind it, one down,
 * one for which we have no descriptors. */
static void scene_play(struct scene *x, size_t n_web)
{
	static const char *const servers[] = { "chbtl0", "chplo0", "frggh0" };
	struct rng rng;

	rng_init(&rng, 2);
	for (int i = 0; i < 600; i++) {
		mono_ns now = 10 * S + i * 100 * MS;

		for (size_t w = 0; w < n_web; w++) {
			uint32_t vip = WEB + (uint32_t)w, us = 400 + (uint32_t)rng_below(&rng, 300);
			size_t who = rng_below(&rng, w == 1 && i > 300 ? 2 : 3);

			if (w == 0 && i == 590)
				us = 61234;
			if (w == 2 && i >= 480 && i < 530)
				take(x, failure(vip, CODE_L7STS, 503,
						"HTTP status 503, want 200-399", now));
			else if (w == 3 && i > 500)
				take(x, failure(vip, CODE_L4CON, 0, "connect: Connection refused",
						now));
			else
				take(x, passed(vip, 200, servers[who], us, now));
		}
		take(x, passed(MAIL, 0, NULL, 150 + (uint32_t)rng_below(&rng, 50), now));
		if (i % 200 == 150)
			take(x, failure(SECURE, CODE_L6TOUT, 0, "TLS handshake not done within 2s",
					now));
		else
			take(x, failure(SECURE, CODE_LOCAL, 0, "socket: Too many open files", now));
	}
}

/* ---- golden */

static const char letters[STYLE_N] = {
	[STYLE_PLAIN] = ' ', [STYLE_DIM] = 'd',       [STYLE_BRIGHT] = 'W', [STYLE_GOOD] = 'g',
	[STYLE_WARN] = 'w',  [STYLE_BAD] = 'b',       [STYLE_HEAD] = 'h',   [STYLE_KEY] = 'k',
	[STYLE_TITLE] = 'T', [STYLE_TITLE_DIM] = 't', [STYLE_ALERT] = 'A',  [STYLE_BOX] = 'x',
	[STYLE_SPARK] = 's',
};

static void line_end(struct str *s)
{
	while (s->len > 0 && s->p[s->len - 1] == ' ')
		s->p[--s->len] = '\0';
	str_add_c(s, '\n');
}

static char *dump(const struct grid *g, struct view_cursor c)
{
	struct str s = { 0 };
	char utf8[MB_LEN_MAX + 1];

	for (int row = 0; row < g->rows; row++) {
		for (int col = 0; col < g->cols; col++) {
			const struct cell *cell = grid_at(g, row, col);

			for (int i = 0; cell->width && i < CELL_CHARS && cell->c[i]; i++) {
				snprintf(utf8, sizeof utf8, "%lc", (wint_t)cell->c[i]);
				str_add(&s, utf8);
			}
		}
		line_end(&s);
	}
	str_addf(&s, "-- cursor %d %d, styles:\n", c.row, c.col);
	for (int row = 0; row < g->rows; row++) {
		for (int col = 0; col < g->cols; col++) {
			const struct cell *cell = grid_at(g, row, col);
			bool seen = cell->c[0] != ' ' || cell->style == STYLE_TITLE ||
				    cell->style == STYLE_BOX || cell->style == STYLE_ALERT;

			str_add_c(&s, seen ? letters[cell->style] : ' ');
		}
		line_end(&s);
	}
	return str_take(&s);
}

static char *read_file(const char *path)
{
	struct str s = { 0 };
	char buf[4096];
	size_t n;
	FILE *f = fopen(path, "r");

	if (!f)
		return xstrdup("");
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add_n(&s, buf, n);
	fclose(f);
	return str_take(&s);
}

static void golden(struct scene *x, const char *name, int rows, int cols, bool ascii)
{
	const char *dir = getenv("GOLDEN_DIR");
	_cleanup_free_ char *path = xasprintf("%s/%s.txt", dir ? dir : "tests/data/maglevt", name);
	_cleanup_free_ char *got = NULL, *want = NULL;
	struct grid g;
	FILE *f;

	grid_init(&g, rows, cols, ascii);
	got = dump(&g, view_draw(&x->v, &x->u, &g));
	/* nothing is left over from the last picture */
	for (int i = 0; i < rows * cols; i++)
		g.cells[i] = (struct cell){ .c = { 'Z' }, .style = STYLE_BAD, .width = 1 };
	want = dump(&g, view_draw(&x->v, &x->u, &g));
	assert_string_equal(got, want);
	grid_done(&g);
	if (getenv("UPDATE_GOLDEN")) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
	}
	free(want);
	want = read_file(path);
	if (strcmp(got, want) != 0)
		fail_msg("%s differs; now:\n%s", path, got);
}

static void press(struct scene *x, const char *keys)
{
	for (; *keys; keys++)
		(void)ui_key(&x->u, *keys == '\n' ? UI_KEY_ENTER : UI_KEY_CHAR,
			     (unsigned char)*keys, x->v.now);
}

static void test_golden(void **state)
{
	struct scene x;

	scene_open(&x, 4, true);
	golden(&x, "start-80x24", 24, 80, false);
	scene_play(&x, 4);
	golden(&x, "80x24", 24, 80, false);
	golden(&x, "200x60", 60, 200, false);
	golden(&x, "120x30", 30, 120, false);
	golden(&x, "40x15", 15, 40, false);
	golden(&x, "140x30", 30, 140, false);
	golden(&x, "12x5", 5, 12, false);
	golden(&x, "1x1", 1, 1, false);
	golden(&x, "ascii-80x24", 24, 80, true);
	x.v.colourless = true;
	golden(&x, "colourless-160x20", 20, 160, false);
	x.v.colourless = false;
	press(&x, "s");
	golden(&x, "by-address-200x24", 24, 200, false);
	press(&x, "s");
	golden(&x, "worst-80x30", 30, 80, false);
	press(&x, "f^web\n");
	press(&x, " ");
	x.v.now = 3700 * S;
	golden(&x, "paused-filtered-80x24", 24, 80, false);
	press(&x, "f-00[");
	golden(&x, "prompt-80x24", 24, 80, false);
	press(&x, "\n");
	golden(&x, "prompt-wrong-80x24", 24, 80, false);
	press(&x, "\025^zzz\n");
	golden(&x, "nothing-80x24", 24, 80, false);
	press(&x, "?");
	golden(&x, "help-80x24", 24, 80, false);
	golden(&x, "help-30x10", 10, 30, false);
	scene_close(&x);
}

static void test_golden_many(void **state)
{
	struct scene x;

	scene_open(&x, 200, true);
	scene_play(&x, 200);
	golden(&x, "200-vips-200x60", 60, 200, false);
	for (int i = 0; i < 3; i++)
		(void)ui_key(&x.u, UI_KEY_PAGE_DOWN, 0, x.v.now);
	golden(&x, "200-vips-80x24", 24, 80, false);
	(void)ui_key(&x.u, UI_KEY_END, 0, x.v.now);
	golden(&x, "200-vips-end-80x24", 24, 80, false);
	scene_close(&x);
}

/* Names as a file may have them, and values as a server may send them. */
static void test_golden_odd(void **state)
{
	struct scene x = { 0 };
	static const char text[] =
		"maglev:\n  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: "
		"'2001:db8::1'}}\n  backends: {a: {address: 192.0.2.9}}\n  frontends:\n"
		"    \"台北 web\": {address: '2001:db8:1111:2222:3333:4444:5555:6666', protocol: "
		"tcp, "
		"port: 65535, pools: [{name: p, backends: {a: {}}}]}\n"
		"    \"r\\u202Elmth\": {address: 203.0.113.2, protocol: tcp, port: 80, "
		"pools: [{name: p, backends: {a: {}}}]}\n"
		"    all: {address: 203.0.113.3, pools: [{name: p, backends: {a: {}}}]}\n"
		"    a name that is longer than any column for it could ever be on a screen: "
		"{address: "
		"203.0.113.4, protocol: tcp, port: 80, pools: [{name: p, backends: {a: {}}}]}\n";

	vips_of_text(&x.vips, text, CHOICE_AUTO, NULL);
	x.m = model_new(&x.vips, 0);
	ui_init(&x.u, x.m);
	x.v = (struct view){ .model = x.m,
			     .host = "h\x1b[2J\xff",
			     .version = "2.0.0",
			     .header = "X-IPng-Frontend",
			     .now = 12 * S };
	for (uint32_t i = 0; i < 100; i++) {
		char value[32];

		snprintf(value, sizeof value, "value-%u", i);
		take(&x, passed(0, 200, value, 100 * i, 10 * S)); /* more than are counted */
		take(&x, passed(2, 200, i % 3 ? "台北\x1b]0;x\x07" : "", 100, 10 * S));
		take(&x,
		     failure(3, CODE_L7RSP, 0, "not HTTP/1: starts with \"\\x1b\xff\"", 11 * S));
	}
	golden(&x, "odd-80x24", 24, 80, false);
	golden(&x, "odd-80x16", 16, 80, false);
	golden(&x, "odd-200x24", 24, 200, false);
	golden(&x, "odd-ascii-100x24", 24, 100, true);
	scene_close(&x);
}

/* ---- at any size */

static void assert_whole(const struct grid *g)
{
	for (int row = 0; row < g->rows; row++) {
		int width = 0;

		for (int col = 0; col < g->cols; col++) {
			const struct cell *c = grid_at(g, row, col);

			assert_true(c->style < STYLE_N);
			assert_true(c->width == 0 || c->c[0] >= 0x20);
			width += c->width;
		}
		assert_int_equal(width, g->cols);
	}
}

static void test_any_size(void **state)
{
	struct scene x;
	struct rng rng;

	rng_init(&rng, 4);
	scene_open(&x, 20, true);
	scene_play(&x, 20);
	for (int rows = 1; rows <= 40; rows++) {
		for (int cols = 1; cols <= 240; cols += cols < 100 ? 1 : 7) {
			struct grid g;
			struct view_cursor c;
			char keys[2] = { "fsr? jkx^[\n\x1b"[rng_below(&rng, 12)], '\0' };

			press(&x, keys);
			grid_init(&g, rows, cols, rng_below(&rng, 2));
			c = view_draw(&x.v, &x.u, &g);
			assert_whole(&g);
			assert_true(c.row == -1 || (c.row < rows && c.col < cols));
			assert_true(x.u.top == 0 || x.u.top + x.u.page <= x.u.n_rows);
			grid_done(&g);
		}
	}
	scene_close(&x);
}

static char *drawn(struct scene *x, int rows, int cols)
{
	struct grid g;
	char *text;

	grid_init(&g, rows, cols, false);
	text = dump(&g, view_draw(&x->v, &x->u, &g));
	grid_done(&g);
	return text;
}

static void assert_shown(struct scene *x, const char *part)
{
	_cleanup_free_ char *text = drawn(x, 24, 80);

	if (!strstr(text, part))
		fail_msg("no \"%s\" in\n%s", part, text);
}

static void answers(struct scene *x, uint32_t vip, const char *value, int n)
{
	for (int i = 0; i < n; i++)
		take(x, passed(vip, 200, value, 400, x->v.now));
}

/* However many VIPs there are, values have their counts and their shares; what there is no room
 * for is cut so that values can still be told apart, or counted. */
static void test_tallies_at_80x24(void **state)
{
	struct scene x;

	scene_open(&x, 20, true);
	answers(&x, WEB, "srv-a", 300);
	answers(&x, WEB, "srv-b", 100);
	assert_shown(&x, "  srv-a 300 75%  srv-b 100 25%\n");
	answers(&x, WEB + 1, "chbtl0", 3000);
	answers(&x, WEB + 1, "chplo0", 5000);
	answers(&x, WEB + 1, "frggh0", 12000);
	assert_shown(&x, "  chbtl0 3000 15% chplo0 5000 25% frggh0 12k 60%\n");
	answers(&x, WEB + 2, "chbtl0.example.net", 700);
	answers(&x, WEB + 2, "chplo0.example.net", 200);
	answers(&x, WEB + 2, "frggh0.example.net", 100);
	assert_shown(&x, "  chbtl0… 700 70% chplo0… 200 20% frggh0… 100 10%\n");
	answers(&x, WEB + 3, "app-server-1.example.net", 500);
	answers(&x, WEB + 3, "app-server-2.example.net", 500);
	answers(&x, WEB + 3, "app-server-3.example.net", 500);
	assert_shown(&x, "  app-server-1… 500 33% app-server-2… 500 33% +1\n");
	scene_close(&x);
}

/* 80x24 has room for everything that is promised of a VIP. */
static void test_80x24_is_enough(void **state)
{
	static const char *const promised[] = {
		"web-000",   "203.0.113.1:80",
		"http",      "600",
		"200",       "100",
		"p50",       "p95",
		"p99",       "max",
		"N",         "FAIL",
		"OK %",      "LAST",
		"208 35%",   "watch.example.net",
		"chbtl0",    "LATENCY",
		"2.0.0",     "up 1m15s",
		"anomalies", "spike",
	};
	struct scene x;

	scene_open(&x, 4, true);
	scene_play(&x, 4);
	for (size_t i = 0; i < ARRAY_LEN(promised); i++)
		assert_shown(&x, promised[i]);
	scene_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),          cmocka_unit_test(test_golden_many),
		cmocka_unit_test(test_golden_odd),      cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_80x24_is_enough), cmocka_unit_test(test_tallies_at_80x24),
	};

	setenv("TZ", "UTC", 1);
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
