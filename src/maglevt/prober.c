/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's cadence is what is wanted: an interval from start to start give or take a tenth, a
 * probe that overran is followed at once, none is caught up. All three of its paces are that one
 * interval. */
#include "maglevt/prober.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/version.h"
#include "base/vec.h"
#include "probe/engine.h"

struct prober {
	const struct vips *vips;
	const struct options *options;
	struct probe_engine *engine;
	prober_fn *fn;
	void *ctx;
	uint32_t *generation; /* of each VIP's target; odd: being probed */
	VEC(struct reading) readings;
};

static enum hc_type type_of(enum scheme s)
{
	static const enum hc_type types[SCHEME_N] = {
		[SCHEME_HTTP] = HC_HTTP,
		[SCHEME_HTTPS] = HC_HTTPS,
		[SCHEME_TCP] = HC_TCP,
	};

	assert(s != SCHEME_NONE && s < SCHEME_N);
	return types[s];
}

/* An answer is good from 200 to 399: redirects are not followed, but somebody sent one. */
static struct healthcheck *check_new(const struct vip *v, const struct options *o)
{
	struct healthcheck *c = healthcheck_new();

	c->name = xstrdup(v->name);
	c->type = type_of(v->scheme);
	c->port = v->probe_port;
	c->interval = c->fast_interval = c->down_interval = o->interval;
	c->timeout = o->timeout;
	c->rise = c->fall = 1;
	c->reuse_connection = o->keepalive && v->scheme != SCHEME_TCP;
	c->path = xstrdup(o->uri);
	c->host = *o->host ? xstrdup(o->host) : NULL;
	c->response_code = xstrdup("200-399");
	for (int code = 200; code < 400; code++)
		code_set_add(&c->codes, code);
	c->ssl = v->scheme == SCHEME_HTTPS;
	c->insecure_skip_verify = o->insecure;
	return c;
}

static void on_results(void *ctx, const struct probe_result *r, size_t n)
{
	struct prober *p = ctx;

	vec_clear(&p->readings);
	for (size_t i = 0; i < n; i++) {
		if (r[i].started_only || r[i].generation != p->generation[r[i].id])
			continue;
		vec_push(&p->readings, ((struct reading){ .vip = r[i].id,
							  .code = r[i].code,
							  .status = r[i].status,
							  .field = probe_result_field(&r[i]),
							  .detail = r[i].detail,
							  .latency = r[i].duration,
							  .now = r[i].started + r[i].duration,
							  .wall = r[i].at }));
	}
	if (p->readings.n > 0)
		p->fn(p->ctx, p->readings.v, p->readings.n);
}

struct prober *prober_new(struct loop *l, const struct vips *vips, const struct options *o,
			  prober_fn *fn, void *ctx)
{
	struct prober *p = XNEW(struct prober);
	char agent[128];
	const struct probe_engine_opts opts = { .loop = l,
						.threads = 1,
						.user_agent = agent,
						.report_header = o->header,
						.on_results = on_results,
						.ctx = p };

	(void)snprintf(agent, sizeof agent, "maglevt/%s (+https://git.ipng.ch/ipng/vpp-maglev)",
		       version_string());
	p->vips = vips;
	p->options = o;
	p->fn = fn;
	p->ctx = ctx;
	p->generation = xcalloc(vips->n, sizeof *p->generation);
	p->engine = probe_engine_new(&opts);
	return p;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	probe_engine_free(p->engine);
	vec_done(&p->readings);
	free(p->generation);
	free(p);
}

static void start_one(struct prober *p, uint32_t vip, mono_ns at)
{
	struct healthcheck *c = check_new(&p->vips->v[vip], p->options);

	assert(p->generation[vip] % 2 == 0);
	probe_engine_put(p->engine, &(struct probe_target){ .id = vip,
							    .generation = ++p->generation[vip],
							    .addr = p->vips->v[vip].key.addr,
							    .check = c,
							    .pace = PACE_NORMAL,
							    .first_start = at });
	healthcheck_unref(c);
}

void prober_start(struct prober *p)
{
	size_t n = vips_probed(p->vips), nth = 0;
	mono_ns now = loop_clock();

	for (size_t i = 0; i < p->vips->n; i++)
		if (p->vips->v[i].scheme != SCHEME_NONE)
			start_one(p, (uint32_t)i,
				  cadence_spread(now, p->options->interval, nth++, n));
}

void prober_stop_one(struct prober *p, uint32_t vip)
{
	if (p->generation[vip] % 2 == 0)
		return;
	probe_engine_remove(p->engine, vip);
	p->generation[vip]++;
}

void prober_stop(struct prober *p)
{
	for (size_t i = 0; i < p->vips->n; i++)
		prober_stop_one(p, (uint32_t)i);
}

void prober_raise_limit(const struct vips *vips)
{
	rlim_t need = probe_engine_fd_need(vips->n, 1) + 32; /* the standard ones, the loop's */
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= need)
		return;
	l.rlim_cur = MIN(need, l.rlim_max);
	(void)setrlimit(RLIMIT_NOFILE,
			&l); /* if not: probes beyond it are inconclusive, and say so */
}
