/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/words.h - a command line cut into words, each with its place in the line.
 *
 * Blanks separate; '…' takes everything as it is; in "…" and outside of quotes a backslash takes
 * the next byte as it is. So every name can be typed, the empty one too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define WORDS_MAX 32 /* the longest command has 10 */

struct word {
	char *text;        /* without quotes and escapes */
	size_t start, end; /* bytes [start, end) of the line, quotes included */
};

struct words { /* {0} is an empty line */
	char *line;
	struct word v[WORDS_MAX];
	size_t n;
	bool open; /* ends inside quotes, or behind a lone backslash: the last word is unfinished */
	char quote; /* when open: which, " ' or \; NUL otherwise */
};

/* 0; -E2BIG with `e` when there are more than WORDS_MAX words. The caller calls words_done. */
int words_split(const char *line, struct words *ret, struct err *e);
/* Words as the system's shell handed them over: each is one, whatever is in it. The line is what
 * one would type for them. A single argument with blanks in it is taken for a whole line. */
int words_from_argv(size_t n, char *const *argv, struct words *ret, struct err *e);
void words_done(struct words *w);
/* What line[cursor] is inside of: a quote, or behind a lone \; NUL when none. */
char words_quote_at(const char *line, size_t cursor);

/* Append a word so that it is read back as `text`: inside of `quote` (" or ', with its beginning,
 * and its end when `whole`), else with a backslash before what has a meaning. */
void word_quote(struct str *out, const char *text, char quote, bool whole);
