/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* The variable to look at: the second when it alone is set to something. */
static const char *either(const char *first, const char *second)
{
	const char *a = getenv(first), *b = getenv(second);

	return (!a || !*a) && b && *b ? second : first;
}

static size_t table(void *options, struct flag *ret)
{
	struct options *o = options;
	const struct flag flags[] = {
		{ .name = "server",
		  .env = either("MAGLEV_FRONTEND_SERVERS", "MAGLEV_SERVERS"),
		  .kind = FLAG_LIST,
		  .arg = "[NAME=]ADDR",
		  .help = "a maglevd: host:port, [v6]:port or unix:/path, with a name to show; "
			  "several with commas, or by several flags (or MAGLEV_SERVERS; by default "
			  "localhost:9090)",
		  .to_list = &o->server },
		{ .name = "listen",
		  .env = either("MAGLEV_FRONTEND_LISTEN", "MAGLEV_LISTEN"),
		  .kind = FLAG_STRING,
		  .def = ":8080",
		  .arg = "ADDR",
		  .help = "listen here for browsers: host:port, [v6]:port or :port "
			  "(or MAGLEV_LISTEN)",
		  .to_string = &o->listen },
		COMMAND_LOG_LEVEL("MAGLEV_FRONTEND_LOG_LEVEL", &o->log_level),
		{ .name = "tls-ca",
		  .env = "MAGLEV_FRONTEND_TLS_CA",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "use TLS towards the maglevds; their certificates are signed by one of "
			  "these (PEM)",
		  .to_string = &o->tls_ca },
		{ .name = "tls-cert",
		  .env = "MAGLEV_FRONTEND_TLS_CERT",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "use TLS, and show the maglevds this certificate (PEM)",
		  .to_string = &o->tls_cert },
		{ .name = "tls-key",
		  .env = "MAGLEV_FRONTEND_TLS_KEY",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "the certificate's private key (PEM)",
		  .to_string = &o->tls_key },
	};

	return command_flags(flags, ARRAY_LEN(flags), ret);
}

/* "name=address" or "address", which is then the name, too. (An address has no '='.) */
static int add_server(struct options *o, const char *s, size_t n, struct err *e)
{
	const char *eq = memchr(s, '=', n);
	size_t name = eq ? (size_t)(eq - s) : n;
	const char *address = eq ? eq + 1 : s;
	struct server *v = &o->servers[o->n_servers];

	if (!name || address == s + n)
		return err_set(e, -EINVAL, "--server \"%.*s\": expected [name=]address", (int)n, s);
	if (o->n_servers == OPTIONS_SERVERS_MAX)
		return err_set(e, -EINVAL, "--server: more than %d", OPTIONS_SERVERS_MAX);
	v->name = xstrndup(s, name);
	v->address = xstrndup(address, (size_t)(s + n - address));
	o->n_servers++;
	for (size_t i = 0; i + 1 < o->n_servers; i++)
		if (strcmp(o->servers[i].name, v->name) == 0)
			return err_set(e, -EINVAL, "--server: two have the name \"%s\"", v->name);
	return 0;
}

static int add_servers(struct options *o, const char *list, struct err *e)
{
	for (;;) {
		size_t n = strcspn(list, ",");
		int r = add_server(o, list, n, e);

		if (r || !list[n])
			return r;
		list += n + 1;
	}
}

static const char *set_or_null(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int complete(void *options, struct err *e)
{
	struct options *o = options;
	int r = o->server.n ? 0 : add_servers(o, "localhost:9090", e);

	for (size_t i = 0; !r && i < o->server.n; i++)
		r = add_servers(o, o->server.v[i], e);
	if (r)
		return r;
	if (!*o->listen)
		return err_set(e, -EINVAL, "--listen must not be empty");
	if (!*o->tls_cert != !*o->tls_key)
		return err_set(e, -EINVAL, "--tls-cert and --tls-key go together");
	o->user = set_or_null("MAGLEV_FRONTEND_USER");
	o->password = set_or_null("MAGLEV_FRONTEND_PASSWORD");
	if (!o->user || !o->password)
		o->user = o->password = NULL;
	return 0;
}

void options_done(struct options *o)
{
	flag_list_done(&o->server);
	for (size_t i = 0; i < o->n_servers; i++) {
		free(o->servers[i].name);
		free(o->servers[i].address);
	}
}

static void epilogue(struct str *out)
{
	str_add(out,
		"environment:\n"
		"  MAGLEV_FRONTEND_USER, MAGLEV_FRONTEND_PASSWORD\n"
		"      when both are set, whoever knows them may change things below /admin/\n");
}

const struct command options_command = {
	.program = "maglevd-frontend",
	.synopsis = "maglevd-frontend [flags]",
	.table = table,
	.complete = complete,
	.epilogue = epilogue,
};
