/* SPDX-License-Identifier: Apache-2.0 */
/* The line up to the cursor is cut into words. All but the one that the cursor touches lead the way
 * through the tree, as they would if the line were run; what may follow there and begins as the
 * touched word does are the candidates.
 *
 * A daemon can have tens of thousands of names. Completing looks at all of them; lists stop at
 * LIST_MAX, for nobody reads on. */
#include "maglevc/complete.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define LIST_MAX 200
#define INDENT   2
#define GAP      2

void completion_done(struct completion *c)
{
	for (size_t i = 0; i < c->v.n; i++)
		free(c->v.v[i].text);
	vec_done(&c->v);
	free(c->typed);
	free(c->why);
	*c = (struct completion){ 0 };
}

/* ---- candidates */

static void add_names(struct completion *c, const struct place *p, const struct name_source *source)
{
	struct names names;

	if (!source->get)
		return;
	names = source->get(source->ctx, c->argument->arg, &p->so_far);
	if (names.why)
		c->why = xstrdup(names.why);
	for (size_t i = 0; i < names.n; i++)
		if (str_prefix(names.v[i], c->typed))
			vec_push(&c->v, ((struct candidate){ xstrdup(names.v[i]), NULL }));
}

static void add_all(struct completion *c, const struct place *p, const struct name_source *source)
{
	const struct node *k;

	for (size_t i = 0; (k = place_next(p, i)); i++) {
		if (k->arg != ARG_NONE)
			c->argument = k;
		else if (!k->hidden && str_prefix(k->word, c->typed))
			vec_push(&c->v, ((struct candidate){ xstrdup(k->word), k->help }));
	}
	if (c->argument)
		add_names(c, p, source);
}

/* Does the last word reach the cursor? */
static bool touches(const struct words *w, size_t cursor)
{
	return w->n > 0 && (w->open || w->v[w->n - 1].end == cursor);
}

int complete_at(const struct node *root, const char *line, size_t cursor,
		const struct name_source *source, struct completion *ret, struct tree_error *e)
{
	_cleanup_free_ char *head = xstrndup(line, cursor);
	_cleanup_(words_done) struct words w = { 0 };
	struct completion c = { .start = cursor };
	struct place p = { .level = root };
	int r = words_split(head, &w, &e->err);
	size_t before = w.n;

	if (r) {
		e->start = 0;
		e->end = cursor;
		return r;
	}
	if (touches(&w, cursor))
		before--;
	for (size_t i = 0; i < before; i++)
		if (place_enter(&p, &w.v[i], e))
			return -EINVAL;
	if (before < w.n)
		c.start = w.v[before].start;
	c.typed = xstrdup(before < w.n ? w.v[before].text : "");
	c.quote = w.quote;
	if (before == w.n && p.so_far.node && p.so_far.node->run)
		c.enter = p.so_far.node->help;
	add_all(&c, &p, source);
	*ret = c;
	return 0;
}

/* ---- Tab */

/* How many bytes all candidates have in common, in whole characters. */
static size_t shared(const struct completion *c)
{
	const char *first = c->v.v[0].text;
	size_t len = strlen(first);

	for (size_t i = 1; i < c->v.n; i++) {
		size_t same = 0;
		while (same < len && first[same] == c->v.v[i].text[same])
			same++;
		len = same;
	}
	while (len > 0 && ((unsigned char)first[len] & 0xc0) == 0x80)
		len--;
	return len;
}

bool completion_insert(const struct completion *c, bool blank, struct str *ret)
{
	bool only = c->v.n == 1;
	size_t len;

	if (c->v.n == 0)
		return false;
	len = shared(c);
	if (!only && len <= strlen(c->typed))
		return false;
	_cleanup_free_ char *text = xstrndup(c->v.v[0].text, len);
	word_quote(ret, text, c->quote, only);
	if (only && blank)
		str_add_c(ret, ' ');
	return true;
}

/* ---- lists */

static void pad(struct str *out, size_t n)
{
	while (n-- > 0)
		str_add_c(out, ' ');
}

/* As many as are worth listing, safe for a terminal; the widest's width. */
static size_t safe_texts(const struct completion *c, size_t n, char **ret)
{
	size_t widest = 0;

	for (size_t i = 0; i < n; i++) {
		struct str safe = { 0 };
		text_safe(&safe, c->v.v[i].text);
		ret[i] = str_take(&safe);
		widest = MAX(widest, text_width(ret[i]));
	}
	return widest;
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static void add_more(const struct completion *c, struct str *out)
{
	if (c->v.n > LIST_MAX)
		str_addf(out, "  ... and %zu more\n", c->v.n - LIST_MAX);
}

void completion_columns(const struct completion *c, size_t width, struct str *out)
{
	size_t n = MIN(c->v.n, LIST_MAX);
	char **texts = xcalloc(n + 1, sizeof *texts);
	size_t cell = safe_texts(c, n, texts) + GAP;
	size_t columns = MAX((width > INDENT ? width - INDENT : 0) / cell, 1);
	size_t rows = (n + columns - 1) / columns;

	for (size_t r = 0; r < rows; r++) {
		pad(out, INDENT);
		for (size_t i = r; i < n; i += rows) { /* downwards, as ls does */
			str_add(out, texts[i]);
			if (i + rows < n)
				pad(out, cell - text_width(texts[i]));
		}
		str_add_c(out, '\n');
	}
	add_more(c, out);
	free_texts(texts, n);
}

static void help_row(struct table *t, enum tint tint, const char *word, const char *help)
{
	table_text(t, tint, word);
	table_text(t, TINT_NONE, help);
}

void completion_help(const struct completion *c, const struct style *st, struct str *out)
{
	static const struct column columns[] = { { "" }, { "" } };
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns), INDENT,
						 .bare = true };
	size_t names = 0;

	if (c->argument)
		help_row(&t, TINT_LABEL, c->argument->word, c->argument->help);
	for (size_t i = 0; i < c->v.n; i++) {
		const struct candidate *k = &c->v.v[i];
		if (k->help)
			help_row(&t, TINT_LABEL, k->text, k->help);
		else if (names++ < LIST_MAX)
			help_row(&t, TINT_NONE, k->text, "");
	}
	if (c->enter)
		help_row(&t, TINT_LABEL, "<Enter>", c->enter);
	if (c->why)
		help_row(&t, TINT_WARN, "no names:", c->why);
	table_print(&t, st, out);
	if (names > LIST_MAX)
		str_addf(out, "  ... and %zu more\n", names - LIST_MAX);
}

static void explain_mistake(const struct tree_error *e, const char *line, const struct style *st,
			    struct str *out)
{
	_cleanup_(str_done) struct str text = { 0 };

	tree_error_print(e, line, &text);
	tint_begin(out, st, TINT_ERROR);
	text_safe_lines(out, str_z(&text));
	tint_end(out, st, TINT_ERROR);
	str_add_c(out, '\n');
}

/* Is there nothing to choose at the cursor: the word is whole, or wrong? */
static bool is_decided(const struct completion *c)
{
	if (c->v.n == 0)
		return *c->typed && !c->argument;
	return c->v.n == 1 && strcmp(c->v.v[0].text, c->typed) == 0;
}

void complete_explain(const struct node *root, const char *line, size_t cursor,
		      const struct name_source *source, const struct style *st, struct str *out)
{
	_cleanup_free_ char *behind = xasprintf("%.*s ", (int)cursor, line);
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(completion_done) struct completion next = { 0 };
	struct tree_error e = { 0 };

	if (complete_at(root, line, cursor, source, &c, &e)) {
		explain_mistake(&e, line, st, out);
		return;
	}
	completion_help(&c, st, out);
	if (!is_decided(&c))
		return;
	if (complete_at(root, behind, cursor + 1, source, &next, &e))
		explain_mistake(&e, line, st, out);
	else
		completion_help(&next, st, out);
}
