/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/format.h - text that lines up: safe strings, colours, tables.
 *
 * Pure but for the C library's character tables: call format_init once, first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/str.h"
#include "base/vec.h"

struct style {
	bool colour;
	wall_ns now; /* what ages are counted from */
};

/* Output is UTF-8 whatever the locale says. */
void format_init(void);

/* Append s so that it can do nothing to a terminal: what is no printable UTF-8 becomes \xNN or
 * \u{N}. */
void text_safe(struct str *out, const char *s);
/* The same, line by line: newlines stay. */
void text_safe_lines(struct str *out, const char *s);
/* Columns that safe text takes: wide characters two, combining ones none. */
size_t text_width(const char *s);

/* What goes under text_safe(line) to point at its bytes [start, end), which may lie behind its end:
 * blanks, then at least one caret. */
void text_carets(struct str *out, const char *line, size_t start, size_t end);

enum tint {
	TINT_NONE,
	TINT_LABEL, /* dark blue */
	TINT_GOOD,
	TINT_BAD,
	TINT_WARN,
	TINT_QUIET, /* taken out on purpose, or of no weight */
	TINT_ERROR,
};
void tint_begin(struct str *out, const struct style *st, enum tint t);
void tint_end(struct str *out, const struct style *st, enum tint t);
/* How a state ("up", "down", …) or an outcome ("pass", …) is coloured. */
enum tint tint_state(const char *state);

/* ---- tables */

#define TABLE_COLUMNS_MAX 12

struct column {
	const char *label;
	bool right; /* numbers */
};

struct cell {
	char *text; /* safe */
	enum tint tint;
};

struct table { /* {0} but for the first four */
	const struct column *columns;
	size_t n_columns;
	size_t indent;
	bool bare;              /* no line of labels; the first column is one */
	VEC(struct cell) cells; /* a row after another */
};

/* Append a cell, safe. Rows fill from the left; every row has all columns when printed. */
void table_text(struct table *t, enum tint tint, const char *text);
void table_textf(struct table *t, enum tint tint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void table_print(struct table *t, const struct style *st, struct str *out);
void table_done(struct table *t);

/* ---- a block of "label  value" lines: a bare table of two columns */
struct table facts(void);
void fact(struct table *t, const char *label, enum tint tint, const char *text);
void factf(struct table *t, const char *label, enum tint tint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A label on a line of its own, above an indented block. */
void heading(struct str *out, const struct style *st, size_t indent, const char *label);

/* ---- times */

/* "2026-11-20T09:55:00.123Z"; "-" for 0. Returns buf. */
const char *time_text(wall_ns at, char buf[static WALL_STRLEN]);
/* "5m12s" since then, not below 0; "-" for 0. Returns buf. */
const char *age_text(const struct style *st, wall_ns at, char buf[static DUR_STRLEN]);
