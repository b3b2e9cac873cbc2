/* SPDX-License-Identifier: Apache-2.0 */
/* core/table.h against a real VPP: the buckets of random VIPs, each AS's exactly.
 *
 * 200 VIPs of 1..100 ASes, weights 0..100, lengths 64..32768, both families on either side. All are
 * made first; one dump tells all buckets; then some weights change, and it tells them again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/plan.h"
#include "core/table.h"
#include "vppbed.h"

#define N_VIPS 200
#define AS_MAX 100
#define UDP    17

struct vip {
	struct prefix prefix;
	uint16_t port;
	uint32_t len;
	uint8_t encap;
	struct table_as as[AS_MAX];
	bool seen[AS_MAX];
	size_t n;
};

struct bed {
	struct vppbed vpp;
	struct rng rng;
	struct vip *vips;
	size_t compared;
};

/* ---- what there is to be */

static void fill_as(struct bed *b, struct vip *v, size_t i)
{
	struct addr *a = &v->as[i].addr;

	*a = (struct addr){ .family = v->encap == ENCAP_GRE6 ? ADDR_IP6 : ADDR_IP4 };
	for (int k = 0; k < (v->encap == ENCAP_GRE6 ? 16 : 4); k++)
		a->b[k] = (uint8_t)rng_below(&b->rng, 256);
	/* Unicast, and the index makes it the only one. */
	a->b[0] = v->encap == ENCAP_GRE6 ? 0x20 : 10;
	a->b[1] = (uint8_t)i;
	v->as[i].weight = (uint8_t)(rng_below(&b->rng, 4) ? rng_below(&b->rng, 101)
							  : rng_below(&b->rng, 2) * 100);
}

static void fill_vip(struct bed *b, size_t i)
{
	struct vip *v = &b->vips[i];
	struct addr a;

	(void)addr_parse(i % 2 ? "2001:db8:80::" : "203.0.113.0", &a);
	a.b[i % 2 ? 15 : 3] = (uint8_t)(i + 1);
	v->prefix = prefix_host(&a);
	v->port = (uint16_t)(1 + rng_below(&b->rng, 65535));
	v->len = 64u << rng_below(&b->rng, 10);
	v->encap = rng_below(&b->rng, 2) ? ENCAP_GRE6 : ENCAP_GRE4;
	v->n = 1 + rng_below(&b->rng, AS_MAX);
	for (size_t k = 0; k < v->n; k++)
		fill_as(b, v, k);
}

/* ---- telling VPP */

static void send_vip(struct bed *b, const struct vip *v, bool del)
{
	const struct vpp_lb_add_del_vip m = { .pfx = v->prefix,
					      .protocol = UDP,
					      .port = v->port,
					      .encap = v->encap,
					      .new_flows_table_length = v->len,
					      .is_del = del };

	vppbed_send(&b->vpp, VPP_LB_ADD_DEL_VIP_V2, &m);
}

static void send_as(struct bed *b, const struct vip *v, size_t i)
{
	const struct vpp_lb_add_del_as m = { .pfx = v->prefix,
					     .protocol = UDP,
					     .port = v->port,
					     .as_address = v->as[i].addr,
					     .weight = v->as[i].weight };

	vppbed_send(&b->vpp, VPP_LB_ADD_DEL_AS_V2, &m);
}

static void add_all(struct bed *b)
{
	for (size_t i = 0; i < N_VIPS; i++) {
		const struct vip *v = &b->vips[i];

		send_vip(b, v, false);
		for (size_t k = 0; k < v->n; k++)
			send_as(b, v, k);
	}
	vppbed_wait(&b->vpp);
}

static void change_some(struct bed *b)
{
	for (size_t i = 0; i < 5 * N_VIPS; i++) {
		struct vip *v = &b->vips[rng_below(&b->rng, N_VIPS)];
		struct table_as *a = &v->as[rng_below(&b->rng, (uint32_t)v->n)];
		struct vpp_lb_as_set_weight m = { .pfx = v->prefix,
						  .protocol = UDP,
						  .port = v->port };

		a->weight = (uint8_t)rng_below(&b->rng, 101);
		m.as_address = a->addr;
		m.weight = a->weight;
		vppbed_send(&b->vpp, VPP_LB_AS_SET_WEIGHT, &m);
	}
	vppbed_wait(&b->vpp);
}

/* Their ASes go with them. */
static void remove_all(struct bed *b)
{
	for (size_t i = 0; i < N_VIPS; i++) {
		send_vip(b, &b->vips[i], true);
		vppbed_wait(&b->vpp);
	}
}

/* ---- comparing */

static struct vip *find(struct bed *b, const struct prefix *p)
{
	for (size_t i = 0; i < N_VIPS; i++) {
		if (prefix_cmp(&b->vips[i].prefix, p) == 0)
			return &b->vips[i];
	}
	vppbed_die("VPP tells of a VIP that is not ours");
}

static void compare_row(void *ctx, const struct vpp_answer *a)
{
	const struct vpp_lb_as_v2_details *d = &a->body->lb_as_v2_details;
	struct bed *b = ctx;
	struct vip *v;

	if (!a->details || !(d->flags & VPP_AS_USED))
		return;
	v = find(b, &d->pfx);
	for (size_t i = 0; i < v->n; i++) {
		if (!addr_eq(&v->as[i].addr, &d->as_address))
			continue;
		if (v->seen[i] || v->as[i].weight != d->weight)
			vppbed_die("an AS twice, or with another weight");
		if (v->as[i].buckets != d->num_buckets)
			vppbed_die("an AS of weight %u among %zu in %u buckets has %u, not %u",
				   d->weight, v->n, v->len, d->num_buckets, v->as[i].buckets);
		v->seen[i] = true;
		b->compared++;
		return;
	}
	vppbed_die("VPP tells of an AS that is not ours");
}

static void compare(struct bed *b)
{
	const struct vpp_lb_vip all = { .pfx.addr.family = ADDR_IP4 };
	size_t n = 0;

	for (size_t i = 0; i < N_VIPS; i++) {
		struct vip *v = &b->vips[i];

		table_build(v->as, v->n, v->len, NULL);
		memset(v->seen, 0, sizeof v->seen);
		n += v->n;
	}
	b->compared = 0;
	vppbed_dump(&b->vpp, VPP_LB_AS_V2_DUMP, &all, compare_row, b);
	if (b->compared != n)
		vppbed_die("VPP tells of %zu ASes, not %zu", b->compared, n);
	printf("%d VIPs, %zu ASes: every one has the buckets of the model\n", N_VIPS, n);
}

int main(void)
{
	const char *seed = getenv("MAGLEV_TEST_SEED");
	struct bed b = { 0 };

	vppbed_open(&b.vpp);
	b.vips = xcalloc(N_VIPS, sizeof *b.vips);
	rng_init(&b.rng, seed ? strtoull(seed, NULL, 10) : 1);
	for (size_t i = 0; i < N_VIPS; i++)
		fill_vip(&b, i);
	add_all(&b);
	compare(&b);
	change_some(&b);
	compare(&b);
	remove_all(&b);
	vppbed_close(&b.vpp);
	free(b.vips);
	return 0;
}
