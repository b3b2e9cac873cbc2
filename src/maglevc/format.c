/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a daemon says passes text_safe before it reaches a terminal: names come out of a
 * configuration file, details out of the answers of probed servers, and either may hold escape
 * sequences, or characters that turn the direction of the line around.
 *
 * Cells are padded by display width, outside of the colour sequences, so that columns line up with
 * and without colour. */
#include "maglevc/format.h"

#include <assert.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/alloc.h"

void format_init(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, ""); /* then by the user's own */
}

/* ---- safe text */

/* Printable, and without power over its neighbours: no controls, no direction marks or overrides
 * (Unicode's Bidi_Control), no line or paragraph separator. */
static bool is_plain(unsigned cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		return false;
	if (cp == 0x61c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2066 && cp <= 0x2069))
		return false;
	return wcwidth((wchar_t)cp) >= 0;
}

static void add_safe(struct str *out, const char *s, size_t n)
{
	while (n > 0) {
		unsigned cp;
		size_t len = utf8_decode(s, n, &cp);
		if (len == 0)
			str_addf(out, "\\x%02x", (unsigned char)*s);
		else if (is_plain(cp))
			str_add_n(out, s, len);
		else
			str_addf(out, cp < 0x80 ? "\\x%02x" : "\\u{%x}", cp);
		s += len ? len : 1;
		n -= len ? len : 1;
	}
}

void text_safe(struct str *out, const char *s)
{
	add_safe(out, s, strlen(s));
}

void text_safe_lines(struct str *out, const char *s)
{
	for (size_t n; *s; s += n) {
		n = strcspn(s, "\n");
		add_safe(out, s, n);
		if (s[n] == '\n') {
			str_add_c(out, '\n');
			n++;
		}
	}
}

size_t text_width(const char *s)
{
	size_t n = strlen(s), width = 0;

	while (n > 0) {
		unsigned cp;
		size_t len = utf8_decode(s, n, &cp);
		int columns = len ? wcwidth((wchar_t)cp) : 1;
		width += columns > 0 ? (size_t)columns : 0;
		s += len ? len : 1;
		n -= len ? len : 1;
	}
	return width;
}

void text_carets(struct str *out, const char *line, size_t start, size_t end)
{
	_cleanup_(str_done) struct str before = { 0 };
	_cleanup_(str_done) struct str meant = { 0 };
	size_t len = strlen(line), from = MIN(start, len), to = MIN(MAX(end, from), len);

	add_safe(&before, line, from);
	add_safe(&meant, line + from, to - from);
	str_addf(out, "%*s", (int)(text_width(str_z(&before)) + (start > len)), "");
	for (size_t i = 0; i < MAX(text_width(str_z(&meant)), 1); i++)
		str_add_c(out, '^');
}

/* ---- colours */

static const char *const tint_codes[] = {
	[TINT_NONE] = "",          [TINT_LABEL] = "\x1b[34m", [TINT_GOOD] = "\x1b[32m",
	[TINT_BAD] = "\x1b[31m",   [TINT_WARN] = "\x1b[33m",  [TINT_QUIET] = "\x1b[2m",
	[TINT_ERROR] = "\x1b[31m",
};

void tint_begin(struct str *out, const struct style *st, enum tint t)
{
	if (st->colour && t != TINT_NONE)
		str_add(out, tint_codes[t]);
}

void tint_end(struct str *out, const struct style *st, enum tint t)
{
	if (st->colour && t != TINT_NONE)
		str_add(out, "\x1b[0m");
}

enum tint tint_state(const char *state)
{
	static const struct {
		const char *state;
		enum tint tint;
	} tints[] = {
		{ "up", TINT_GOOD },      { "pass", TINT_GOOD },      { "down", TINT_BAD },
		{ "fail", TINT_BAD },     { "unknown", TINT_WARN },   { "inconclusive", TINT_WARN },
		{ "paused", TINT_QUIET }, { "disabled", TINT_QUIET }, { "removed", TINT_QUIET },
	};

	for (size_t i = 0; i < ARRAY_LEN(tints); i++)
		if (strcmp(tints[i].state, state) == 0)
			return tints[i].tint;
	return TINT_NONE;
}

/* ---- tables */

#define GAP 2 /* between columns */

void table_text(struct table *t, enum tint tint, const char *text)
{
	struct str safe = { 0 };

	text_safe(&safe, text);
	vec_push(&t->cells, ((struct cell){ str_take(&safe), tint }));
}

void table_textf(struct table *t, enum tint tint, const char *fmt, ...)
{
	_cleanup_(str_done) struct str text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	table_text(t, tint, str_z(&text));
}

static void pad(struct str *out, size_t n)
{
	while (n-- > 0)
		str_add_c(out, ' ');
}

struct line { /* one being printed; blanks are owed until something follows them */
	struct str *out;
	const struct style *st;
	size_t owed;
};

static void print_cell(struct line *l, const struct column *c, size_t width, const char *text,
		       enum tint tint)
{
	size_t w = text_width(text), fill = width > w ? width - w : 0;

	if (w > 0) {
		pad(l->out, l->owed + (c->right ? fill : 0));
		tint_begin(l->out, l->st, tint);
		str_add(l->out, text);
		tint_end(l->out, l->st, tint);
		l->owed = c->right ? 0 : fill;
	} else {
		l->owed += width;
	}
	l->owed += GAP;
}

void table_print(struct table *t, const struct style *st, struct str *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };

	assert(t->n_columns <= TABLE_COLUMNS_MAX && t->cells.n % t->n_columns == 0);
	for (size_t i = 0; i < t->n_columns && !t->bare; i++)
		widths[i] = text_width(t->columns[i].label);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = text_width(t->cells.v[i].text);
		widths[i % t->n_columns] = MAX(widths[i % t->n_columns], w);
	}
	struct line l = { out, st, t->indent };
	for (size_t i = 0; i < t->n_columns && !t->bare; i++)
		print_cell(&l, &t->columns[i], widths[i], t->columns[i].label, TINT_LABEL);
	if (!t->bare)
		str_add_c(out, '\n');
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t k = i % t->n_columns;
		if (k == 0)
			l.owed = t->indent;
		print_cell(&l, &t->columns[k], widths[k], t->cells.v[i].text, t->cells.v[i].tint);
		if (k + 1 == t->n_columns)
			str_add_c(out, '\n');
	}
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->cells.n; i++)
		free(t->cells.v[i].text);
	vec_done(&t->cells);
}

/* ---- facts */

struct table facts(void)
{
	static const struct column columns[] = { { "" }, { "" } };

	return (struct table){ .columns = columns, .n_columns = 2, .bare = true };
}

void fact(struct table *t, const char *label, enum tint tint, const char *text)
{
	table_text(t, TINT_LABEL, label);
	table_text(t, tint, *text ? text : "-");
}

void factf(struct table *t, const char *label, enum tint tint, const char *fmt, ...)
{
	_cleanup_(str_done) struct str text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	fact(t, label, tint, str_z(&text));
}

void heading(struct str *out, const struct style *st, size_t indent, const char *label)
{
	pad(out, indent);
	tint_begin(out, st, TINT_LABEL);
	text_safe(out, label);
	tint_end(out, st, TINT_LABEL);
	str_add_c(out, '\n');
}

/* ---- times */

const char *time_text(wall_ns at, char buf[static WALL_STRLEN])
{
	if (at == 0)
		return memcpy(buf, "-", 2);
	wall_format(at, buf);
	/* Milliseconds are as fine as anybody reads. */
	char *dot = strchr(buf, '.');
	if (dot && strlen(dot) > 4)
		memcpy(dot + 4, "Z", 2);
	return buf;
}

const char *age_text(const struct style *st, wall_ns at, char buf[static DUR_STRLEN])
{
	if (at == 0)
		return memcpy(buf, "-", 2);
	return dur_format_short(MAX(st->now - at, 0), buf);
}
