/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/manual.h"

#include <ctype.h>
#include <string.h>

#include "maglevc/options.h"
#include "maglevc/tree.h"

/* roff takes '-' for a hyphen, and a backslash for its own. */
static void add_roff(struct str *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '-' || text[i] == '\\')
			str_add(out, text[i] == '-' ? "\\-" : "\\e");
		else
			str_add_c(out, text[i]);
	}
}

/* "show frontends [<name>]": words bold, arguments in italics, the rest as it is. */
static void add_syntax(struct str *out, const char *s)
{
	size_t n;

	for (; *s; s += n) {
		n = *s == '<' ? strcspn(s, ">") + 1 : strspn(s, "abcdefghijklmnopqrstuvwxyz-");
		if (n == 0) {
			str_add_c(out, *s);
			n = 1;
			continue;
		}
		str_add(out, *s == '<' ? "\\fI" : "\\fB");
		add_roff(out, s + (*s == '<'), *s == '<' ? n - 2 : n);
		str_add(out, "\\fR");
	}
}

/* As a sentence. */
static void add_help(struct str *out, const char *help)
{
	str_add_c(out, (char)toupper((unsigned char)*help));
	add_roff(out, help + 1, strlen(help) - 1);
	str_add(out, ".\n");
}

static void add_command(void *ctx, const char *syntax, const char *help)
{
	struct str *out = ctx;

	str_add(out, ".TP\n");
	add_syntax(out, syntax);
	str_add_c(out, '\n');
	add_help(out, help);
}

static void add_flag(struct str *out, const struct flag *f)
{
	str_add(out, ".TP\n\\fB\\-\\-");
	add_roff(out, f->name, strlen(f->name));
	str_add(out, "\\fR");
	if (f->arg)
		str_addf(out, " \\fI%s\\fR", f->arg);
	str_add_c(out, '\n');
	add_help(out, f->help);
	if (f->env)
		str_addf(out, "Environment: \\fB%s\\fR.\n", f->env);
	if (f->kind != FLAG_BOOL && *f->def)
		str_addf(out, "Default: \\fB%s\\fR.\n", f->def);
}

void manual_print(struct str *out)
{
	struct options o = { 0 };
	struct flag flags[OPTIONS_N_FLAGS];

	str_add(out, ".SH COMMANDS\n");
	tree_list(tree_root, add_command, out);
	str_add(out, ".SH FLAGS\n");
	options_flags(&o, flags);
	for (size_t i = 0; i < OPTIONS_N_FLAGS; i++)
		add_flag(out, &flags[i]);
}
