/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/tree.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "maglevc/format.h"

const struct node *const *command_find(const struct command *c, const char *word)
{
	for (size_t i = 0; i < c->n_path; i++)
		if (c->path[i]->arg == ARG_NONE && strcmp(c->path[i]->word, word) == 0)
			return &c->path[i];
	return NULL;
}

/* ---- what may follow */

static bool is_taken(const struct place *p, const struct node *option)
{
	for (size_t i = 0; i < p->so_far.n_path; i++)
		if (p->so_far.path[i] == option)
			return true;
	return false;
}

const struct node *place_next(const struct place *p, size_t i)
{
	const struct node *last = p->so_far.node;

	for (const struct node *k = p->level; k && k->word; k++)
		if (i-- == 0)
			return k;
	if (!last || !last->run)
		return NULL;
	for (const struct node *k = p->options; k && k->word; k++)
		if (!is_taken(p, k) && i-- == 0)
			return k;
	return NULL;
}

/* "a, b or c": what may follow and is visible, those that `prefix` begins. */
static void add_candidates(struct str *out, const struct place *p, const char *prefix)
{
	const struct node *k;
	size_t n = 0, at = 0;

	for (size_t i = 0; (k = place_next(p, i)); i++)
		n += !k->hidden && (k->arg || str_prefix(k->word, prefix));
	for (size_t i = 0; (k = place_next(p, i)); i++) {
		if (k->hidden || !(k->arg || str_prefix(k->word, prefix)))
			continue;
		if (at > 0)
			str_add(out, at + 1 < n ? ", " : " or ");
		str_add(out, k->word);
		at++;
	}
}

/* The only keyword that `word` begins; NULL when none or several are, with their number. */
static const struct node *match_prefix(const struct place *p, const char *word, bool hidden,
				       size_t *ret_n)
{
	const struct node *found = NULL, *k;

	*ret_n = 0;
	for (size_t i = 0; (k = place_next(p, i)); i++) {
		if (k->arg != ARG_NONE || k->hidden != hidden || !str_prefix(k->word, word))
			continue;
		found = k;
		*ret_n += 1;
	}
	return *ret_n == 1 ? found : NULL;
}

static const struct node *match_exact(const struct place *p, const char *word)
{
	const struct node *k;

	for (size_t i = 0; (k = place_next(p, i)); i++)
		if (k->arg == ARG_NONE && strcmp(k->word, word) == 0)
			return k;
	return NULL;
}

static const struct node *match_argument(const struct place *p)
{
	const struct node *k;

	for (size_t i = 0; (k = place_next(p, i)); i++)
		if (k->arg != ARG_NONE)
			return k;
	return NULL;
}

/* The node that a word means. NULL with `e` when none or several are meant: names the word and the
 * candidates. */
static const struct node *match(const struct place *p, const char *word, struct err *e)
{
	_cleanup_(str_done) struct str names = { 0 };
	const struct node *found = match_exact(p, word);
	size_t n = 0;

	if (!found && *word)
		found = match_prefix(p, word, false, &n);
	if (!found && *word && n == 0)
		found = match_prefix(p, word, true, &n);
	if (!found && n == 0)
		found = match_argument(p);
	if (found)
		return found;
	add_candidates(&names, p, n > 1 ? word : "");
	if (n > 1)
		err_set(e, -EINVAL, "ambiguous word \"%s\": %s", word, str_z(&names));
	else if (names.len)
		err_set(e, -EINVAL, "unknown word \"%s\": expected %s", word, str_z(&names));
	else
		err_set(e, -EINVAL, "unexpected word \"%s\": the command is complete", word);
	return NULL;
}

/* ---- going on */

static int check_argument(const struct node *n, const char *text, struct err *e)
{
	long long number;

	if (n->arg == ARG_WEIGHT && str_to_i64(text, 0, 100, &number))
		return err_set(e, -EINVAL, "weight \"%s\": expected a number from 0 to 100", text);
	if (n->arg == ARG_COUNT && str_to_i64(text, 1, INT_MAX, &number))
		return err_set(e, -EINVAL, "\"%s\": expected a number from 1 to %d", text, INT_MAX);
	/* To the daemon an empty name can mean "all": never by accident. */
	if (!*text)
		return err_set(e, -EINVAL, "an empty name: expected %s", n->word);
	return 0;
}

int place_enter(struct place *p, const struct word *word, struct tree_error *e)
{
	struct command *c = &p->so_far;
	const struct node *n;

	e->start = word->start;
	e->end = word->end;
	n = match(p, word->text, &e->err);
	if (!n || (n->arg && check_argument(n, word->text, &e->err)))
		return -EINVAL;
	if (n->arg) {
		assert(c->n_args < COMMAND_ARGS_MAX);
		c->args[c->n_args++] = word->text;
	}
	assert(c->n_path < WORDS_MAX); /* as many as there are words */
	c->path[c->n_path++] = n;
	c->node = n;
	p->level = n->next;
	if (n->options)
		p->options = n->options;
	return 0;
}

static int incomplete(const struct place *p, struct err *e)
{
	_cleanup_(str_done) struct str names = { 0 };

	add_candidates(&names, p, "");
	return err_set(e, -EINVAL, "incomplete command: expected %s", str_z(&names));
}

int tree_parse(const struct node *root, const struct words *w, struct command *ret,
	       struct tree_error *e)
{
	struct place p = { .level = root };

	if (w->open) {
		e->start = w->v[w->n - 1].start;
		e->end = w->v[w->n - 1].end;
		return err_set(&e->err, -EINVAL, "a quote without its end");
	}
	for (size_t i = 0; i < w->n; i++)
		if (place_enter(&p, &w->v[i], e))
			return -EINVAL;
	if (!p.so_far.node || !p.so_far.node->run) {
		e->start = strlen(w->line) + (w->n > 0);
		e->end = e->start + 1;
		return incomplete(&p, &e->err);
	}
	*ret = p.so_far;
	return 0;
}

void tree_error_print(const struct tree_error *e, const char *line, struct str *out)
{
	str_addf(out, "%s\n  ", e->err.msg);
	text_safe(out, line);
	str_add(out, "\n  ");
	text_carets(out, line, e->start, e->end);
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

/* What follows an option, up to where the command may end: " <n>", " [level <level>]". A choice of
 * keywords is in braces. */
static void add_option_rest(struct str *out, const struct node *n)
{
	const struct node *k = n->next;

	if (!k)
		return;
	str_add(out, n->run ? " [" : " ");
	if (k[1].word)
		str_add_c(out, '{');
	for (; k->word; k++) {
		str_add(out, k->word);
		if (k[1].word)
			str_add_c(out, '|');
	}
	if (n->next[1].word)
		str_add_c(out, '}');
	else
		add_option_rest(out, n->next);
	if (n->run)
		str_add_c(out, ']');
}

static void add_options(struct str *out, const struct node *options)
{
	for (const struct node *k = options; k && k->word; k++) {
		str_addf(out, " [%s", k->word);
		add_option_rest(out, k);
		str_add_c(out, ']');
	}
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
		add_options(&l->path, k->options);
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
