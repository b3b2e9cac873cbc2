/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc - the operator's client of maglevd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/flags.h"
#include "base/version.h"
#include "loop/loop.h"
#include "maglevc/session.h"
#include "maglevc/shell.h"
#include "maglevc/tree.h"

#define SYNOPSIS "maglevc [flags] [command ...]"

struct options {
	const char *server, *tls_ca, *tls_cert, *tls_key;
	dur_ns timeout;
	bool color, json, version, help;
};

#define N_FLAGS 9

static void flags_table(struct options *o, struct flag ret[static N_FLAGS])
{
	const struct flag table[N_FLAGS] = {
		{ "server", "MAGLEV_SERVER", FLAG_STRING, "localhost:9090", "ADDR",
		  "where the daemon is: host:port, [v6]:port or unix:/path",
		  .to_string = &o->server },
		{ "color", "MAGLEV_COLOR", FLAG_BOOL, NULL, NULL,
		  "colour the output; by default when it goes to a terminal and NO_COLOR is unset",
		  .to_bool = &o->color },
		{ "json", NULL, FLAG_BOOL, "false", NULL, "print answers as JSON, for programs",
		  .to_bool = &o->json },
		{ "timeout", "MAGLEV_TIMEOUT", FLAG_DURATION, "10s", "DURATION",
		  "how long to wait for an answer", .to_duration = &o->timeout, .min = NS_PER_MS,
		  .max = 24 * 3600 * NS_PER_S },
		{ "tls-ca", "MAGLEV_TLS_CA", FLAG_STRING, "", "FILE",
		  "use TLS; the server's certificate is signed by one of these (PEM)",
		  .to_string = &o->tls_ca },
		{ "tls-cert", "MAGLEV_TLS_CERT", FLAG_STRING, "", "FILE",
		  "use TLS, and show the server this certificate (PEM)",
		  .to_string = &o->tls_cert },
		{ "tls-key", "MAGLEV_TLS_KEY", FLAG_STRING, "", "FILE",
		  "the certificate's private key (PEM)", .to_string = &o->tls_key },
		{ "version", NULL, FLAG_BOOL, "false", NULL, "print the version and exit",
		  .to_bool = &o->version },
		{ "help", NULL, FLAG_BOOL, "false", NULL, "print this and exit",
		  .to_bool = &o->help },
	};

	memcpy(ret, table, sizeof table);
}

/* Does this argument take the next one with it? */
static bool takes_value(const struct flag *flags, const char *arg)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1);

	for (size_t i = 0; i < N_FLAGS; i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].kind != FLAG_BOOL;
	return false;
}

/* Flags may stand behind the command, too: bring them forward, words behind them, each in order.
 * Behind "--" all are words. */
static char **reorder(const struct flag *flags, int argc, char **argv)
{
	size_t room = (size_t)argc + 2;
	char **words = xcalloc(room, sizeof *words);
	char **ret = xcalloc(room, sizeof *ret);
	int n = 1, n_words = 0;

	ret[0] = argc > 0 ? argv[0] : NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				words[n_words++] = argv[i];
		} else if (argv[i][0] != '-' || !argv[i][1]) {
			words[n_words++] = argv[i];
		} else {
			ret[n++] = argv[i];
			if (!takes_value(flags, argv[i]))
				continue;
			if (i + 1 == argc)
				n_words = 0; /* nothing may pass for the missing value */
			else
				ret[n++] = argv[++i];
		}
	}
	if (n_words > 0) {
		static char end[] = "--";
		ret[n++] = end;
		memcpy(ret + n, words, (size_t)n_words * sizeof *words);
	}
	free(words);
	return ret;
}

static int count(char *const *v)
{
	int n = 0;

	while (v[n])
		n++;
	return n;
}

/* What --color is where nobody says: asked for each stream by itself. */
static bool color_by_default(int fd)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no);
}

/* A bool flag does not tell whether it was given: it was when either preset comes out the same. */
static int parse(struct options *o, char **argv, int *ret_first, bool *ret_color_given,
		 struct err *e)
{
	struct flag flags[N_FLAGS];
	bool when_false;
	int r;

	flags_table(o, flags);
	o->color = false;
	r = flags_parse(flags, N_FLAGS, count(argv), argv, ret_first, e);
	if (r)
		return r;
	when_false = o->color;
	o->color = true;
	r = flags_parse(flags, N_FLAGS, count(argv), argv, ret_first, e);
	*ret_color_given = when_false == o->color;
	return r;
}

static void list_row(void *ctx, const char *syntax, const char *help)
{
	str_addf(ctx, "  %s\n", syntax);
}

static void usage(void)
{
	struct options o = { 0 };
	struct flag flags[N_FLAGS];
	_cleanup_(str_done) struct str out = { 0 };

	flags_table(&o, flags);
	flags_usage(flags, N_FLAGS, SYNOPSIS, &out);
	str_add(&out, "commands (each word may be shortened; \"help\" says what they do; none: a "
		      "shell):\n");
	tree_list(tree_root, list_row, &out);
	fputs(str_z(&out), stdout);
}

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

static int run_words(struct session *ss, char **words)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct err e = { 0 };
	int code = EXIT_USAGE;

	if (words_from_argv((size_t)count(words), words, &w, &e))
		str_add(&ss->error, e.msg);
	else
		code = session_run(ss, &w);
	return session_flush(ss) ? EXIT_FAILED : code;
}

static int run(const struct options *o, char **words, bool error_colour)
{
	struct session ss = {
		.daemon = { o->server, or_null(o->tls_ca), or_null(o->tls_cert),
			    or_null(o->tls_key) },
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

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct flag flags[N_FLAGS];
	bool color_given = false;
	struct err e = { 0 };
	int first = 0, r;

	format_init();
	flags_table(&o, flags);
	_cleanup_free_ char **ordered = reorder(flags, argc, argv);
	r = parse(&o, ordered, &first, &color_given, &e);
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
	if (!color_given)
		o.color = color_by_default(STDOUT_FILENO);
	return run(&o, ordered + first, color_given ? o.color : color_by_default(STDERR_FILENO));
}
