/* SPDX-License-Identifier: Apache-2.0 */
/* config/build.c - a draft that breaks no rule becomes a struct config.
 *
 * Nothing fails here. The draft is in file order, the config in name order: ranks, taken after
 * sorting, carry the members' indices over. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/draft.h"

/* NULL for what is not written, or written as "". */
static char *text_or_null(const struct value *v)
{
	return v->s && *v->s ? xstrdup(v->s) : NULL;
}

static void fill_schedule(struct healthcheck *hc, const struct value *v)
{
	hc->interval = v[CHECK_INTERVAL].i;
	hc->fast_interval = v[CHECK_FAST_INTERVAL].at ? v[CHECK_FAST_INTERVAL].i : hc->interval;
	hc->down_interval = v[CHECK_DOWN_INTERVAL].at ? v[CHECK_DOWN_INTERVAL].i : hc->interval;
	hc->timeout = v[CHECK_TIMEOUT].at ? v[CHECK_TIMEOUT].i : MIN(3 * NS_PER_S, hc->interval);
	hc->rise = (int)v[CHECK_RISE].i;
	hc->fall = (int)v[CHECK_FALL].i;
}

static void fill_params(struct healthcheck *hc, const struct draft_check *c)
{
	const struct value *p = c->params;
	bool http = hc->type == HC_HTTP || hc->type == HC_HTTPS;

	if (http) {
		hc->path = xstrdup(p[PARAM_PATH].s);
		hc->host = text_or_null(&p[PARAM_HOST]);
		hc->response_code = xstrdup(p[PARAM_CODE].s);
		hc->codes = c->codes;
		hc->regexp = text_or_null(&p[PARAM_REGEXP]);
	}
	hc->ssl = hc->type == HC_HTTPS || (hc->type == HC_TCP && p[PARAM_SSL].b);
	if (hc->type == HC_HTTPS || hc->type == HC_TCP) {
		hc->server_name = text_or_null(&p[PARAM_SERVER_NAME]);
		hc->insecure_skip_verify = p[PARAM_INSECURE].b;
	}
}

static struct healthcheck *build_check(const struct draft_check *c)
{
	struct healthcheck *hc = healthcheck_new();
	const struct value *v = c->v;

	hc->name = xstrdup(c->name->text);
	hc->type = (enum hc_type)v[CHECK_TYPE].i;
	hc->port = (uint16_t)v[CHECK_PORT].i;
	hc->src4 = v[CHECK_SRC4].addr;
	hc->src6 = v[CHECK_SRC6].addr;
	hc->reuse_connection = v[CHECK_REUSE].b;
	fill_schedule(hc, v);
	fill_params(hc, c);
	return hc;
}

static int by_check_name(const void *a, const void *b)
{
	return strcmp((*(struct healthcheck *const *)a)->name,
		      (*(struct healthcheck *const *)b)->name);
}

static void build_checks(struct draft *d, struct config *c)
{
	c->n_checks = d->checks.n;
	c->checks = xcalloc(c->n_checks, sizeof *c->checks);
	for (size_t i = 0; i < c->n_checks; i++) {
		d->checks.v[i].hc = build_check(&d->checks.v[i]);
		c->checks[i] = d->checks.v[i].hc;
	}
	qsort(c->checks, c->n_checks, sizeof *c->checks, by_check_name);
}

static int by_draft_name(const void *a, const void *b)
{
	return strcmp((*(struct draft_backend *const *)a)->name->text,
		      (*(struct draft_backend *const *)b)->name->text);
}

static void build_backends(struct draft *d, struct config *c)
{
	struct draft_backend **order = xcalloc(d->backends.n, sizeof *order);

	for (size_t i = 0; i < d->backends.n; i++)
		order[i] = &d->backends.v[i];
	qsort(order, d->backends.n, sizeof *order, by_draft_name);
	c->n_backends = d->backends.n;
	c->backends = xcalloc(c->n_backends, sizeof *c->backends);
	for (size_t i = 0; i < c->n_backends; i++) {
		struct draft_backend *b = order[i];

		b->rank = (uint32_t)i;
		c->backends[i] = (struct backend_conf){
			.name = xstrdup(b->name->text),
			.addr = b->v[BACKEND_ADDRESS].addr,
			.check = b->check ? healthcheck_ref(b->check->hc) : NULL,
			.enabled = b->v[BACKEND_ENABLED].b,
		};
	}
	free(order);
}

static int by_backend(const void *a, const void *b)
{
	uint32_t x = ((const struct member_conf *)a)->backend;
	uint32_t y = ((const struct member_conf *)b)->backend;

	return (x > y) - (x < y);
}

static struct pool_conf build_pool(const struct draft *d, const struct draft_pool *p)
{
	struct pool_conf pool = {
		.name = xstrdup(p->v[POOL_NAME].s),
		.members = xcalloc(p->members.n, sizeof *pool.members),
		.n_members = p->members.n,
	};

	for (size_t i = 0; i < pool.n_members; i++)
		pool.members[i] = (struct member_conf){
			.backend = d->backends.v[p->members.v[i].backend].rank,
			.weight = (int)p->members.v[i].v[MEMBER_WEIGHT].i,
		};
	qsort(pool.members, pool.n_members, sizeof *pool.members, by_backend);
	return pool;
}

static struct frontend_conf build_frontend(const struct draft *d, const struct draft_frontend *f)
{
	const struct value *v = f->v;
	struct frontend_conf out = {
		.name = xstrdup(f->name->text),
		.description = xstrdup(v[FRONTEND_DESCRIPTION].s),
		.addr = v[FRONTEND_ADDRESS].addr,
		.proto = v[FRONTEND_PROTOCOL].at ? schema_proto(v[FRONTEND_PROTOCOL].i) : PROTO_ANY,
		.port = (uint16_t)v[FRONTEND_PORT].i,
		.pools = xcalloc(f->pools.n, sizeof *out.pools),
		.n_pools = f->pools.n,
		.src_ip_sticky = v[FRONTEND_STICKY].b,
		.flush_on_down = v[FRONTEND_FLUSH].b,
		.flow_table_length = (uint32_t)v[FRONTEND_TABLE_LEN].i,
		.backend_family = f->family,
	};

	for (size_t i = 0; i < f->pools.n; i++)
		out.pools[i] = build_pool(d, &f->pools.v[i]);
	return out;
}

static int by_frontend_name(const void *a, const void *b)
{
	return strcmp(((const struct frontend_conf *)a)->name,
		      ((const struct frontend_conf *)b)->name);
}

static void build_frontends(const struct draft *d, struct config *c)
{
	c->n_frontends = d->frontends.n;
	c->frontends = xcalloc(c->n_frontends, sizeof *c->frontends);
	for (size_t i = 0; i < c->n_frontends; i++)
		c->frontends[i] = build_frontend(d, &d->frontends.v[i]);
	qsort(c->frontends, c->n_frontends, sizeof *c->frontends, by_frontend_name);
}

struct config *draft_build(struct draft *d)
{
	struct config *c = config_new();
	const struct value *lb = d->lb;

	assert(d->has_lb);
	c->transition_history = (int)d->checker[CHECKER_HISTORY].i;
	c->netns = text_or_null(&d->checker[CHECKER_NETNS]);
	c->vpp = (struct vpp_conf){
		.src4 = lb[LB_SRC4].addr,
		.src6 = lb[LB_SRC6].addr,
		.sync_interval = lb[LB_SYNC_INTERVAL].i,
		.sticky_buckets_per_core = (uint32_t)lb[LB_STICKY_BUCKETS].i,
		.flow_timeout = lb[LB_FLOW_TIMEOUT].i,
		.startup_min_delay = lb[LB_MIN_DELAY].i,
		.startup_max_delay = lb[LB_MAX_DELAY].i,
	};
	build_checks(d, c);
	build_backends(d, c);
	build_frontends(d, c);
	return c;
}
