/* SPDX-License-Identifier: Apache-2.0 */
/* A picture of the lb plugin's VIPs and ASes: two levels of sorted arrays, found by bisection and
 * walked in order. Growing is amortised; an insertion moves what stands behind it, which is nothing
 * when a plan is applied to an empty picture, since plans come in the same order. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "core/plan.h"

static const char *const encap_names[] = {
	[ENCAP_GRE4] = "gre4", [ENCAP_GRE6] = "gre6", [ENCAP_L3DSR] = "l3dsr",
	[ENCAP_NAT4] = "nat4", [ENCAP_NAT6] = "nat6",
};

const char *plan_encap_name(unsigned e)
{
	return e < ARRAY_LEN(encap_names) ? encap_names[e] : "?";
}

static const char *const op_names[] = {
	[PLAN_AS_DEL] = "as-del", [PLAN_VIP_DEL] = "vip-del",     [PLAN_VIP_ADD] = "vip-add",
	[PLAN_AS_ADD] = "as-add", [PLAN_AS_WEIGHT] = "as-weight",
};
_Static_assert(ARRAY_LEN(op_names) == PLAN_OP_N, "a name for every call");

const char *plan_op_name(enum plan_op op)
{
	return op < PLAN_OP_N ? op_names[op] : "?";
}

int vip_key_cmp(const struct vip_key *a, const struct vip_key *b)
{
	int c = prefix_cmp(&a->prefix, &b->prefix);

	if (c)
		return c;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

void plan_vip_done(struct plan_vip *v)
{
	free(v->as);
	v->as = NULL;
	v->n_as = v->cap_as = 0;
}

void plan_state_done(struct plan_state *s)
{
	for (size_t i = 0; i < s->n_vips; i++)
		plan_vip_done(&s->vips[i]);
	free(s->vips);
	*s = (struct plan_state){ 0 };
}

/* Index of the first VIP whose key is not less. */
static size_t vip_lower(const struct plan_state *s, const struct vip_key *key)
{
	size_t lo = 0, hi = s->n_vips;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (vip_key_cmp(&s->vips[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t as_lower(const struct plan_vip *v, const struct addr *addr)
{
	size_t lo = 0, hi = v->n_as;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(&v->as[mid].addr, addr) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct plan_vip *plan_state_find(const struct plan_state *s, const struct vip_key *key)
{
	size_t i = vip_lower(s, key);

	return i < s->n_vips && vip_key_cmp(&s->vips[i].key, key) == 0 ? &s->vips[i] : NULL;
}

static struct plan_as *as_find(const struct plan_vip *v, const struct addr *addr)
{
	size_t i = as_lower(v, addr);

	return i < v->n_as && addr_eq(&v->as[i].addr, addr) ? &v->as[i] : NULL;
}

/* Sorting. qsort is not stable: the place in the array settles which of two equals is the first. */

struct ranked_vip {
	struct plan_vip vip;
	size_t place;
};

struct ranked_as {
	struct plan_as as;
	size_t place;
};

static int ranked_vip_cmp(const void *a, const void *b)
{
	const struct ranked_vip *x = a, *y = b;
	int c = vip_key_cmp(&x->vip.key, &y->vip.key);

	return c ? c : (x->place > y->place) - (x->place < y->place);
}

static int ranked_as_cmp(const void *a, const void *b)
{
	const struct ranked_as *x = a, *y = b;
	int c = addr_cmp(&x->as.addr, &y->as.addr);

	return c ? c : (x->place > y->place) - (x->place < y->place);
}

static void sort_as(struct plan_vip *v)
{
	_cleanup_free_ struct ranked_as *r = xcalloc(v->n_as, sizeof *r);
	size_t n = 0;

	for (size_t i = 0; i < v->n_as; i++)
		r[i] = (struct ranked_as){ .as = v->as[i], .place = i };
	qsort(r, v->n_as, sizeof *r, ranked_as_cmp);
	for (size_t i = 0; i < v->n_as; i++)
		if (i == 0 || !addr_eq(&r[i].as.addr, &r[i - 1].as.addr))
			v->as[n++] = r[i].as;
	v->n_as = n;
}

void plan_state_sort(struct plan_state *s)
{
	_cleanup_free_ struct ranked_vip *r = xcalloc(s->n_vips, sizeof *r);
	size_t n = 0;

	for (size_t i = 0; i < s->n_vips; i++)
		r[i] = (struct ranked_vip){ .vip = s->vips[i], .place = i };
	qsort(r, s->n_vips, sizeof *r, ranked_vip_cmp);
	for (size_t i = 0; i < s->n_vips; i++) {
		if (i > 0 && vip_key_cmp(&r[i].vip.key, &r[i - 1].vip.key) == 0) {
			plan_vip_done(&r[i].vip);
			continue;
		}
		s->vips[n] = r[i].vip;
		sort_as(&s->vips[n++]);
	}
	s->n_vips = n;
}

/* Applying. */

static struct plan_vip *vip_insert(struct plan_state *s, const struct vip_key *key)
{
	size_t at = vip_lower(s, key);

	s->vips = vec_grow_(s->vips, sizeof *s->vips, &s->cap_vips, s->n_vips + 1);
	memmove(&s->vips[at + 1], &s->vips[at], (s->n_vips - at) * sizeof *s->vips);
	s->n_vips++;
	s->vips[at] = (struct plan_vip){ .key = *key };
	return &s->vips[at];
}

static void vip_remove(struct plan_state *s, struct plan_vip *v)
{
	size_t at = (size_t)(v - s->vips);

	plan_vip_done(v);
	s->n_vips--;
	memmove(v, v + 1, (s->n_vips - at) * sizeof *v);
}

static struct plan_as *as_insert(struct plan_vip *v, const struct addr *addr)
{
	size_t at = as_lower(v, addr);

	v->as = vec_grow_(v->as, sizeof *v->as, &v->cap_as, v->n_as + 1);
	memmove(&v->as[at + 1], &v->as[at], (v->n_as - at) * sizeof *v->as);
	v->n_as++;
	v->as[at] = (struct plan_as){ .addr = *addr };
	return &v->as[at];
}

static void as_remove(struct plan_vip *v, struct plan_as *as)
{
	size_t at = (size_t)(as - v->as);

	v->n_as--;
	memmove(as, as + 1, (v->n_as - at) * sizeof *as);
}

static void apply_vip_add(struct plan_state *s, const struct plan_call *c)
{
	struct plan_vip *v = plan_state_find(s, &c->key);
	enum plan_sticky sticky = c->sticky ? STICKY_YES : STICKY_NO;

	if (v && v->encap == c->encap && v->sticky == sticky && v->table_len == c->table_len)
		return;
	if (v)
		plan_vip_done(v);
	else
		v = vip_insert(s, &c->key);
	v->encap = c->encap;
	v->sticky = sticky;
	v->table_len = c->table_len;
}

static void set_weight(struct plan_vip *v, const struct plan_call *c)
{
	struct plan_as *as = as_find(v, &c->as);

	if (!as)
		as = as_insert(v, &c->as);
	as->weight = c->weight;
}

static void apply_as(struct plan_vip *v, const struct plan_call *c)
{
	struct plan_as *as = as_find(v, &c->as);

	for (size_t i = 0; i < v->n_as; i++)
		v->as[i].buckets = 0;
	if (c->op != PLAN_AS_DEL)
		set_weight(v, c);
	else if (as)
		as_remove(v, as);
}

void plan_apply(struct plan_state *actual, const struct plan_call *c)
{
	struct plan_vip *v = plan_state_find(actual, &c->key);

	assert(c->op < PLAN_OP_N);
	if (c->op == PLAN_VIP_ADD)
		apply_vip_add(actual, c);
	else if (v && c->op == PLAN_VIP_DEL)
		vip_remove(actual, v);
	else if (v)
		apply_as(v, c);
}
