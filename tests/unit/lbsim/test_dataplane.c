/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of packets, on simulated time. */
#include "lbsim/dataplane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/table.h"

enum { GRE4, GRE6, L3DSR };
enum { TCP = 6, UDP = 17, ICMP = 1 };

static struct ip46 ip(const char *s)
{
	struct addr a;
	assert_int_equal(addr_parse(s, &a), 0);
	return ip46_from_addr(&a);
}

/* A packet to `dst`, which gives the family; bytes[60] has room for it. */
static struct packet packet(uint8_t bytes[60], const char *dst, uint8_t protocol, uint16_t src_port,
			    uint16_t dst_port)
{
	const struct ip46 to = ip(dst);
	bool is_ip4 = ip46_is_ip4(&to);
	size_t header = is_ip4 ? 20 : 40;
	struct packet pkt;
	memset(bytes, 0, 60);
	bytes[0] = is_ip4 ? 0x45 : 0x60;
	bytes[is_ip4 ? 3 : 5] = is_ip4 ? 60 : 20;
	bytes[is_ip4 ? 9 : 6] = protocol;
	if (is_ip4)
		memcpy(bytes + 16, to.b + 12, 4);
	else
		memcpy(bytes + 24, to.b, 16);
	bytes[header - (is_ip4 ? 5 : 17)] = 7; /* the source */
	bytes[header] = (uint8_t)(src_port >> 8);
	bytes[header + 1] = (uint8_t)src_port;
	bytes[header + 2] = (uint8_t)(dst_port >> 8);
	bytes[header + 3] = (uint8_t)dst_port;
	assert_int_equal(packet_parse(bytes, 60, &pkt, NULL), 0);
	return pkt;
}

struct world {
	struct lbplugin p;
	uint32_t now;
};

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	lbplugin_init(&w->p);
	lbplugin_forward(&w->p);
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

static struct lb_key key(const char *s, uint8_t len, uint8_t protocol, uint16_t port)
{
	struct prefix p = { .len = len };
	assert_int_equal(addr_parse(s, &p.addr), 0);
	return lb_key(&p, protocol, port);
}

static struct lb_key vip_add(struct world *w, struct lb_key k, uint32_t encap, bool sticky)
{
	const struct lb_vip_args a = {
		.key = k, .encap = encap, .new_length = 256, .src_ip_sticky = sticky
	};
	assert_int_equal(lbplugin_vip_add(&w->p, &a, w->now, NULL), 0);
	return k;
}

static void as_add(struct world *w, struct lb_key k, const char *addr, uint8_t weight)
{
	const struct ip46 a = ip(addr);
	assert_int_equal(lbplugin_as_add(&w->p, &k, &a, weight, false, w->now), 0);
}

static void as_weight(struct world *w, struct lb_key k, const char *addr, uint8_t weight,
		      bool flush)
{
	const struct ip46 a = ip(addr);
	assert_int_equal(lbplugin_as_set_weight(&w->p, &k, &a, weight, flush), 0);
}

/* A TCP packet from this port to port 80. */
static struct dataplane_verdict from_port(struct world *w, const char *dst, uint16_t port)
{
	uint8_t bytes[60];
	const struct packet pkt = packet(bytes, dst, TCP, port, 80);
	return dataplane_packet(&w->p, &pkt, w->now);
}

static const struct lb_as *as_of(struct world *w, struct dataplane_verdict v)
{
	assert_int_equal(v.fate, DATAPLANE_SEND);
	return &w->p.ases.v[v.as];
}

#define VIP "192.0.2.80"

static struct lb_key two_servers(struct world *w)
{
	struct lb_key k = vip_add(w, key(VIP, 32, TCP, 80), GRE4, false);
	as_add(w, k, "10.0.0.1", 100);
	as_add(w, k, "10.0.0.2", 50);
	return k;
}

static void test_a_new_flow_goes_where_the_table_says(void **state)
{
	struct world *w = *state;
	struct table_as as[] = { { .weight = 100 }, { .weight = 50 } };
	int32_t table[256];
	two_servers(w);
	assert_int_equal(addr_parse("10.0.0.1", &as[0].addr), 0);
	assert_int_equal(addr_parse("10.0.0.2", &as[1].addr), 0);
	table_build(as, 2, 256, table);
	for (uint16_t port = 1; port < 3000; port++) {
		uint8_t bytes[60];
		const struct packet pkt = packet(bytes, VIP, TCP, port, 80);
		const struct ip46 want = ip46_from_addr(
			&as[table[packet_hash(&pkt, false) & 255]].addr);
		struct dataplane_verdict v = dataplane_packet(&w->p, &pkt, w->now);
		assert_true(ip46_eq(&as_of(w, v)->addr, &want));
	}
}

static void test_counters_and_routes(void **state)
{
	struct world *w = *state;
	struct lb_key k = two_servers(w);
	const struct fib_key route = fib_key(&k.prefix, k.plen, true);
	uint32_t vip = 0;
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_FIRST);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_NEXT);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_NEXT);
	assert_int_equal(from_port(w, VIP, 2).counter, LB_COUNTER_FIRST);
	vip = lbplugin_vip_of(&w->p, &k);
	assert_int_not_equal(vip, 0);
	assert_int_equal(w->p.vips.v[vip].counters[LB_COUNTER_FIRST], 2);
	assert_int_equal(w->p.vips.v[vip].counters[LB_COUNTER_NEXT], 2);
	assert_int_equal(fib_exact(&w->p.fib, &route)->packets, 4);
	assert_int_equal(fib_exact(&w->p.fib, &route)->bytes, 4 * 60);
	assert_int_equal(lbplugin_sticky_used(&w->p, w->now), 2);
}

static void test_drained_flows_stay_and_flushed_ones_move(void **state)
{
	struct world *w = *state;
	struct lb_key k = two_servers(w);
	uint16_t port = 1;
	while (as_of(w, from_port(w, VIP, port))->addr.b[15] != 2)
		port++;
	as_weight(w, k, "10.0.0.2", 0, false);
	assert_int_equal(as_of(w, from_port(w, VIP, port))->addr.b[15], 2);
	for (uint16_t other = 5000; other < 5200; other++)
		assert_int_equal(as_of(w, from_port(w, VIP, other))->addr.b[15], 1);
	as_weight(w, k, "10.0.0.2", 0, true);
	struct dataplane_verdict v = from_port(w, VIP, port);
	assert_int_equal(as_of(w, v)->addr.b[15], 1);
	assert_int_equal(v.counter, LB_COUNTER_FIRST);
}

static void test_a_removed_server_keeps_its_flows(void **state)
{
	struct world *w = *state;
	struct lb_key k = two_servers(w);
	const struct ip46 second = ip("10.0.0.2");
	uint32_t vip, as;
	uint16_t port = 1;
	while (as_of(w, from_port(w, VIP, port))->addr.b[15] != 2)
		port++;
	assert_int_equal(lbplugin_as_del(&w->p, &k, &second, false, w->now), 0);
	assert_int_equal(as_of(w, from_port(w, VIP, port))->addr.b[15], 2);
	/* Nor is it collected while one of them is remembered, expired or not. */
	w->now += 1000;
	lbplugin_gc(&w->p, w->now);
	vip = lbplugin_vip_of(&w->p, &k);
	assert_int_not_equal(vip, 0);
	assert_int_equal(lbplugin_find_as(&w->p, vip, &second, &as), 0);
	assert_true(w->p.ases.v[as].flows > 0);
	assert_int_equal(lbplugin_flush_vip(&w->p, &k), 0);
	lbplugin_gc(&w->p, w->now + 100);
	assert_int_equal(lbplugin_find_as(&w->p, vip, &second, &as), LB_ERR_NO_SUCH_ENTRY);
}

/* The trap: a flow that found no server is never tracked again while it lives. */
static void test_no_server_leaves_an_untracked_flow(void **state)
{
	struct world *w = *state;
	struct lb_key k = vip_add(w, key(VIP, 32, TCP, 80), GRE4, false);
	struct dataplane_verdict v = from_port(w, VIP, 1);
	assert_int_equal(v.fate, DATAPLANE_NO_SERVER);
	assert_int_equal(v.counter, LB_COUNTER_NO_SERVER);
	as_add(w, k, "10.0.0.1", 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_FIRST);
	for (int i = 0; i < 3; i++) {
		v = from_port(w, VIP, 1);
		assert_int_equal(v.counter, LB_COUNTER_UNTRACKED);
		assert_int_equal(as_of(w, v)->addr.b[15], 1);
	}
	w->now += 40; /* idle for its time: all is forgotten */
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_FIRST);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_NEXT);
}

static void test_ports_pick_the_vip(void **state)
{
	struct world *w = *state;
	uint8_t bytes[60];
	struct lb_key http = vip_add(w, key(VIP, 32, TCP, 80), GRE4, false);
	struct lb_key dns = vip_add(w, key(VIP, 32, UDP, 53), GRE4, false);
	as_add(w, http, "10.0.0.1", 1);
	as_add(w, dns, "10.0.0.2", 1);
	struct packet pkt = packet(bytes, VIP, TCP, 1, 80);
	assert_int_equal(as_of(w, dataplane_packet(&w->p, &pkt, 0))->addr.b[15], 1);
	pkt = packet(bytes, VIP, UDP, 1, 53);
	assert_int_equal(as_of(w, dataplane_packet(&w->p, &pkt, 0))->addr.b[15], 2);
	/* What no VIP is for goes to the placeholder, which has no server: TCP to 53, and a ping.
	 */
	pkt = packet(bytes, VIP, TCP, 1, 53);
	struct dataplane_verdict v = dataplane_packet(&w->p, &pkt, 0);
	assert_int_equal(v.fate, DATAPLANE_NO_SERVER);
	assert_int_equal(v.vip, 0);
	assert_int_equal(w->p.vips.v[0].counters[LB_COUNTER_NO_SERVER], 1);
	pkt = packet(bytes, VIP, ICMP, 0, 0);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).vip, 0);
	/* Another address is nobody's. */
	pkt = packet(bytes, "192.0.2.81", TCP, 1, 80);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_NO_VIP);
	/* A VIP that is gone has no route. */
	assert_int_equal(lbplugin_vip_del(&w->p, &http, 0), 0);
	assert_int_equal(lbplugin_vip_del(&w->p, &dns, 0), 0);
	pkt = packet(bytes, VIP, TCP, 1, 80);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_NO_VIP);
}

static void test_all_ports_and_a_prefix(void **state)
{
	struct world *w = *state;
	uint8_t bytes[60];
	struct lb_key k = vip_add(w, key("192.0.2.0", 24, 255, 0), GRE6, false);
	as_add(w, k, "2001:db8::1", 1);
	struct packet pkt = packet(bytes, "192.0.2.7", ICMP, 0, 0);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_SEND);
	pkt = packet(bytes, "192.0.2.200", UDP, 4, 5);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_SEND);
	pkt = packet(bytes, "192.0.3.1", UDP, 4, 5);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_NO_VIP);
}

static void test_families_are_told_apart(void **state)
{
	struct world *w = *state;
	uint8_t bytes[60];
	struct lb_key k = vip_add(w, key("2001:db8::80", 128, TCP, 80), GRE4, false);
	as_add(w, k, "10.0.0.1", 1);
	struct packet pkt = packet(bytes, "2001:db8::80", TCP, 1, 80);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_SEND);
	pkt = packet(bytes, "2001:db8::81", TCP, 1, 80);
	assert_int_equal(dataplane_packet(&w->p, &pkt, 0).fate, DATAPLANE_NO_VIP);
}

static void test_src_ip_sticky_does_not_mind_ports(void **state)
{
	struct world *w = *state;
	struct lb_key k = vip_add(w, key(VIP, 32, TCP, 80), GRE4, true);
	as_add(w, k, "10.0.0.1", 100);
	as_add(w, k, "10.0.0.2", 100);
	uint32_t as = from_port(w, VIP, 1).as;
	for (uint16_t port = 2; port < 500; port++) {
		struct dataplane_verdict v = from_port(w, VIP, port);
		assert_int_equal(v.as, as);
		assert_int_equal(v.counter, LB_COUNTER_NEXT); /* one flow */
	}
}

static void test_other_encapsulations_are_not_done(void **state)
{
	struct world *w = *state;
	struct lb_key k = vip_add(w, key(VIP, 32, TCP, 80), L3DSR, false);
	as_add(w, k, "10.0.0.1", 100);
	assert_int_equal(from_port(w, VIP, 1).fate, DATAPLANE_OTHER_ENCAP);
}

static void test_another_size_forgets_all_flows(void **state)
{
	struct world *w = *state;
	struct lb_conf c;
	two_servers(w);
	from_port(w, VIP, 1);
	c = w->p.conf;
	c.sticky_buckets = 2048;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_FIRST);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_NEXT);
	c.flow_timeout = 5; /* for packets from now on */
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_NEXT);
	w->now += 5;
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_FIRST);
	/* No table: every packet goes by itself. */
	c.sticky_buckets = 0;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_UNTRACKED);
	c.sticky_buckets = 1u << 30;
	assert_int_equal(lbplugin_conf(&w->p, &c), 0);
	assert_int_equal(from_port(w, VIP, 1).counter, LB_COUNTER_UNTRACKED);
}

/* ---- a random walk: flows per AS are what the sticky table holds, and no flow moves unasked */

#define N_PORTS 300

struct expected { /* of one source port */
	uint32_t as, expires;
};

static void walk_weights(struct world *w, struct lb_key k, struct rng *r, struct expected *e)
{
	static const char *const servers[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
	const struct ip46 addr = ip(servers[rng_u64(r) % 3]);
	bool flush = rng_u64(r) % 2;
	uint32_t as;
	assert_int_equal(lbplugin_find_as(&w->p, 1, &addr, &as), 0);
	/* The first keeps weight, so that there is always a server. */
	uint8_t weight = (uint8_t)(addr.b[15] == 1 ? 100 : rng_u64(r) % 101);
	assert_int_equal(lbplugin_as_set_weight(&w->p, &k, &addr, weight, flush), 0);
	for (int i = 0; flush && i < N_PORTS; i++)
		if (e[i].as == as)
			e[i].as = 0;
}

static void check_flows(struct world *w)
{
	uint64_t flows = 0;
	slots_foreach(&w->p.as_slots, i) flows += i ? w->p.ases.v[i].flows : 0;
	assert_true(flows >= 1 && flows <= 4096);
}

static void test_random_walk(void **state)
{
	struct world *w = *state;
	struct expected e[N_PORTS] = { 0 };
	struct rng r;
	rng_init(&r, 11);
	struct lb_key k = two_servers(w);
	as_add(w, k, "10.0.0.3", 100);
	for (int step = 0; step < 100000; step++) {
		uint16_t port = (uint16_t)(rng_u64(&r) % N_PORTS);
		w->now += rng_u64(&r) % 64 == 0 ? (uint32_t)(rng_u64(&r) % 30) : 0;
		if (rng_u64(&r) % 200 == 0)
			walk_weights(w, k, &r, e);
		struct dataplane_verdict v = from_port(w, VIP, port);
		assert_int_equal(v.fate, DATAPLANE_SEND);
		assert_int_not_equal(v.counter,
				     LB_COUNTER_UNTRACKED); /* 1,024 buckets are enough */
		bool known = e[port].as && e[port].expires > w->now;
		assert_int_equal(v.counter, known ? LB_COUNTER_NEXT : LB_COUNTER_FIRST);
		if (known)
			assert_int_equal(v.as, e[port].as);
		e[port] = (struct expected){ v.as, w->now + 40 };
		if (step % 1000 == 0)
			check_flows(w);
	}
}

int main(void)
{
#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_new_flow_goes_where_the_table_says),
		TEST(test_counters_and_routes),
		TEST(test_drained_flows_stay_and_flushed_ones_move),
		TEST(test_a_removed_server_keeps_its_flows),
		TEST(test_no_server_leaves_an_untracked_flow),
		TEST(test_ports_pick_the_vip),
		TEST(test_all_ports_and_a_prefix),
		TEST(test_families_are_told_apart),
		TEST(test_src_ip_sticky_does_not_mind_ports),
		TEST(test_other_encapsulations_are_not_done),
		TEST(test_another_size_forgets_all_flows),
		TEST(test_random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
