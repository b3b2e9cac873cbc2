/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define BLANKS " \t\r\n"

void words_done(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].text);
	free(w->line);
	*w = (struct words){ 0 };
}

/* One word from s, which does not start with a blank. Returns where it ends. */
static const char *take_word(const char *s, struct str *text, char *ret_open)
{
	char quote = '\0';

	for (; *s && (quote || !strchr(BLANKS, *s)); s++) {
		if (*s == '\\' && quote != '\'') {
			if (!s[1]) {
				*ret_open = quote ? quote : '\\';
				return s + 1;
			}
			str_add_c(text, *++s);
		} else if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? '\0' : *s;
		} else {
			str_add_c(text, *s);
		}
	}
	*ret_open = quote;
	return s;
}

int words_split(const char *line, struct words *ret, struct err *e)
{
	struct words w = { .line = xstrdup(line) };

	for (const char *s = line + strspn(line, BLANKS); *s; s += strspn(s, BLANKS)) {
		struct str text = { 0 };
		const char *start = s;

		if (w.n == WORDS_MAX) {
			words_done(&w);
			return err_set(e, -E2BIG, "more than %d words", WORDS_MAX);
		}
		s = take_word(s, &text, &w.quote);
		w.open = w.quote != '\0';
		w.v[w.n++] = (struct word){ str_take(&text), (size_t)(start - line),
					    (size_t)(s - line) };
	}
	*ret = w;
	return 0;
}

char words_quote_at(const char *line, size_t cursor)
{
	_cleanup_free_ char *head = xstrndup(line, cursor);
	char quote = '\0';

	for (const char *s = head + strspn(head, BLANKS); *s; s += strspn(s, BLANKS)) {
		struct str text = { 0 };
		s = take_word(s, &text, &quote);
		str_done(&text);
	}
	return quote;
}

static void add_quoted(struct str *line, const char *text)
{
	if (*text && !strpbrk(text, BLANKS "\"'\\")) {
		str_add(line, text);
		return;
	}
	str_add_c(line, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_add_c(line, '\\');
		str_add_c(line, *text);
	}
	str_add_c(line, '"');
}

int words_from_argv(size_t n, char *const *argv, struct words *ret, struct err *e)
{
	_cleanup_(str_done) struct str line = { 0 };

	if (n == 1 && strpbrk(argv[0], BLANKS))
		return words_split(argv[0], ret, e);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			str_add_c(&line, ' ');
		add_quoted(&line, argv[i]);
	}
	return words_split(str_z(&line), ret, e);
}

/* Inside '…' nothing escapes: the quotes end, and begin again behind an escaped one. */
static void add_single_quoted(struct str *out, const char *text)
{
	str_add_c(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			str_add(out, "'\\''");
		else
			str_add_c(out, *text);
}

void word_quote(struct str *out, const char *text, char quote, bool whole)
{
	if (quote == '\'') {
		add_single_quoted(out, text);
	} else {
		/* '?' would ask for help when it is typed */
		const char *meant = quote == '"' ? "\"\\" : BLANKS "\"'\\?";
		if (quote == '"' || (!*text && whole))
			str_add_c(out, '"');
		for (const char *s = text; *s; s++) {
			if (strchr(meant, *s))
				str_add_c(out, '\\');
			str_add_c(out, *s);
		}
	}
	if (whole && (quote == '"' || quote == '\'' || !*text))
		str_add_c(out, quote == '\'' ? '\'' : '"');
}
