/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/complete.h - what may stand at the cursor of a line: for Tab, for `?`, for bash.
 *
 * Pure: the line, the tree and a source of names in, candidates out. Nothing is printed here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "maglevc/format.h"
#include "maglevc/tree.h"

struct names {
	char **v; /* in order; borrowed from the source until it is asked again */
	size_t n;
	const char *why; /* there are none because of this; or NULL */
};
/* The names that an argument of this kind can have, behind what stands in the line before it. */
typedef struct names names_fn(void *ctx, enum arg_kind kind, const struct command *so_far);

struct name_source {
	names_fn *get; /* may be NULL: no names */
	void *ctx;
};

struct candidate {
	char *text;       /* as it is, unquoted */
	const char *help; /* NULL: a name */
};

struct completion {              /* {0}; completion_done */
	VEC(struct candidate) v; /* keywords as the table has them, then names in their order */
	size_t start; /* the word at the cursor begins here; the cursor when there is none */
	char *typed;  /* of it, up to the cursor, unquoted */
	char quote;   /* the cursor is inside of these, or behind a lone \; or NUL */
	const struct node *argument; /* one may stand here, or NULL */
	char *why;                   /* its names cannot be told because of this, or NULL */
	const char *enter;           /* the command may end here: what it does; or NULL */
};

/* 0, or -EINVAL (-E2BIG) with `e` when what stands before makes no sense. What stands behind the
 * cursor does not matter. `cursor` is at most strlen(line). */
int complete_at(const struct node *root, const char *line, size_t cursor,
		const struct name_source *source, struct completion *ret, struct tree_error *e);
void completion_done(struct completion *c);

/* What to put in place of line[start, cursor): all that the candidates share, quoted as needed; a
 * blank behind it when there is but one (and `blank`). False when that is what stands there. */
bool completion_insert(const struct completion *c, bool blank, struct str *ret);

/* The candidates in columns, for a screen so wide: "a  b  c". */
void completion_columns(const struct completion *c, size_t width, struct str *out);
/* A line each, with help: `?`. */
void completion_help(const struct completion *c, const struct style *st, struct str *out);

/* What `?` tells at the cursor: what may stand there and, where a whole word ends, what may follow;
 * or what is wrong with the line before. */
void complete_explain(const struct node *root, const char *line, size_t cursor,
		      const struct name_source *source, const struct style *st, struct str *out);
