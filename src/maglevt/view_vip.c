/* SPDX-License-Identifier: Apache-2.0 */
/* A VIP's one, two or three lines. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "maglevt/figures.h"
#include "maglevt/view_internal.h"

/* ---- the tally: "srv-a 1500 50%  srv-b 1501 50%" */

#define VALUE_WIDTH 24 /* of a value, at most */
#define VALUE_LEAST 4  /* what one may be cut to, so that more of them are seen */
#define FIGURES_LEN ((size_t)2 * FIGURE_LEN)

/* How the entries are written: as they are, or the shorter the less room there is. */
struct form {
	int gap;           /* between entries */
	int value;         /* columns of a value, at most */
	bool short_counts; /* "12k" from 10,000 on */
};

static const struct form whole = { .gap = 2, .value = VALUE_WIDTH };

static const char *figures_format(const struct tally *t, uint64_t n, const struct form *f,
				  char buf[static FIGURES_LEN])
{
	char count[FIGURE_LEN], share[FIGURE_LEN];

	snprintf(buf, FIGURES_LEN, "%s %s",
		 f->short_counts ? figure_short(n, count) : figure_compact(n, count),
		 figure_share(n, t->total, share));
	return buf;
}

/* Of all but the values: figures, blanks, and what came beyond. */
static int figures_width(const struct tally *t, const struct form *f)
{
	char figures[FIGURES_LEN];
	int sum = 0;

	for (size_t i = 0; i < t->n; i++)
		sum += (i > 0 ? f->gap : 0) + 1 +
		       (int)strlen(figures_format(t, t->v[i].n, f, figures));
	if (t->others)
		sum += f->gap + (int)strlen("others ") +
		       (int)strlen(figures_format(t, t->others, f, figures));
	return sum;
}

static int values_width(const int *widths, size_t n, int most)
{
	int sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += MIN(widths[i], most);
	return sum;
}

static void values_measure(const struct grid *g, const struct tally *t, int ret[static TALLY_MAX])
{
	for (size_t i = 0; i < t->n; i++)
		ret[i] = grid_width(g, t->v[i].value);
}

int tally_width(const struct grid *g, const struct tally *t)
{
	int widths[TALLY_MAX];

	values_measure(g, t, widths);
	return values_width(widths, t->n, whole.value) + figures_width(t, &whole);
}

/* Columns in which two values begin alike. */
static int alike(const struct grid *g, const char *a, const char *b)
{
	_cleanup_free_ char *head = NULL;
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	head = xstrndup(a, n);
	return grid_width(g, head);
}

/* What values may be cut to: they are sorted, so those that begin alike are neighbours, and must
 * not come to look the same. */
static int value_least(const struct grid *g, const struct tally *t)
{
	int least = VALUE_LEAST;

	for (size_t i = 1; i < t->n; i++)
		least = MAX(least, alike(g, t->v[i - 1].value, t->v[i].value) + 2);
	return MIN(least, VALUE_WIDTH);
}

/* Without colours the grey ones stand in parentheses. */
static int marks_width(const struct view *v, const struct tally *t, mono_ns now)
{
	int sum = 0;

	for (size_t i = 0; v->colourless && i < t->n; i++)
		sum += tally_fresh(&t->v[i], now) ? 0 : 2;
	return sum;
}

/* The counts are shortened first, then the values, and no more than is needed. */
static struct form form_choose(const struct grid *g, const struct tally *t, int room)
{
	struct form f = whole;
	int widths[TALLY_MAX], least;

	if (tally_width(g, t) <= room)
		return f;
	f.gap = 1;
	f.short_counts = true;
	room -= figures_width(t, &f);
	values_measure(g, t, widths);
	least = value_least(g, t);
	while (f.value > least && values_width(widths, t->n, f.value) > room)
		f.value--;
	return f;
}

/* White: it has answered lately. Grey: it has not, as when it is drained; without colours, in
 * parentheses. */
static void entry_draw(const struct form *f, struct pen *p, const struct tally_entry *e,
		       const char *figures, enum style value)
{
	p->col += grid_put(p->g, p->row, p->col, f->value, value, e->value);
	pen_put(p, value == STYLE_BRIGHT ? STYLE_PLAIN : STYLE_DIM, " %s", figures);
}

static void tally_draw(const struct view *v, const struct layout *l, struct grid *g, int row,
		       const struct tally *t, mono_ns now)
{
	struct form f = form_choose(g, t, l->tally - marks_width(v, t, now));
	struct pen p = { g, row, l->tally_at };
	int end = l->tally_at + l->tally;
	char figures[FIGURES_LEN];
	size_t i = 0;

	for (; i < t->n; i++) {
		const struct tally_entry *e = &t->v[i];
		bool fresh = tally_fresh(e, now), last = i + 1 == t->n && !t->others;
		bool mark = v->colourless && !fresh;
		int width = MIN(grid_width(g, e->value), f.value) + 1 +
			    (int)strlen(figures_format(t, e->n, &f, figures)) + (mark ? 2 : 0);

		/* room for " +63" behind it, unless nothing is left over */
		if (p.col + width + (last ? 0 : f.gap + 3) > end)
			break;
		if (mark)
			pen_put(&p, STYLE_DIM, "(");
		entry_draw(&f, &p, e, figures, fresh ? STYLE_BRIGHT : STYLE_DIM);
		if (mark)
			pen_put(&p, STYLE_DIM, ")");
		p.col += f.gap;
	}
	if (i < t->n)
		grid_putf(g, row, p.col, end - p.col, STYLE_DIM, "+%zu", t->n - i);
	else if (t->others)
		grid_putf(g, row, p.col, end - p.col, STYLE_DIM, "others %s",
			  figures_format(t, t->others, &f, figures));
}

static void tally_hint(const struct view *v, const struct layout *l, struct grid *g, int row,
		       uint32_t vip)
{
	const struct vip_stats *s = &v->model->of[vip];
	enum scheme scheme = v->model->vips->v[vip].scheme;

	if (s->samples.n_ok > 0 && (scheme == SCHEME_HTTP || scheme == SCHEME_HTTPS))
		grid_putf(g, row, l->tally_at, l->tally, STYLE_DIM, "no %s", v->header);
}

/* ---- the spark */

/* How high a latency stands, 0..7: by its ratio to the median of the last 100, each step a
 * doubling. So the line of a VIP that is as it always is lies calm at a third, fast or slow, it
 * says by how much something was slower, and it does not change when a spike enters or leaves it.
 */
static uint32_t spark_level(uint64_t us, uint64_t median)
{
	uint32_t level = 2;

	if (us * 4 < median)
		return 0;
	if (us * 4 < median * 3)
		return 1;
	for (uint64_t limit = median * 3 / 2; us > limit && level < 7; limit *= 2)
		level++;
	return level;
}

/* The last probes, as far as there is room, the newest at the right. */
static void spark_draw(const struct layout *l, struct grid *g, int row, const struct samples *s)
{
	static const char ascii[] = "_.-=+*%#";
	size_t n = MIN((size_t)l->spark, s->n);
	uint64_t median = MAX(samples_percentile(s, 50), 1u);
	int col = l->spark_at + l->spark - (int)n;

	for (size_t i = 0; i < n; i++, col++) {
		struct sample x = samples_at(s, s->n - n + i);
		uint32_t level = spark_level(x.us, median);

		if (!x.ok)
			grid_fill(g, row, col, 1, STYLE_BAD, g->ascii ? 'x' : 0xd7);
		else
			grid_fill(g, row, col, 1, STYLE_SPARK,
				  g->ascii ? (uint32_t)ascii[level] : 0x2581 + level);
	}
}

/* ---- the figures */

static const struct {
	uint32_t utf8;
	char ascii;
	enum style style;
} marks[VIP_STATE_N] = {
	[VIP_NOT_PROBED] = { 0xb7, '-', STYLE_DIM }, [VIP_WAITING] = { 0x25cb, '.', STYLE_DIM },
	[VIP_GOOD] = { 0x25cf, '+', STYLE_GOOD },    [VIP_SHAKY] = { 0x25c6, '!', STYLE_WARN },
	[VIP_BAD] = { 0x25bc, 'x', STYLE_BAD },
};

static void number(const struct layout *l, struct grid *g, int row, enum column c, enum style style,
		   const char *text)
{
	if (l->width[c] > 1)
		grid_put_right(g, row, l->at[c] + 1, l->width[c] - 1, style, text);
}

static void word(const struct layout *l, struct grid *g, int row, enum column c, enum style style,
		 const char *text)
{
	if (l->width[c] > 1)
		grid_put(g, row, l->at[c] + 1, l->width[c] - 1, style, text);
}

static enum style ok_style(unsigned permille)
{
	if (permille == 1000)
		return STYLE_GOOD;
	return permille >= 900 ? STYLE_WARN : STYLE_BAD;
}

static void figures_draw(const struct layout *l, struct grid *g, int row, const struct vip_stats *s)
{
	static const struct {
		enum column column;
		unsigned percentile;
	} latencies[] = { { COL_P50, 50 }, { COL_P95, 95 }, { COL_P99, 99 }, { COL_MAX, 100 } };
	enum style last = s->last_ok ? STYLE_PLAIN : s->last_local ? STYLE_WARN : STYLE_BAD;
	unsigned ok = samples_ok_permille(&s->samples);
	char buf[FIGURE_LEN];

	word(l, g, row, COL_LAST, last, s->last);
	number(l, g, row, COL_N, STYLE_PLAIN, figure_compact(s->n, buf));
	number(l, g, row, COL_FAIL, s->failed ? STYLE_BAD : STYLE_DIM,
	       figure_compact(s->failed, buf));
	if (s->samples.n > 0)
		number(l, g, row, COL_OK, ok_style(ok), figure_percent(ok, buf));
	for (size_t i = 0; s->samples.n_ok > 0 && i < ARRAY_LEN(latencies); i++)
		number(l, g, row, latencies[i].column, STYLE_PLAIN,
		       figure_latency(samples_percentile(&s->samples, latencies[i].percentile),
				      buf));
}

/* ---- the lines */

static void identity_draw(const struct layout *l, struct grid *g, int row, const struct vip *vip)
{
	int at = NAME_AT + 2;

	if (l->wide) {
		word(l, g, row, COL_ENDPOINT, STYLE_DIM, vip->endpoint);
		if (vip->scheme != SCHEME_NONE)
			word(l, g, row, COL_SCHEME, STYLE_DIM, scheme_name(vip->scheme));
		return;
	}
	grid_put(g, row + 1, at, MAX(l->scheme_at - 1 - at, 1), STYLE_DIM, vip->endpoint);
	if (vip->scheme != SCHEME_NONE)
		grid_put(g, row + 1, l->scheme_at, 5, STYLE_DIM, scheme_name(vip->scheme));
}

void draw_vip(const struct view *v, const struct layout *l, struct grid *g, int row, uint32_t vip,
	      mono_ns now)
{
	const struct vip *what = &v->model->vips->v[vip];
	const struct vip_stats *s = &v->model->of[vip];
	enum vip_state state = model_state(v->model, vip);
	int spark = row + (l->wide || l->spark_above ? 0 : 1), last = row + l->vip_lines - 1;

	grid_fill(g, row, 0, 1, marks[state].style,
		  g->ascii ? (uint32_t)marks[state].ascii : marks[state].utf8);
	grid_put(g, row, NAME_AT, l->name,
		 state == VIP_BAD          ? STYLE_BAD
		 : state == VIP_NOT_PROBED ? STYLE_DIM
					   : STYLE_BRIGHT,
		 what->name);
	identity_draw(l, g, row, what);
	if (state == VIP_NOT_PROBED) {
		grid_put(g, row, l->at[COL_LAST] + 1, g->cols, STYLE_DIM, what->why_not);
		return;
	}
	figures_draw(l, g, row, s);
	spark_draw(l, g, spark, &s->samples);
	if (s->tally.n > 0)
		tally_draw(v, l, g, last, &s->tally, now);
	else
		tally_hint(v, l, g, last, vip);
}

void draw_heads(const struct view *v, const struct layout *l, struct grid *g, int row)
{
	static const char *const heads[COL_COUNT] = {
		[COL_ENDPOINT] = "ADDRESS", [COL_SCHEME] = "HOW",
		[COL_LAST] = "LAST",        [COL_N] = "N",
		[COL_FAIL] = "FAIL",        [COL_OK] = "OK %",
		[COL_P50] = "p50",          [COL_P95] = "p95",
		[COL_P99] = "p99",          [COL_MAX] = "max",
	};

	grid_put(g, row, NAME_AT, l->name, STYLE_HEAD, "VIP");
	for (enum column c = 0; c < COL_COUNT; c++) {
		if (c <= COL_LAST)
			word(l, g, row, c, STYLE_HEAD, heads[c]);
		else
			number(l, g, row, c, STYLE_HEAD, heads[c]);
	}
	if (l->wide || l->spark_above)
		grid_put(g, row, l->spark_at, l->spark, STYLE_HEAD, "LATENCY");
	if (l->wide && l->vip_lines == 1)
		grid_put(g, row, l->tally_at, l->tally, STYLE_HEAD, v->header);
}
