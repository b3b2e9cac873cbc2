/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/tree.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

static bool is_keyword(const struct node *n, bool hidden)
{
	return n->arg == ARG_NONE && n->hidden == hidden;
}

/* "a, b or c": the visible nodes of a level, those that `prefix` begins. */
static void add_candidates(struct str *out, const struct node *level, const char *prefix)
{
	size_t n = 0, at = 0;

	for (const struct node *k = level; k && k->word; k++)
		n += !k->hidden && (k->arg || str_prefix(k->word, prefix));
	for (const struct node *k = level; k && k->word; k++) {
		if (k->hidden || !(k->arg || str_prefix(k->word, prefix)))
			continue;
		if (at > 0)
			str_add(out, at + 1 < n ? ", " : " or ");
		str_add(out, k->word);
		at++;
	}
}

/* The only keyword that `word` begins; NULL when none or several are, with their number. */
static const struct node *match_prefix(const struct node *level, const char *word, bool hidden,
				       size_t *ret_n)
{
	const struct node *found = NULL;

	*ret_n = 0;
	for (const struct node *k = level; k && k->word; k++) {
		if (!is_keyword(k, hidden) || !str_prefix(k->word, word))
			continue;
		found = k;
		*ret_n += 1;
	}
	return *ret_n == 1 ? found : NULL;
}

static const struct node *match_exact(const struct node *level, const char *word)
{
	for (const struct node *k = level; k && k->word; k++)
		if (k->arg == ARG_NONE && strcmp(k->word, word) == 0)
			return k;
	return NULL;
}

static const struct node *match_argument(const struct node *level)
{
	for (const struct node *k = level; k && k->word; k++)
		if (k->arg != ARG_NONE)
			return k;
	return NULL;
}

const struct node *tree_match(const struct node *level, const char *word, struct err *e)
{
	_cleanup_(str_done) struct str names = { 0 };
	const struct node *found = match_exact(level, word);
	size_t n = 0;

	if (!found && *word)
		found = match_prefix(level, word, false, &n);
	if (!found && *word && n == 0)
		found = match_prefix(level, word, true, &n);
	if (!found && n == 0)
		found = match_argument(level);
	if (found)
		return found;
	add_candidates(&names, level, n > 1 ? word : "");
	if (n > 1)
		err_set(e, -EINVAL, "ambiguous word \"%s\": %s", word, str_z(&names));
	else if (names.len)
		err_set(e, -EINVAL, "unknown word \"%s\": expected %s", word, str_z(&names));
	else
		err_set(e, -EINVAL, "unexpected word \"%s\": the command is complete", word);
	return NULL;
}

static int check_argument(const struct node *n, const char *text, struct err *e)
{
	long long weight;

	if (n->arg == ARG_WEIGHT && str_to_i64(text, 0, 100, &weight))
		return err_set(e, -EINVAL, "weight \"%s\": expected a number from 0 to 100", text);
	/* To the daemon an empty name can mean "all": never by accident. */
	if (!*text)
		return err_set(e, -EINVAL, "an empty name: expected %s", n->word);
	return 0;
}

static int incomplete(const struct node *level, struct err *e)
{
	_cleanup_(str_done) struct str names = { 0 };

	add_candidates(&names, level, "");
	return err_set(e, -EINVAL, "incomplete command: expected %s", str_z(&names));
}

int tree_parse(const struct node *root, const struct words *w, struct command *ret,
	       struct tree_error *e)
{
	struct command c = { 0 };
	const struct node *level = root;

	if (w->open) {
		e->start = w->v[w->n - 1].start;
		e->end = w->v[w->n - 1].end;
		return err_set(&e->err, -EINVAL, "a quote without its end");
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct word *word = &w->v[i];
		e->start = word->start;
		e->end = word->end;
		c.node = tree_match(level, word->text, &e->err);
		if (!c.node || (c.node->arg && check_argument(c.node, word->text, &e->err)))
			return -EINVAL;
		if (c.node->arg) {
			assert(c.n_args < COMMAND_ARGS_MAX);
			c.args[c.n_args++] = word->text;
		}
		level = c.node->next;
	}
	if (!c.node || !c.node->run) {
		e->start = strlen(w->line) + (w->n > 0);
		e->end = e->start + 1;
		return incomplete(level, &e->err);
	}
	*ret = c;
	return 0;
}

/* ---- listing */

struct lister {
	tree_list_fn *fn;
	void *ctx;
	struct str path;
};

/* "show frontends" and "show frontends <name>" are one line: the end is in brackets. */
static const struct node *only_end(const struct node *n)
{
	const struct node *k = n->next;

	return n->run && k && !k[1].word && !k->hidden && k->run && !k->next ? k : NULL;
}

static void list_level(struct lister *l, const struct node *level)
{
	for (const struct node *k = level; k && k->word; k++) {
		size_t len = l->path.len;
		const struct node *end = only_end(k);
		if (k->hidden)
			continue;
		str_addf(&l->path, "%s%s", len ? " " : "", k->word);
		if (end)
			str_addf(&l->path, " [%s]", end->word);
		if (k->run)
			l->fn(l->ctx, str_z(&l->path), k->help);
		if (!end)
			list_level(l, k->next);
		l->path.len = len;
		l->path.p[len] = '\0';
	}
}

void tree_list(const struct node *root, tree_list_fn *fn, void *ctx)
{
	struct lister l = { .fn = fn, .ctx = ctx };

	list_level(&l, root);
	str_done(&l.path);
}
