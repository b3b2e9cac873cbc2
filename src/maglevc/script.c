/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "maglevc/names.h"
#include "maglevc/options.h"

/* The word at the cursor, which may be empty. */
struct target {
	const char *text; /* unquoted */
	const char *raw;  /* as typed */
	const char *word; /* bash's idea of it */
	char quote;
};

/* ---- quoting for bash */

/* Stands for itself, wherever: bytes of UTF-8 do. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80 || (c && strchr("_@%+:,./-", c));
}

/* Inside of quotes readline adds the end of them. False when it cannot be written there. */
static bool quote(struct str *out, const char *text, char around)
{
	for (const char *s = text; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f || (around == '\'' && *s == '\''))
			return false;
		if (around == '"' ? strchr("\"$`\\", *s) != NULL : around != '\'' && !is_plain(*s))
			str_add_c(out, '\\');
		str_add_c(out, *s);
	}
	return true;
}

/* Without what stands before the part that bash replaces. */
static size_t in_front(const struct target *t, const char *reply)
{
	size_t raw = strlen(t->raw), word = strlen(t->word);

	if (word >= raw || strcmp(t->raw + raw - word, t->word) != 0 ||
	    strncmp(reply, t->raw, raw - word) != 0)
		return 0;
	return raw - word;
}

static void reply(struct str *out, const struct target *t, const char *text)
{
	_cleanup_(str_done) struct str quoted = { 0 };

	if (quote(&quoted, text, t->quote))
		str_addf(out, "%s\n", str_z(&quoted) + in_front(t, str_z(&quoted)));
}

/* ---- what may stand there */

static void reply_flags(struct str *out, const struct target *t, const struct flag *flags)
{
	const char *dashes = t->text[1] == '-' ? "--" : "-";
	const char *name = t->text + strlen(dashes);

	if (strcmp(t->text, "-") == 0) {
		dashes = "--";
		name = "";
	}
	for (size_t i = 0; i < OPTIONS_N_FLAGS; i++) {
		_cleanup_free_ char *flag = xasprintf("%s%s", dashes, flags[i].name);
		if (str_prefix(flags[i].name, name))
			reply(out, t, flag);
	}
}

/* The command's words as a line of ours, with the cursor behind the last. */
static void reply_words(struct str *out, const struct target *t, char *const *words,
			const struct options *o)
{
	struct session ss = { .daemon = options_daemon(o), .timeout = NAMES_TIMEOUT };
	struct name_cache *names = name_cache_new(&ss);
	const struct name_source source = { name_cache_get, names };
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str line = { 0 };
	struct tree_error e;

	for (; *words; words++) {
		word_quote(&line, *words, '\0', true);
		str_add_c(&line, ' ');
	}
	word_quote(&line, t->text, '\0', false);
	if (complete_at(tree_root, str_z(&line), line.len, &source, &c, &e) == 0)
		for (size_t i = 0; i < c.v.n; i++)
			reply(out, t, c.v.v[i].text);
	name_cache_free(names);
	session_done(&ss);
}

static bool has_dashes(char *const *argv)
{
	while (*argv)
		if (strcmp(*argv++, "--") == 0)
			return true;
	return false;
}

/* argv: what stands before the target, with the program first. */
static void complete(struct str *out, const struct target *t, char **argv)
{
	struct options o = { 0 };
	struct flag flags[OPTIONS_N_FLAGS];
	int n = argv_count(argv), first = 0;
	struct err e;

	options_flags(&o, flags);
	if (n > 1 && argv[n - 1][0] == '-' && options_takes_value(flags, argv[n - 1]))
		return; /* a flag's value: bash offers files */
	if (t->text[0] == '-' && !has_dashes(argv)) {
		reply_flags(out, t, flags);
		return;
	}
	_cleanup_free_ char **ordered = options_reorder(flags, n, argv);
	if (options_parse(&o, ordered, &first, &e) == 0)
		reply_words(out, t, ordered + first, &o);
}

void script_complete(const char *line, const char *word, struct str *out)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct target t = { .text = "", .raw = "", .word = word };
	char *argv[WORDS_MAX + 1] = { 0 };
	size_t n;

	if (words_split(line, &w, NULL) || w.n == 0)
		return;
	n = w.n;
	if (w.open || w.v[n - 1].end == strlen(line)) {
		n--;
		t.text = w.v[n].text;
		t.raw = line + w.v[n].start;
		t.quote = w.quote == '\\' ? '\0' : w.quote;
	}
	if (n == 0)
		return; /* the program's own name */
	for (size_t i = 0; i < n; i++)
		argv[i] = w.v[i].text;
	complete(out, &t, argv);
}
