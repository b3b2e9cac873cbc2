/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/grid.h - a screen as cells (pure): what is drawn, before any terminal has to do with it.
 *
 * Whatever text is put into it, from servers, files or the command line, only printable characters
 * are in it: no control character, nothing that is not UTF-8, nothing that turns the direction of
 * writing or has no width on its own. Wide characters take two cells and are never cut in half.
 * Widths are wcwidth's, of the process's locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a cell means; the terminal's side knows how that looks. */
enum style {
	STYLE_PLAIN,
	STYLE_DIM,
	STYLE_BRIGHT, /* white */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_HEAD,  /* column heads and panel titles */
	STYLE_KEY,   /* a key in a line of hints */
	STYLE_TITLE, /* the bar at the top */
	STYLE_TITLE_DIM,
	STYLE_ALERT, /* on the bar: paused */
	STYLE_BOX,   /* the help's */
	STYLE_SPARK,
	STYLE_N
};

/* A character and what combines with it. */
#define CELL_CHARS 3

struct cell {
	uint32_t c[CELL_CHARS]; /* code points; 0 ends them */
	uint8_t style;          /* enum style */
	uint8_t width;          /* 1, 2; 0: the second half of the one before */
};

struct grid {
	int rows, cols;
	struct cell *cells; /* row by row */
	bool ascii;         /* the terminal has no UTF-8 */
};

/* Sizes below 1 count as 1, and there are bounds beyond which no terminal is believed. */
#define GRID_ROWS_MAX 1000
#define GRID_COLS_MAX 2000

void grid_init(struct grid *g, int rows, int cols, bool ascii); /* blank */
void grid_done(struct grid *g);
void grid_clear(struct grid *g);
struct cell *grid_at(const struct grid *g, int row, int col); /* NULL outside */
bool cell_eq(const struct cell *a, const struct cell *b);

/* Put text at (row, col), at most `max` columns of it, and say how many it took. What does not fit
 * is cut, with an ellipsis for its last column. Outside of the grid nothing happens. */
int grid_put(struct grid *g, int row, int col, int max, enum style style, const char *text);
/* The same at the right end of [col, col+max). Returns the columns it took. */
int grid_put_right(struct grid *g, int row, int col, int max, enum style style, const char *text);
int grid_putf(struct grid *g, int row, int col, int max, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* `n` cells of one character (width 1). */
void grid_fill(struct grid *g, int row, int col, int n, enum style style, uint32_t c);
/* Columns that text takes, as grid_put draws it. */
int grid_width(const struct grid *g, const char *text);
/* The next character as it is drawn: its code point, width (0: combines with the one before), and
 * how many bytes of `text` (n > 0 left) it was. */
size_t grid_char(bool ascii, const char *text, size_t n, uint32_t *ret_c, int *ret_width);
