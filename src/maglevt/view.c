/* SPDX-License-Identifier: Apache-2.0 */
/* The whole picture from top to bottom: bar, totals, table, anomalies, keys, and help above all. */
#include "maglevt/view.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "maglevt/figures.h"
#include "maglevt/view_internal.h"

void pen_put(struct pen *p, enum style style, const char *fmt, ...)
{
	_cleanup_(str_done) struct str s = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	p->col += grid_put(p->g, p->row, p->col, p->g->cols - p->col, style, str_z(&s));
}

/* The name gives way to what is at the right, which is left out where nothing else would fit. */
static void title_draw(const struct view *v, const struct ui *u, struct grid *g, mono_ns now)
{
	struct pen p = { g, 0, 1 };
	char up[DUR_STRLEN], text[2 * DUR_STRLEN];
	int width = snprintf(text, sizeof text, "%.0f/s   up %s ", model_rate(v->model, now),
			     dur_format_short((v->now - v->started) / NS_PER_S * NS_PER_S, up));
	int paused = u->paused ? 9 : 0;

	grid_fill(g, 0, 0, g->cols, STYLE_TITLE, ' ');
	pen_put(&p, STYLE_TITLE, "maglevt ");
	pen_put(&p, STYLE_TITLE_DIM, "%s  ", v->version);
	if (p.col + width + paused > g->cols)
		width = 0;
	else
		grid_put_right(g, 0, 0, g->cols, STYLE_TITLE_DIM, text);
	grid_put(g, 0, p.col, g->cols - p.col - width - paused - 1, STYLE_TITLE, v->host);
	if (u->paused)
		grid_put(g, 0, MAX(g->cols - width - paused, 0), 8, STYLE_ALERT, " PAUSED ");
}

static void totals_draw(const struct view *v, struct grid *g)
{
	static const struct {
		const char *name;
		enum vip_state state;
		enum style style;
	} parts[] = {
		{ "good", VIP_GOOD, STYLE_GOOD },
		{ "shaky", VIP_SHAKY, STYLE_WARN },
		{ "failing", VIP_BAD, STYLE_BAD },
		{ "waiting", VIP_WAITING, STYLE_DIM },
		{ "not probed", VIP_NOT_PROBED, STYLE_DIM },
	};
	const struct model *m = v->model;
	const char *(*format)(uint64_t n, char buf[static FIGURE_LEN]) = g->cols < 100
										 ? figure_compact
										 : figure_grouped;
	size_t count[VIP_STATE_N] = { 0 };
	struct pen p = { g, 1, 1 };
	char n[FIGURE_LEN];

	for (size_t i = 0; i < m->vips->n; i++)
		count[model_state(m, i)]++;
	pen_put(&p, STYLE_BRIGHT, "%zu VIP%s", m->vips->n, m->vips->n == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (count[parts[i].state] > 0)
			pen_put(&p, parts[i].style, "  %zu %s", count[parts[i].state],
				parts[i].name);
	pen_put(&p, STYLE_PLAIN, "   %s probes", format(m->n, n));
	pen_put(&p, m->failed ? STYLE_BAD : STYLE_DIM, "  %s failed", format(m->failed, n));
}

static void table_draw(const struct view *v, const struct ui *u, const struct layout *l,
		       struct grid *g, mono_ns now)
{
	draw_heads(v, l, g, l->table_top - 1);
	if (u->n_rows == 0)
		grid_put(g, l->table_top, NAME_AT, g->cols, STYLE_WARN,
			 "no frontend's name matches the filter");
	for (size_t i = 0; i < u->page && u->top + i < u->n_rows; i++)
		draw_vip(v, l, g, l->table_top + (int)i * l->vip_lines, u->rows[u->top + i], now);
}

/* ---- the last line */

static struct view_cursor prompt_draw(const struct ui *u, struct grid *g, int row)
{
	struct pen p = { g, row, 1 };
	struct view_cursor c = { row, 0 };
	const char *shown = u->prompt;

	pen_put(&p, STYLE_KEY, "filter: ");
	/* of a long one the end is shown, where the cursor is */
	while (*shown && grid_width(g, shown) > g->cols - p.col - 1)
		shown++;
	while (((unsigned char)*shown & 0xc0) == 0x80)
		shown++;
	pen_put(&p, STYLE_BRIGHT, "%s", shown);
	c.col = MIN(p.col, g->cols - 1);
	p.col += 2;
	if (u->wrong.code)
		pen_put(&p, STYLE_BAD, "%s", u->wrong.msg);
	else
		pen_put(&p, STYLE_DIM, "Enter: take it   Esc: leave it   empty: all");
	return c;
}

static void hint(struct pen *p, const char *key, const char *what)
{
	pen_put(p, STYLE_KEY, "%s", key);
	pen_put(p, STYLE_DIM, " %s  ", what);
}

static void keys_draw(const struct ui *u, struct grid *g, int row)
{
	struct pen p = { g, row, 1 };
	_cleanup_free_ char *where = u->n_rows > u->page
					     ? xasprintf(" %zu-%zu of %zu ", u->top + 1,
							 MIN(u->top + u->page, u->n_rows),
							 u->n_rows)
					     : xstrdup("");

	hint(&p, "q", "quit");
	hint(&p, "space", u->paused ? "go on" : "pause");
	hint(&p, "r", "reset");
	pen_put(&p, STYLE_KEY, "s");
	pen_put(&p, STYLE_DIM, " sort: ");
	pen_put(&p, STYLE_PLAIN, "%s  ", order_name(u->order));
	pen_put(&p, STYLE_KEY, "f");
	pen_put(&p, STYLE_DIM, u->filter ? " filter: " : " filter  ");
	if (u->filter)
		pen_put(&p, STYLE_WARN, "%s  ", u->filter_text);
	hint(&p, "?", "help");
	grid_put_right(g, row, 0, g->cols, STYLE_PLAIN, where);
}

struct view_cursor view_draw(const struct view *v, struct ui *u, struct grid *g)
{
	struct view_cursor cursor = { -1, 0 };
	mono_ns now = ui_now(u, v->now);
	struct layout l;

	grid_clear(g);
	ui_rows(u, v->model, now);
	l = layout_make(v, u, g);
	ui_page(u, (size_t)(l.table_rows / l.vip_lines));
	title_draw(v, u, g, now);
	totals_draw(v, g);
	table_draw(v, u, &l, g, now);
	draw_panel(v, g, l.panel_top, l.panel_rows, now);
	if (g->rows > 1 && u->prompting)
		cursor = prompt_draw(u, g, g->rows - 1);
	else if (g->rows > 1)
		keys_draw(u, g, g->rows - 1);
	if (u->help)
		draw_help(v, g);
	return cursor;
}
