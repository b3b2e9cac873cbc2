/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/frontend.c - what happens to frontends: their members, weights, state, and what VPP is to
 * be told of them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/table.h"
#include "maglevd/fleet.h"

/* ---- members */

/* By whichever list is shorter: a frontend may have thousands of backends, and a backend (a sorry
 * server) may be in all frontends. It is in each once. */
static struct member *find_member(const struct frontend *fe, const struct backend *b)
{
	if (b->in.n < fe->n_members) {
		for (size_t i = 0; i < b->in.n; i++)
			if (b->in.v[i].frontend == fe)
				return &fe->members[b->in.v[i].member];
		return NULL;
	}
	for (size_t i = 0; i < fe->n_members; i++)
		if (fe->members[i].backend == b)
			return &fe->members[i];
	return NULL;
}

/* Most backends are in one frontend alone. */
static void enter_backend(struct frontend *fe, size_t member)
{
	struct backend *b = fe->members[member].backend;

	if (b->in.n == b->in.cap)
		vec_fit(&b->in, MAX(2 * b->in.n, 1));
	fe->members[member].place = (uint32_t)b->in.n;
	vec_push(&b->in, ((struct membership){ .frontend = fe, .member = member }));
}

/* The last membership takes its place. */
static void leave_backend(const struct member *m)
{
	struct backend *b = m->backend;
	struct membership last = b->in.v[--b->in.n];

	if (m->place == b->in.n)
		return;
	b->in.v[m->place] = last;
	last.frontend->members[last.member].place = m->place;
}

static void leave_backends(struct frontend *fe)
{
	for (size_t i = 0; i < fe->n_members; i++)
		leave_backend(&fe->members[i]);
}

static size_t count_members(const struct frontend_conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_pools; i++)
		n += conf->pools[i].n_members;
	return n;
}

static int by_member_addr(const void *a, const void *b, void *ctx)
{
	const struct member *m = ctx;

	return addr_cmp(&m[*(const uint32_t *)a].backend->conf->addr,
			&m[*(const uint32_t *)b].backend->conf->addr);
}

static void sort_by_addr(struct frontend *fe)
{
	fe->by_addr = xreallocarray(fe->by_addr, fe->n_members, sizeof(uint32_t));
	for (size_t i = 0; i < fe->n_members; i++)
		fe->by_addr[i] = (uint32_t)i;
	qsort_r(fe->by_addr, fe->n_members, sizeof(uint32_t), by_member_addr, fe->members);
}

/* A wish to flush is about a backend's live flows on this VIP, so it outlives a reload that keeps
 * both. */
static void keep_flush(const struct frontend *fe, struct member *m)
{
	const struct member *old = find_member(fe, m->backend);

	if (!old)
		return;
	m->flush_health = old->flush_health;
	m->flush_operator = old->flush_operator;
}

void fleet_frontend_rebuild(struct fleet *f, struct frontend *fe, const struct frontend_conf *conf)
{
	size_t n = 0;
	struct member *members = xcalloc(count_members(conf), sizeof(*members));

	for (size_t p = 0; p < conf->n_pools; p++) {
		for (size_t i = 0; i < conf->pools[p].n_members; i++) {
			const struct member_conf *mc = &conf->pools[p].members[i];
			struct member *m = &members[n++];

			m->backend = fleet_backend(f, f->config->backends[mc->backend].name);
			assert(m->backend);
			m->pool = (unsigned)p;
			m->weight = mc->weight;
			keep_flush(fe, m);
		}
	}
	leave_backends(fe);
	free(fe->members);
	fe->members = members;
	fe->n_members = n;
	fe->conf = conf;
	for (size_t i = 0; i < n; i++)
		enter_backend(fe, i);
	sort_by_addr(fe);
	fe->buckets_fresh = false;
}

static void evaluate(struct fleet *f, struct frontend *fe, struct pools_result *ret)
{
	vec_reserve(&f->scratch_members, fe->n_members);
	vec_reserve(&f->scratch_verdicts, fe->n_members);
	for (size_t i = 0; i < fe->n_members; i++)
		f->scratch_members.v[i] =
			(struct pools_member){ .pool = fe->members[i].pool,
					       .weight = fe->members[i].weight,
					       .state = fe->members[i].backend->health.state };
	*ret = pools_evaluate(f->scratch_members.v, fe->n_members, fe->conf->flush_on_down,
			      f->scratch_verdicts.v);
	for (size_t i = 0; i < fe->n_members; i++) {
		if (fe->members[i].verdict.weight != f->scratch_verdicts.v[i].weight)
			fe->buckets_fresh = false;
		fe->members[i].verdict = f->scratch_verdicts.v[i];
	}
	fe->active_pool = ret->active_pool;
}

struct frontend *fleet_frontend_add(struct fleet *f, const struct frontend_conf *conf)
{
	struct frontend *fe = XNEW(struct frontend);
	struct pools_result r;

	fe->name = xstrdup(conf->name);
	fe->sync.key = (struct vip_key){ .prefix = prefix_host(&conf->addr),
					 .proto = conf->proto,
					 .port = conf->port };
	fleet_frontend_rebuild(f, fe, conf);
	evaluate(f, fe, &r);
	fe->state = r.state; /* where it starts is no transition */
	(void)map_put_z(&f->frontends, fe->name, fe);
	return fe;
}

void frontend_free(struct frontend *fe)
{
	free(fe->members);
	free(fe->by_addr);
	free(fe->name);
	free(fe);
}

void fleet_frontend_remove(struct fleet *f, struct frontend *fe)
{
	if (f->lbsync)
		lbsync_forget(f->lbsync, &fe->sync);
	leave_backends(fe);
	(void)map_del_z(&f->frontends, fe->name);
	frontend_free(fe);
}

/* ---- state */

void fleet_evaluate(struct fleet *f, struct frontend *fe, enum fleet_sync sync)
{
	enum frontend_state from = fe->state;
	struct pools_result r;

	evaluate(f, fe, &r);
	fe->state = r.state;
	if (r.state != from) {
		log_info("frontend-transition", L_STR("frontend", fe->name),
			 L_STR("from", frontend_state_name(from)),
			 L_STR("to", frontend_state_name(r.state)));
		if (f->observer.frontend)
			f->observer.frontend(f->observer.ctx, fe, from);
	}
	if (sync != SYNC_LATER && f->lbsync)
		lbsync_changed(f->lbsync, &fe->sync, sync == SYNC_URGENT);
}

/* By bisection in the order in which they are kept for VPP. */
struct member *frontend_member_at(const struct frontend *fe, const struct addr *as)
{
	size_t lo = 0, hi = fe->n_members;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct member *m = &fe->members[fe->by_addr[mid]];
		int c = addr_cmp(as, &m->backend->conf->addr);

		if (c == 0)
			return m;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static struct member *find_by_names(const struct frontend *fe, const char *pool,
				    const char *backend, struct err *e)
{
	size_t p = 0;

	while (p < fe->conf->n_pools && strcmp(fe->conf->pools[p].name, pool) != 0)
		p++;
	if (p == fe->conf->n_pools) {
		err_set(e, -ENOENT, "pool \"%s\" not found in frontend \"%s\"", pool, fe->name);
		return NULL;
	}
	for (size_t i = 0; i < fe->n_members; i++)
		if (fe->members[i].pool == p && strcmp(fe->members[i].backend->name, backend) == 0)
			return &fe->members[i];
	err_set(e, -ENOENT, "backend \"%s\" not found in pool \"%s\" of frontend \"%s\"", backend,
		pool, fe->name);
	return NULL;
}

int fleet_set_weight(struct fleet *f, struct frontend *fe, const char *pool, const char *backend,
		     int weight, bool flush, struct err *e)
{
	if (weight < 0 || weight > WEIGHT_MAX)
		return err_set(e, -ERANGE, "weight %d is not within 0…%d", weight, WEIGHT_MAX);

	struct member *m = find_by_names(fe, pool, backend, e);

	if (!m)
		return -ENOENT;
	m->weight = weight;
	if (flush)
		m->flush_operator = true;
	fleet_evaluate(f, fe, SYNC_NOW);
	return 0;
}

/* ---- the table model */

void frontend_buckets(struct frontend *fe)
{
	if (fe->buckets_fresh)
		return;

	struct table_as *as = xcalloc(fe->n_members, sizeof(*as));

	for (size_t i = 0; i < fe->n_members; i++)
		as[i] = (struct table_as){ .addr = fe->members[i].backend->conf->addr,
					   .weight = (uint8_t)fe->members[i].verdict.weight };
	table_build(as, fe->n_members, fe->conf->flow_table_length, NULL);
	for (size_t i = 0; i < fe->n_members; i++)
		fe->members[i].buckets = as[i].buckets;
	free(as);
	fe->buckets_fresh = true;
}
