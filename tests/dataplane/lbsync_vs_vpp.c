/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync against a real VPP: random wishes, and VPP must come to hold them exactly.
 *
 * Runs when MAGLEV_TEST_VPP_API names the API socket of a VPP; is skipped (exit 77) otherwise. A
 * VPP that has VIPs is refused, since lbsync would remove them. The start goes through the
 * warm-up's hold, so that nothing is written before that is known. At the end every VIP is removed.
 *
 * After each round of changes: no error was counted, VPP's own dump equals the wishes, the bucket
 * counts are those of core/table.h, and another full sync makes no call. MAGLEV_TEST_VPP_ROUNDS
 * (100) says how often. Then the time from a change to VPP's answer is taken with 1,000 frontends.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "core/table.h"
#include "lbsync/lbsync.h"
#include "vpp/client.h"

#define SKIPPED  77
#define N_RANDOM 24
#define N_MANY   1000
#define N_AS     6
#define PATIENCE (120 * NS_PER_S)

struct fe {
	struct lbsync_vip sync;
	struct plan_vip want;
	struct plan_as as[N_AS];
	bool added;
};

struct bed {
	struct loop *loop;
	struct lbsync *s;
	struct vpp_conf conf;
	struct fe fes[N_MANY];
	struct rng rng;
	struct lbsync_counts counts;
	bool answered;
	size_t n_vips; /* of the last read */
	bool read;     /* there was one: */
	struct vpp_lb_conf found;
};

static void die(const char *what)
{
	fprintf(stderr, "FAILED: %s\n", what);
	exit(1);
}

/* ---- what lbsync asks */

static struct fe *fe_of(const struct lbsync_vip *v)
{
	return CONTAINER_OF((struct lbsync_vip *)(uintptr_t)v, struct fe, sync);
}

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	const struct fe *f = fe_of(v);

	*ret = f->want;
	ret->as = xmemdup(f->as, f->want.n_as * sizeof f->as[0]);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return "frontend";
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	return false;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as)
{
	struct fe *f = fe_of(v);

	for (size_t i = 0; i < f->want.n_as; i++) {
		if (addr_eq(&f->as[i].addr, as))
			f->as[i].flush_now = false;
	}
}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	*ret = ((struct bed *)ctx)->conf;
}

/* ---- waiting */

static void on_done(void *ctx, int status, const struct lbsync_counts *c)
{
	struct bed *b = ctx;

	if (status < 0)
		die("VPP went away");
	b->answered = true;
	b->counts = *c;
}

static void wait_answer(struct bed *b)
{
	mono_ns give_up = loop_clock() + PATIENCE;

	while (!b->answered) {
		if (loop_clock() > give_up)
			die("no answer");
		loop_turn(b->loop, NS_PER_S);
	}
	b->answered = false;
}

static void sync_now(struct bed *b, struct fe *f)
{
	struct err e;

	if (lbsync_request(b->s, f ? &f->sync : NULL, on_done, b, &e) < 0)
		die(e.msg);
	wait_answer(b);
}

/* ---- VPP against the wishes */

static void compare_buckets(const struct plan_vip *v)
{
	struct table_as t[N_AS];

	for (size_t i = 0; i < v->n_as; i++)
		t[i] = (struct table_as){ .addr = v->as[i].addr, .weight = v->as[i].weight };
	table_build(t, v->n_as, v->table_len, NULL);
	for (size_t i = 0; i < v->n_as; i++) {
		if (t[i].buckets != v->as[i].buckets)
			die("VPP's buckets are not the model's");
	}
}

static void compare_vip(const struct fe *f, const struct plan_vip *have)
{
	if (!have)
		die("a VIP is missing");
	if (have->encap != f->want.encap || have->sticky != f->want.sticky ||
	    have->table_len != f->want.table_len || have->n_as != f->want.n_as)
		die("a VIP differs");
	for (size_t i = 0; i < have->n_as; i++) {
		if (!addr_eq(&have->as[i].addr, &f->as[i].addr) ||
		    have->as[i].weight != f->as[i].weight)
			die("an AS differs");
	}
	compare_buckets(have);
}

static void on_state(void *ctx, int status, const struct plan_state *st,
		     const struct vpp_lb_conf *conf)
{
	struct bed *b = ctx;
	size_t n = 0;

	if (status < 0)
		die("VPP went away");
	b->answered = true;
	b->n_vips = st->n_vips;
	if (!b->read)
		b->found = *conf;
	b->read = true;
	for (size_t i = 0; i < N_MANY; i++) {
		if (!b->fes[i].added)
			continue;
		n++;
		if (b->fes[i].sync.released)
			compare_vip(&b->fes[i], plan_state_find(st, &b->fes[i].want.key));
	}
	if (b->fes[0].sync.released && n != st->n_vips)
		die("VPP has VIPs that nobody wants");
}

static void compare(struct bed *b)
{
	struct err e;

	if (lbsync_read(b->s, on_state, b, &e) < 0)
		die(e.msg);
	wait_answer(b);
}

static bool counts_nothing(const struct lbsync_counts *c)
{
	const struct lbsync_counts none = { 0 };

	return memcmp(c, &none, sizeof none) == 0;
}

/* ---- random wishes */

/* ASes are drawn anew: `n` of the family, in order. */
static void fill_ases(struct bed *b, struct fe *f, bool ip6)
{
	uint8_t last = 0;

	f->want.n_as = rng_below(&b->rng, N_AS + 1);
	f->want.encap = ip6 ? ENCAP_GRE6 : ENCAP_GRE4;
	for (size_t i = 0; i < f->want.n_as; i++) {
		struct addr *a = &f->as[i].addr;

		f->as[i] = (struct plan_as){ .weight = (uint8_t)rng_below(&b->rng, 101) };
		(void)addr_parse(ip6 ? "2001:db8:1::" : "198.51.100.0", a);
		last = (uint8_t)(last + 1 + rng_below(&b->rng, 4));
		a->b[ip6 ? 15 : 3] = last;
	}
}

/* Four VIPs to an address: one of them on all ports instead of the four, now and then. */
static void fill_key(struct fe *f, size_t i)
{
	struct vip_key *k = &f->want.key;

	(void)addr_parse(i % 8 < 4 ? "192.0.2.0" : "2001:db8::", &k->prefix.addr);
	k->prefix.addr.b[i % 8 < 4 ? 3 : 15] = (uint8_t)(10 + i / 4);
	k->prefix.len = addr_bits(&k->prefix.addr);
	k->proto = i % 2 ? PROTO_UDP : PROTO_TCP;
	k->port = (uint16_t)(1000 + i % 4);
	f->want.as = f->as;
}

static void add(struct bed *b, struct fe *f)
{
	f->sync.key = f->want.key;
	f->added = true;
	lbsync_add(b->s, &f->sync);
}

static void forget(struct bed *b, struct fe *f)
{
	f->added = false;
	lbsync_forget(b->s, &f->sync);
}

/* The four VIPs of one address get a new shape. */
static void change_group(struct bed *b, size_t group)
{
	bool ip6 = rng_below(&b->rng, 2), all_ports = rng_below(&b->rng, 4) == 0;

	for (size_t i = group * 4; i < group * 4 + 4; i++) {
		struct fe *f = &b->fes[i];

		if (f->added)
			forget(b, f);
		memset(&f->want, 0, sizeof f->want);
		fill_key(f, i);
		fill_ases(b, f, ip6);
		f->want.table_len = 1u << rng_below(&b->rng, 17);
		f->want.sticky = rng_below(&b->rng, 2) ? STICKY_YES : STICKY_NO;
		if (all_ports) {
			f->want.key.port = 0;
			f->want.key.proto = PROTO_ANY;
		}
		if (rng_below(&b->rng, 5) > 0)
			add(b, f);
		if (all_ports && f->added)
			break;
	}
	if (!all_ports)
		return;
	for (size_t i = group * 4, seen = 0; i < group * 4 + 4; i++) {
		if (b->fes[i].added && seen++)
			forget(b, &b->fes[i]);
	}
}

static void change_weights(struct bed *b, struct fe *f)
{
	for (size_t i = 0; i < f->want.n_as; i++) {
		if (rng_below(&b->rng, 2))
			f->as[i].weight = (uint8_t)rng_below(&b->rng, 101);
		f->as[i].flush_now = rng_below(&b->rng, 8) == 0;
	}
	lbsync_changed(b->s, &f->sync, rng_below(&b->rng, 2));
}

static void change(struct bed *b)
{
	bool reload = rng_below(&b->rng, 2);

	if (reload) {
		change_group(b, rng_below(&b->rng, N_RANDOM / 4));
		lbsync_reloaded(b->s);
	}
	for (int i = 0; i < 8; i++) {
		struct fe *f = &b->fes[rng_below(&b->rng, N_RANDOM)];

		if (f->added)
			change_weights(b, f);
		loop_turn(b->loop, 0);
	}
}

static uint64_t errors(struct bed *b)
{
	return lbsync_total(b->s, LBSYNC_ALL, LBSYNC_ERROR) +
	       lbsync_total(b->s, LBSYNC_VIP, LBSYNC_ERROR);
}

static void random_rounds(struct bed *b, long rounds)
{
	for (size_t g = 0; g < N_RANDOM / 4; g++)
		change_group(b, g);
	lbsync_reloaded(b->s);
	for (long i = 0; i < rounds; i++) {
		change(b);
		sync_now(b, NULL);
		sync_now(b, NULL);
		if (!counts_nothing(&b->counts))
			die("a second full sync found something to do");
		compare(b);
		if (errors(b) > 0)
			die("a call was refused");
	}
	printf("%ld rounds: VPP as wished each time, no call refused\n", rounds);
}

/* ---- how long a change takes */

static int cmp_ns(const void *a, const void *b)
{
	const dur_ns *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void forget_all(struct bed *b)
{
	for (size_t i = 0; i < N_MANY; i++) {
		if (b->fes[i].added)
			forget(b, &b->fes[i]);
	}
	lbsync_reloaded(b->s);
	sync_now(b, NULL);
}

static void measure(struct bed *b)
{
	dur_ns took[1000];

	forget_all(b);
	for (size_t i = 0; i < N_MANY; i++) {
		struct fe *f = &b->fes[i];

		memset(&f->want, 0, sizeof f->want);
		fill_key(f, 0);
		f->want.key.prefix.addr.b[2] = (uint8_t)(100 + i / 250);
		f->want.key.prefix.addr.b[3] = (uint8_t)(1 + i % 250);
		do {
			fill_ases(b, f, false);
		} while (f->want.n_as < 4);
		f->want.table_len = 1024;
		add(b, f);
	}
	lbsync_reloaded(b->s);
	mono_ns began = loop_clock();
	sync_now(b, NULL);
	printf("%d frontends written in %.1f ms\n", N_MANY, (double)(loop_clock() - began) / 1e6);
	compare(b);
	for (size_t i = 0; i < ARRAY_LEN(took); i++) {
		struct fe *f = &b->fes[rng_below(&b->rng, N_MANY)];

		f->as[0].weight = f->as[0].weight ? 0 : 100;
		f->as[0].flush_on_zero = true;
		began = loop_clock();
		sync_now(b, f);
		took[i] = loop_clock() - began;
		if (b->counts.n[LBSYNC_AS_WEIGHT_UPDATED] != 1)
			die("one change, one call");
	}
	qsort(took, ARRAY_LEN(took), sizeof took[0], cmp_ns);
	printf("change to VPP's answer with %d frontends: median %.3f ms, p99 %.3f ms\n", N_MANY,
	       (double)took[500] / 1e6, (double)took[990] / 1e6);
}

/* ---- */

static void connect_vpp(struct bed *b, const char *path)
{
	const struct lbsync_opts o = {
		.loop = b->loop,
		.api_path = path,
		.started = loop_clock(),
		.source = { b, desired, name, has_unknown, flushed, vpp_conf },
	};
	mono_ns give_up = loop_clock() + PATIENCE;

	b->s = lbsync_new(&o);
	while (!lbsync_connected(b->s)) {
		loop_turn(b->loop, NS_PER_S);
		if (loop_clock() > give_up)
			die(lbsync_why_down(b->s));
	}
	compare(b);
	if (b->n_vips > 0)
		die("this VPP has VIPs already");
	b->conf.startup_min_delay = b->conf.startup_max_delay = 0;
	lbsync_reloaded(b->s);
}

static void restore_conf(struct bed *b)
{
	b->conf.src4 = b->found.ip4_src_address;
	b->conf.src6 = b->found.ip6_src_address;
	b->conf.sticky_buckets_per_core = b->found.sticky_buckets_per_core;
	b->conf.flow_timeout = b->found.flow_timeout * NS_PER_S;
	lbsync_reloaded(b->s);
	sync_now(b, NULL);
}

static long env_long(const char *var, long fallback)
{
	const char *v = getenv(var);

	return v ? strtol(v, NULL, 10) : fallback;
}

int main(void)
{
	const char *path = getenv("MAGLEV_TEST_VPP_API");
	struct bed *b;

	if (!path)
		return SKIPPED;
	log_set_level(getenv("MAGLEV_TEST_LOG") ? LVL_INFO : LVL_ERROR);
	b = XNEW(struct bed);
	b->loop = loop_new();
	rng_init(&b->rng, (uint64_t)env_long("MAGLEV_TEST_SEED", 1));
	b->conf = (struct vpp_conf){ .sync_interval = 30 * NS_PER_S,
				     .sticky_buckets_per_core = 65536,
				     .flow_timeout = 40 * NS_PER_S,
				     .startup_min_delay = 3600 * NS_PER_S,
				     .startup_max_delay = 3600 * NS_PER_S };
	(void)addr_parse("192.0.2.1", &b->conf.src4);
	(void)addr_parse("2001:db8::1", &b->conf.src6);
	connect_vpp(b, path);
	random_rounds(b, env_long("MAGLEV_TEST_VPP_ROUNDS", 100));
	measure(b);
	forget_all(b);
	restore_conf(b);
	compare(b);
	if (b->n_vips != 0 || errors(b) > 0)
		die("VPP is not empty at the end");
	lbsync_free(b->s);
	loop_free(b->loop);
	free(b);
	return 0;
}
