/* SPDX-License-Identifier: Apache-2.0 */
/* How the screen's lines and columns are shared out. */
#include "base/alloc.h"
#include "maglevt/view_internal.h"

#define NAME_LEAST 12
#define NAME_MOST  40

/* The least that spark and tally have on a wide screen, and what a spark may grow to. */
#define WIDE_SPARK 20
#define WIDE_TALLY 32
#define SPARK_MOST 60

/* The least of a spark where the tally has a line of its own; and beside tallies, to which it gives
 * way down to this. */
#define MEDIUM_SPARK 12
#define SPARK_LEAST  8

/* Each with the blank before it. */
static const struct {
	int narrow, wide;
} widths[COL_COUNT] = {
	[COL_LAST] = { 9, 10 }, [COL_N] = { 7, 8 },   [COL_FAIL] = { 6, 7 },
	[COL_OK] = { 6, 7 },    [COL_P50] = { 7, 8 }, [COL_P95] = { 7, 8 },
	[COL_P99] = { 7, 8 },   [COL_MAX] = { 7, 8 }, [COL_SCHEME] = { 0, 7 },
};

struct extents { /* of what is to be shown, in columns */
	int name, endpoint, tally;
};

static struct extents extents_of(const struct view *v, const struct ui *u, const struct grid *g)
{
	struct extents x = { .name = NAME_LEAST };

	for (size_t i = 0; i < u->n_rows; i++) {
		const struct vip *vip = &v->model->vips->v[u->rows[i]];
		const struct tally *t = &v->model->of[u->rows[i]].tally;

		x.name = MAX(x.name, grid_width(g, vip->name));
		x.endpoint = MAX(x.endpoint, grid_width(g, vip->endpoint));
		x.tally = MAX(x.tally, tally_width(g, t));
	}
	/* they grow with their counts: by steps, or the picture would shift all the time */
	x.tally = (x.tally + 7) / 8 * 8;
	return x;
}

static int columns_width(const struct layout *l)
{
	int sum = 0;

	for (int c = 0; c < COL_COUNT; c++)
		sum += l->width[c];
	return sum;
}

static void columns_place(struct layout *l)
{
	int at = NAME_AT + l->name;

	for (int c = 0; c < COL_COUNT; c++) {
		l->at[c] = at;
		at += l->width[c];
	}
}

/* All on one line. Names get what they need where there is room, then the tallies; the spark takes
 * a share of what is left, or gives way where tallies need still more. */
static bool lay_wide(struct layout *l, const struct extents *x, int cols, bool tight)
{
	int fixed, left, missing;

	for (int c = 0; c < COL_COUNT; c++)
		l->width[c] = tight && c != COL_SCHEME ? widths[c].narrow : widths[c].wide;
	l->width[COL_ENDPOINT] = x->endpoint + 2;
	fixed = NAME_AT + columns_width(l) + 2 + WIDE_SPARK + 2 + WIDE_TALLY;
	l->name = MIN(x->name, NAME_MOST);
	if (fixed + MIN(l->name, 24) > cols)
		return false;
	l->name = MIN(l->name, cols - fixed);
	columns_place(l);
	left = cols - fixed - l->name;
	missing = MAX(x->tally - WIDE_TALLY - left, 0);
	left = MAX(left - MAX(x->tally - WIDE_TALLY, 0), 0);
	l->spark = MIN(WIDE_SPARK + left / 2, SPARK_MOST);
	l->spark -= MIN(missing, l->spark - SPARK_LEAST);
	l->spark_at = NAME_AT + l->name + columns_width(l) + 2;
	l->tally_at = l->spark_at + l->spark + 2;
	l->tally = cols - l->tally_at;
	l->wide = true;
	l->vip_lines = 1;
	return true;
}

/* All but the tally on one line. */
static bool lay_medium(struct layout *l, const struct extents *x, int cols)
{
	int fixed;

	for (int c = 0; c < COL_COUNT; c++)
		l->width[c] = c == COL_SCHEME ? widths[c].wide : widths[c].narrow;
	l->width[COL_ENDPOINT] = x->endpoint + 2;
	fixed = NAME_AT + columns_width(l) + 2;
	l->name = MIN(x->name, NAME_MOST);
	if (fixed + MIN(l->name, 20) + MEDIUM_SPARK > cols)
		return false;
	l->name = MIN(l->name, cols - fixed - MEDIUM_SPARK);
	columns_place(l);
	l->spark_at = fixed + l->name;
	l->spark = MIN(cols - l->spark_at, SPARK_MOST);
	l->tally_at = NAME_AT + 2;
	l->tally = cols - l->tally_at;
	l->wide = true;
	l->vip_lines = 2;
	return true;
}

/* A spark gives way to tallies; on the narrowest screens both have their share of little. */
static int spark_beside(int room, const struct extents *x)
{
	int spark = MIN(room / 3, SPARK_LEAST);

	if (room - x->tally >= SPARK_LEAST)
		spark = room - x->tally;
	return MAX(MIN(spark, SPARK_MOST), 0);
}

/* The first line has the figures, the second what the VIP is, its spark and tally. What there is no
 * room for goes, the least telling first. */
static void lay_narrow(struct layout *l, const struct extents *x, int cols)
{
	static const enum column dispensable[] = { COL_P99, COL_MAX, COL_P50,  COL_N,
						   COL_P95, COL_OK,  COL_FAIL, COL_LAST };
	int at;

	for (int c = 0; c < COL_COUNT; c++)
		l->width[c] = widths[c].narrow;
	for (size_t i = 0; i < ARRAY_LEN(dispensable); i++)
		if (NAME_AT + NAME_LEAST + columns_width(l) > cols)
			l->width[dispensable[i]] = 0;
	l->name = MAX(cols - NAME_AT - columns_width(l), 1);
	columns_place(l);
	l->scheme_at = NAME_AT + 2 + x->endpoint + 1;
	at = l->scheme_at + 6;
	l->spark = spark_beside(cols - at - 2, x);
	l->spark_at = at;
	l->tally_at = at + l->spark + 2;
	l->tally = MAX(cols - l->tally_at, 0);
	l->wide = false;
	l->vip_lines = 2;
}

/* A tally that does not fit beside its VIP gets a line of its own, where that hides no VIP. */
static void tally_line(struct layout *l, int cols)
{
	l->vip_lines = 3;
	l->tally_at = NAME_AT + 2;
	l->tally = MAX(cols - l->tally_at, 0);
	l->spark = MAX(MIN(cols - l->spark_at, SPARK_MOST), 0);
}

/* Where it would hide some, the spark makes room: it goes behind the names if they leave enough. */
static void spark_line(struct layout *l, const struct extents *x, int cols)
{
	int left = l->name - x->name - 2;

	if (left < SPARK_LEAST)
		return;
	l->name = x->name;
	l->spark_above = true;
	l->spark_at = NAME_AT + l->name + 2;
	l->spark = MIN(left, SPARK_MOST);
	l->tally_at = l->scheme_at + 6;
	l->tally = MAX(cols - l->tally_at, 0);
}

struct layout layout_make(const struct view *v, const struct ui *u, const struct grid *g)
{
	struct extents x = extents_of(v, u, g);
	struct layout l = { .table_top = 3 };
	int between = MAX(g->rows - 3 - 1, 0); /* title, totals, heads; the keys */
	int panel = g->rows >= 12 ? MAX(g->rows / 5, 4) : 0;
	int most = MAX(between - panel, 0);
	int n = (int)MIN(u->n_rows, (size_t)GRID_ROWS_MAX), needed;

	if (!(lay_wide(&l, &x, g->cols, false) && x.tally <= l.tally) &&
	    !(lay_wide(&l, &x, g->cols, true) && (x.tally <= l.tally || n * 2 > most)) &&
	    !lay_medium(&l, &x, g->cols)) {
		lay_narrow(&l, &x, g->cols);
		if (x.tally > l.tally && n * 3 <= most)
			tally_line(&l, g->cols);
		else if (x.tally > l.tally)
			spark_line(&l, &x, g->cols);
	}
	needed = MAX(n * l.vip_lines, 1);
	l.table_rows = needed <= most ? needed : MAX(most - most % l.vip_lines, MIN(most, 1));
	l.panel_top = l.table_top + l.table_rows;
	l.panel_rows = panel ? between - l.table_rows : 0;
	return l;
}
