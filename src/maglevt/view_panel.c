/* SPDX-License-Identifier: Apache-2.0 */
/* The anomalies below the table, and the help above all. */
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/str.h"
#include "maglevt/figures.h"
#include "maglevt/view_internal.h"

static enum style anomaly_style(enum anomaly_kind k)
{
	return k == ANOMALY_SPIKE || k == ANOMALY_LOCAL ? STYLE_WARN : STYLE_BAD;
}

static void heading_draw(const struct view *v, struct grid *g, int row)
{
	const struct anomalies *a = &v->model->anomalies;
	uint32_t rule = g->ascii ? '-' : 0x2500;
	struct pen p = { g, row, 3 };
	char n[FIGURE_LEN];

	grid_fill(g, row, 0, g->cols, STYLE_DIM, rule);
	pen_put(&p, STYLE_HEAD, " anomalies ");
	for (enum anomaly_kind k = 0; k < ANOMALY_KIND_N; k++) {
		if (k == ANOMALY_LOCAL && a->total[k] == 0)
			continue; /* a word that only confuses those who have none */
		pen_put(&p, a->total[k] ? anomaly_style(k) : STYLE_DIM, " %s %s ",
			anomaly_kind_name(k), figure_compact(a->total[k], n));
	}
}

static const char *clock_format(wall_ns at, char buf[static 16])
{
	time_t t = (time_t)(at / NS_PER_S);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(buf, 16, "%H:%M:%S", &tm);
	return buf;
}

/* How long it went on is said where there is room for all of it. */
static void words_draw(struct grid *g, int row, int col, const struct anomaly *a, enum style style)
{
	_cleanup_(str_done) struct str s = { 0 };
	char text[DUR_STRLEN];

	str_add(&s, a->text);
	if (a->count > 1 && a->last - a->first >= NS_PER_S)
		str_addf(&s, ", for %s",
			 dur_format_short((a->last - a->first) / NS_PER_S * NS_PER_S, text));
	if (grid_width(g, str_z(&s)) > g->cols - col)
		grid_put(g, row, col, g->cols - col, style, a->text);
	else
		grid_put(g, row, col, g->cols - col, style, str_z(&s));
}

/* Columns for names: as many as the longest VIP's takes, within bounds. */
static int names_width(const struct view *v, const struct grid *g)
{
	const struct vips *vips = v->model->vips;
	int w = 8;

	for (size_t i = 0; i < vips->n; i++)
		w = MAX(w, grid_width(g, vips->v[i].name));
	return MIN(w, g->cols >= 120 ? 32 : 20);
}

struct panel {
	const struct view *v;
	struct grid *g;
	mono_ns now;
	int name; /* columns */
};

static void anomaly_draw(const struct panel *p, int row, const struct anomaly *a)
{
	const struct vip *vip = &p->v->model->vips->v[a->vip];
	struct grid *g = p->g;
	bool open = anomaly_open(a, p->now), wide = g->cols >= 120;
	int at = 28 + p->name + 2;
	enum style kind = open ? anomaly_style(a->kind) : STYLE_DIM;
	enum style rest = open ? STYLE_PLAIN : STYLE_DIM;
	char buf[FIGURE_LEN], times[2 * FIGURE_LEN];

	if (open)
		grid_fill(g, row, 0, 1, kind, g->ascii ? '>' : 0x25b8);
	grid_put(g, row, 2, 8, rest, clock_format(a->first_wall, buf));
	grid_put(g, row, 11, 8, kind, anomaly_kind_name(a->kind));
	if (a->count > 1) {
		snprintf(times, sizeof times, g->ascii ? "x%s" : "\xc3\x97%s",
			 figure_compact(a->count, buf));
		grid_put_right(g, row, 20, 6, rest, times);
	}
	grid_put(g, row, 28, p->name, open ? STYLE_BRIGHT : STYLE_DIM, vip->name);
	if (wide) {
		grid_put(g, row, at, 24, STYLE_DIM, vip->endpoint);
		at += 26;
	}
	words_draw(g, row, at, a, rest);
}

void draw_panel(const struct view *v, struct grid *g, int top, int rows, mono_ns now)
{
	const struct anomaly *list[ANOMALIES_MAX];
	struct panel p = { v, g, now, names_width(v, g) };
	size_t n;

	if (rows < 1)
		return;
	heading_draw(v, g, top);
	n = anomalies_list(&v->model->anomalies, now, (size_t)rows - 1, list);
	for (size_t i = 0; i < n; i++)
		anomaly_draw(&p, top + 1 + (int)i, list[i]);
	if (n == 0 && rows > 1)
		grid_put(g, top + 1, 2, g->cols, STYLE_DIM, "none so far");
}

/* ---- help */

static const struct {
	const char *key, *what;
} help[] = {
	{ "q  Ctrl-C", "quit" },
	{ "space", "pause: no probe is sent, the picture stands" },
	{ "r", "reset: all figures from zero" },
	{ "s", "sort by name, address, worst, slowest" },
	{ "f  /", "show only names that match a regexp" },
	{ "up down  k j", "scroll" },
	{ "PgUp PgDn Home End", "scroll far" },
	{ "?  h", "this; any key closes it" },
	{ "", "" },
	{ "LAST", "HTTP status of the last probe, or its error" },
	{ "OK % p50 p95 p99 max", "of the last 100 probes" },
	{ "N FAIL", "since the start, or the last reset" },
	{ "white, grey", "answered in the last 5 s, or not (drained)" },
	{ "spike", "over 3 x p95, and over 10 ms" },
};

#define HELP_KEYS 22
#define HELP_COLS (2 + HELP_KEYS + 45 + 2)

void draw_help(const struct view *v, struct grid *g)
{
	int rows = (int)ARRAY_LEN(help) + 4, cols = MIN(HELP_COLS, g->cols);
	int top = MAX((g->rows - rows) / 2, 0), left = MAX((g->cols - cols) / 2, 0);

	for (int i = 0; i < rows; i++)
		grid_fill(g, top + i, left, cols, STYLE_BOX, ' ');
	grid_putf(g, top + 1, left + 2, cols - 4, STYLE_BOX, "maglevt %s - keys and columns",
		  v->version);
	for (size_t i = 0; i < ARRAY_LEN(help); i++) {
		int row = top + 3 + (int)i;

		grid_put(g, row, left + 2, MIN(HELP_KEYS, cols - 4), STYLE_BOX, help[i].key);
		grid_put(g, row, left + 2 + HELP_KEYS, cols - 4 - HELP_KEYS, STYLE_BOX,
			 help[i].what);
	}
}
