/* SPDX-License-Identifier: Apache-2.0 */
/* The planner.
 *
 * Desired and actual VIPs are walked side by side, prefix by prefix, because a prefix is what the
 * plugin ties VIPs together by. Each prefix gives a group of items, one per key that stands on
 * either side, each with what is to be done about it. Then the groups are written out twice: first
 * what is urgent (a dead backend still gets traffic), then the rest. Within a group all deletions
 * of VIPs precede all additions; that alone makes every legal pair of states passable, since two
 * desired VIPs of a prefix never exclude each other, and every actual one that excludes a desired
 * one is either not desired or re-created.
 *
 * Why no table runs empty on the way: the first half of a VIP's update only raises weights and the
 * second only lowers them, so up to the turn every AS has at least its old weight, and from the
 * turn on at least its new one. If the old table has a server, it has one up to the turn; if the
 * new one has, it has one from the turn on.
 *
 * Nothing is kept between calls. The cost is linear in the VIPs and ASes looked at, but for finding
 * PLAN_ONLY's prefixes and keys by bisection. */
#include "core/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum todo {
	LEAVE,
	REMOVE,   /* the VIP goes */
	RECREATE, /* goes, and comes again */
	ADD,
	UPDATE, /* its ASes */
};

/* One key of a prefix. */
struct item {
	const struct plan_vip *want, *have; /* one of them may be NULL */
	enum todo todo;
	bool urgent; /* loses a dead backend */
};

/* One prefix's items. */
struct group {
	size_t begin, end;
	bool urgent; /* a re-created VIP of it is */
};

struct build {
	enum plan_scope scope;
	const struct vip_key *only;
	size_t n_only;
	VEC(struct item) items;
	VEC(struct group) groups;
	struct plan *plan;
};

/* The VIPs of one prefix in one state. */
struct span {
	const struct plan_vip *v;
	size_t n;
};

/* ------------------------------------------------------------------------ one VIP's two lists */

/* An AS as it should be and as it is; one of them may be NULL. */
struct as_pair {
	const struct plan_as *want, *have;
};

struct as_walk {
	const struct plan_vip *want, *have; /* either may be NULL: no ASes */
	size_t i, j;
};

/* The index behind as[i] and its equals. */
static size_t as_after(const struct plan_vip *v, size_t i)
{
	size_t next = i + 1;
	int c = -1;

	while (next < v->n_as && (c = addr_cmp(&v->as[i].addr, &v->as[next].addr)) == 0)
		next++;
	assert(c <= 0);
	return next;
}

/* The next pair in address order; false at the end. */
static bool as_walk_next(struct as_walk *w, struct as_pair *ret)
{
	const struct plan_as *want = NULL, *have = NULL;
	int side;

	if (w->want && w->i < w->want->n_as)
		want = &w->want->as[w->i];
	if (w->have && w->j < w->have->n_as)
		have = &w->have->as[w->j];
	if (!want && !have)
		return false;
	side = !have ? -1 : !want ? 1 : addr_cmp(&want->addr, &have->addr);
	*ret = (struct as_pair){ 0 };
	if (side <= 0) {
		ret->want = want;
		w->i = as_after(w->want, w->i);
	}
	if (side >= 0) {
		ret->have = have;
		w->j = as_after(w->have, w->j);
	}
	return true;
}

/* The weight a desired AS is to have. */
static uint8_t target(const struct as_pair *p)
{
	if (!p->want->keep)
		return p->want->weight;
	return p->have ? p->have->weight : 0;
}

enum change { SAME, RAISE, LOWER };

/* Which half of its VIP's update an AS belongs to. A mere flush comes with the second, when the
 * flows it sets free find the additions in place. */
static enum change as_change(const struct as_pair *p)
{
	if (!p->want)
		return LOWER;
	if (!p->have || target(p) > p->have->weight)
		return RAISE;
	return target(p) < p->have->weight || p->want->flush_now ? LOWER : SAME;
}

static bool loses_dead(const struct plan_vip *want, const struct plan_vip *have)
{
	struct as_walk w = { .want = want, .have = have };
	struct as_pair p;

	while (as_walk_next(&w, &p))
		if (p.want && p.want->dead && as_change(&p) == LOWER)
			return true;
	return false;
}

/* --------------------------------------------------------------------------- writing the calls */

static struct plan_call *emit(struct plan *p, enum plan_op op, const struct vip_key *key)
{
	p->calls = vec_grow_(p->calls, sizeof *p->calls, &p->cap, p->n + 1);
	p->calls[p->n] = (struct plan_call){ .op = op, .key = *key };
	return &p->calls[p->n++];
}

static void emit_as_del(struct plan *p, const struct vip_key *key, const struct plan_as *have,
			bool recreate)
{
	struct plan_call *c = emit(p, PLAN_AS_DEL, key);

	c->as = have->addr;
	c->from_weight = have->weight;
	c->flush = true;
	c->recreate = recreate;
}

static void emit_as_add(struct plan *p, const struct vip_key *key, const struct as_pair *as,
			bool recreate)
{
	struct plan_call *c = emit(p, PLAN_AS_ADD, key);

	c->as = as->want->addr;
	c->weight = target(as);
	c->flush = as->want->flush_now;
	c->recreate = recreate;
}

static void emit_as_weight(struct plan *p, const struct vip_key *key, const struct as_pair *as)
{
	struct plan_call *c = emit(p, PLAN_AS_WEIGHT, key);

	c->as = as->want->addr;
	c->weight = target(as);
	c->from_weight = as->have->weight;
	c->flush = as->want->flush_now || (as->want->flush_on_zero && c->weight == 0);
}

/* The VIP with its ASes, in one run. */
static void emit_delete(struct plan *p, const struct plan_vip *have, bool recreate)
{
	struct as_walk w = { .have = have };
	struct as_pair as;

	while (as_walk_next(&w, &as))
		emit_as_del(p, &have->key, as.have, recreate);
	emit(p, PLAN_VIP_DEL, &have->key)->recreate = recreate;
}

/* `was` is the VIP that was deleted to be re-created, or NULL: kept weights come from it. */
static void emit_create(struct plan *p, const struct plan_vip *want, const struct plan_vip *was)
{
	struct plan_call *c = emit(p, PLAN_VIP_ADD, &want->key);
	struct as_walk w = { .want = want, .have = was };
	struct as_pair as;

	c->encap = want->encap;
	c->sticky = want->sticky == STICKY_YES;
	c->table_len = want->table_len;
	c->recreate = was != NULL;
	while (as_walk_next(&w, &as))
		if (as.want)
			emit_as_add(p, &want->key, &as, was != NULL);
}

/* One half of a VIP's update. */
static void emit_half(struct plan *p, const struct item *it, enum change half)
{
	struct as_walk w = { .want = it->want, .have = it->have };
	struct as_pair as;

	while (as_walk_next(&w, &as)) {
		if (as_change(&as) != half)
			continue;
		if (!as.want)
			emit_as_del(p, &it->have->key, as.have, /* recreate= */ false);
		else if (!as.have)
			emit_as_add(p, &it->want->key, &as, /* recreate= */ false);
		else
			emit_as_weight(p, &it->want->key, &as);
	}
}

/* What of the group is (not) urgent. Deletions and additions of VIPs go together. */
static void emit_group(struct build *b, const struct group *g, bool urgent)
{
	const struct item *begin = b->items.v + g->begin, *end = b->items.v + g->end;
	bool structure = g->urgent == urgent;

	for (const struct item *it = begin; structure && it < end; it++)
		if (it->todo == REMOVE || it->todo == RECREATE)
			emit_delete(b->plan, it->have, it->todo == RECREATE);
	for (const struct item *it = begin; it < end; it++) {
		if (structure && (it->todo == ADD || it->todo == RECREATE))
			emit_create(b->plan, it->want, it->have);
		if (it->todo != UPDATE || it->urgent != urgent)
			continue;
		emit_half(b->plan, it, RAISE);
		emit_half(b->plan, it, LOWER);
	}
}

/* ------------------------------------------------------------------------------- what is to do */

static bool same_prefix(const struct vip_key *a, const struct vip_key *b)
{
	return prefix_cmp(&a->prefix, &b->prefix) == 0;
}

static int key_cmp(const void *a, const void *b)
{
	return vip_key_cmp(a, b);
}

static bool listed(const struct build *b, const struct vip_key *key)
{
	return bsearch(key, b->only, b->n_only, sizeof *key, key_cmp);
}

/* Can these two never be on one prefix at the same time? */
static bool exclude(const struct plan_vip *a, const struct plan_vip *b)
{
	return a->encap != b->encap || (a->key.port == 0) != (b->key.port == 0);
}

/* Does something that is there exclude something that is wanted? The wanted ones are all alike. */
static bool clash(struct span want, struct span have)
{
	for (size_t i = 1; i < want.n; i++)
		assert(!exclude(&want.v[0], &want.v[i]));
	for (size_t i = 0; want.n > 0 && i < have.n; i++)
		if (exclude(&want.v[0], &have.v[i]))
			return true;
	return false;
}

static size_t count_held(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.v[i].held;
	return n;
}

/* Is a VIP of this span to be planned at all? */
static bool any_in_scope(const struct build *b, struct span want)
{
	if (b->scope == PLAN_FULL)
		return true;
	for (size_t i = 0; i < want.n; i++)
		if (!want.v[i].held && listed(b, &want.v[i].key))
			return true;
	return false;
}

static bool differs(const struct plan_vip *want, const struct plan_vip *have)
{
	return want->encap != have->encap || want->table_len != have->table_len ||
	       (have->sticky != STICKY_UNKNOWN && want->sticky != STICKY_UNKNOWN &&
		want->sticky != have->sticky);
}

/* `whole`: the prefix is planned with all that stands on it. */
static enum todo decide(const struct build *b, const struct item *it, bool whole)
{
	if (!it->want)
		return whole ? REMOVE : LEAVE;
	if (it->want->held || (!whole && !listed(b, &it->want->key)))
		return LEAVE;
	if (!it->have)
		return ADD;
	return differs(it->want, it->have) ? RECREATE : UPDATE;
}

/* The index behind v[i] and its equals. */
static size_t vip_after(struct span s, size_t i)
{
	size_t next = i + 1;
	int c = -1;

	while (next < s.n && (c = vip_key_cmp(&s.v[i].key, &s.v[next].key)) == 0)
		next++;
	assert(c <= 0);
	return next;
}

/* Take the next key off both spans. */
static struct item next_item(struct span *want, struct span *have)
{
	struct item it = { 0 };
	int side = !have->n ? -1 : !want->n ? 1 : vip_key_cmp(&want->v->key, &have->v->key);
	size_t n;

	if (side <= 0) {
		it.want = want->v;
		n = vip_after(*want, 0);
		*want = (struct span){ want->v + n, want->n - n };
	}
	if (side >= 0) {
		it.have = have->v;
		n = vip_after(*have, 0);
		*have = (struct span){ have->v + n, have->n - n };
	}
	return it;
}

/* One prefix: decide about every key on it. */
static void collect(struct build *b, struct span want, struct span have)
{
	bool unit = clash(want, have);
	struct group g = { .begin = b->items.n };

	if (unit && !any_in_scope(b, want))
		return;
	if (unit && count_held(want) > 0) {
		b->plan->n_deferred += want.n - count_held(want);
		return;
	}
	while (want.n > 0 || have.n > 0) {
		struct item it = next_item(&want, &have);

		it.todo = decide(b, &it, unit || b->scope == PLAN_FULL);
		it.urgent = (it.todo == UPDATE || it.todo == RECREATE) &&
			    loses_dead(it.want, it.have);
		g.urgent |= it.todo == RECREATE && it.urgent;
		vec_push(&b->items, it);
	}
	g.end = b->items.n;
	if (g.end > g.begin)
		vec_push(&b->groups, g);
}

/* The VIPs of `key`'s prefix in `s`, which begin at index `at` if there are any. */
static struct span span_at(const struct plan_state *s, size_t at, const struct vip_key *key)
{
	size_t end = at;

	while (end < s->n_vips && same_prefix(&s->vips[end].key, key))
		end++;
	assert(end == s->n_vips || prefix_cmp(&s->vips[end].key.prefix, &key->prefix) > 0);
	return (struct span){ end > at ? &s->vips[at] : NULL, end - at };
}

static struct span span_find(const struct plan_state *s, const struct vip_key *key)
{
	const struct vip_key first = { .prefix = key->prefix };
	size_t lo = 0, hi = s->n_vips;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (vip_key_cmp(&s->vips[mid].key, &first) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return span_at(s, lo, key);
}

static void collect_all(struct build *b, const struct plan_state *desired,
			const struct plan_state *actual)
{
	size_t i = 0, j = 0;

	while (i < desired->n_vips || j < actual->n_vips) {
		const struct vip_key *d = i < desired->n_vips ? &desired->vips[i].key : NULL;
		const struct vip_key *a = j < actual->n_vips ? &actual->vips[j].key : NULL;
		const struct vip_key *first = !d || (a && vip_key_cmp(a, d) < 0) ? a : d;
		struct span want = span_at(desired, i, first), have = span_at(actual, j, first);

		collect(b, want, have);
		i += want.n;
		j += have.n;
	}
}

static void collect_listed(struct build *b, const struct plan_state *desired,
			   const struct plan_state *actual)
{
	for (size_t k = 0; k < b->n_only; k++) {
		const struct vip_key *key = &b->only[k];

		assert(k == 0 || vip_key_cmp(&key[-1], key) < 0);
		if (k == 0 || !same_prefix(&key[-1], key))
			collect(b, span_find(desired, key), span_find(actual, key));
	}
}

void plan_build(const struct plan_state *desired, const struct plan_state *actual,
		enum plan_scope scope, const struct vip_key *only, size_t n_only, struct plan *ret)
{
	struct build b = { .scope = scope, .only = only, .n_only = n_only, .plan = ret };

	ret->n = ret->n_deferred = 0;
	if (scope == PLAN_FULL)
		collect_all(&b, desired, actual);
	else
		collect_listed(&b, desired, actual);
	for (size_t i = 0; i < b.groups.n; i++)
		emit_group(&b, &b.groups.v[i], /* urgent= */ true);
	for (size_t i = 0; i < b.groups.n; i++)
		emit_group(&b, &b.groups.v[i], /* urgent= */ false);
	vec_done(&b.items);
	vec_done(&b.groups);
}

void plan_done(struct plan *p)
{
	free(p->calls);
	*p = (struct plan){ 0 };
}
