/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void options_flags(struct options *o, struct flag ret[static OPTIONS_N_FLAGS])
{
	const struct flag table[OPTIONS_N_FLAGS] = {
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
		  .max = INT64_C(24) * 3600 * NS_PER_S },
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

bool options_takes_value(const struct flag *flags, const char *arg)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1);

	for (size_t i = 0; i < OPTIONS_N_FLAGS; i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].kind != FLAG_BOOL;
	return false;
}

char **options_reorder(const struct flag *flags, int argc, char **argv)
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
			if (!options_takes_value(flags, argv[i]))
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

int argv_count(char *const *v)
{
	int n = 0;

	while (v[n])
		n++;
	return n;
}

/* A bool flag does not tell whether it was given: it was when either preset comes out the same. */
int options_parse(struct options *o, char *const *argv, int *ret_first, struct err *e)
{
	struct flag flags[OPTIONS_N_FLAGS];
	bool when_false;
	int r;

	options_flags(o, flags);
	o->color = false;
	r = flags_parse(flags, OPTIONS_N_FLAGS, argv_count(argv), argv, ret_first, e);
	if (r)
		return r;
	when_false = o->color;
	o->color = true;
	r = flags_parse(flags, OPTIONS_N_FLAGS, argv_count(argv), argv, ret_first, e);
	o->color_given = when_false == o->color;
	return r;
}

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

struct rpc_client_opts options_daemon(const struct options *o)
{
	return (struct rpc_client_opts){ o->server, or_null(o->tls_ca), or_null(o->tls_cert),
					 or_null(o->tls_key) };
}
