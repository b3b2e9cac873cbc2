/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/str.h"

void grid_init(struct grid *g, int rows, int cols, bool ascii)
{
	g->rows = MIN(MAX(rows, 1), GRID_ROWS_MAX);
	g->cols = MIN(MAX(cols, 1), GRID_COLS_MAX);
	g->ascii = ascii;
	g->cells = xcalloc((size_t)g->rows * (size_t)g->cols, sizeof *g->cells);
	grid_clear(g);
}

void grid_done(struct grid *g)
{
	free(g->cells);
	*g = (struct grid){ 0 };
}

void grid_clear(struct grid *g)
{
	size_t n = (size_t)g->rows * (size_t)g->cols;

	for (size_t i = 0; i < n; i++)
		g->cells[i] = (struct cell){ .c = { ' ' }, .width = 1 };
}

struct cell *grid_at(const struct grid *g, int row, int col)
{
	if (row < 0 || row >= g->rows || col < 0 || col >= g->cols)
		return NULL;
	return &g->cells[(size_t)row * (size_t)g->cols + (size_t)col];
}

bool cell_eq(const struct cell *a, const struct cell *b)
{
	return memcmp(a->c, b->c, sizeof a->c) == 0 && a->style == b->style && a->width == b->width;
}

/* ---- characters */

/* Format characters (Unicode's Cf) that turn the direction of writing, join or hide, variation
 * selectors and tags: with them a name can pass for another one, or move its neighbours. */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 0xad, 0xad },     { 0x61c, 0x61c },     { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

size_t grid_char(bool ascii, const char *text, size_t n, uint32_t *ret_c, int *ret_width)
{
	unsigned cp = 0;
	size_t len = utf8_decode(text, n, &cp);
	int width = 1;

	if (len > 0 && cp >= 0x80)
		width = ascii || is_invisible(cp) ? -1 : wcwidth((wchar_t)cp);
	if (len == 0 || width < 0 || width > 2 || cp < 0x20 || cp == 0x7f) {
		*ret_c = ascii ? '?' : 0xfffd;
		*ret_width = 1;
		return len ? len : 1;
	}
	*ret_c = cp;
	*ret_width = width;
	return len;
}

int grid_width(const struct grid *g, const char *text)
{
	size_t n = strlen(text);
	int sum = 0;

	for (size_t i = 0; i < n && sum <= GRID_COLS_MAX;) {
		uint32_t c;
		int width;

		i += grid_char(g->ascii, text + i, n - i, &c, &width);
		sum += width;
	}
	return sum;
}

/* ---- cells */

/* A wide character that loses one half leaves a blank. */
static void unwide(struct grid *g, int row, int col)
{
	struct cell *cell = grid_at(g, row, col), *other;

	if (!cell || cell->width == 1)
		return;
	other = grid_at(g, row, cell->width == 2 ? col + 1 : col - 1);
	*cell = (struct cell){ .c = { ' ' }, .style = cell->style, .width = 1 };
	if (other)
		*other = (struct cell){ .c = { ' ' }, .style = other->style, .width = 1 };
}

static void cell_set(struct grid *g, int row, int col, enum style style, uint32_t c, int width)
{
	for (int i = 0; i < width; i++)
		unwide(g, row, col + i);
	*grid_at(g, row, col) =
		(struct cell){ .c = { c }, .style = (uint8_t)style, .width = (uint8_t)width };
	if (width == 2)
		*grid_at(g, row, col + 1) = (struct cell){ .style = (uint8_t)style, .width = 0 };
}

static void cell_combine(struct grid *g, int row, int col, uint32_t c)
{
	struct cell *cell = grid_at(g, row, col);

	if (cell && cell->width == 0)
		cell = grid_at(g, row, col - 1);
	for (int i = 1; cell && i < CELL_CHARS; i++) {
		if (cell->c[i] == 0) {
			cell->c[i] = c;
			return;
		}
	}
}

int grid_put(struct grid *g, int row, int col, int max, enum style style, const char *text)
{
	size_t n = strlen(text);
	bool cut;
	int at = 0, room;

	if (row < 0 || row >= g->rows || col < 0)
		return 0;
	max = MIN(max, g->cols - col);
	if (max <= 0)
		return 0;
	cut = grid_width(g, text) > max;
	room = cut ? max - 1 : max;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		int width;

		i += grid_char(g->ascii, text + i, n - i, &c, &width);
		if (at + width > room)
			break;
		if (width > 0)
			cell_set(g, row, col + at, style, c, width);
		else if (at > 0)
			cell_combine(g, row, col + at - 1, c);
		at += width;
	}
	if (cut)
		cell_set(g, row, col + at++, style, g->ascii ? '~' : 0x2026, 1);
	return at;
}

int grid_put_right(struct grid *g, int row, int col, int max, enum style style, const char *text)
{
	int width = MIN(grid_width(g, text), max);

	return grid_put(g, row, col + max - width, width, style, text);
}

int grid_putf(struct grid *g, int row, int col, int max, enum style style, const char *fmt, ...)
{
	_cleanup_(str_done) struct str s = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	return grid_put(g, row, col, max, style, str_z(&s));
}

void grid_fill(struct grid *g, int row, int col, int n, enum style style, uint32_t c)
{
	for (int i = MAX(-col, 0); i < n && grid_at(g, row, col + i); i++)
		cell_set(g, row, col + i, style, c, 1);
}
