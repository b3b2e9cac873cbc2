/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/view_internal.h - what the view's files share. */
#pragma once

#include "maglevt/view.h"

/* Text from left to right. */
struct pen {
	struct grid *g;
	int row, col;
};
void pen_put(struct pen *p, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

enum column {
	COL_ENDPOINT,
	COL_SCHEME,
	COL_LAST,
	COL_N,
	COL_FAIL,
	COL_OK,
	COL_P50,
	COL_P95,
	COL_P99,
	COL_MAX,
	COL_COUNT
};

struct layout {
	bool wide;     /* address and spark stand on the first line */
	int vip_lines; /* wide: 1, or 2 with the tally on its own; else 2, or 3 likewise */
	int name;      /* columns of the name, from NAME_AT on */
	int at[COL_COUNT], width[COL_COUNT]; /* width 0: left out */
	int scheme_at;                       /* on the second line; meaningless when wide */
	bool spark_above; /* on the first line though not wide: the tally needs the second */
	int spark_at, spark, tally_at, tally;
	int table_top, table_rows, panel_top, panel_rows; /* with its heading */
};

#define NAME_AT 2

struct layout layout_make(const struct view *v, const struct ui *u, const struct grid *g);

void draw_heads(const struct view *v, const struct layout *l, struct grid *g, int row);
void draw_vip(const struct view *v, const struct layout *l, struct grid *g, int row, uint32_t vip,
	      mono_ns now);
/* Columns of a VIP's whole tally where nothing of it need be shortened. */
int tally_width(const struct grid *g, const struct tally *t);

void draw_panel(const struct view *v, struct grid *g, int top, int rows, mono_ns now);
void draw_help(const struct view *v, struct grid *g);
