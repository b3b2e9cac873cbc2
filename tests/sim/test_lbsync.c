/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync against the model of the plugin: what it does, what it leaves alone, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/log.h"
#include "base/rng.h"
#include "syncbed.h"

#define N_FES 4

/* Two VIPs that share an address, one that takes all ports, one of IPv6 with IPv6 servers. */
static int setup(void **state)
{
	struct syncbed *b = XNEW(struct syncbed);

	bed_init(b, N_FES);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "198.51.100.", 10, 3);
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 443, "198.51.100.", 10, 2);
	fe_fill(&b->fes[2], "192.0.2.81", PROTO_ANY, 0, "198.51.100.", 20, 2);
	fe_fill(&b->fes[3], "2001:db8::80", PROTO_UDP, 53, "2001:db8:1::", 10, 2);
	b->fes[1].want.sticky = STICKY_YES;
	b->fes[3].want.table_len = 65536;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct syncbed *b = *state;

	bed_done(b);
	free(b);
	return 0;
}

static void begin(struct syncbed *b)
{
	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
}

static void logged(struct syncbed *b, size_t n, const char *text)
{
	if (bed_logged(b, text) != n)
		fail_msg("%zu times instead of %zu: %s\nin\n%s", bed_logged(b, text), n, text,
			 str_z(&b->log));
}

/* ---- the full sync */

static void test_connect_and_full_sync(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_vpp info;

	bed_sim_start(b);
	bed_start(b);
	assert_false(lbsync_connected(b->s));
	assert_false(lbsync_vpp_info(b->s, &info));
	assert_true(lbsync_why_down(b->s)[0] != '\0');
	bed_settle(b);
	bed_assert_equal(b);
	assert_true(lbsync_vpp_info(b->s, &info));
	assert_string_equal(info.version, "26.10-test");
	assert_int_equal(info.pid, 4242);
	assert_string_equal(lbsync_why_down(b->s), "");
	logged(b, 1, "info vpp-connect path=");
	logged(b, 1,
	       "info vpp-lb-conf-set ipv4_src_address=192.0.2.1 "
	       "ipv6_src_address=2001:db8::1 sticky_buckets_per_core=65536 flow_timeout=40\n");
	logged(b, 1, "info vpp-lb-sync-start reason=connect scope=all calls=13\n");
	logged(b, 1,
	       "info vpp-lb-sync-vip-added vip=192.0.2.80 protocol=tcp port=443 encap=gre4 "
	       "src_ip_sticky=true flow_table_length=1024\n");
	logged(b, 1,
	       "info vpp-lb-sync-as-added vip=2001:db8::80 protocol=udp port=53 "
	       "address=2001:db8:1::a weight=100\n");
	logged(b, 1,
	       "info vpp-lb-sync-done scope=all vip_added=4 vip_removed=0 as_added=9 "
	       "as_removed=0 as_weight_updated=0 errors=0 interrupted=false duration_ns=");
	assert_int_equal(lbsync_total(b->s, LBSYNC_ALL, LBSYNC_AS_ADDED), 9);
	assert_int_equal(lbsync_total(b->s, LBSYNC_VIP, LBSYNC_AS_ADDED), 0);
	/* once after connect, once because VIPs came */
	assert_int_equal(bed_calls(b, VPP_CLI_INBAND), 2);
	assert_int_equal(bed_calls(b, VPP_LB_CONF), 1);
}

static void test_nothing_to_do(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_counts c;
	uint64_t writes;

	begin(b);
	writes = bed_writes(b);
	log_set_tap(LVL_OFF, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		c = bed_sync(b, NULL);
		assert_memory_equal(&c, &(struct lbsync_counts){ 0 }, sizeof c);
		c = bed_sync(b, &b->fes[i % N_FES]);
		assert_memory_equal(&c, &(struct lbsync_counts){ 0 }, sizeof c);
	}
	assert_int_equal(bed_writes(b), writes);
	assert_int_equal(bed_calls(b, VPP_CLI_INBAND), 2);
	assert_int_equal(bed_calls(b, VPP_LB_CONF), 1);
	/* a full sync reads, a single one does not */
	assert_int_equal(bed_calls(b, VPP_LB_VIP_DUMP), 6);
}

static void test_quiet_when_nothing_changes(void **state)
{
	struct syncbed *b = *state;

	b->tap_debug = true;
	begin(b);
	str_clear(&b->log);
	bed_sync(b, NULL);
	logged(b, 1, "debug vpp-lb-sync-start reason=request scope=all calls=0\n");
	logged(b, 1, "debug vpp-lb-sync-done scope=all ");
	logged(b, 0, "info ");
}

static void test_other_instance_finds_nothing_to_do(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	bed_stop(b);
	uint64_t writes = bed_writes(b);
	bed_start(b); /* as if restarted */
	bed_settle(b);
	assert_int_equal(bed_writes(b), writes);
	assert_int_equal(bed_calls(b, VPP_LB_CONF), 1);
	bed_assert_equal(b);
}

/* ---- the single sync */

static void test_one_weight_one_call(void **state)
{
	struct syncbed *b = *state;
	uint64_t reads, writes;

	begin(b);
	reads = bed_reads(b);
	writes = bed_writes(b);
	str_clear(&b->log);
	b->fes[0].as[1].weight = 40;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_writes(b), writes + 1);
	assert_int_equal(bed_reads(b), reads);
	logged(b, 1,
	       "info vpp-lb-sync-start vip=192.0.2.80 protocol=tcp port=80 frontend=fe0 "
	       "scope=vip calls=1\n");
	logged(b, 1,
	       "info vpp-lb-sync-as-weight-updated vip=192.0.2.80 protocol=tcp port=80 "
	       "address=198.51.100.11 from=100 to=40 flush=false\n");
	logged(b, 1,
	       "info vpp-lb-sync-done scope=vip vip_added=0 vip_removed=0 as_added=0 "
	       "as_removed=0 as_weight_updated=1 errors=0 ");
	assert_int_equal(lbsync_total(b->s, LBSYNC_VIP, LBSYNC_AS_WEIGHT_UPDATED), 1);
}

static void test_changes_fold(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	begin(b);
	writes = bed_writes(b);
	for (int w = 0; w < 50; w++) {
		b->fes[0].as[0].weight = (uint8_t)w;
		lbsync_changed(b->s, &b->fes[0].sync, false);
	}
	bed_settle(b);
	assert_int_equal(bed_writes(b), writes + 1);
	bed_assert_equal(b);
	/* there and back again is nothing at all */
	b->fes[0].as[0].weight = 50;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	b->fes[0].as[0].weight = 49;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_settle(b);
	assert_int_equal(bed_writes(b), writes + 1);
}

static bool in_flight(struct syncbed *b)
{
	return b->s->run.in_flight > 0;
}

static void test_changes_fold_behind_a_run(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	begin(b);
	writes = bed_writes(b);
	b->fes[0].as[0].weight = 1;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_until(b, in_flight);
	for (int w = 2; w < 20; w++) {
		b->fes[0].as[0].weight = (uint8_t)w;
		lbsync_changed(b->s, &b->fes[0].sync, false);
	}
	bed_settle(b);
	assert_int_equal(bed_writes(b), writes + 2);
	bed_assert_equal(b);
}

static void test_one_backend_in_many_vips(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	str_clear(&b->log);
	for (int i = 0; i < 2; i++) {
		b->fes[i].as[0].weight = 0;
		b->fes[i].as[0].dead = b->fes[i].as[0].flush_on_zero = true;
		lbsync_changed(b->s, &b->fes[i].sync, true);
	}
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "vpp-lb-sync-start vips=2 scope=vip calls=2\n");
	logged(b, 2, "from=100 to=0 flush=true\n");
}

/* ---- flush */

static void test_flush_now_once(void **state)
{
	struct syncbed *b = *state;
	struct fe *f = &b->fes[0];
	uint64_t writes;

	begin(b);
	f->as[2].weight = 0;
	lbsync_changed(b->s, &f->sync, false);
	bed_settle(b);
	logged(b, 1, "from=100 to=0 flush=false\n");
	assert_int_equal(f->flushed, 0);
	/* drained and now disabled: flushed though its weight stays */
	lbplugin_set_flows(bed_plugin(b), (uint32_t)(bed_as(b, f, 2) - bed_plugin(b)->ases.v), 7);
	writes = bed_writes(b);
	f->as[2].flush_now = true;
	lbsync_changed(b->s, &f->sync, false);
	bed_settle(b);
	assert_int_equal(bed_writes(b), writes + 1);
	assert_int_equal(bed_as(b, f, 2)->flows, 0);
	assert_int_equal(f->flushed, 1);
	assert_false(f->as[2].flush_now);
	logged(b, 1, "from=0 to=0 flush=true\n");
	bed_sync(b, f);
	bed_sync(b, NULL);
	assert_int_equal(bed_writes(b), writes + 1);
}

/* The flush is not forgotten when VPP refuses it, nor when VPP comes back without the AS. */
static void test_flush_now_survives(void **state)
{
	struct syncbed *b = *state;
	struct fe *f = &b->fes[0];

	begin(b);
	bed_refuse(b, "lb_as_set_weight", -1, 1);
	f->as[0].flush_now = true;
	assert_int_equal(bed_sync(b, f).n[LBSYNC_ERROR], 1);
	assert_true(f->as[0].flush_now);
	bed_sim_stop(b);
	bed_sim_start(b);
	bed_settle(b);
	bed_assert_equal(b);
	assert_false(f->as[0].flush_now);
	assert_int_equal(f->flushed, 1);
}

/* ---- drift */

static void by_hand(struct syncbed *b)
{
	struct lbplugin *p = bed_plugin(b);
	struct lb_key k0 = lb_key(&b->fes[0].want.key.prefix, PROTO_TCP, 80);
	struct lb_key k2 = lb_key(&b->fes[2].want.key.prefix, PROTO_ANY, 0);
	struct ip46 a0 = ip46_from_addr(&b->fes[0].as[0].addr);
	struct ip46 a1 = ip46_from_addr(&b->fes[0].as[1].addr);
	struct lb_vip_args foreign = { .encap = ENCAP_L3DSR, .dscp = 7, .new_length = 256 };
	struct prefix net = { .len = 24 };

	assert_int_equal(lbplugin_as_set_weight(p, &k0, &a0, 3, false), 0);
	assert_int_equal(lbplugin_as_del(p, &k0, &a1, false, 1), 0);
	assert_int_equal(lbplugin_vip_del(p, &k2, 1), 0);
	assert_int_equal(addr_parse("203.0.113.0", &net.addr), 0);
	foreign.key = lb_key(&net, PROTO_ANY, 0);
	assert_int_equal(lbplugin_vip_add(p, &foreign, 1, NULL), 0);
	net = (struct prefix){ .addr.family = ADDR_IP6, .len = 64 }; /* ::/64, dumped as IPv4 */
	foreign.key = lb_key(&net, PROTO_TCP, 99);
	foreign.encap = ENCAP_GRE6;
	assert_int_equal(lbplugin_vip_add(p, &foreign, 1, NULL), 0);
}

static void test_drift_is_mended_on_request(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_counts c;

	begin(b);
	str_clear(&b->log);
	by_hand(b);
	c = bed_sync(b, NULL);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(c.n[LBSYNC_VIP_ADDED], 1);
	assert_int_equal(c.n[LBSYNC_VIP_REMOVED], 2);
	assert_int_equal(c.n[LBSYNC_AS_ADDED], 3);
	assert_int_equal(c.n[LBSYNC_AS_WEIGHT_UPDATED], 1);
	assert_int_equal(c.n[LBSYNC_ERROR], 0);
	logged(b, 1,
	       "vpp-lb-sync-as-weight-updated vip=192.0.2.80 protocol=tcp port=80 "
	       "address=198.51.100.10 from=3 to=100 ");
	logged(b, 1,
	       "vpp-lb-sync-vip-removed vip=203.0.113.0 prefix=203.0.113.0/24 protocol=any "
	       "port=0\n");
	logged(b, 1, "vpp-lb-sync-vip-removed vip=:: prefix=::/64 protocol=tcp port=99\n");
	logged(b, 1, "vpp-lb-sync-vip-added vip=192.0.2.81 protocol=any port=0 ");
	logged(b, 1,
	       "vpp-lb-drift vip=192.0.2.80 protocol=tcp port=80 address=198.51.100.10 "
	       "kind=as_weight expected=weight 100 found=weight 3\n");
	logged(b, 5, "vpp-lb-drift ");
	assert_int_equal(lbsync_drift_total(b->s, LBDRIFT_AS_WEIGHT), 1);
	assert_int_equal(lbsync_drift_total(b->s, LBDRIFT_AS_MISSING), 1);
	assert_int_equal(lbsync_drift_total(b->s, LBDRIFT_VIP_MISSING), 1);
	assert_int_equal(lbsync_drift_total(b->s, LBDRIFT_VIP_UNEXPECTED), 2);
	/* What was mended is no drift at the next look. */
	bed_sync(b, NULL);
	bed_settle(b);
	logged(b, 5, "vpp-lb-drift ");
}

static bool drift_mended(struct syncbed *b)
{
	return bed_n_vips(b) == N_FES && bed_as(b, &b->fes[0], 1) != NULL;
}

static void test_drift_is_mended_in_time(void **state)
{
	struct syncbed *b = *state;

	b->conf.sync_interval = 20 * NS_PER_MS;
	begin(b);
	by_hand(b);
	bed_until(b, drift_mended);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "info vpp-lb-sync-start reason=drift scope=all ");
	uint64_t writes = bed_writes(b);
	bed_turn_for(b, 200 * NS_PER_MS);
	assert_int_equal(bed_writes(b), writes);
	assert_int_equal(bed_calls(b, VPP_LB_CONF), 1);
}

static void test_lb_conf_drift(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	bed_plugin(b)->conf.flow_timeout = 77;
	bed_sync(b, NULL);
	assert_int_equal(bed_plugin(b)->conf.flow_timeout, 40);
	assert_int_equal(bed_calls(b, VPP_LB_CONF), 2);
	b->conf.sticky_buckets_per_core = 1024;
	lbsync_reloaded(b->s);
	bed_settle(b);
	assert_int_equal(bed_plugin(b)->conf.sticky_buckets, 1024);
	logged(b, 1, "sticky_buckets_per_core=1024 ");
	/* refused: said, and the rest goes on */
	b->conf.sticky_buckets_per_core = 1000;
	b->fes[0].as[0].weight = 1;
	lbsync_reloaded(b->s);
	bed_settle(b);
	logged(b, 1, "error vpp-lb-sync-error call=lb_conf retval=-70 error=invalid value\n");
	bed_assert_equal(b);
}

/* A table of 65536 is dumped as 0, and one of 131072 too: the text knows better. */
static void test_long_tables(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	assert_int_equal(bed_vip(b, &b->fes[3])->new_length, 65536);
	bed_sync(b, NULL);
	logged(b, 0, "recreate");
	assert_int_equal(plan_state_find(&b->s->mirror.vips, &b->fes[3].want.key)->table_len,
			 65536);
}

/* ---- re-creation */

static void test_recreated_for_table_and_sticky(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	b->fes[0].want.table_len = 4096;
	b->fes[1].want.sticky = STICKY_NO;
	struct lbsync_counts c = bed_sync(b, NULL);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(c.n[LBSYNC_VIP_ADDED], 2);
	assert_int_equal(c.n[LBSYNC_VIP_REMOVED], 2);
	logged(b, 1,
	       "info vpp-lb-sync-vip-recreate vip=192.0.2.80 protocol=tcp port=80 "
	       "flow_table_length_from=1024 flow_table_length_to=4096\n");
	logged(b, 1,
	       "info vpp-lb-sync-vip-recreate vip=192.0.2.80 protocol=tcp port=443 "
	       "src_ip_sticky_to=false\n");
	uint64_t writes = bed_writes(b);
	bed_sync(b, NULL);
	assert_int_equal(bed_writes(b), writes);
}

/* The servers of both VIPs of a prefix move to IPv6: a single sync of one takes both. */
static void test_encapsulation_changes_for_a_prefix(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_counts c;

	begin(b);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "2001:db8:2::", 1, 2);
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 443, "2001:db8:2::", 1, 2);
	c = bed_sync(b, &b->fes[0]);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(c.n[LBSYNC_VIP_REMOVED], 2);
	assert_int_equal(c.n[LBSYNC_VIP_ADDED], 2);
	assert_int_equal(c.n[LBSYNC_ERROR], 0);
	logged(b, 2, "encap_from=gre4 encap_to=gre6");
}

/* ---- refusals */

static void test_refused_and_tried_again(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_counts c;
	mono_ns began;

	begin(b);
	str_clear(&b->log);
	bed_refuse(b, "lb_as_set_weight", -97, 2);
	b->fes[0].as[0].weight = 1;
	b->fes[2].as[0].weight = 2;
	b->fes[2].as[1].weight = 3;
	lbsync_changed(b->s, &b->fes[2].sync, false);
	began = loop_clock();
	c = bed_sync(b, &b->fes[0]);
	assert_int_equal(c.n[LBSYNC_ERROR], 1);
	assert_int_equal(c.n[LBSYNC_AS_WEIGHT_UPDATED], 0);
	logged(b, 1,
	       "error vpp-lb-sync-error vip=192.0.2.80 protocol=tcp port=80 "
	       "address=198.51.100.10 call=lb_as_set_weight op=as-weight retval=-97 "
	       "error=wrong address family\n");
	logged(b, 2, "vpp-lb-sync-error");
	/* the rest of the plan went on */
	logged(b, 1, "vpp-lb-sync-as-weight-updated vip=192.0.2.81 ");
	assert_int_equal(bed_reads(b), 2); /* not a case for a new read */
	bed_settle(b);
	assert_true(loop_clock() - began >= 1 * NS_PER_S);
	bed_assert_equal(b);
	assert_int_equal(b->fes[0].sync.failures, 0);
	assert_int_equal(lbsync_total(b->s, LBSYNC_VIP, LBSYNC_ERROR), 2);
}

static void test_backoff_grows_to_the_interval(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	assert_int_equal(lbsync_backoff(b->s, 1), 1 * NS_PER_S);
	assert_int_equal(lbsync_backoff(b->s, 2), 2 * NS_PER_S);
	assert_int_equal(lbsync_backoff(b->s, 5), 16 * NS_PER_S);
	assert_int_equal(lbsync_backoff(b->s, 1000000), 3600 * NS_PER_S);
	b->conf.sync_interval = 3 * NS_PER_S;
	assert_int_equal(lbsync_backoff(b->s, 3), 3 * NS_PER_S);
}

/* Somebody deleted the AS: the refusal is answered by a read, and by an addition at once. */
static void test_mirror_contradicted(void **state)
{
	struct syncbed *b = *state;
	struct lb_key k = lb_key(&b->fes[0].want.key.prefix, PROTO_TCP, 80);
	struct ip46 a = ip46_from_addr(&b->fes[0].as[1].addr);

	begin(b);
	str_clear(&b->log);
	assert_int_equal(lbplugin_as_del(bed_plugin(b), &k, &a, false, 1), 0);
	uint64_t dumps = bed_calls(b, VPP_LB_VIP_DUMP);
	b->fes[0].as[1].weight = 55;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_calls(b, VPP_LB_VIP_DUMP), dumps + 1);
	logged(b, 1, "retval=-6 error=no such entry\n");
	logged(b, 1,
	       "vpp-lb-sync-as-added vip=192.0.2.80 protocol=tcp port=80 "
	       "address=198.51.100.11 weight=55\n");
	/* no text: no VIP came or went */
	assert_int_equal(bed_calls(b, VPP_CLI_INBAND), 2);
}

static void test_vip_vanished(void **state)
{
	struct syncbed *b = *state;
	struct lb_key k = lb_key(&b->fes[2].want.key.prefix, PROTO_ANY, 0);

	begin(b);
	str_clear(&b->log);
	assert_int_equal(lbplugin_vip_del(bed_plugin(b), &k, 1), 0);
	b->fes[2].as[0].weight = 7;
	lbsync_changed(b->s, &b->fes[2].sync, false);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "vpp-lb-sync-error");
	logged(b, 1, "vpp-lb-sync-vip-added vip=192.0.2.81 ");
}

/* An addition that is refused is said once, and its ASes are neither sent for nothing nor said. */
static void test_vip_addition_refused(void **state)
{
	struct syncbed *b = *state;

	bed_sim_start(b);
	bed_refuse(b, "lb_add_del_vip_v2", -70, 1);
	bed_start(b);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "vpp-lb-sync-error");
	logged(b, 1, "call=lb_add_del_vip_v2 op=vip-add retval=-70 error=invalid value\n");
	logged(b, 1, "scope=vip calls=4\n");
}

/* A stale VIP that cannot be removed is tried again by another full sync. */
static void test_stale_vip_refused(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	bed_forget(b, &b->fes[2]);
	bed_refuse(b, "lb_add_del_vip_v2", -1, 1);
	lbsync_reloaded(b->s);
	bed_settle(b);
	assert_int_equal(bed_n_vips(b), N_FES);
	while (bed_n_vips(b) == N_FES)
		loop_turn(b->loop, NS_PER_S);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "vpp-lb-sync-start reason=retry scope=all ");
}

/* ---- frontends come and go */

static void test_reload(void **state)
{
	struct syncbed *b = *state;
	struct fe *f = &b->fes[0];

	begin(b);
	str_clear(&b->log);
	bed_forget(b, &b->fes[1]);
	bed_forget(b, f);
	fe_fill(f, "192.0.2.99", PROTO_TCP, 80, "198.51.100.", 30, 4);
	bed_add(b, f);
	lbsync_reloaded(b->s);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_n_vips(b), 3);
	logged(b, 1, "vpp-lb-sync-start reason=reload scope=all ");
	logged(b, 3, "vpp-lb-sync-as-removed vip=192.0.2.80 protocol=tcp port=80 ");
	logged(b, 1,
	       "vpp-lb-sync-as-removed vip=192.0.2.80 protocol=tcp port=80 "
	       "address=198.51.100.10 flush=true\n");
	logged(b, 1, "vpp-lb-sync-vip-removed vip=192.0.2.80 protocol=tcp port=443\n");
}

static void test_same_key_replaced(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	bed_forget(b, &b->fes[1]);
	b->fes[1] = (struct fe){ 0 };
	/* another frontend takes over the VIP of one that goes */
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 80, "198.51.100.", 40, 1);
	bed_forget(b, &b->fes[0]);
	bed_add(b, &b->fes[1]);
	lbsync_reloaded(b->s);
	bed_settle(b);
	bed_assert_equal(b);
}

/* ---- requests */

struct asked {
	int n, status;
	struct lbsync_counts c;
	size_t vips;
	uint32_t timeout;
};

static void asked_sync(void *ctx, int status, const struct lbsync_counts *c)
{
	struct asked *a = ctx;

	a->n++;
	a->status = status;
	a->c = *c;
}

static void asked_state(void *ctx, int status, const struct plan_state *st,
			const struct vpp_lb_conf *conf)
{
	struct asked *a = ctx;

	a->n++;
	a->status = status;
	a->vips = st ? st->n_vips : 0;
	a->timeout = conf ? conf->flow_timeout : 0;
}

static void test_request_counts_its_own(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 }, all = { 0 };
	struct err e;

	begin(b);
	b->fes[0].as[0].weight = 1;
	b->fes[2].as[0].weight = 1;
	b->fes[2].as[1].weight = 1;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	assert_int_equal(lbsync_request(b->s, &b->fes[2].sync, asked_sync, &a, &e), 0);
	assert_int_equal(a.n, 0); /* never from inside */
	bed_settle(b);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.c.n[LBSYNC_AS_WEIGHT_UPDATED], 2);
	assert_int_equal(lbsync_request(b->s, NULL, asked_sync, &all, &e), 0);
	bed_settle(b);
	assert_int_equal(all.n, 1);
}

static void test_not_connected(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 };
	struct err e = { 0 };

	bed_start(b);
	bed_turn_for(b, 20 * NS_PER_MS);
	assert_int_equal(lbsync_request(b->s, NULL, asked_sync, &a, &e), -ENOTCONN);
	assert_non_null(strstr(e.msg, "no socket"));
	assert_int_equal(lbsync_read(b->s, asked_state, &a, &e), -ENOTCONN);
	assert_int_equal(a.n, 0);
	/* said once, however often it is tried */
	bed_turn_for(b, 1200 * NS_PER_MS);
	logged(b, 1, "warn vpp-connect-failed path=");
}

static void test_vpp_goes_away_under_a_request(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 }, r = { 0 };
	struct err e;

	begin(b);
	server_silence(b->sim, 3600 * NS_PER_S);
	b->fes[0].as[0].weight = 1;
	assert_int_equal(lbsync_request(b->s, &b->fes[0].sync, asked_sync, &a, &e), 0);
	assert_int_equal(lbsync_read(b->s, asked_state, &r, &e), 0);
	bed_turn_for(b, 20 * NS_PER_MS);
	assert_int_equal(a.n + r.n, 0);
	bed_sim_stop(b);
	while (lbsync_connected(b->s))
		loop_turn(b->loop, NS_PER_S);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.status, -ENOTCONN);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.status, -ENOTCONN);
	logged(b, 1, "warn vpp-disconnect path=");
	bed_sim_start(b);
	bed_settle(b);
	bed_assert_equal(b);
}

static void test_frontend_goes_away_under_a_request(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 };
	struct err e;

	begin(b);
	assert_int_equal(lbsync_request(b->s, &b->fes[0].sync, asked_sync, &a, &e), 0);
	bed_forget(b, &b->fes[0]);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.status, -ENOENT);
	bed_settle(b);
}

static void test_abandoned(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 }, r = { 0 };
	struct err e;

	begin(b);
	b->fes[0].as[0].weight = 1;
	assert_int_equal(lbsync_request(b->s, &b->fes[0].sync, asked_sync, &a, &e), 0);
	bed_until(b, in_flight);
	assert_int_equal(lbsync_read(b->s, asked_state, &r, &e), 0);
	lbsync_abandon(b->s, &a);
	lbsync_abandon(b->s, &r);
	bed_settle(b);
	assert_int_equal(a.n + r.n, 0);
	bed_assert_equal(b);
}

/* ---- reads */

static void test_readers_share(void **state)
{
	struct syncbed *b = *state;
	struct asked a[3] = { 0 };
	uint64_t dumps;
	struct err e;

	begin(b);
	bed_turn_for(b, 1001 * NS_PER_MS); /* the last one is old */
	dumps = bed_calls(b, VPP_LB_VIP_DUMP);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lbsync_read(b->s, asked_state, &a[i], &e), 0);
	assert_int_equal(a[0].n, 0);
	bed_settle(b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].n, 1);
		assert_int_equal(a[i].vips, N_FES);
		assert_int_equal(a[i].timeout, 40);
	}
	assert_int_equal(bed_calls(b, VPP_LB_VIP_DUMP), dumps + 1);
	/* within the second: no read at all */
	bed_turn_for(b, 900 * NS_PER_MS);
	assert_int_equal(lbsync_read(b->s, asked_state, &a[0], &e), 0);
	bed_settle(b);
	assert_int_equal(bed_calls(b, VPP_LB_VIP_DUMP), dumps + 1);
	assert_int_equal(a[0].n, 2);
}

static const struct plan_as *read_as(const struct plan_state *st, const struct fe *f, size_t i)
{
	return &plan_state_find(st, &f->want.key)->as[i];
}

static struct fe *looked_at;
static void look_at_state(void *ctx, int status, const struct plan_state *st,
			  const struct vpp_lb_conf *conf)
{
	*(struct plan_as *)ctx = *read_as(st, looked_at, 0);
}

/* After a change of ours an old read will not do: the buckets are VPP's to tell. */
static void test_read_after_write(void **state)
{
	struct syncbed *b = *state;
	struct plan_as as = { 0 };
	struct err e;

	begin(b);
	looked_at = &b->fes[0];
	b->fes[0].as[0].weight = 10;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_settle(b);
	assert_int_equal(lbsync_read(b->s, look_at_state, &as, &e), 0);
	bed_settle(b);
	assert_int_equal(as.weight, 10);
	assert_int_equal(as.buckets, bed_as(b, &b->fes[0], 0)->buckets);
	assert_true(as.buckets > 0);
}

static void test_removed_rows_do_not_exist(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 };
	struct err e;

	begin(b);
	bed_forget(b, &b->fes[2]);
	b->fes[0].want.n_as = 1;
	lbsync_reloaded(b->s);
	bed_settle(b);
	b->fes[0].want.table_len = 2048; /* and one beside its own corpse */
	bed_sync(b, NULL);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(lbsync_read(b->s, asked_state, &a, &e), 0);
	bed_settle(b);
	assert_int_equal(a.vips, 3);
	const struct lbtext_vip *told = lbtext_find(&b->s->mirror.text, &b->fes[0].want.key);
	assert_non_null(told);
	assert_int_equal(told->index, bed_vip(b, &b->fes[0]) - bed_plugin(b)->vips.v);
	assert_null(lbtext_find(&b->s->mirror.text, &b->fes[2].want.key));
}

/* ---- VPP restarts */

static bool told_of_retry(struct syncbed *b)
{
	return strstr(lbsync_why_down(b->s), ": is VPP running?") != NULL;
}

static void test_vpp_restarts(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	bed_sim_stop(b);
	while (lbsync_connected(b->s))
		loop_turn(b->loop, NS_PER_S);
	logged(b, 1, "warn vpp-disconnect path=");
	logged(b, 1, " reason=VPP closed the connection");
	bed_until(b, told_of_retry); /* as soon as it was tried again */
	/* Meanwhile: */
	b->fes[0].as[0].weight = 9;
	lbsync_changed(b->s, &b->fes[0].sync, true);
	bed_sim_start(b);
	str_clear(&b->log);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "vpp-connect ");
	logged(b, 1, "vpp-lb-conf-set ");
	logged(b, 1, "vpp-lb-sync-start reason=connect scope=all ");
}

static void test_connection_breaks_in_a_run(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	for (int i = 0; i < 3; i++) {
		for (size_t f = 0; f < N_FES; f++) {
			b->fes[f].as[0].weight = (uint8_t)(10 + i);
			lbsync_changed(b->s, &b->fes[f].sync, false);
		}
		bed_until(b, in_flight);
		server_drop(b->sim);
		while (lbsync_connected(b->s))
			loop_turn(b->loop, NS_PER_S);
		bed_settle(b);
		bed_assert_equal(b);
	}
}

static void test_stopped_in_a_run(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 };
	struct err e;

	begin(b);
	b->fes[0].as[0].weight = 1;
	assert_int_equal(lbsync_request(b->s, &b->fes[0].sync, asked_sync, &a, &e), 0);
	bed_until(b, in_flight);
	bed_stop(b);
	assert_int_equal(a.n, 0);
	assert_int_equal(bed_n_vips(b), N_FES); /* left as it is */
}

/* ---- many */

static void fill_many(struct syncbed *b, size_t n)
{
	char vip[ADDR_STRLEN];

	free(b->fes);
	b->fes = xcalloc(n, sizeof *b->fes);
	b->n_fes = n;
	for (size_t i = 0; i < n; i++) {
		struct fe *f = &b->fes[i];

		snprintf(f->name, sizeof f->name, "fe%zu", i);
		snprintf(vip, sizeof vip, "10.%zu.%zu.%zu", i / 65536, i / 256 % 256, i % 256);
		fe_fill(f, vip, PROTO_TCP, 80, "198.51.100.", 1, 4);
		f->want.table_len = 64;
	}
}

static bool some_added(struct syncbed *b)
{
	return b->s->run.counts.n[LBSYNC_AS_ADDED] > 300;
}

/* A backend dies while thousands of calls are still to be made: it does not wait for them. */
static void test_death_in_a_long_sync(void **state)
{
	struct syncbed *b = *state;
	const char *death, *last;

	fill_many(b, 1000);
	bed_sim_start(b);
	bed_start(b);
	bed_until(b, some_added);
	b->fes[0].as[2].weight = 0;
	b->fes[0].as[2].dead = true;
	lbsync_changed(b->s, &b->fes[0].sync, true);
	bed_settle(b);
	bed_assert_equal(b);
	death = strstr(b->log.p, "to=0 flush=false");
	last = strstr(b->log.p, "vip-added vip=10.0.3.231 ");
	assert_non_null(death);
	assert_non_null(last);
	assert_true(death < last);
	logged(b, 1, "interrupted=true");
	logged(b, 2, "vpp-lb-sync-start reason=connect scope=all ");
	logged(b, 0, "vpp-lb-sync-error");
	assert_int_equal(lbsync_total(b->s, LBSYNC_ALL, LBSYNC_AS_ADDED), 4000);
}

/* A request waits for the whole of a sync that was cut short, and is told of all of it. */
static void test_request_over_a_cut(void **state)
{
	struct syncbed *b = *state;
	struct asked a = { 0 }, one = { 0 };
	struct err e;

	begin(b);
	bed_stop(b);
	fill_many(b, 400);
	bed_sim_stop(b);
	bed_sim_start(b);
	bed_start(b);
	while (!lbsync_connected(b->s))
		loop_turn(b->loop, NS_PER_S);
	assert_int_equal(lbsync_request(b->s, NULL, asked_sync, &a, &e), 0);
	assert_int_equal(lbsync_request(b->s, &b->fes[3].sync, asked_sync, &one, &e), 0);
	bed_until(b, some_added);
	lbsync_changed(b->s, &b->fes[0].sync, true);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.c.n[LBSYNC_VIP_ADDED], 400);
	assert_int_equal(a.c.n[LBSYNC_AS_ADDED], 1600);
	assert_int_equal(one.n, 1);
	assert_int_equal(one.c.n[LBSYNC_VIP_ADDED], 1);
}

/* A reload comes while a sync runs that is then cut short: what is resumed must not take the place
 * of what the reload is owed, which is a read and its lb_conf. */
static void test_reload_over_a_cut(void **state)
{
	struct syncbed *b = *state;
	uint64_t pushed, reads;

	fill_many(b, 400);
	bed_sim_start(b);
	bed_start(b);
	bed_until(b, some_added);
	pushed = bed_calls(b, VPP_LB_CONF);
	reads = bed_reads(b);
	b->conf.flow_timeout = 77 * NS_PER_S;
	lbsync_reloaded(b->s);
	lbsync_changed(b->s, &b->fes[0].sync, true);
	bed_settle(b);
	bed_assert_equal(b);
	logged(b, 1, "interrupted=true");
	logged(b, 1, "vpp-lb-sync-start reason=reload scope=all ");
	assert_int_equal(bed_calls(b, VPP_LB_CONF), pushed + 1);
	assert_int_equal(bed_reads(b), reads + 2);
	logged(b, 1, "flow_timeout=77");
}

/* Changes at random, refusals, restarts and hands in the plugin: in the end it is as wanted. */
static void test_random_walk(void **state)
{
	struct syncbed *b = *state;
	struct rng r;

	b->conf.sync_interval = 50 * NS_PER_MS; /* bounds the retries too */
	rng_init(&r, 20261120);
	begin(b);
	for (int step = 0; step < 400; step++) {
		struct fe *f = &b->fes[rng_below(&r, N_FES)];
		struct plan_as *as = &f->as[rng_below(&r, f->want.n_as)];

		switch (rng_below(&r, 12)) {
		case 0:
			bed_refuse(b, "lb_as_set_weight", rng_below(&r, 2) ? -6 : -1, 1);
			break;
		case 1:
			bed_refuse(b, "lb_add_del_as_v2", rng_below(&r, 2) ? -81 : -1, 1);
			break;
		case 2:
			f->want.table_len = 256u << rng_below(&r, 3);
			break;
		case 3:
			f->want.sticky = rng_below(&r, 2) ? STICKY_YES : STICKY_NO;
			break;
		case 4:
			as->flush_now = true;
			break;
		case 5:
			if (bed_as(b, f, 0))
				bed_as(b, f, 0)->weight = 77;
			break;
		case 6:
			if (step % 40 == 0)
				server_drop(b->sim);
			break;
		default:
			as->weight = (uint8_t)rng_below(&r, 101);
			break;
		}
		lbsync_changed(b->s, &f->sync, rng_below(&r, 4) == 0);
		loop_turn(b->loop, 0);
	}
	for (const char *const *c =
		     (const char *const[]){ "lb_as_set_weight", "lb_add_del_as_v2", NULL };
	     *c; c++)
		server_api(b->sim)->refuse[api_msg_find(*c)].left = 0;
	bed_settle(b);
	bed_sync(b, NULL);
	bed_settle(b);
	bed_assert_equal(b);
	uint64_t writes = bed_writes(b);
	bed_sync(b, NULL);
	assert_int_equal(bed_writes(b), writes);
	/* The hand in here changes weights: all else that was found was our own doing. */
	for (enum lbdrift_kind d = 0; d < LBDRIFT_N; d++) {
		if (d != LBDRIFT_AS_WEIGHT)
			assert_int_equal(lbsync_drift_total(b->s, d), 0);
	}
}

#define T(NAME) cmocka_unit_test_setup_teardown(test_##NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(connect_and_full_sync),
		T(nothing_to_do),
		T(quiet_when_nothing_changes),
		T(other_instance_finds_nothing_to_do),
		T(one_weight_one_call),
		T(changes_fold),
		T(changes_fold_behind_a_run),
		T(one_backend_in_many_vips),
		T(flush_now_once),
		T(flush_now_survives),
		T(drift_is_mended_on_request),
		T(drift_is_mended_in_time),
		T(lb_conf_drift),
		T(long_tables),
		T(recreated_for_table_and_sticky),
		T(encapsulation_changes_for_a_prefix),
		T(refused_and_tried_again),
		T(backoff_grows_to_the_interval),
		T(mirror_contradicted),
		T(vip_vanished),
		T(vip_addition_refused),
		T(stale_vip_refused),
		T(reload),
		T(same_key_replaced),
		T(request_counts_its_own),
		T(not_connected),
		T(vpp_goes_away_under_a_request),
		T(frontend_goes_away_under_a_request),
		T(abandoned),
		T(readers_share),
		T(read_after_write),
		T(removed_rows_do_not_exist),
		T(vpp_restarts),
		T(connection_breaks_in_a_run),
		T(stopped_in_a_run),
		T(death_in_a_long_sync),
		T(request_over_a_cut),
		T(reload_over_a_cut),
		T(random_walk),
	};
	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
