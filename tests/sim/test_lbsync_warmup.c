/* SPDX-License-Identifier: Apache-2.0 */
/* The warm-up: what reaches VPP in which phase. The clock is moved by dating the process's start
 * back, so that nothing hangs on how fast the test runs. */
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
#include "syncbed.h"

#define LONG (3600 * NS_PER_S) /* longer than any test runs */

static int setup(void **state)
{
	struct syncbed *b = XNEW(struct syncbed);

	bed_init(b, 3);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "198.51.100.", 10, 2);
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 443, "198.51.100.", 10, 2);
	fe_fill(&b->fes[2], "192.0.2.82", PROTO_TCP, 80, "198.51.100.", 20, 2);
	b->tap_debug = true;
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

/* What health makes of it while nothing is known. */
static void all_unknown(struct syncbed *b)
{
	for (size_t i = 0; i < b->n_fes; i++) {
		b->fes[i].unknown = true;
		for (size_t k = 0; k < b->fes[i].want.n_as; k++) {
			b->fes[i].as[k].weight = 0;
			b->fes[i].as[k].keep = true;
		}
	}
}

static void known(struct syncbed *b, struct fe *f, uint8_t w0, uint8_t w1)
{
	const uint8_t w[] = { w0, w1 };

	f->unknown = false;
	for (size_t k = 0; k < 2; k++) {
		f->as[k].weight = w[k];
		f->as[k].keep = false;
	}
	lbsync_changed(b->s, &f->sync, false);
}

/* VPP programmed by a first life with weights of 100, then a second that begins anew, `age` old. */
static void second_life(struct syncbed *b, dur_ns age, dur_ns min, dur_ns max)
{
	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	bed_stop(b);
	all_unknown(b);
	str_clear(&b->log);
	b->conf.startup_min_delay = min;
	b->conf.startup_max_delay = max;
	b->started = loop_clock() - age;
	bed_start(b);
}

static bool connected(struct syncbed *b)
{
	return lbsync_connected(b->s) && b->s->mirror.valid && b->s->job == JOB_NONE;
}

static bool warm(struct syncbed *b)
{
	return lbsync_warm(b->s);
}

static void logged(struct syncbed *b, size_t n, const char *text)
{
	if (bed_logged(b, text) != n)
		fail_msg("%zu times instead of %zu: %s\nin\n%s", bed_logged(b, text), n, text,
			 str_z(&b->log));
}

static void asked(void *ctx, int status, const struct lbsync_counts *c)
{
	++*(int *)ctx;
}

static void test_hold_writes_nothing(void **state)
{
	struct syncbed *b = *state;
	struct err e = { 0 };
	uint64_t writes;
	int n = 0;

	second_life(b, 0, LONG, LONG);
	writes = bed_writes(b);
	b->conf.flow_timeout = 50 * NS_PER_S; /* lb_conf may be written */
	bed_until(b, connected);
	known(b, &b->fes[0], 0, 100);
	lbsync_reloaded(b->s);
	bed_turn_for(b, 50 * NS_PER_MS);
	assert_int_equal(bed_writes(b), writes);
	assert_int_equal(bed_plugin(b)->conf.flow_timeout, 50);
	assert_false(b->fes[0].sync.released);
	assert_int_equal(lbsync_request(b->s, NULL, asked, &n, &e), -EAGAIN);
	assert_non_null(strstr(e.msg, "warming up"));
	assert_int_equal(lbsync_request(b->s, &b->fes[0].sync, asked, &n, &e), -EAGAIN);
	assert_int_equal(n, 0);
	logged(b, 1, "info vpp-lb-warmup phase=hold\n");
	logged(b, 1, "debug vpp-lb-sync-suppressed reason=connect scope=all phase=hold ");
	logged(b, 1, "debug vpp-lb-sync-suppressed reason=reload scope=all phase=hold ");
	logged(b, 1,
	       "debug vpp-lb-sync-suppressed reason=change scope=vip phase=hold "
	       "frontend=fe0\n");
}

static void test_drift_waits(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	b->conf.sync_interval = 10 * NS_PER_MS;
	second_life(b, 0, LONG, LONG);
	bed_until(b, connected);
	writes = bed_writes(b);
	bed_as(b, &b->fes[0], 0)->weight = 5;
	while (bed_logged(b, "reason=drift") < 3)
		loop_turn(b->loop, NS_PER_S);
	assert_int_equal(bed_writes(b), writes);
}

static void test_released_one_by_one(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	second_life(b, 2 * NS_PER_S, 1 * NS_PER_S, LONG);
	bed_until(b, connected);
	writes = bed_writes(b);
	bed_turn_for(b, 20 * NS_PER_MS);
	assert_int_equal(bed_writes(b), writes); /* all are unknown: left as VPP has them */
	known(b, &b->fes[0], 100, 0);
	assert_true(b->fes[0].sync.released);
	bed_until(b, connected);
	bed_turn_for(b, 20 * NS_PER_MS);
	assert_int_equal(bed_as(b, &b->fes[0], 1)->weight, 0);
	assert_int_equal(bed_as(b, &b->fes[1], 1)->weight, 100);
	assert_int_equal(bed_writes(b), writes + 1);
	logged(b, 1, "info vpp-lb-warmup phase=release frontend=fe0\n");
	/* a released one is synced with each change, and on request; all on request is not */
	struct err e;
	int n = 0;
	assert_int_equal(lbsync_request(b->s, NULL, asked, &n, &e), -EAGAIN);
	assert_int_equal(bed_sync(b, &b->fes[0]).n[LBSYNC_AS_WEIGHT_UPDATED], 0);
	known(b, &b->fes[1], 50, 50);
	logged(b, 0, "phase=done");
	known(b, &b->fes[2], 0, 7);
	bed_settle(b);
	logged(b, 1, "info vpp-lb-warmup phase=done unreleased=0\n");
	logged(b, 1, "vpp-lb-sync-start reason=warmup scope=all ");
	bed_assert_equal(b);
	assert_int_equal(lbsync_request(b->s, NULL, asked, &n, &e), 0);
	bed_settle(b);
	assert_int_equal(n, 1);
}

static void test_known_at_the_minimum(void **state)
{
	struct syncbed *b = *state;

	second_life(b, 0, 100 * NS_PER_MS, LONG);
	for (size_t i = 0; i < 3; i++)
		known(b, &b->fes[i], 10, 20);
	bed_until(b, warm);
	bed_settle(b);
	assert_true(loop_clock() - b->started >= 100 * NS_PER_MS);
	bed_assert_equal(b);
	logged(b, 3, "vpp-lb-warmup phase=release frontend=fe");
	logged(b, 1, "vpp-lb-warmup phase=done unreleased=0\n");
}

/* At the maximum: the full sync, in which what was never judged keeps VPP's weight. */
static void test_maximum(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	struct lb_vip_args stale = { .encap = ENCAP_GRE4, .new_length = 64 };
	struct prefix p = { .len = 32 };
	assert_int_equal(addr_parse("203.0.113.9", &p.addr), 0);
	stale.key = lb_key(&p, PROTO_TCP, 80);
	assert_int_equal(lbplugin_vip_add(bed_plugin(b), &stale, 1, NULL), 0);
	bed_stop(b);
	all_unknown(b);
	b->fes[0].as[0].keep = false; /* was judged, and its state is unknown again (resumed) */
	b->conf.startup_max_delay = 200 * NS_PER_MS;
	b->started = loop_clock();
	writes = bed_writes(b);
	bed_start(b);
	bed_until(b, warm);
	bed_settle(b);
	assert_true(loop_clock() - b->started >= 200 * NS_PER_MS);
	assert_int_equal(bed_n_vips(b), 3); /* the stale one went */
	assert_int_equal(bed_as(b, &b->fes[0], 0)->weight, 0);
	assert_int_equal(bed_as(b, &b->fes[0], 1)->weight, 100);
	assert_int_equal(bed_as(b, &b->fes[2], 0)->weight, 100);
	assert_int_equal(bed_writes(b), writes + 2);
	assert_int_equal(b->s->n_kept, 5);
	logged(b, 1, "warn vpp-lb-weight-kept count=5 ");
	logged(b, 1, "vpp-lb-warmup phase=done unreleased=3\n");
	bed_sync(b, NULL);
	logged(b, 1, "vpp-lb-weight-kept"); /* once */
}

/* A VIP that VPP does not have is written whole when it is released, not before. */
static void test_unknown_vip_appears_at_its_release(void **state)
{
	struct syncbed *b = *state;

	all_unknown(b);
	b->conf.startup_max_delay = LONG;
	bed_sim_start(b);
	bed_start(b);
	bed_until(b, connected);
	assert_int_equal(bed_n_vips(b), 0);
	known(b, &b->fes[2], 100, 3);
	bed_settle(b);
	assert_int_equal(bed_n_vips(b), 1);
	assert_int_equal(bed_as(b, &b->fes[2], 1)->weight, 3);
}

/* Two VIPs share a prefix and have to change encapsulation together: the first to be released
 * waits for the second. */
static void test_unit_waits_for_its_last(void **state)
{
	struct syncbed *b = *state;
	uint64_t writes;

	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	bed_stop(b);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "2001:db8:2::", 1, 2);
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 443, "2001:db8:2::", 1, 2);
	all_unknown(b);
	b->conf.startup_max_delay = LONG;
	writes = bed_writes(b);
	bed_start(b);
	bed_until(b, connected);
	known(b, &b->fes[0], 10, 10);
	bed_turn_for(b, 50 * NS_PER_MS);
	assert_int_equal(bed_writes(b), writes);
	logged(b, 1, "scope=vip calls=0 deferred=1\n");
	known(b, &b->fes[1], 20, 20);
	bed_until(b, connected);
	bed_turn_for(b, 50 * NS_PER_MS);
	assert_int_equal(bed_as(b, &b->fes[0], 0)->weight, 10);
	assert_int_equal(bed_as(b, &b->fes[1], 0)->weight, 20);
	assert_int_equal(bed_as(b, &b->fes[2], 0)->weight, 100);
}

/* VPP restarts in the middle: the released are written again, the others wait. */
static void test_vpp_restarts_in_the_warm_up(void **state)
{
	struct syncbed *b = *state;

	second_life(b, 0, 0, LONG);
	bed_until(b, connected);
	known(b, &b->fes[0], 4, 5);
	bed_until(b, connected);
	bed_sim_stop(b);
	while (lbsync_connected(b->s))
		loop_turn(b->loop, NS_PER_S);
	bed_sim_start(b);
	bed_settle(b);
	assert_int_equal(bed_n_vips(b), 1);
	assert_int_equal(bed_as(b, &b->fes[0], 1)->weight, 5);
	assert_false(lbsync_warm(b->s));
}

/* The clock runs without VPP; when it comes, everything is done at once. */
static void test_vpp_comes_after_the_warm_up(void **state)
{
	struct syncbed *b = *state;

	all_unknown(b);
	b->conf.startup_min_delay = 1 * NS_PER_S;
	b->conf.startup_max_delay = 2 * NS_PER_S;
	b->started = loop_clock() - 3 * NS_PER_S;
	bed_start(b);
	bed_turn_for(b, 20 * NS_PER_MS);
	logged(b, 1, "phase=done unreleased=3\n");
	bed_sim_start(b);
	bed_settle(b);
	assert_int_equal(bed_n_vips(b), 3);
}

static void test_reload_changes_the_delays(void **state)
{
	struct syncbed *b = *state;

	second_life(b, 5 * NS_PER_S, LONG, LONG);
	bed_until(b, connected);
	b->conf.startup_min_delay = b->conf.startup_max_delay = 4 * NS_PER_S;
	lbsync_reloaded(b->s);
	assert_true(lbsync_warm(b->s));
	bed_settle(b);
	/* over is over */
	b->conf.startup_min_delay = b->conf.startup_max_delay = LONG;
	lbsync_reloaded(b->s);
	assert_true(lbsync_warm(b->s));
}

/* The last unreleased frontend leaves the configuration. */
static void test_last_held_is_forgotten(void **state)
{
	struct syncbed *b = *state;

	second_life(b, 0, 0, LONG);
	bed_until(b, connected);
	known(b, &b->fes[0], 1, 1);
	known(b, &b->fes[1], 1, 1);
	assert_false(lbsync_warm(b->s));
	bed_forget(b, &b->fes[2]);
	lbsync_reloaded(b->s);
	assert_true(lbsync_warm(b->s));
	bed_settle(b);
	bed_assert_equal(b);
}

/* One that joins during the release phase is held until it is known, like the others. */
static void test_added_in_the_warm_up(void **state)
{
	struct syncbed *b = *state;
	struct fe late = b->fes[2];

	b->n_fes = 2;
	second_life(b, 0, 0, LONG);
	bed_until(b, connected);
	late.unknown = true;
	late.want.as = late.as;
	b->n_fes = 3;
	b->fes[2] = late;
	bed_add(b, &b->fes[2]);
	lbsync_reloaded(b->s);
	assert_false(b->fes[2].sync.released);
	known(b, &b->fes[0], 1, 1);
	known(b, &b->fes[1], 1, 1);
	assert_false(lbsync_warm(b->s));
	known(b, &b->fes[2], 1, 1);
	assert_true(lbsync_warm(b->s));
	bed_settle(b);
	bed_assert_equal(b);
}

/* So many VIPs and ASes that their text would not fit into a frame: it is not asked for, or the
 * connection would end, again and again. */
static void test_text_too_long(void **state)
{
	struct syncbed *b = *state;
	struct lb_vip_args v = { .encap = ENCAP_GRE4, .new_length = 64 };
	struct prefix p = { .len = 32, .addr.family = ADDR_IP4 };

	bed_sim_start(b);
	for (uint32_t i = 0; i < 800; i++) {
		p.addr.b[0] = 10;
		p.addr.b[1] = (uint8_t)(i / 250);
		p.addr.b[2] = (uint8_t)(i % 250);
		v.key = lb_key(&p, PROTO_TCP, 80);
		assert_int_equal(lbplugin_vip_add(bed_plugin(b), &v, 1, NULL), 0);
		for (int k = 0; k < 220; k++) {
			struct addr a = p.addr;
			struct ip46 as;

			a.b[3] = (uint8_t)(1 + k);
			as = ip46_from_addr(&a);
			assert_int_equal(lbplugin_as_add(bed_plugin(b), &v.key, &as, 0, false, 1),
					 0);
		}
	}
	b->conf.startup_min_delay = b->conf.startup_max_delay = LONG;
	bed_start(b);
	bed_until(b, connected);
	assert_int_equal(b->s->mirror.vips.n_vips, 800);
	assert_int_equal(bed_calls(b, VPP_CLI_INBAND), 0);
	logged(b, 1, "vpp-lb-text-unknown");
	logged(b, 0, "vpp-disconnect");
	assert_true(lbsync_connected(b->s));
}

static void test_switched_off(void **state)
{
	struct syncbed *b = *state;

	bed_sim_start(b);
	bed_start(b);
	assert_true(lbsync_warm(b->s));
	bed_settle(b);
	logged(b, 0, "vpp-lb-warmup");
	bed_assert_equal(b);
}

/* A VIP that is no frontend's stands in the way of one, and VPP does not let it go at first. A full
 * sync that is due for that waits for the warm-up's end, and so does the loop: asleep. */
static void test_stale_vip_refused(void **state)
{
	struct syncbed *b = *state;
	mono_ns until;

	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	bed_stop(b);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "2001:db8:2::", 1, 2);
	b->fes[1].want.n_as = 0; /* not configured any more */
	str_clear(&b->log);
	all_unknown(b);
	b->conf.startup_max_delay = LONG;
	bed_start(b);
	bed_until(b, connected);
	bed_refuse(b, "lb_add_del_vip_v2", -1, 3); /* both removals, the addition */
	known(b, &b->fes[0], 100, 100);
	until = loop_clock() + 10 * NS_PER_S;
	for (int turns = 0; loop_clock() < until; turns++) {
		assert_true(turns < 1000);
		loop_turn(b->loop, until - loop_clock());
	}
	assert_false(warm(b));
	assert_null(bed_vip(b, &b->fes[1]));
	assert_non_null(bed_vip(b, &b->fes[0]));
	logged(b, 0, "scope=all calls=");
}

#define T(NAME) cmocka_unit_test_setup_teardown(test_##NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hold_writes_nothing),
		T(drift_waits),
		T(released_one_by_one),
		T(known_at_the_minimum),
		T(maximum),
		T(unknown_vip_appears_at_its_release),
		T(unit_waits_for_its_last),
		T(vpp_restarts_in_the_warm_up),
		T(vpp_comes_after_the_warm_up),
		T(reload_changes_the_delays),
		T(last_held_is_forgotten),
		T(added_in_the_warm_up),
		T(text_too_long),
		T(stale_vip_refused),
		T(switched_off),
	};
	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
