/* SPDX-License-Identifier: Apache-2.0 */
/* The planner's promises, over many thousand random pairs of states in a universe so small that
 * everything collides: four prefixes, four keys on each, four ASes per family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/plan.h"
#include "lb_model.h"

#define N_PREFIXES 4
#define N_KEYS     4
#define N_AS       4
#define N_ALL      (N_PREFIXES * N_KEYS)
#define CASES      30000

static const char *const prefix_text[N_PREFIXES] = { "192.0.2.2", "192.0.2.10", "2001:db8::1",
						     "2001:db8::2" };
static const char *const as_text[2][N_AS] = {
	{ "10.0.0.2", "10.0.0.10", "10.0.1.1", "172.16.0.1" },
	{ "fd00::2", "fd00::10", "fd00:1::", "fe80::1" },
};
static const struct {
	uint8_t proto;
	uint16_t port;
} ports[N_KEYS] = { { 6, 80 }, { 6, 443 }, { 17, 53 }, { 255, 0 } };

struct universe {
	struct vip_key keys[N_ALL]; /* sorted */
	struct addr as[2][N_AS];    /* [0] IPv4, [1] IPv6; sorted */
};

static int key_order(const void *a, const void *b)
{
	return vip_key_cmp(a, b);
}

static void universe_init(struct universe *u)
{
	for (size_t i = 0; i < N_ALL; i++) {
		struct addr a;

		assert_int_equal(addr_parse(prefix_text[i / N_KEYS], &a), 0);
		u->keys[i] = (struct vip_key){ prefix_host(&a), ports[i % N_KEYS].proto,
					       ports[i % N_KEYS].port };
	}
	qsort(u->keys, N_ALL, sizeof u->keys[0], key_order);
	for (int f = 0; f < 2; f++)
		for (int i = 0; i < N_AS; i++)
			assert_int_equal(addr_parse(as_text[f][i], &u->as[f][i]), 0);
}

/* ------------------------------------------------------------------------------ random states */

struct scene {
	struct plan_state desired, actual;
	struct lb lb; /* what is really there; `actual` is the picture of it */
	enum plan_scope scope;
	struct vip_key only[N_ALL];
	size_t n_only;
};

static bool chance(struct rng *r, uint64_t one_in)
{
	return rng_below(r, one_in) == 0;
}

static bool wants_ip6(uint8_t encap)
{
	return encap == ENCAP_GRE6 || encap == ENCAP_NAT6;
}

/* Which of a prefix's keys are there: the all-port one alone, or some of the others. */
static unsigned random_keys(struct rng *r)
{
	return chance(r, 5) ? 8 : (unsigned)rng_below(r, 8);
}

static unsigned random_encap(struct rng *r, bool foreign, bool ip4)
{
	static const uint8_t strange[2][2] = { { ENCAP_NAT6, ENCAP_NAT6 },
					       { ENCAP_L3DSR, ENCAP_NAT4 } };

	if (foreign && chance(r, 4))
		return strange[ip4][rng_below(r, 2)];
	return chance(r, 2) ? ENCAP_GRE4 : ENCAP_GRE6;
}

static uint8_t random_weight(struct rng *r)
{
	static const uint8_t w[] = { 0, 0, 0, 1, 50, 100, 100 };

	return w[rng_below(r, sizeof w)];
}

static void add_desired(struct scene *s, const struct universe *u, const struct vip_key *key,
			unsigned encap, struct rng *r)
{
	struct plan_vip *v = &s->desired.vips[s->desired.n_vips++];

	*v = (struct plan_vip){ .key = *key,
				.encap = (uint8_t)encap,
				.sticky = chance(r, 6) ? STICKY_YES : STICKY_NO,
				.table_len = chance(r, 6) ? 64 : 1024,
				.as = xcalloc(N_AS, sizeof *v->as) };
	for (int i = 0; i < N_AS; i++) {
		if (chance(r, 3))
			continue;
		v->as[v->n_as++] = (struct plan_as){ .addr = u->as[wants_ip6(v->encap)][i],
						     .weight = random_weight(r),
						     .flush_on_zero = chance(r, 2),
						     .flush_now = chance(r, 6),
						     .keep = chance(r, 6),
						     .dead = chance(r, 6) };
	}
}

static void add_real(struct scene *s, const struct universe *u, const struct vip_key *key,
		     unsigned encap, struct rng *r)
{
	struct lb_vip *v = &s->lb.vips[s->lb.n++];

	*v = (struct lb_vip){ .key = *key,
			      .encap = (uint8_t)encap,
			      .sticky = chance(r, 6),
			      .len = chance(r, 6) ? 64 : 1024,
			      .used = true };
	for (int i = 0; i < N_AS; i++)
		if (!chance(r, 3))
			v->as[v->n_as++] = (struct lb_as){ u->as[wants_ip6(v->encap)][i],
							   random_weight(r), !chance(r, 8) };
}

/* The picture: rows without the used bit do not exist, some things cannot be told. */
static void add_actual(struct scene *s, const struct lb_vip *real, struct rng *r)
{
	struct plan_vip *v = &s->actual.vips[s->actual.n_vips++];

	*v = (struct plan_vip){ .key = real->key,
				.encap = real->encap,
				.sticky = chance(r, 6)   ? STICKY_UNKNOWN
					  : real->sticky ? STICKY_YES
							 : STICKY_NO,
				.table_len = chance(r, 20) ? 0 : real->len,
				.as = xcalloc(N_AS, sizeof *v->as) };
	for (size_t i = 0; i < real->n_as; i++)
		if (real->as[i].used)
			v->as[v->n_as++] = (struct plan_as){ .addr = real->as[i].addr,
							     .weight = real->as[i].weight };
}

static void random_prefix(struct scene *s, const struct universe *u, size_t p, struct rng *r)
{
	const struct vip_key *keys = &u->keys[p * N_KEYS];
	bool ip4 = keys->prefix.addr.family == ADDR_IP4;
	unsigned want = random_keys(r), have = random_keys(r);
	unsigned want_encap = random_encap(r, false, ip4), have_encap = random_encap(r, true, ip4);

	if (!chance(r, 3)) { /* mostly alike, so that there is much to update in place */
		have = chance(r, 2) || want == 8 ? want : (unsigned)rng_below(r, 8);
		have_encap = want_encap;
	}
	for (size_t k = 0; k < N_KEYS; k++) {
		unsigned bit = keys[k].port == 0 ? 8 : 1u << k;

		if (want & bit)
			add_desired(s, u, &keys[k], want_encap, r);
		if (have & bit) {
			add_real(s, u, &keys[k], have_encap, r);
			add_actual(s, &s->lb.vips[s->lb.n - 1], r);
		}
	}
}

static void scene_init(struct scene *s, const struct universe *u, struct rng *r)
{
	bool warming = chance(r, 4);

	memset(s, 0, sizeof *s);
	s->desired.vips = xcalloc(N_ALL, sizeof *s->desired.vips);
	s->actual.vips = xcalloc(N_ALL, sizeof *s->actual.vips);
	for (size_t p = 0; p < N_PREFIXES; p++)
		random_prefix(s, u, p, r);
	for (size_t i = 0; i < s->desired.n_vips; i++)
		s->desired.vips[i].held = warming && chance(r, 3);
	s->scope = chance(r, 2) ? PLAN_FULL : PLAN_ONLY;
	for (size_t k = 0; s->scope == PLAN_ONLY && k < N_ALL; k++)
		if (chance(r, 4))
			s->only[s->n_only++] = u->keys[k];
}

static void scene_done(struct scene *s)
{
	plan_state_done(&s->desired);
	plan_state_done(&s->actual);
}

/* ------------------------------------------------- what should come of it, told the naive way */

static bool in_only(const struct scene *s, const struct vip_key *key)
{
	for (size_t i = 0; i < s->n_only; i++)
		if (vip_key_cmp(&s->only[i], key) == 0)
			return true;
	return false;
}

static bool on_prefix(const struct vip_key *a, const struct vip_key *b)
{
	return prefix_cmp(&a->prefix, &b->prefix) == 0;
}

enum fate {
	SINGLE,   /* the VIPs of this prefix are planned one by one */
	UNIT,     /* all together */
	DEFERRED, /* would be, but for a held one */
};

static enum fate prefix_fate(const struct scene *s, const struct lb *before,
			     const struct vip_key *key)
{
	bool exclusive = false, asked = s->scope == PLAN_FULL, held = false;

	for (size_t i = 0; i < s->desired.n_vips; i++) {
		const struct plan_vip *d = &s->desired.vips[i];

		if (!on_prefix(&d->key, key))
			continue;
		held |= d->held;
		asked |= !d->held && in_only(s, &d->key);
		for (size_t j = 0; j < before->n; j++)
			if (on_prefix(&before->vips[j].key, key) &&
			    (before->vips[j].encap != d->encap ||
			     (before->vips[j].key.port == 0) != (d->key.port == 0)))
				exclusive = true;
	}
	if (!exclusive || !asked)
		return SINGLE;
	return held ? DEFERRED : UNIT;
}

/* Is this VIP to become what is desired of it (which may be: not to be there)? */
static bool planned(const struct scene *s, const struct lb *before, const struct vip_key *key)
{
	const struct plan_vip *d = plan_state_find(&s->desired, key);
	enum fate fate = prefix_fate(s, before, key);

	if (fate == DEFERRED || (d && d->held))
		return false;
	if (s->scope == PLAN_FULL || fate == UNIT)
		return true;
	return d && in_only(s, key);
}

static uint8_t wanted_weight(const struct plan_as *as, const struct lb_vip *was)
{
	const struct lb_as *old = was ? lb_find_as(was, &as->addr) : NULL;

	return !as->keep ? as->weight : old ? old->weight : 0;
}

/* Does the VIP lose a dead backend: one that has weight now, or live flows to be flushed? */
static bool urgent(const struct scene *s, const struct lb *before, const struct vip_key *key)
{
	const struct plan_vip *d = plan_state_find(&s->desired, key);
	const struct lb_vip *was = lb_find(before, key);

	for (size_t i = 0; d && was && i < d->n_as; i++) {
		const struct lb_as *old = lb_find_as(was, &d->as[i].addr);
		uint8_t w = wanted_weight(&d->as[i], was);

		if (d->as[i].dead && old &&
		    (w < old->weight || (w == old->weight && d->as[i].flush_now)))
			return true;
	}
	return false;
}

static size_t used_as(const struct lb_vip *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_as; i++)
		n += v->as[i].used;
	return n;
}

static void check_same(const struct lb_vip *now, const struct lb_vip *was)
{
	assert_int_equal(now != NULL, was != NULL);
	if (!was)
		return;
	assert_int_equal(now->encap, was->encap);
	assert_int_equal(now->sticky, was->sticky);
	assert_int_equal(now->len, was->len);
	assert_int_equal(used_as(now), used_as(was));
	for (size_t i = 0; i < was->n_as; i++)
		if (was->as[i].used)
			assert_int_equal(lb_find_as(now, &was->as[i].addr)->weight,
					 was->as[i].weight);
}

static void check_as_desired(const struct lb_vip *now, const struct lb_vip *was,
			     const struct plan_vip *d, const struct plan_vip *picture)
{
	bool sticky_unknown = picture && picture->sticky == STICKY_UNKNOWN;

	assert_non_null(now);
	assert_int_equal(now->encap, d->encap);
	assert_int_equal(now->len, d->table_len);
	if (!sticky_unknown)
		assert_int_equal(now->sticky, d->sticky == STICKY_YES);
	assert_int_equal(used_as(now), d->n_as);
	for (size_t i = 0; i < d->n_as; i++) {
		const struct lb_as *as = lb_find_as(now, &d->as[i].addr);

		assert_non_null(as);
		assert_int_equal(as->weight, wanted_weight(&d->as[i], was));
	}
}

static void check_outcome(const struct scene *s, const struct universe *u, const struct lb *before,
			  const struct plan_state *picture_before)
{
	for (size_t k = 0; k < N_ALL; k++) {
		const struct vip_key *key = &u->keys[k];
		const struct plan_vip *d = plan_state_find(&s->desired, key);
		const struct lb_vip *now = lb_find(&s->lb, key), *was = lb_find(before, key);

		if (!planned(s, before, key))
			check_same(now, was);
		else if (!d)
			assert_null(now);
		else
			check_as_desired(now, was, d, plan_state_find(picture_before, key));
	}
}

static size_t expected_deferred(const struct scene *s, const struct lb *before)
{
	size_t n = 0;

	for (size_t i = 0; i < s->desired.n_vips; i++) {
		const struct plan_vip *d = &s->desired.vips[i];

		n += !d->held && prefix_fate(s, before, &d->key) == DEFERRED;
	}
	return n;
}

/* ---------------------------------------------------------------------------- the order of it */

/* Where a run of calls belongs: compared from the first field to the last. */
struct place {
	bool late;
	struct prefix prefix;
	int phase; /* 0: deletion of a VIP, 1: addition or update */
	struct vip_key key;
	int step;       /* within the VIP */
	struct addr as; /* within the step */
};

static int place_cmp(const struct place *a, const struct place *b)
{
	int c;

	if (a->late != b->late)
		return a->late ? 1 : -1;
	if ((c = prefix_cmp(&a->prefix, &b->prefix)))
		return c;
	if (a->phase != b->phase)
		return a->phase - b->phase;
	if ((c = vip_key_cmp(&a->key, &b->key)))
		return c;
	return a->step != b->step ? a->step - b->step : addr_cmp(&a->as, &b->as);
}

static const struct plan_call *find_call(const struct plan *p, enum plan_op op,
					 const struct vip_key *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->calls[i].op == op && vip_key_cmp(&p->calls[i].key, key) == 0)
			return &p->calls[i];
	return NULL;
}

/* Does a re-created VIP of this prefix lose a dead backend? */
static bool structure_urgent(const struct scene *s, const struct lb *before, const struct plan *p,
			     const struct vip_key *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->calls[i].op == PLAN_VIP_DEL && on_prefix(&p->calls[i].key, key) &&
		    find_call(p, PLAN_VIP_ADD, &p->calls[i].key) &&
		    urgent(s, before, &p->calls[i].key))
			return true;
	return false;
}

static struct place place_of(const struct scene *s, const struct lb *before, const struct plan *p,
			     const struct plan_call *c)
{
	const struct plan_call *del = find_call(p, PLAN_VIP_DEL, &c->key);
	const struct plan_call *add = find_call(p, PLAN_VIP_ADD, &c->key);
	struct place pl = { .prefix = c->key.prefix, .key = c->key, .as = c->as, .phase = 1 };

	if (del || add) {
		pl.late = !structure_urgent(s, before, p, &c->key);
		pl.phase = del && c <= del ? 0 : 1;
		pl.step = c->op == PLAN_VIP_DEL ? 2 : c->op == PLAN_VIP_ADD ? 0 : 1;
		return pl;
	}
	pl.late = !urgent(s, before, &c->key);
	pl.step = c->op == PLAN_AS_ADD || (c->op == PLAN_AS_WEIGHT && c->weight > c->from_weight)
			  ? 0
			  : 1;
	return pl;
}

static void check_order(const struct scene *s, const struct lb *before, const struct plan *p)
{
	struct place last, next;

	for (size_t i = 0; i < p->n; i++, last = next) {
		next = place_of(s, before, p, &p->calls[i]);
		if (i > 0)
			assert_true(place_cmp(&last, &next) < 0);
	}
}

/* --------------------------------------------------------------------------- call by call */

static void check_call(const struct scene *s, const struct lb *before, const struct plan *p,
		       const struct plan_call *c)
{
	const struct plan_vip *d = plan_state_find(&s->desired, &c->key);
	const struct lb_vip *now = lb_find(&s->lb, &c->key);
	bool recreated = find_call(p, PLAN_VIP_DEL, &c->key) && find_call(p, PLAN_VIP_ADD, &c->key);
	const struct plan_as *want = NULL;
	const struct lb_as *have = now ? lb_find_as(now, &c->as) : NULL;

	for (size_t i = 0; d && i < d->n_as; i++)
		if (addr_eq(&d->as[i].addr, &c->as))
			want = &d->as[i];
	assert_true(planned(s, before, &c->key));
	assert_int_equal(c->recreate, recreated);
	switch (c->op) {
	case PLAN_AS_DEL:
		assert_non_null(have);
		assert_int_equal(c->from_weight, have->weight);
		assert_true(c->flush);
		break;
	case PLAN_AS_ADD:
		assert_null(have);
		assert_non_null(want);
		assert_int_equal(c->flush, want->flush_now);
		break;
	case PLAN_AS_WEIGHT: /* changes the weight, or flushes because that is wished for */
		assert_non_null(want);
		assert_int_equal(c->from_weight, have->weight);
		assert_true(c->weight != have->weight || want->flush_now);
		assert_int_equal(c->flush,
				 want->flush_now || (c->weight == 0 && want->flush_on_zero));
		break;
	case PLAN_VIP_DEL:
		assert_int_equal(used_as(now), 0);
		break;
	case PLAN_VIP_ADD:
	case PLAN_OP_N:
		break;
	}
}

/* No table runs empty between two that are not. */
static void note_empty(const struct lb *lb, const struct universe *u, bool ran_empty[N_ALL])
{
	for (size_t k = 0; k < N_ALL; k++) {
		const struct lb_vip *v = lb_find(lb, &u->keys[k]);

		ran_empty[k] |= v && !lb_serves(v);
	}
}

static void check_empty(const struct scene *s, const struct universe *u, const struct lb *before,
			const struct plan *p, const bool ran_empty[N_ALL])
{
	for (size_t k = 0; k < N_ALL; k++) {
		const struct lb_vip *was = lb_find(before, &u->keys[k]);
		const struct lb_vip *now = lb_find(&s->lb, &u->keys[k]);

		if (ran_empty[k] && was && now && !find_call(p, PLAN_VIP_ADD, &u->keys[k]))
			assert_true(!lb_serves(was) || !lb_serves(now));
	}
}

/* The picture, kept by plan_apply alone, shows what is there. */
static void check_picture(const struct scene *s, const struct universe *u)
{
	size_t n = 0;

	for (size_t k = 0; k < N_ALL; k++) {
		const struct lb_vip *real = lb_find(&s->lb, &u->keys[k]);
		const struct plan_vip *v = plan_state_find(&s->actual, &u->keys[k]);

		assert_int_equal(real != NULL, v != NULL);
		n += v != NULL;
		if (!v)
			continue;
		assert_int_equal(v->encap, real->encap);
		assert_true(v->table_len == real->len || v->table_len == 0);
		assert_true(v->sticky == STICKY_UNKNOWN ||
			    (v->sticky == STICKY_YES) == real->sticky);
		assert_int_equal(v->n_as, used_as(real));
		for (size_t i = 0; i < v->n_as; i++) {
			assert_true(i == 0 || addr_cmp(&v->as[i - 1].addr, &v->as[i].addr) < 0);
			assert_int_equal(v->as[i].weight, lb_find_as(real, &v->as[i].addr)->weight);
		}
	}
	assert_int_equal(s->actual.n_vips, n);
}

/* What the daemon does when a call is acknowledged: into the picture, and a flush is done with. */
static void acknowledge(struct scene *s, const struct plan_call *c)
{
	struct plan_vip *d = plan_state_find(&s->desired, &c->key);

	plan_apply(&s->actual, c);
	plan_apply(&s->actual, c); /* once more changes nothing: check_picture sees */
	for (size_t i = 0; c->flush && c->op != PLAN_AS_DEL && d && i < d->n_as; i++)
		if (addr_eq(&d->as[i].addr, &c->as))
			d->as[i].flush_now = false;
}

static void run(struct scene *s, const struct universe *u, const struct lb *before,
		const struct plan *p)
{
	bool ran_empty[N_ALL] = { false };

	for (size_t i = 0; i < p->n; i++) {
		check_call(s, before, p, &p->calls[i]);
		assert_int_equal(lb_call(&s->lb, &p->calls[i]), LB_OK);
		acknowledge(s, &p->calls[i]);
		note_empty(&s->lb, u, ran_empty);
	}
	check_empty(s, u, before, p, ran_empty);
}

/* ----------------------------------------------------------------------------------- the test */

/* How often the situations that matter came up: a generator gone astray must not pass. */
struct tally {
	size_t calls, empty_plans, units, deferred, recreated, urgent, urgent_units, mere_flushes,
		kept, removed, moved_servers;
};

static void count(struct tally *t, const struct scene *s, const struct lb *before,
		  const struct plan *p)
{
	t->calls += p->n;
	t->empty_plans += p->n == 0;
	t->deferred += p->n_deferred;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_call *c = &p->calls[i];

		t->recreated += c->op == PLAN_VIP_ADD && c->recreate;
		t->removed += c->op == PLAN_VIP_DEL && !c->recreate;
		t->units += c->op == PLAN_VIP_DEL && prefix_fate(s, before, &c->key) == UNIT;
		t->urgent_units += c->op == PLAN_VIP_DEL && structure_urgent(s, before, p, &c->key);
		t->urgent += c->op == PLAN_AS_WEIGHT && urgent(s, before, &c->key);
		t->mere_flushes += c->op == PLAN_AS_WEIGHT && c->weight == c->from_weight;
		t->moved_servers += c->op == PLAN_AS_DEL && find_call(p, PLAN_AS_ADD, &c->key) &&
				    !find_call(p, PLAN_VIP_DEL, &c->key);
	}
	for (size_t i = 0; i < s->desired.n_vips; i++)
		for (size_t j = 0; j < s->desired.vips[i].n_as; j++)
			t->kept += s->desired.vips[i].as[j].keep;
}

static void copy_picture(const struct plan_state *from, struct plan_state *to)
{
	to->vips = xcalloc(N_ALL, sizeof *to->vips);
	to->n_vips = from->n_vips;
	for (size_t i = 0; i < from->n_vips; i++) {
		to->vips[i] = from->vips[i];
		to->vips[i].as = xmemdup(from->vips[i].as,
					 from->vips[i].n_as * sizeof(struct plan_as));
	}
}

static void one_case(const struct universe *u, struct rng *r, struct plan *p, struct plan *again,
		     struct tally *t)
{
	static struct scene s;
	static struct lb before;
	struct plan_state picture = { 0 };

	scene_init(&s, u, r);
	before = s.lb;
	copy_picture(&s.actual, &picture);
	plan_build(&s.desired, &s.actual, s.scope, s.only, s.n_only, p);
	assert_int_equal(p->n_deferred, expected_deferred(&s, &before));
	check_order(&s, &before, p);
	count(t, &s, &before, p); /* before flush_now goes */
	run(&s, u, &before, p);
	check_picture(&s, u);
	check_outcome(&s, u, &before, &picture);
	plan_build(&s.desired, &s.actual, s.scope, s.only, s.n_only, again);
	assert_int_equal(again->n, 0);
	assert_int_equal(again->n_deferred, p->n_deferred);
	plan_state_done(&picture);
	scene_done(&s);
}

static void test_promises(void **state)
{
	static struct universe u;
	struct plan p = { 0 }, again = { 0 };
	struct tally t = { 0 };
	struct rng r;

	universe_init(&u);
	rng_init(&r, 11);
	for (int i = 0; i < CASES; i++)
		one_case(&u, &r, &p, &again, &t);
	plan_done(&p);
	plan_done(&again);
	assert_true(t.calls > 10 * CASES && t.empty_plans > CASES / 20);
	assert_true(t.units > CASES / 2 && t.deferred > CASES / 50 && t.recreated > CASES / 2);
	assert_true(t.urgent > CASES / 10 && t.urgent_units > CASES / 20);
	assert_true(t.mere_flushes > CASES / 20 && t.kept > CASES && t.removed > CASES / 2);
	assert_true(t.moved_servers > CASES / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_promises) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
