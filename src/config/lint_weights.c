/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that VPP cannot honour.
 *
 * A VIP's table of new flows has flow-table-length buckets, and every backend races for them with
 * as many entries as its weight. When the weights add up to more, the last entries get nothing: the
 * heaviest backends get too little and the others too much. How much is what the model of the table
 * says (core/table.h), here and for every longer table, until one is good enough. */
#include <stdlib.h>

#include "base/alloc.h"
#include "config/draft.h"
#include "core/table.h"

#define LENGTH_MAX 32768 /* of the key's range */
#define GOOD       0.05  /* the error that nobody minds */

struct shares {
	struct table_as *as; /* those with weight */
	const struct draft_member **member;
	size_t n;
	uint32_t total; /* of their weights */
};

static struct shares shares_of(const struct draft *d, const struct draft_pool *p)
{
	struct shares s = { .as = xcalloc(p->members.n, sizeof *s.as),
			    .member = xcalloc(p->members.n, sizeof(void *)) };

	for (size_t i = 0; i < p->members.n; i++) {
		const struct draft_member *m = &p->members.v[i];
		uint8_t weight = (uint8_t)m->v[MEMBER_WEIGHT].i;

		if (weight == 0)
			continue;
		s.member[s.n] = m;
		s.as[s.n++] = (struct table_as){
			.addr = d->backends.v[m->backend].v[BACKEND_ADDRESS].addr, .weight = weight
		};
		s.total += weight;
	}
	return s;
}

static void shares_done(struct shares *s)
{
	free(s->as);
	free(s->member);
}

static double wanted(const struct shares *s, size_t i)
{
	return (double)s->as[i].weight / s->total;
}

/* How far the worst backend's share is from what it should be, in a table of this length. */
static double error_at(const struct shares *s, uint32_t length, size_t *ret_worst)
{
	double worst = -1;

	table_build(s->as, s->n, length, NULL);
	for (size_t i = 0; i < s->n; i++) {
		double e = (double)s->as[i].buckets / length / wanted(s, i) - 1;

		e = e < 0 ? -e : e;
		if (e <= worst)
			continue;
		worst = e;
		*ret_worst = i;
	}
	return worst;
}

/* The smallest longer table that is good enough; 0: none is. */
static uint32_t good_length(const struct shares *s, uint32_t length)
{
	size_t unused;

	for (uint32_t l = 2 * length; l <= LENGTH_MAX; l *= 2)
		if (error_at(s, l, &unused) < GOOD)
			return l;
	return 0;
}

static void warn(const struct shares *s, uint32_t length, const struct node *at,
		 const struct path *p, struct reporter *r)
{
	_cleanup_(str_done) struct str remedy = { 0 }, name = { 0 };
	size_t worst = 0;
	double error = error_at(s, length, &worst);
	double given = 100.0 * s->as[worst].buckets / length;
	uint32_t better = error < GOOD ? length : good_length(s, length);

	quote_add(&name, s->member[worst]->name->text);
	if (better == length)
		str_add(&remedy, "which is under 5% off");
	else if (better)
		str_addf(&remedy, "flow-table-length %u brings the error under 5%%", better);
	else
		str_add(&remedy, "no flow-table-length brings the error under 5%");
	report_warning(r, at, p,
		       "the weights add up to %u, more than flow-table-length %u: of new "
		       "connections %s is to get %.2f%% and will get %.2f%%; %s",
		       s->total, length, str_z(&name), 100 * wanted(s, worst), given,
		       str_z(&remedy));
}

void draft_lint_weights(const struct draft *d, const struct draft_frontend *f, struct reporter *r)
{
	static const struct path section = { .key = "frontends" };
	struct path fp = PATH_KEY(&section, f->name->text), lp = PATH_KEY(&fp, "pools");
	uint32_t length = (uint32_t)f->v[FRONTEND_TABLE_LEN].i;

	for (size_t i = 0; i < f->pools.n; i++) {
		struct path pp = PATH_ITEM(&lp, i);
		struct shares s = shares_of(d, &f->pools.v[i]);

		if (s.total > length && report_is_full(r))
			report_warning(r, f->pools.v[i].at, &pp,
				       "too much weight"); /* is but counted */
		else if (s.total > length)
			warn(&s, length, f->pools.v[i].at, &pp, r);
		shares_done(&s);
	}
}
