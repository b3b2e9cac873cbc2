/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc - the operator's client of maglevd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/version.h"
#include "loop/loop.h"
#include "maglevc/manual.h"
#include "maglevc/options.h"
#include "maglevc/script.h"
#include "maglevc/session.h"
#include "maglevc/shell.h"
#include "maglevc/tree.h"

#define SYNOPSIS "maglevc [flags] [command ...]"

/* What --color is where nobody says: asked for each stream by itself. */
static bool color_by_default(int fd)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no);
}

static void list_row(void *ctx, const char *syntax, const char *help)
{
	str_addf(ctx, "  %s\n", syntax);
}

static void usage(void)
{
	struct options o = { 0 };
	struct flag flags[OPTIONS_N_FLAGS];
	_cleanup_(str_done) struct str out = { 0 };

	options_flags(&o, flags);
	flags_usage(flags, OPTIONS_N_FLAGS, SYNOPSIS, &out);
	str_add(&out, "commands (each word may be shortened; \"help\" says what they do; none: a "
		      "shell):\n");
	tree_list(tree_root, list_row, &out);
	fputs(str_z(&out), stdout);
}

static int run_words(struct session *ss, char **words)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct err e = { 0 };
	int code = EXIT_USAGE;

	if (words_from_argv((size_t)argv_count(words), words, &w, &e))
		str_add(&ss->error, e.msg);
	else
		code = session_run(ss, &w);
	return session_flush(ss) ? EXIT_FAILED : code;
}

static int run(const struct options *o, char **words, bool error_colour)
{
	struct session ss = {
		.daemon = options_daemon(o),
		.timeout = o->timeout,
		.json = o->json,
		.style = { o->color, loop_wall() },
		.error_colour = error_colour,
		.live = true,
	};
	int code = *words ? run_words(&ss, words) : shell_run(&ss);

	session_done(&ss);
	return code;
}

/* What the scripts around this program call, and nobody types. True when it was that. */
static bool run_hidden(int argc, char **argv)
{
	_cleanup_(str_done) struct str out = { 0 };

	if (argc == 4 && strcmp(argv[1], "__complete") == 0)
		script_complete(argv[2], argv[3], &out);
	else if (argc == 2 && strcmp(argv[1], "__manual") == 0)
		manual_print(&out);
	else
		return false;
	fputs(str_z(&out), stdout);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct flag flags[OPTIONS_N_FLAGS];
	struct err e = { 0 };
	int first = 0, r;

	format_init();
	if (run_hidden(argc, argv))
		return EXIT_OK;
	options_flags(&o, flags);
	_cleanup_free_ char **ordered = options_reorder(flags, argc, argv);
	r = options_parse(&o, ordered, &first, &e);
	if (o.help) {
		usage();
		return EXIT_OK;
	}
	if (r) {
		error_print(e.msg, color_by_default(STDERR_FILENO));
		fputs("usage: " SYNOPSIS " (see maglevc --help)\n", stderr);
		return EXIT_USAGE;
	}
	if (o.version) {
		version_print("maglevc");
		return EXIT_OK;
	}
	if (!o.color_given)
		o.color = color_by_default(STDOUT_FILENO);
	return run(&o, ordered + first, o.color_given ? o.color : color_by_default(STDERR_FILENO));
}
