/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define DEFAULT_CONFIG "/etc/vpp-maglev/maglev.yaml"

static size_t table(void *options, struct flag *ret)
{
	struct options *o = options;
	const struct flag flags[] = {
		{ .name = "config",
		  .env = "MAGLEVT_CONFIG",
		  .kind = FLAG_LIST,
		  .arg = "FILE",
		  .help = "maglevd's configuration; several with commas, or by several flags, for "
			  "the VIPs of all of them (by default " DEFAULT_CONFIG ")",
		  .to_list = &o->config },
		{ .name = "interval",
		  .env = "MAGLEVT_INTERVAL",
		  .kind = FLAG_DURATION,
		  .def = "100ms",
		  .arg = "DURATION",
		  .min = NS_PER_MS,
		  .max = 3600 * NS_PER_S,
		  .help = "probe each VIP this often, from start to start, give or take a tenth",
		  .to_duration = &o->interval },
		{ .name = "timeout",
		  .env = "MAGLEVT_TIMEOUT",
		  .kind = FLAG_DURATION,
		  .def = "2s",
		  .arg = "DURATION",
		  .min = NS_PER_MS,
		  .max = 3600 * NS_PER_S,
		  .help = "how long a probe may take in all",
		  .to_duration = &o->timeout },
		{ .name = "uri",
		  .alias = "path",
		  .env = "MAGLEVT_URI",
		  .kind = FLAG_STRING,
		  .def = "/.well-known/ipng/healthz",
		  .arg = "PATH",
		  .help = "what to get over HTTP",
		  .to_string = &o->uri },
		{ .name = "host",
		  .env = "MAGLEVT_HOST",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "NAME",
		  .help = "the Host header, and the name in TLS; by default the VIP",
		  .to_string = &o->host },
		{ .name = "header",
		  .env = "MAGLEVT_HEADER",
		  .kind = FLAG_STRING,
		  .def = "X-IPng-Frontend",
		  .arg = "NAME",
		  .help = "the response header whose values are tallied: it should tell which "
			  "server answered",
		  .to_string = &o->header },
		{ .name = "insecure",
		  .env = "MAGLEVT_INSECURE",
		  .kind = FLAG_BOOL,
		  .def = "true",
		  .help = "accept any certificate",
		  .to_bool = &o->insecure },
		{ .name = "keepalive",
		  .env = "MAGLEVT_KEEPALIVE",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "keep one connection per VIP; without, each probe is a new connection, "
			  "and so a new flow to the load balancer",
		  .to_bool = &o->keepalive },
		{ .name = "filter",
		  .env = "MAGLEVT_FILTER",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "REGEXP",
		  .help = "probe only frontends whose name matches (PCRE2, anywhere in the name)",
		  .to_string = &o->filter_text },
		{ .name = "scheme",
		  .env = "MAGLEVT_SCHEME",
		  .kind = FLAG_ENUM,
		  .def = "auto",
		  .arg = "SCHEME",
		  .help = "how to probe; auto goes by port (443, 8443: https; 80, 8080: http) and "
			  "the health checks behind the VIP",
		  .choices = scheme_choice_names,
		  .to_enum = &o->scheme },
		{ .name = "count",
		  .env = "MAGLEVT_COUNT",
		  .kind = FLAG_INT,
		  .def = "0",
		  .arg = "N",
		  .min = 0,
		  .max = 1000000000,
		  .help = "no screen: probe each VIP N times, print a summary, and exit 1 if any "
			  "VIP failed",
		  .to_int = &o->count },
		{ .name = "duration",
		  .env = "MAGLEVT_DURATION",
		  .kind = FLAG_DURATION,
		  .def = "0",
		  .arg = "DURATION",
		  .min = 0,
		  .max = INT64_C(365) * 24 * 3600 * NS_PER_S,
		  .help = "no screen: probe for so long, print a summary, and exit 1 if any VIP "
			  "failed",
		  .to_duration = &o->duration },
		{ .name = "json",
		  .env = "MAGLEVT_JSON",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "print that summary as JSON",
		  .to_bool = &o->json },
	};

	return command_flags(flags, ARRAY_LEN(flags), ret);
}

/* Lists on the command line may have commas, as those in the environment have. */
static int split_commas(struct flag_list *l, struct err *err)
{
	struct flag_list out = { 0 };
	int r = 0;

	for (size_t i = 0; i < l->n; i++) {
		for (const char *p = l->v[i]; *p;) {
			size_t len = strcspn(p, ",");

			if (len > 0 && out.n == FLAG_LIST_MAX)
				r = err_set(err, -EINVAL, "--config: more than %d files",
					    FLAG_LIST_MAX);
			else if (len > 0)
				out.v[out.n++] = xstrndup(p, len);
			p += len + (p[len] == ',');
		}
	}
	flag_list_done(l);
	*l = out;
	return r;
}

static bool is_token(const char *s)
{
	for (const char *p = s; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c <= 0x20 || c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", c))
			return false;
	}
	return *s != '\0';
}

/* Valid UTF-8 without spaces and control characters? */
static bool is_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return false;
	return utf8_valid(s, strlen(s));
}

static int complete(void *options, struct err *err)
{
	struct options *o = options;

	if (split_commas(&o->config, err))
		return err->code;
	if (o->config.n == 0)
		o->config.v[o->config.n++] = xstrdup(DEFAULT_CONFIG);
	assert(o->uri && o->host && o->header); /* each has a default */
	if (!str_prefix(o->uri, "/") || !utf8_valid(o->uri, strlen(o->uri)))
		return err_set(err, -EINVAL, "--uri must begin with / and be valid UTF-8");
	if (!is_word(o->host))
		return err_set(err, -EINVAL, "--host must be one word in valid UTF-8");
	if (!is_token(o->header))
		return err_set(err, -EINVAL, "--header must be the name of an HTTP header");
	if (o->json && !options_headless(o))
		return err_set(err, -EINVAL,
			       "--json is a summary's form: it needs --count or "
			       "--duration");
	if (*o->filter_text && filter_new(o->filter_text, &o->filter, err))
		return err_prefix(err, "--filter: ");
	return 0;
}

static void epilogue(struct str *out)
{
	str_add(out, "Without --count and --duration it fills the terminal; ? lists its keys.\n");
}

const struct command options_command = {
	.program = "maglevt",
	.synopsis = "maglevt [flags]",
	.table = table,
	.complete = complete,
	.epilogue = epilogue,
};

void options_done(struct options *o)
{
	flag_list_done(&o->config);
	filter_free(o->filter);
	o->filter = NULL;
}

bool options_headless(const struct options *o)
{
	return o->count > 0 || o->duration > 0;
}
