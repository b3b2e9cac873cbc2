/* SPDX-License-Identifier: Apache-2.0 */
/* The mirror: rows in, a state out, and what is carried over from one read to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/model.h"
#include "lbsync/lbmirror.h"

static struct prefix prefix(const char *addr, uint8_t len)
{
	struct prefix p = { .len = len };

	assert_int_equal(addr_parse(addr, &p.addr), 0);
	return p;
}

static struct vip_key key(const char *addr, uint16_t port)
{
	struct prefix p = prefix(addr, 32);

	return (struct vip_key){ .prefix = p, .proto = PROTO_TCP, .port = port };
}

static void vip(struct lbread *r, const char *addr, uint16_t port, uint16_t len)
{
	struct vpp_lb_vip_details d = { .pfx = prefix(addr, 32),
					.protocol = PROTO_TCP,
					.port = port,
					.flow_table_length = len };

	lbread_vip(r, &d);
}

static void as(struct lbread *r, const char *addr, uint16_t port, const char *server, uint8_t flags)
{
	struct vpp_lb_as_v2_details d = { .pfx = prefix(addr, 32),
					  .protocol = PROTO_TCP,
					  .port = port,
					  .flags = flags,
					  .weight = 9,
					  .num_buckets = 77 };

	assert_int_equal(addr_parse(server, &d.as_address), 0);
	lbread_as(r, &d);
}

static void text(struct lbmirror *m, const char *s)
{
	lbmirror_take_text(m, s, strlen(s));
}

static const char two[] = " ip4-gre4 [1] 192.0.2.1/32 src_ip_sticky\n  new_size:131072\n"
			  "  protocol:6 port:80\n"
			  " ip4-gre4 [2] 192.0.2.1/32\n  new_size:1024\n  protocol:6 port:443\n";

/* Two VIPs in pool order, with the corpse of a third. */
static void rows(struct lbread *r)
{
	vip(r, "192.0.2.1", 443, 1024);
	vip(r, "192.0.2.1", 80, 0);
	lbread_vips_end(r);
	as(r, "192.0.2.1", 80, "198.51.100.10", VPP_AS_USED);
	as(r, "192.0.2.1", 80, "198.51.100.9", VPP_AS_USED);
	as(r, "192.0.2.1", 80, "198.51.100.8", 0);
	as(r, "192.0.2.1", 443, "198.51.100.7", VPP_AS_USED | 0x80);
	as(r, "192.0.2.7", 443, "198.51.100.7", VPP_AS_USED); /* nobody's */
}

static void read_two(struct lbmirror *m, mono_ns now)
{
	struct lbread r = { 0 };

	rows(&r);
	if (lbread_end(&r, m))
		text(m, two);
	lbmirror_complete(m, &r);
	lbmirror_take_read(m, &r, now);
}

static void test_rows(void **state)
{
	struct lbmirror m = { .text_stale = true };
	struct vip_key k = key("192.0.2.1", 80);
	const struct plan_vip *v;

	read_two(&m, 1000);
	assert_true(m.valid);
	assert_int_equal(m.vips.n_vips, 2);
	v = plan_state_find(&m.vips, &k);
	assert_int_equal(v->n_as, 2);
	assert_int_equal(v->as[0].addr.b[3], 9); /* sorted */
	assert_int_equal(v->as[1].addr.b[3], 10);
	assert_int_equal(v->as[0].weight, 9);
	assert_int_equal(v->as[0].buckets, 77);
	assert_int_equal(v->sticky, STICKY_YES);
	assert_int_equal(v->table_len, 131072);
	k = key("192.0.2.1", 443);
	assert_int_equal(plan_state_find(&m.vips, &k)->sticky, STICKY_NO);
	assert_int_equal(plan_state_find(&m.vips, &k)->n_as, 1);
	lbmirror_done(&m);
}

static void test_text_only_when_vips_change(void **state)
{
	struct lbmirror m = { .text_stale = true };
	struct lbread r = { 0 };

	rows(&r);
	assert_true(lbread_end(&r, &m)); /* the first */
	lbread_done(&r);
	read_two(&m, 0);

	rows(&r);
	assert_false(lbread_end(&r, &m)); /* the same */
	lbmirror_complete(&m, &r);
	lbmirror_take_read(&m, &r, 1);
	struct vip_key k = key("192.0.2.1", 80);
	assert_int_equal(plan_state_find(&m.vips, &k)->table_len, 131072); /* carried over */
	assert_int_equal(plan_state_find(&m.vips, &k)->sticky, STICKY_YES);

	vip(&r, "192.0.2.1", 443, 1024);
	lbread_vips_end(&r);
	assert_true(lbread_end(&r, &m)); /* one is gone */
	lbread_done(&r);

	vip(&r, "192.0.2.1", 443, 1024);
	vip(&r, "192.0.2.1", 80, 2048);
	lbread_vips_end(&r);
	assert_true(lbread_end(&r, &m)); /* one is another */
	lbread_done(&r);

	lbmirror_distrust(&m);
	assert_false(m.valid);
	rows(&r);
	assert_false(lbread_end(&r, &m)); /* only weights were in doubt */
	lbread_done(&r);

	lbmirror_clear(&m);
	rows(&r);
	assert_true(lbread_end(&r, &m)); /* another VPP */
	lbread_done(&r);
	lbmirror_done(&m);
}

/* The text failed or did not tell: nobody knows whether it is sticky, and 0 is 65536. */
static void test_without_text(void **state)
{
	struct lbmirror m = { .text_stale = true };
	struct lbread r = { 0 };
	struct vip_key k = key("192.0.2.1", 80);

	rows(&r);
	lbmirror_complete(&m, &r);
	lbmirror_take_read(&m, &r, 0);
	assert_int_equal(plan_state_find(&m.vips, &k)->sticky, STICKY_UNKNOWN);
	assert_int_equal(plan_state_find(&m.vips, &k)->table_len, 65536);
	lbmirror_done(&m);
}

/* A VIP that we made ourselves is known, though the text is older than it. */
static void test_own_call_is_known(void **state)
{
	struct lbmirror m = { .text_stale = true };
	struct lbread r = { 0 };
	const struct plan_call c = {
		.op = PLAN_VIP_ADD, .key = key("192.0.2.9", 80), .sticky = true, .table_len = 65536
	};

	read_two(&m, 0);
	assert_true(lbmirror_fresh(&m, 999 * NS_PER_MS));
	assert_false(lbmirror_fresh(&m, 1000 * NS_PER_MS));
	lbmirror_apply(&m, &c);
	assert_false(lbmirror_fresh(&m, 1));
	rows(&r);
	vip(&r, "192.0.2.9", 80, 0);
	lbread_vips_end(&r);
	assert_true(lbread_end(&r, &m)); /* its index is not known */
	lbmirror_complete(&m, &r);       /* and stays so: the text could not be had */
	lbmirror_take_read(&m, &r, 5);
	assert_int_equal(plan_state_find(&m.vips, &c.key)->sticky, STICKY_YES);
	assert_int_equal(plan_state_find(&m.vips, &c.key)->table_len, 65536);
	lbmirror_done(&m);
}

/* ::/64 comes as 0.0.0.0/64; 0.0.0.0/8 may be what it says. */
static void test_prefix_inside_ipv4_space(void **state)
{
	struct lbread r = { 0 };
	struct vpp_lb_vip_details d = { .pfx = prefix("0.0.0.0", 64), .protocol = 6, .port = 1 };
	struct vpp_lb_as_v2_details a = {
		.pfx = d.pfx, .protocol = 6, .port = 1, .flags = VPP_AS_USED
	};

	lbread_vip(&r, &d);
	d.pfx.len = 8;
	lbread_vip(&r, &d);
	lbread_vips_end(&r);
	assert_int_equal(addr_parse("2001:db8::1", &a.as_address), 0);
	lbread_as(&r, &a);
	assert_int_equal(r.vips.n_vips, 2);
	assert_int_equal(r.vips.vips[0].key.prefix.addr.family, ADDR_IP4);
	assert_int_equal(r.vips.vips[1].key.prefix.addr.family, ADDR_IP6);
	assert_int_equal(r.vips.vips[1].key.prefix.len, 64);
	assert_int_equal(r.vips.vips[1].n_as, 1);
	lbread_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_text_only_when_vips_change),
		cmocka_unit_test(test_without_text),
		cmocka_unit_test(test_own_call_is_known),
		cmocka_unit_test(test_prefix_inside_ipv4_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
