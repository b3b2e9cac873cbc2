/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard: maglevds on one side, browsers on the other, one loop between them.
 *
 *   maglevd ──stream, answers──> feed ──> store ──> /view/api/state
 *                                  └────> broker ──> event streams
 *
 * gRPC has a thread for each maglevd that only waits; all else is on the loop's thread. */
#include "dashboard/dashboard.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#define FOR_EVER "public, max-age=31536000, immutable"

struct upstream *dashboard_find(const struct dashboard *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(upstream_store(d->upstreams[i])->name, name) == 0)
			return d->upstreams[i];
	return NULL;
}

static void on_news(void *ctx)
{
	struct dashboard *d = ctx;

	if (d->http)
		http_news(d->http);
}

static void on_signal(void *ctx, int signo)
{
	struct dashboard *d = ctx;

	log_info("stopping", L_STR("signal", strsignal(signo)));
	loop_stop(d->loop, 0);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int start_upstreams(struct dashboard *d, struct err *e)
{
	const struct options *o = d->options;

	for (size_t i = 0; i < o->n_servers; i++) {
		const struct upstream_opts uo = { .loop = d->loop,
						  .broker = &d->broker,
						  .name = o->servers[i].name,
						  .address = o->servers[i].address,
						  .tls_ca = or_null(o->tls_ca),
						  .tls_cert = or_null(o->tls_cert),
						  .tls_key = or_null(o->tls_key),
						  .news = on_news,
						  .ctx = d };

		d->upstreams[d->n] = upstream_new(&uo, e);
		if (!d->upstreams[d->n])
			return e->code;
		d->n++;
	}
	return 0;
}

/* What is below assets/ has its hash in its name. */
static void make_pages(struct dashboard *d)
{
	d->pages = xcalloc(assets_n, sizeof(*d->pages));
	for (size_t i = 0; i < assets_n; i++)
		d->pages[i] = content_asset(
			&assets[i], str_prefix(assets[i].path, "assets/") ? FOR_EVER : "no-store");
}

static int start(struct dashboard *d, struct err *e)
{
	static const int signals[] = { SIGTERM, SIGINT };
	const struct options *o = d->options;
	const struct http_opts ho = { .loop = d->loop,
				      .addr = o->listen,
				      .broker = &d->broker,
				      .handle = routes_handle,
				      .ctx = d };
	int r = loop_signals(d->loop, signals, ARRAY_LEN(signals), on_signal, d);

	if (r)
		return err_set_errno(e, -r, "signals");
	if (o->user && auth_init(&d->auth, o->user, o->password, e))
		return e->code;
	d->admin = o->user != NULL;
	if (start_upstreams(d, e))
		return e->code;
	make_pages(d);
	d->http = http_new(&ho, e);
	if (!d->http)
		return e->code;
	log_info("http-listening", L_STR("addr", o->listen), L_INT("port", http_port(d->http)),
		 L_BOOL("admin", d->admin), L_UINT("maglevds", d->n));
	return 0;
}

static void done(struct dashboard *d)
{
	http_free(d->http); /* before the upstreams: administrators' calls are cancelled */
	for (size_t i = 0; i < d->n; i++)
		upstream_free(d->upstreams[i]);
	api_done(d);
	for (size_t i = 0; d->pages && i < assets_n; i++)
		content_unref(d->pages[i]);
	free(d->pages);
	auth_done(&d->auth);
	broker_done(&d->broker);
	loop_free(d->loop);
}

int dashboard_run(const struct options *o)
{
	struct dashboard *d = XNEW(struct dashboard);
	struct err e = { 0 };
	int r = 1;

	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	d->options = o;
	d->loop = loop_new();
	broker_init(&d->broker, (uint64_t)(loop_wall() / NS_PER_MS));
	if (start(d, &e))
		log_error("start-failed", L_STR("error", e.msg));
	else
		r = loop_run(d->loop);
	done(d);
	free(d);
	log_info("stopped");
	return r;
}
