/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as another hand's doing: every kind, alone and together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/model.h"
#include "lbsync/lbdrift.h"

static const char *const kinds[LBDRIFT_N] = {
	"vip-", "vip+", "vip!", "as-", "as+", "as!", "conf!"
};

static void note(void *ctx, const struct lbdrift *d)
{
	char prefix[PREFIX_STRLEN], addr[ADDR_STRLEN];

	str_addf(ctx, "%s", kinds[d->kind]);
	if (d->key)
		str_addf(ctx, " %s:%u", prefix_format(&d->key->prefix, prefix), d->key->port);
	if (d->as)
		str_addf(ctx, " %s", addr_format(d->as, addr));
	str_addf(ctx, " (%s | %s)\n", d->expected, d->found);
}

static struct plan_vip *vip(struct plan_state *s, const char *addr, uint16_t port)
{
	struct plan_vip *v;
	struct addr a;

	assert_int_equal(addr_parse(addr, &a), 0);
	s->vips = xreallocarray(s->vips, s->n_vips + 1, sizeof *s->vips);
	v = &s->vips[s->n_vips++];
	*v = (struct plan_vip){ .key = { .prefix = prefix_host(&a),
					 .proto = port ? PROTO_TCP : PROTO_ANY,
					 .port = port },
				.encap = ENCAP_GRE4,
				.table_len = 1024 };
	return v;
}

static void as(struct plan_vip *v, const char *addr, uint8_t weight)
{
	v->as = xreallocarray(v->as, v->n_as + 1, sizeof *v->as);
	v->as[v->n_as] = (struct plan_as){ .weight = weight };
	assert_int_equal(addr_parse(addr, &v->as[v->n_as++].addr), 0);
}

static void expect(struct plan_state *expected, struct plan_state *found, const char *want)
{
	struct str got = { 0 };

	lbdrift_compare(expected, found, note, &got);
	assert_string_equal(str_z(&got), want);
	str_done(&got);
	plan_state_done(expected);
	plan_state_done(found);
}

static void test_none(void **state)
{
	struct plan_state e = { 0 }, f = { 0 };

	expect(&e, &f, "");
	as(vip(&e, "192.0.2.1", 80), "198.51.100.1", 7);
	as(vip(&f, "192.0.2.1", 80), "198.51.100.1", 7);
	e.vips[0].sticky = STICKY_YES;
	f.vips[0].sticky = STICKY_UNKNOWN;
	f.vips[0].as[0].buckets = 1024;
	expect(&e, &f, "");
}

static void test_vips(void **state)
{
	struct plan_state e = { 0 }, f = { 0 };

	as(vip(&e, "192.0.2.1", 80), "198.51.100.1", 7);
	expect(&e, &f, "vip- 192.0.2.1/32:80 (gre4, flow table 1024, 1 ASes | absent)\n");
	as(vip(&f, "192.0.2.1", 0), "198.51.100.1", 7);
	expect(&e, &f, "vip+ 192.0.2.1/32:0 (absent | gre4, flow table 1024, 1 ASes)\n");
	vip(&e, "192.0.2.1", 80);
	vip(&f, "192.0.2.1", 80)->sticky = STICKY_YES;
	expect(&e, &f,
	       "vip! 192.0.2.1/32:80 (gre4, flow table 1024, 0 ASes | gre4, flow table 1024, "
	       "src_ip_sticky, 0 ASes)\n");
	vip(&e, "192.0.2.1", 80);
	vip(&f, "192.0.2.1", 80)->encap = ENCAP_NAT4;
	expect(&e, &f,
	       "vip! 192.0.2.1/32:80 (gre4, flow table 1024, 0 ASes | nat4, flow table 1024, 0 "
	       "ASes)\n");
	vip(&e, "192.0.2.1", 80);
	vip(&f, "192.0.2.1", 80)->table_len = 64;
	expect(&e, &f,
	       "vip! 192.0.2.1/32:80 (gre4, flow table 1024, 0 ASes | gre4, flow table 64, 0 "
	       "ASes)\n");
}

static void test_ases(void **state)
{
	struct plan_state e = { 0 }, f = { 0 };

	as(vip(&e, "192.0.2.1", 80), "198.51.100.1", 1);
	as(&e.vips[0], "198.51.100.2", 2);
	as(&e.vips[0], "198.51.100.4", 4);
	as(vip(&f, "192.0.2.1", 80), "198.51.100.2", 20);
	as(&f.vips[0], "198.51.100.3", 3);
	as(&f.vips[0], "198.51.100.4", 4);
	as(&f.vips[0], "198.51.100.5", 5);
	expect(&e, &f,
	       "as- 192.0.2.1/32:80 198.51.100.1 (weight 1 | absent)\n"
	       "as! 192.0.2.1/32:80 198.51.100.2 (weight 2 | weight 20)\n"
	       "as+ 192.0.2.1/32:80 198.51.100.3 (absent | weight 3)\n"
	       "as+ 192.0.2.1/32:80 198.51.100.5 (absent | weight 5)\n");
}

static void test_together(void **state)
{
	struct plan_state e = { 0 }, f = { 0 };

	vip(&e, "192.0.2.1", 80);
	vip(&e, "192.0.2.2", 80);
	as(vip(&e, "192.0.2.4", 80), "198.51.100.1", 1);
	vip(&f, "192.0.2.2", 80);
	vip(&f, "192.0.2.3", 80);
	as(vip(&f, "192.0.2.4", 80), "198.51.100.1", 0);
	expect(&e, &f,
	       "vip- 192.0.2.1/32:80 (gre4, flow table 1024, 0 ASes | absent)\n"
	       "vip+ 192.0.2.3/32:80 (absent | gre4, flow table 1024, 0 ASes)\n"
	       "as! 192.0.2.4/32:80 198.51.100.1 (weight 1 | weight 0)\n");
}

static void test_conf(void **state)
{
	struct vpp_lb_conf e = { .sticky_buckets_per_core = 1024, .flow_timeout = 40 }, f;
	struct str got = { 0 };

	assert_int_equal(addr_parse("192.0.2.1", &e.ip4_src_address), 0);
	assert_int_equal(addr_parse("2001:db8::1", &e.ip6_src_address), 0);
	f = e;
	lbdrift_compare_conf(&e, &f, note, &got);
	assert_string_equal(str_z(&got), "");
	f.flow_timeout = 41;
	lbdrift_compare_conf(&e, &f, note, &got);
	assert_string_equal(str_z(&got),
			    "conf! (192.0.2.1, 2001:db8::1, 1024 sticky buckets, timeout 40s | "
			    "192.0.2.1, 2001:db8::1, 1024 sticky buckets, timeout 41s)\n");
	str_done(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none), cmocka_unit_test(test_vips),
		cmocka_unit_test(test_ases), cmocka_unit_test(test_together),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
