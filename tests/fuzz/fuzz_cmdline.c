/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc's command lines: cutting into words, the way through the tree, and what may stand at the
 * cursor. Nothing is run. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "maglevc/complete.h"
#include "maglevc/format.h"
#include "maglevc/tree.h"
#include "maglevc/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(COND)                                                                                \
	do {                                                                                       \
		if (!(COND))                                                                       \
			abort();                                                                   \
	} while (0)

/* What was cut out, given as arguments, comes out the same. */
static void check_argv(const struct words *w)
{
	char *argv[WORDS_MAX];
	struct words again = { 0 };
	struct err e;

	for (size_t i = 0; i < w->n; i++)
		argv[i] = w->v[i].text;
	if (w->n == 1 && strpbrk(argv[0], " \t\r\n"))
		return; /* is taken for a whole line */
	CHECK(words_from_argv(w->n, argv, &again, &e) == 0);
	CHECK(again.n == w->n && !again.open);
	for (size_t i = 0; i < w->n; i++)
		CHECK(strcmp(again.v[i].text, w->v[i].text) == 0);
	words_done(&again);
}

static struct names names_get(void *ctx, enum arg_kind kind, const struct command *so_far)
{
	static char a[] = "it's", b[] = "two words", c[] = "two\\", d[] = "\xc3\xa9t\xc3\xa9",
		    e[] = "\xc3\xa9t\xc3\xa8";
	static char *v[] = { a, b, c, d, e };

	return (struct names){ v, ARRAY_LEN(v), NULL };
}

/* What Tab puts in is the beginning of each candidate, and all of the only one. */
static void check_insert(const char *line, const struct completion *c)
{
	_cleanup_(str_done) struct str text = { 0 };
	_cleanup_(words_done) struct words w = { 0 };
	struct err e;

	if (!completion_insert(c, true, &text))
		return;
	CHECK(c->v.n > 0 && words_split(str_z(&text), &w, &e) == 0);
	CHECK(w.n == 1 && w.v[0].start == 0);
	for (size_t i = 0; i < c->v.n; i++)
		CHECK(str_prefix(c->v.v[i].text, w.v[0].text));
	CHECK(str_prefix(w.v[0].text, c->typed));
	CHECK(c->v.n > 1 || (strcmp(w.v[0].text, c->v.v[0].text) == 0 && !w.open));
}

static void check_completion(const char *line, size_t cursor)
{
	const struct name_source source = { names_get, NULL };
	const struct style st = { 0 };
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str shown = { 0 };
	struct tree_error e = { 0 };

	complete_explain(tree_root, line, cursor, &source, &st, &shown);
	if (complete_at(tree_root, line, cursor, &source, &c, &e)) {
		CHECK(e.err.msg[0] && e.start <= e.end && e.end <= cursor);
		return;
	}
	CHECK(c.start <= cursor && c.quote == words_quote_at(line, cursor));
	for (size_t i = 0; i < c.v.n; i++)
		CHECK(str_prefix(c.v.v[i].text, c.typed));
	completion_columns(&c, cursor, &shown);
	check_insert(line, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	_cleanup_(str_done) struct str shown = { 0 };
	struct tree_error te = { 0 };
	struct words w = { 0 };
	struct command c;
	struct err e;

	for (size_t cursor = 0, n = strlen(line); cursor < n; cursor += n / 4 + 1)
		check_completion(line, cursor);
	check_completion(line, strlen(line));
	if (words_split(line, &w, &e))
		return 0;
	for (size_t i = 0; i < w.n; i++)
		CHECK(w.v[i].start < w.v[i].end && w.v[i].end <= strlen(line));
	check_argv(&w);
	if (tree_parse(tree_root, &w, &c, &te) == 0)
		CHECK(c.node && c.node->run && c.n_args <= COMMAND_ARGS_MAX);
	else
		CHECK(te.err.msg[0] && te.start < te.end);
	text_safe(&shown, line);
	CHECK(text_width(str_z(&shown)) <= 10 * size);
	words_done(&w);
	return 0;
}
