/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc's command lines: cutting into words, and the way through the tree. Nothing is run. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)data, size);
	_cleanup_(str_done) struct str shown = { 0 };
	struct tree_error te = { 0 };
	struct words w = { 0 };
	struct command c;
	struct err e;

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
