/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but printable characters gets into a grid, whatever is put there. */
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
#include "maglevt/grid.h"

static void assert_clean(const struct grid *g)
{
	for (int row = 0; row < g->rows; row++) {
		for (int col = 0; col < g->cols; col++) {
			const struct cell *c = grid_at(g, row, col);

			assert_true(c->style < STYLE_N && c->width <= 2);
			if (c->width == 0) {
				assert_true(col > 0 && grid_at(g, row, col - 1)->width == 2);
				continue;
			}
			if (c->width == 2)
				assert_true(col + 1 < g->cols &&
					    grid_at(g, row, col + 1)->width == 0);
			assert_true(c->c[0] >= 0x20 && c->c[0] != 0x7f);
			assert_true(!g->ascii || c->c[0] < 0x7f);
			assert_false(c->c[0] >= 0x80 && c->c[0] < 0xa0);
			assert_false(c->c[0] >= 0xd800 && c->c[0] < 0xe000);
			assert_false(c->c[0] >= 0x200b && c->c[0] <= 0x200f);
			assert_false(c->c[0] >= 0x202a && c->c[0] <= 0x202e);
			assert_false(c->c[0] >= 0x2066 && c->c[0] <= 0x2069);
			if (c->c[0] >= 0x80)
				assert_int_equal(wcwidth((wchar_t)c->c[0]), c->width);
			for (int i = 1; i < CELL_CHARS && c->c[i]; i++)
				assert_int_equal(wcwidth((wchar_t)c->c[i]), 0);
		}
	}
}

/* The row as text. */
static const char *text_of(const struct grid *g, int row)
{
	static char out[4096];
	size_t n = 0;

	for (int col = 0; col < g->cols; col++) {
		const struct cell *c = grid_at(g, row, col);

		for (int i = 0; c->width && i < CELL_CHARS && c->c[i]; i++)
			n += (size_t)sprintf(out + n, "%lc", (wint_t)c->c[i]);
	}
	out[n] = '\0';
	return out;
}

static const char *drawn(int cols, bool ascii, const char *text)
{
	struct grid g;
	const char *ret;

	grid_init(&g, 1, cols, ascii);
	grid_put(&g, 0, 0, cols, STYLE_PLAIN, text);
	assert_clean(&g);
	ret = text_of(&g, 0);
	grid_done(&g);
	return ret;
}

static void test_text(void **state)
{
	assert_string_equal(drawn(5, false, "abc"), "abc  ");
	assert_string_equal(drawn(5, false, "abcdef"), "abcd…");
	assert_string_equal(drawn(5, true, "abcdef"), "abcd~");
	assert_string_equal(drawn(5, false, "caf\xc3\xa9s"), "caf\xc3\xa9s");
	assert_string_equal(drawn(5, true, "caf\xc3\xa9s"), "caf?s");
	assert_string_equal(drawn(1, false, "ab"), "…");
	/* wide ones are whole or not there */
	assert_string_equal(drawn(4, false, "台北"), "台北");
	assert_string_equal(drawn(3, false, "台北"), "台…");
	assert_string_equal(drawn(4, false, "a台北"), "a台…");
	assert_string_equal(drawn(5, false, "a台北"), "a台北");
	assert_string_equal(drawn(2, false, "台北"), "… ");
	/* what combines stays with its letter, as far as a cell holds it */
	assert_string_equal(drawn(3, false, "e\xcc\x81x"), "e\xcc\x81x ");
	assert_string_equal(drawn(2, false, "\xcc\x81x"), "x ");
	assert_string_equal(drawn(2, false, "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84"),
			    "e\xcc\x81\xcc\x82 ");
	/* what would move a cursor, or is no character at all */
	assert_string_equal(drawn(8, false, "a\x1b[2Jb"), "a\xef\xbf\xbd[2Jb  ");
	assert_string_equal(drawn(3, false, "\r\n\x7f"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(drawn(3, false, "\xc2\x9b"), "\xef\xbf\xbd  "); /* CSI in C1 */
	assert_string_equal(drawn(3, false, "\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd ");
	assert_string_equal(drawn(3, false,
				  "a\xe2\x80\xae"
				  "b"),
			    "a\xef\xbf\xbd"
			    "b"); /* RLO */
	assert_string_equal(drawn(3, true,
				  "\xff"
				  "a"),
			    "?a ");
}

static void test_places(void **state)
{
	struct grid g;

	grid_init(&g, 2, 10, false);
	assert_int_equal(grid_put(&g, 0, 8, 10, STYLE_BAD, "abc"), 2);
	assert_string_equal(text_of(&g, 0), "        a…");
	assert_int_equal(grid_put(&g, 2, 0, 10, STYLE_BAD, "abc"), 0);
	assert_int_equal(grid_put(&g, -1, 0, 10, STYLE_BAD, "abc"), 0);
	assert_int_equal(grid_put(&g, 0, 10, 10, STYLE_BAD, "abc"), 0);
	assert_int_equal(grid_put(&g, 0, -1, 10, STYLE_BAD, "abc"), 0);
	assert_int_equal(grid_put(&g, 0, 0, 0, STYLE_BAD, "abc"), 0);
	assert_int_equal(grid_put_right(&g, 1, 2, 6, STYLE_BAD, "abc"), 3);
	assert_string_equal(text_of(&g, 1), "     abc  ");
	assert_int_equal(grid_at(&g, 1, 5)->style, STYLE_BAD);
	assert_int_equal(grid_at(&g, 1, 4)->style, STYLE_PLAIN);
	grid_fill(&g, 1, 8, 100, STYLE_DIM, '-');
	assert_string_equal(text_of(&g, 1), "     abc--");
	/* half of a wide character overwritten: the other half is blank */
	grid_clear(&g);
	grid_put(&g, 0, 0, 10, STYLE_PLAIN, "台北");
	grid_put(&g, 0, 1, 2, STYLE_PLAIN, "xy");
	assert_string_equal(text_of(&g, 0), " xy       ");
	assert_clean(&g);
	grid_done(&g);
	/* sizes that no terminal has */
	grid_init(&g, 0, -5, false);
	assert_true(g.rows == 1 && g.cols == 1);
	grid_done(&g);
	grid_init(&g, 1 << 30, 1 << 30, false);
	assert_true(g.rows == GRID_ROWS_MAX && g.cols == GRID_COLS_MAX);
	grid_done(&g);
}

/* Every code point there is. */
static void test_every_code_point(void **state)
{
	struct grid g[2];

	grid_init(&g[0], 1, 4, false);
	grid_init(&g[1], 1, 4, true);
	for (uint32_t cp = 1; cp < 0x110000; cp++) {
		char text[16];
		int n;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		if (cp < 0x80)
			n = sprintf(text, "a%c", (char)cp);
		else if (cp < 0x800)
			n = sprintf(text, "a%c%c", 0xc0 | cp >> 6, 0x80 | (cp & 63));
		else if (cp < 0x10000)
			n = sprintf(text, "a%c%c%c", 0xe0 | cp >> 12, 0x80 | (cp >> 6 & 63),
				    0x80 | (cp & 63));
		else
			n = sprintf(text, "a%c%c%c%c", 0xf0 | cp >> 18, 0x80 | (cp >> 12 & 63),
				    0x80 | (cp >> 6 & 63), 0x80 | (cp & 63));
		sprintf(text + n, "z");
		for (int i = 0; i < 2; i++) {
			int width = grid_width(&g[i], text);

			grid_clear(&g[i]);
			assert_int_equal(grid_put(&g[i], 0, 0, 4, STYLE_PLAIN, text), width);
			assert_int_equal(grid_at(&g[i], 0, width - 1)->c[0], 'z');
			assert_clean(&g[i]);
		}
	}
	grid_done(&g[0]);
	grid_done(&g[1]);
}

static void test_random_bytes(void **state)
{
	struct rng rng;

	rng_init(&rng, 21);
	for (int step = 0; step < 20000; step++) {
		struct grid g;
		char text[64];
		size_t n = rng_below(&rng, sizeof text);
		int used, at = (int)rng_below(&rng, 20) - 2, max = (int)rng_below(&rng, 30);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(1 + rng_below(&rng, 255));
		text[n] = '\0';
		grid_init(&g, 1 + (int)rng_below(&rng, 3), 1 + (int)rng_below(&rng, 25),
			  rng_below(&rng, 2));
		grid_put(&g, 0, 0, 25, STYLE_PLAIN, "台北台北台北台北台北");
		used = grid_put(&g, 0, at, max, STYLE_BAD, text);
		assert_true(used >= 0 && used <= MAX(MIN(max, g.cols - at), 0));
		(void)grid_put_right(&g, 0, at, max, STYLE_WARN, text);
		assert_clean(&g);
		grid_done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_random_bytes),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
