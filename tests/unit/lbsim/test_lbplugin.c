/* SPDX-License-Identifier: Apache-2.0 */
/* Every peculiarity of the plugin that a client can run into, on simulated time. */
#include "lbsim/lbplugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/table.h"

enum { GRE4, GRE6, L3DSR, NAT4, NAT6 };

static struct ip46 ip(const char *s)
{
	struct addr a;
	assert_int_equal(addr_parse(s, &a), 0);
	return ip46_from_addr(&a);
}

/* "192.0.2.80/32" */
static struct lb_key key(const char *s, uint8_t protocol, uint16_t port)
{
	struct prefix p;
	_cleanup_free_ char *copy = xstrdup(s);
	char *slash = strchr(copy, '/');
	*slash = '\0';
	assert_int_equal(addr_parse(copy, &p.addr), 0);
	p.len = (uint8_t)atoi(slash + 1);
	return lb_key(&p, protocol, port);
}

struct world {
	struct lbplugin p;
	uint32_t now;
	uint32_t index; /* of the VIP added last */
};

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	lbplugin_init(&w->p);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	lbplugin_done(&w->p);
	free(w);
	return 0;
}

static int32_t vip_add_len(struct world *w, struct lb_key k, uint32_t encap, uint32_t length)
{
	const struct lb_vip_args a = { .key = k, .encap = encap, .new_length = length };
	return lbplugin_vip_add(&w->p, &a, w->now, &w->index);
}

static int32_t vip_add(struct world *w, struct lb_key k, uint32_t encap)
{
	return vip_add_len(w, k, encap, 1024);
}

static int32_t as_add(struct world *w, struct lb_key k, const char *addr, uint8_t weight)
{
	const struct ip46 a = ip(addr);
	return lbplugin_as_add(&w->p, &k, &a, weight, false, w->now);
}

static int32_t as_del(struct world *w, struct lb_key k, const char *addr, bool flush)
{
	const struct ip46 a = ip(addr);
	return lbplugin_as_del(&w->p, &k, &a, flush, w->now);
}

static int32_t as_weight(struct world *w, struct lb_key k, const char *addr, uint8_t weight,
			 bool flush)
{
	const struct ip46 a = ip(addr);
	return lbplugin_as_set_weight(&w->p, &k, &a, weight, flush);
}

/* The AS's index in the VIP with this index; fails when it is not there, removed or not. */
static uint32_t as_index(struct world *w, uint32_t vip, const char *addr)
{
	const struct ip46 a = ip(addr);
	uint32_t i = 0;
	assert_int_equal(lbplugin_find_as(&w->p, vip, &a, &i), 0);
	return i;
}

static struct lb_as *as(struct world *w, uint32_t vip, const char *addr)
{
	return &w->p.ases.v[as_index(w, vip, addr)];
}

static bool has_as(struct world *w, uint32_t vip, const char *addr)
{
	const struct ip46 a = ip(addr);
	uint32_t i;
	return lbplugin_find_as(&w->p, vip, &a, &i) == 0;
}

static void test_fresh(void **state)
{
	struct world *w = *state;
	assert_int_equal(slots_count(&w->p.vip_slots), 1); /* the placeholders */
	assert_int_equal(slots_count(&w->p.as_slots), 1);
	assert_int_equal(w->p.conf.sticky_buckets, 1024);
	assert_int_equal(w->p.conf.flow_timeout, 40);
	assert_false(w->p.sticky_table);
}

static void test_conf(void **state)
{
	struct world *w = *state;
	struct lb_conf c = { ip("192.0.2.1"), ip("2001:db8::1"), 1000, 40 };
	assert_int_equal(lbplugin_conf(&w->p, &c), -70);
	assert_false(ip46_eq(&w->p.conf.ip4_src, &c.ip4_src));
	c.sticky_buckets = LB_CONF_KEEP;
	c.flow_timeout = LB_CONF_KEEP;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_true(ip46_eq(&w->p.conf.ip4_src, &c.ip4_src));
	assert_int_equal(w->p.conf.sticky_buckets, 1024);
	c.sticky_buckets = 65536;
	c.flow_timeout = 0;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(w->p.conf.sticky_buckets, 65536);
	assert_int_equal(w->p.conf.flow_timeout, 0);
	c.sticky_buckets = 0; /* a power of two, says the plugin */
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
}

/* Changing the number of buckets drops every flow; setting the same does not. */
static void test_conf_drops_flows(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.10"), 7);
	struct lb_conf c = w->p.conf;
	c.flow_timeout = 120;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->flows, 7);
	c.sticky_buckets = 2048;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->flows, 0);
	assert_false(w->p.sticky_table);
}

static void test_key(void **state)
{
	struct lb_key k = key("192.0.2.81/24", 6, 0);
	assert_int_equal(k.protocol, 255); /* forced by port 0 */
	assert_int_equal(k.plen, 120);
	struct lb_key same = key("192.0.2.0/24", 17, 0);
	assert_memory_equal(&k, &same, sizeof k);
	k = key("::c000:250/128", 6, 80); /* is IPv4 for VPP */
	same = key("192.0.2.80/32", 6, 80);
	assert_memory_equal(&k, &same, sizeof k);
}

static void test_vip_refusals(void **state)
{
	struct world *w = *state;
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 6, 80), GRE4), 0);
	assert_int_equal(w->index, 1);
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 6, 80), GRE4), -81);
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 6, 0), GRE4), -81);
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 6, 443), GRE6), -73);
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 17, 80), GRE4), 0);
	assert_int_equal(w->index, 2);
	assert_int_equal(vip_add(w, key("192.0.2.90/32", 6, 0), GRE4), 0);
	assert_int_equal(vip_add(w, key("192.0.2.90/32", 6, 80), GRE4), -81);
	assert_int_equal(vip_add(w, key("192.0.2.90/31", 6, 80), GRE4), 0); /* another prefix */
	assert_int_equal(vip_add_len(w, key("192.0.2.91/32", 6, 80), GRE4, 1000), -70);
	assert_int_equal(vip_add(w, key("192.0.2.91/32", 6, 80), NAT6), -97);
	assert_int_equal(vip_add(w, key("192.0.2.91/32", 6, 80), 77), -97);
	assert_int_equal(vip_add(w, key("2001:db8::1/128", 6, 80), 77), 0); /* GRE6 */
	assert_int_equal(w->p.vips.v[w->index].type, LB_IP6_GRE6);
}

/* The order of the checks, by requests that are wrong twice. */
static void test_vip_check_order(void **state)
{
	struct world *w = *state;
	assert_int_equal(vip_add(w, key("192.0.2.80/32", 6, 80), GRE4), 0);
	assert_int_equal(vip_add_len(w, key("192.0.2.80/32", 6, 80), GRE6, 1000), -81);
	assert_int_equal(vip_add_len(w, key("192.0.2.80/32", 6, 443), GRE6, 1000), -73);
	assert_int_equal(vip_add_len(w, key("192.0.2.81/32", 6, 80), NAT6, 1000), -70);
	assert_int_equal(vip_add_len(w, key("192.0.2.81/32", 6, 80), NAT6, 0), -97);
	assert_int_equal(vip_add_len(w, key("192.0.2.81/32", 6, 80), GRE4, 0), LB_DEATH);
}

static void test_table_of_length_0_kills(void **state)
{
	struct world *w = *state;
	assert_int_equal(vip_add_len(w, key("192.0.2.80/32", 6, 80), GRE4, 0), LB_DEATH);
	assert_int_equal(vip_add_len(w, key("192.0.2.80/32", 6, 80), GRE4, 2 * TABLE_LEN_MAX),
			 LB_DEATH);
	assert_int_equal(slots_count(&w->p.vip_slots), 1);
	assert_int_equal(vip_add_len(w, key("192.0.2.80/32", 6, 80), GRE4, 1), 0);
	assert_int_equal(vip_add_len(w, key("192.0.2.81/32", 6, 80), GRE4, TABLE_LEN_MAX), 0);
}

static void test_as_refusals(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80), other = key("192.0.2.81/32", 6, 80);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), -6);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), -6);
	assert_int_equal(as_weight(w, k, "198.51.100.10", 1, false), -6);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(vip_add(w, other, GRE6), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 50), -81);
	assert_int_equal(as_add(w, k, "2001:db8::1", 50), -97);
	assert_int_equal(as_add(w, other, "198.51.100.10", 50), -97);
	assert_int_equal(as_add(w, other, "2001:db8::1", 255), 0); /* weights are not checked */
	assert_int_equal(as_del(w, k, "198.51.100.11", false), -6);
	assert_int_equal(as_weight(w, k, "198.51.100.11", 1, false), -6);
	assert_int_equal(as(w, 2, "2001:db8::1")->buckets, 1024);
}

/* The API's numbers: /32, /33 … are counted over all 128 bits. */
static void test_encapsulations(void **state)
{
	static const struct {
		const char *vip;
		uint32_t encap;
		enum lb_vip_type type;
		const char *as;
	} rows[] = {
		{ "192.0.2.1/32", GRE4, LB_IP4_GRE4, "198.51.100.1" },
		{ "192.0.2.2/32", GRE6, LB_IP4_GRE6, "2001:db8::1" },
		{ "192.0.2.3/32", L3DSR, LB_IP4_L3DSR, "198.51.100.1" },
		{ "192.0.2.4/32", NAT4, LB_IP4_NAT4, "198.51.100.1" },
		{ "2001:db8:1::1/128", GRE4, LB_IP6_GRE4, "198.51.100.1" },
		{ "2001:db8:1::2/128", GRE6, LB_IP6_GRE6, "2001:db8::1" },
		{ "2001:db8:1::3/128", L3DSR, LB_IP6_GRE6, "2001:db8::1" },
		{ "2001:db8:1::4/128", NAT6, LB_IP6_NAT6, "2001:db8::1" },
		{ "0.0.0.0/0", GRE4, LB_IP4_GRE4, "198.51.100.1" },
		{ "::/0", GRE6, LB_IP6_GRE6, "2001:db8::1" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lb_key k = key(rows[i].vip, 6, 80);
		assert_int_equal(vip_add(w, k, rows[i].encap), 0);
		assert_int_equal(w->p.vips.v[w->index].type, rows[i].type);
		assert_int_equal(as_add(w, k, rows[i].as, 10), 0);
	}
}

/* Known to be right from a real VPP. */
static void test_buckets(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, k, "198.51.100.11", 70), 0);
	assert_int_equal(as_add(w, k, "198.51.100.12", 40), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->buckets, 474);
	assert_int_equal(as(w, 1, "198.51.100.11")->buckets, 350);
	assert_int_equal(as(w, 1, "198.51.100.12")->buckets, 200);
	assert_int_equal(as_weight(w, k, "198.51.100.11", 0, false), 0);
	assert_int_equal(as(w, 1, "198.51.100.11")->buckets, 0);
	assert_int_equal(as_del(w, k, "198.51.100.12", false), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->buckets, 1024);
	assert_int_equal(as(w, 1, "198.51.100.12")->buckets, 0);
	assert_int_equal(as_weight(w, k, "198.51.100.10", 0, false), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->buckets, 0);
}

static void test_flush(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, k, "198.51.100.11", 100), 0);
	struct lb_as *a = as(w, 1, "198.51.100.10"), *b = as(w, 1, "198.51.100.11");
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.10"), 3);
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.11"), 4);
	assert_int_equal(as_weight(w, k, "198.51.100.10", 0, false), 0);
	assert_int_equal(a->flows, 3);
	assert_int_equal(as_weight(w, k, "198.51.100.10", 0, true),
			 0); /* already 0: still flushes */
	assert_int_equal(a->flows, 0);
	assert_int_equal(b->flows, 4);
	assert_int_equal(as_del(w, k, "198.51.100.11", false), 0);
	assert_int_equal(b->flows, 4);
	const struct ip46 addr = ip("198.51.100.11");
	assert_int_equal(lbplugin_as_add(&w->p, &k, &addr, 9, true, w->now),
			 0); /* revival flushes */
	assert_int_equal(b->flows, 0);
	assert_int_equal(b->weight, 9);
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.11"), 4);
	assert_int_equal(as_del(w, k, "198.51.100.11", true), 0);
	assert_int_equal(b->flows, 0);
}

static void test_flush_vip(void **state)
{
	struct world *w = *state;
	struct lb_key one = key("192.0.2.80/32", 6, 80), two = key("192.0.2.81/32", 6, 80);
	struct lb_key unknown = key("192.0.2.82/32", 6, 80);
	assert_int_equal(lbplugin_flush_vip(&w->p, &unknown), 0); /* nobody to hit */
	assert_int_equal(vip_add(w, one, GRE4), 0);
	assert_int_equal(vip_add(w, two, GRE4), 0);
	assert_int_equal(as_add(w, one, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, two, "198.51.100.10", 100), 0);
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.10"), 3);
	lbplugin_set_flows(&w->p, as_index(w, 2, "198.51.100.10"), 4);
	assert_int_equal(lbplugin_flush_vip(&w->p, &two), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->flows, 3);
	assert_int_equal(as(w, 2, "198.51.100.10")->flows, 0);
	lbplugin_set_flows(&w->p, as_index(w, 2, "198.51.100.10"), 4);
	assert_int_equal(lbplugin_flush_vip(&w->p, &unknown), 0); /* hits an innocent one */
	assert_int_equal(as(w, 1, "198.51.100.10")->flows, 0);
	assert_int_equal(as(w, 2, "198.51.100.10")->flows, 4);
}

/* A removed AS stays, cannot be weighed, can be removed again, and is revived by an addition. */
static void test_removed_as(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	w->now = 5;
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 0);
	w->now = 7;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	assert_false(as(w, 1, "198.51.100.10")->used);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 7);
	assert_int_equal(as_weight(w, k, "198.51.100.10", 10, false), -6);
	w->now = 9;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 9);
	uint32_t before = as_index(w, 1, "198.51.100.10");
	w->now = 11;
	assert_int_equal(as_add(w, k, "198.51.100.10", 42), 0);
	assert_int_equal(as_index(w, 1, "198.51.100.10"), before);
	assert_true(as(w, 1, "198.51.100.10")->used);
	assert_int_equal(as(w, 1, "198.51.100.10")->weight, 42);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 9); /* not touched */
	assert_int_equal(as(w, 1, "198.51.100.10")->buckets, 1024);
}

/* The three conditions of a collection, each at its edge. */
static void test_gc_conditions(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	w->now = 100;
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, k, "198.51.100.11", 100), 0);
	w->now = 149;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	lbplugin_gc(&w->p, 159); /* 59 s after the VIP was made */
	assert_true(has_as(w, 1, "198.51.100.10"));
	w->now = 151;
	assert_int_equal(as_del(w, k, "198.51.100.11", false), 0);
	lbplugin_gc(&w->p, 160); /* 60 s; 11 s and 9 s after the removals */
	assert_false(has_as(w, 1, "198.51.100.10"));
	assert_true(has_as(w, 1, "198.51.100.11"));
	lbplugin_gc(&w->p, 219); /* 59 s after the last collection */
	assert_true(has_as(w, 1, "198.51.100.11"));
	lbplugin_gc(&w->p, 220);
	assert_false(has_as(w, 1, "198.51.100.11"));
	assert_int_equal(slots_count(&w->p.as_slots), 1);
}

static void test_gc_edge_of_ten_seconds(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	w->now = 50;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	lbplugin_gc(&w->p, 60); /* exactly ten: clib_u32_loop_gt calls it more */
	assert_false(has_as(w, 1, "198.51.100.10"));
}

static void test_gc_waits_for_flows(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.10"), 1);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	for (uint32_t t = 60; t <= 6000; t += 60)
		lbplugin_gc(&w->p, t);
	assert_true(has_as(w, 1, "198.51.100.10"));
	lbplugin_set_flows(&w->p, as_index(w, 1, "198.51.100.10"), 0);
	lbplugin_gc(&w->p, 6060);
	assert_false(has_as(w, 1, "198.51.100.10"));
}

/* The timer looks every 60 s, so an AS removed right after the VIP's collection takes two. */
static void test_gc_may_take_two_minutes(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	w->now = 1;
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	lbplugin_gc(&w->p, 60); /* 59 s after the VIP was made: not its turn */
	assert_true(has_as(w, 1, "198.51.100.10"));
	lbplugin_gc(&w->p, 120);
	assert_false(has_as(w, 1, "198.51.100.10"));
}

/* Adding and deleting an AS collect too; weighing does not. */
static void test_gc_inside_calls(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_add(w, k, "198.51.100.11", 100), 0);
	assert_int_equal(as_del(w, k, "198.51.100.11", false), 0);
	w->now = 60;
	assert_int_equal(as_weight(w, k, "198.51.100.10", 50, false), 0);
	assert_true(has_as(w, 1, "198.51.100.11"));
	assert_int_equal(as_add(w, k, "198.51.100.12", 1), 0);
	assert_false(has_as(w, 1, "198.51.100.11"));
	assert_int_equal(as_del(w, k, "198.51.100.12", false), 0);
	w->now = 120;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	assert_false(has_as(w, 1, "198.51.100.12"));
	assert_true(has_as(w, 1, "198.51.100.10"));
}

/* Deleting an AS that is removed already can collect it on the way; it is still answered 0. */
static void test_second_deletion_collects(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	w->now = 75;
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	assert_false(has_as(w, 1, "198.51.100.10"));
	assert_int_equal(as_del(w, k, "198.51.100.10", false), -6);
	/* The freed slot kept the time of that deletion, and its next tenant shows it. */
	assert_int_equal(as_add(w, k, "198.51.100.99", 100), 0);
	assert_int_equal(as(w, 1, "198.51.100.99")->last_used, 75);
}

/* A deleted VIP stays with its removed ASes, also beside a new one with the same key. */
static void test_removed_vip(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(lbplugin_vip_del(&w->p, &k, 0), -6);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	w->now = 20;
	assert_int_equal(lbplugin_vip_del(&w->p, &k, w->now), 0);
	assert_int_equal(lbplugin_vip_del(&w->p, &k, w->now), -6);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), -6);
	assert_false(w->p.vips.v[1].used);
	assert_false(as(w, 1, "198.51.100.10")->used);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 20);
	assert_int_equal(vip_add(w, k, GRE6), 0); /* the dead one does not count */
	assert_int_equal(w->index, 2);
	assert_int_equal(as_add(w, k, "2001:db8::1", 100), 0);
	assert_true(has_as(w, 1, "198.51.100.10"));
	lbplugin_gc(&w->p, 60);
	assert_false(slots_used(&w->p.vip_slots, 1));
	assert_true(slots_used(&w->p.vip_slots, 2));
	assert_true(has_as(w, 2, "2001:db8::1"));
}

/* A VIP without ASes goes at the next timer, whenever it was made. */
static void test_empty_vip_goes_at_once(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	w->now = 59;
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(lbplugin_vip_del(&w->p, &k, w->now), 0);
	assert_true(slots_used(&w->p.vip_slots, 1));
	lbplugin_gc(&w->p, 60);
	assert_false(slots_used(&w->p.vip_slots, 1));
}

/* Deleting a VIP marks its removed ASes anew, so they wait anew. */
static void test_vip_deletion_restarts_the_wait(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 100), 0);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	w->now = 55;
	assert_int_equal(lbplugin_vip_del(&w->p, &k, w->now), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->last_used, 55);
	lbplugin_gc(&w->p, 60);
	assert_true(slots_used(&w->p.vip_slots, 1));
	lbplugin_gc(&w->p, 120);
	assert_false(slots_used(&w->p.vip_slots, 1));
}

/* The index freed last comes first; of several VIPs collected at once the highest. */
static void test_index_reuse(void **state)
{
	struct world *w = *state;
	static const char *const vips[] = { "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32",
					    "192.0.2.4/32" };
	for (size_t i = 0; i < ARRAY_LEN(vips); i++) {
		assert_int_equal(vip_add(w, key(vips[i], 6, 80), GRE4), 0);
		assert_int_equal(w->index, i + 1);
	}
	for (size_t i = 0; i < 3; i++) {
		struct lb_key k = key(vips[i], 6, 80);
		assert_int_equal(lbplugin_vip_del(&w->p, &k, 1), 0);
	}
	lbplugin_gc(&w->p, 60);
	assert_int_equal(vip_add(w, key("192.0.2.11/32", 6, 80), GRE4), 0);
	assert_int_equal(w->index, 3);
	assert_int_equal(vip_add(w, key("192.0.2.12/32", 6, 80), GRE4), 0);
	assert_int_equal(w->index, 2);
	assert_int_equal(vip_add(w, key("192.0.2.13/32", 6, 80), GRE4), 0);
	assert_int_equal(w->index, 1);
	assert_int_equal(vip_add(w, key("192.0.2.14/32", 6, 80), GRE4), 0);
	assert_int_equal(w->index, 5);
}

/* Dumps walk the VIP's own pool of ASes: a new AS can come before an older one. */
static void test_order_of_ases(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(as_add(w, k, "198.51.100.10", 1), 0);
	assert_int_equal(as_add(w, k, "198.51.100.11", 1), 0);
	assert_int_equal(as_del(w, k, "198.51.100.10", false), 0);
	lbplugin_gc(&w->p, 60);
	assert_int_equal(as_add(w, k, "198.51.100.12", 1), 0);
	const struct lb_vip *v = &w->p.vips.v[1];
	assert_int_equal(slots_count(&v->as_slots), 2);
	assert_int_equal(v->ases.v[0], as_index(w, 1, "198.51.100.12"));
	assert_int_equal(v->ases.v[1], as_index(w, 1, "198.51.100.11"));
}

/* The fields of other encapsulations are not initialised in a slot that is used again. */
static void test_leftovers_in_a_vip_slot(void **state)
{
	struct world *w = *state;
	struct lb_key k = key("192.0.2.80/32", 6, 80);
	const struct lb_vip_args l3dsr = {
		.key = k, .encap = L3DSR, .dscp = 0xff, .new_length = 16
	};
	assert_int_equal(lbplugin_vip_add(&w->p, &l3dsr, 0, NULL), 0);
	assert_int_equal(w->p.vips.v[1].dscp_or_srv_type, 0x3f);
	assert_int_equal(lbplugin_vip_del(&w->p, &k, 0), 0);
	lbplugin_gc(&w->p, 60);
	assert_int_equal(vip_add(w, k, GRE4), 0);
	assert_int_equal(w->index, 1);
	assert_int_equal(w->p.vips.v[1].dscp_or_srv_type, 0x3f);
	assert_false(w->p.vips.v[1].src_ip_sticky);
}

static const struct fib_entry *route(struct world *w, const char *prefix)
{
	struct lb_key k = key(prefix, 6, 80);
	struct fib_key f = fib_key(&k.prefix, k.plen, ip46_prefix_is_ip4(&k.prefix, k.plen));
	return fib_exact(&w->p.fib, &f);
}

/* The prefix has a route while any VIP of it lives; an AS keeps one for its own address. */
static void test_routes(void **state)
{
	struct world *w = *state;
	struct lb_key a = key("192.0.2.80/32", 6, 80), b = key("192.0.2.80/32", 6, 443);
	assert_null(route(w, "192.0.2.80/32"));
	assert_int_equal(vip_add(w, a, GRE4), 0);
	assert_int_equal(vip_add(w, b, GRE4), 0);
	assert_true(route(w, "192.0.2.80/32")->vip);
	uint32_t index = route(w, "192.0.2.80/32")->index;
	assert_int_equal(as_add(w, a, "198.51.100.10", 1), 0);
	assert_int_equal(as_add(w, b, "198.51.100.10", 1), 0);
	assert_int_equal(as(w, 1, "198.51.100.10")->dpo, as(w, 2, "198.51.100.10")->dpo);
	assert_int_equal(as(w, 1, "198.51.100.10")->dpo, route(w, "198.51.100.10/32")->index);
	assert_int_equal(lbplugin_vip_del(&w->p, &a, 0), 0);
	assert_int_equal(route(w, "192.0.2.80/32")->index, index);
	assert_int_equal(lbplugin_vip_del(&w->p, &b, 0), 0);
	assert_null(route(w, "192.0.2.80/32"));
	assert_non_null(route(w, "198.51.100.10/32"));
	lbplugin_gc(&w->p, 60);
	assert_null(route(w, "198.51.100.10/32"));
	assert_int_equal(vip_add(w, key("2001:db8::/32", 6, 0), GRE6), 0);
	assert_int_equal(route(w, "2001:db8::/32")->index, 9); /* freed last: the AS's */
}

/* ---- a random walk: what must hold whatever the calls */

static void check_all(struct world *w)
{
	uint32_t ases = 0;
	slots_foreach(&w->p.vip_slots, i)
	{
		const struct lb_vip *v = &w->p.vips.v[i];
		uint32_t buckets = 0, weight = 0;
		slots_foreach(&v->as_slots, s)
		{
			const struct lb_as *a = &w->p.ases.v[v->ases.v[s]];
			assert_true(slots_used(&w->p.as_slots, v->ases.v[s]));
			assert_int_equal(a->vip, i);
			assert_true(v->used || !a->used);
			assert_true(a->used || a->buckets == 0);
			buckets += a->buckets;
			weight += a->used ? a->weight : 0;
			ases++;
		}
		assert_int_equal(buckets, weight > 0 ? v->new_length : 0);
	}
	assert_int_equal(ases, slots_count(&w->p.as_slots) - 1);
}

static void random_call(struct world *w, struct rng *r)
{
	char prefix[32], addr[32];
	snprintf(prefix, sizeof prefix, "192.0.2.%u/32", (unsigned)rng_below(r, 3));
	snprintf(addr, sizeof addr, "198.51.100.%u", (unsigned)rng_below(r, 5));
	struct lb_key k = key(prefix, 6, (uint16_t)rng_below(r, 3));
	uint8_t weight = (uint8_t)rng_below(r, 101);
	switch (rng_below(r, 10)) {
	case 0:
		(void)vip_add_len(w, k, GRE4, 16);
		break;
	case 1:
		(void)lbplugin_vip_del(&w->p, &k, w->now);
		break;
	case 2:
	case 3:
	case 4:
		(void)as_add(w, k, addr, weight);
		break;
	case 5:
	case 6:
		(void)as_del(w, k, addr, rng_below(r, 2));
		break;
	case 7:
		w->now += (uint32_t)rng_below(r, 30);
		break;
	case 8:
		lbplugin_gc(&w->p, w->now);
		break;
	default:
		(void)as_weight(w, k, addr, weight, rng_below(r, 2));
		break;
	}
}

static void test_random_walk(void **state)
{
	struct world *w = *state;
	struct rng r;
	rng_init(&r, 26);
	for (int i = 0; i < 20000; i++) {
		random_call(w, &r);
		check_all(w);
	}
	/* Everything goes when everything is deleted. */
	for (unsigned v = 0; v < 9; v++) {
		char prefix[32];
		snprintf(prefix, sizeof prefix, "192.0.2.%u/32", v / 3);
		struct lb_key k = key(prefix, 6, (uint16_t)(v % 3));
		(void)lbplugin_vip_del(&w->p, &k, w->now);
	}
	lbplugin_gc(&w->p, w->now + 60);
	assert_int_equal(slots_count(&w->p.vip_slots), 1);
	assert_int_equal(slots_count(&w->p.as_slots), 1);
	assert_int_equal(w->p.fib.by_key.n, 7); /* VPP's own routes */
}

#define TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fresh),
		TEST(test_conf),
		TEST(test_conf_drops_flows),
		TEST(test_key),
		TEST(test_vip_refusals),
		TEST(test_vip_check_order),
		TEST(test_table_of_length_0_kills),
		TEST(test_as_refusals),
		TEST(test_encapsulations),
		TEST(test_buckets),
		TEST(test_flush),
		TEST(test_flush_vip),
		TEST(test_removed_as),
		TEST(test_gc_conditions),
		TEST(test_gc_edge_of_ten_seconds),
		TEST(test_gc_waits_for_flows),
		TEST(test_gc_may_take_two_minutes),
		TEST(test_gc_inside_calls),
		TEST(test_second_deletion_collects),
		TEST(test_removed_vip),
		TEST(test_empty_vip_goes_at_once),
		TEST(test_vip_deletion_restarts_the_wait),
		TEST(test_index_reuse),
		TEST(test_order_of_ases),
		TEST(test_leftovers_in_a_vip_slot),
		TEST(test_routes),
		TEST(test_random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
