/* SPDX-License-Identifier: Apache-2.0 */
/* What VPP counts, from the simulator's stats segment to lbcounters' figures: which VIP they belong
 * to, what is asked for it, and that its absence harms nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "lbsim/listener.h"
#include "lbsync/lbcounters.h"
#include "syncbed.h"

#define N_FES 5

/* Two VIPs on one address, one alone, one that comes later, one more on the first address. */
static int setup(void **state)
{
	struct syncbed *b = XNEW(struct syncbed);

	bed_init(b, N_FES);
	fe_fill(&b->fes[0], "192.0.2.80", PROTO_TCP, 80, "198.51.100.", 10, 2);
	fe_fill(&b->fes[1], "192.0.2.80", PROTO_TCP, 443, "198.51.100.", 10, 2);
	fe_fill(&b->fes[2], "2001:db8:1::80", PROTO_UDP, 53, "198.51.100.", 20, 1);
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

static bool routes_known(struct syncbed *b)
{
	const struct lbcounters_vip *v;
	struct err e;
	wall_ns at;
	size_t n;

	if (lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e) < 0 || n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!v[i].route_known)
			return false;
	}
	return n == bed_n_vips(b);
}

static void begin(struct syncbed *b)
{
	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	bed_until(b, routes_known);
}

static uint32_t index_of(struct syncbed *b, const struct fe *f)
{
	const struct lb_vip *v = bed_vip(b, f);

	assert_non_null(v);
	return (uint32_t)(v - bed_plugin(b)->vips.v);
}

static void traffic(struct syncbed *b, const struct fe *f, enum lb_counter k, uint64_t packets,
		    uint64_t bytes)
{
	lbplugin_count(bed_plugin(b), index_of(b, f), k, packets, bytes);
	server_changed(b->sim);
	loop_turn(b->loop, 0);
}

/* The figures now; the age of the last scrape does not matter. */
static struct vpp_stats_figures figures(struct syncbed *b, const struct fe *f)
{
	const struct lbcounters_vip *v;
	struct err e;
	wall_ns at;
	size_t n;

	bed_turn_for(b, 1100 * NS_PER_MS);
	if (lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e) < 0)
		fail_msg("%s", e.msg);
	assert_in_range(at, loop_wall() - 60 * NS_PER_S, loop_wall());
	for (size_t i = 0; i < n; i++) {
		if (vip_key_cmp(&v[i].key, &f->want.key) == 0)
			return v[i].figures;
	}
	fail_msg("no figures for %s", f->name);
	return (struct vpp_stats_figures){ 0 };
}

static uint64_t lookups(struct syncbed *b)
{
	return bed_calls(b, VPP_IP_ROUTE_LOOKUP);
}

static void test_figures(void **state)
{
	struct syncbed *b = *state;
	struct vpp_stats_figures f;
	wall_ns boot;

	begin(b);
	traffic(b, &b->fes[0], LB_COUNTER_FIRST, 3, 300);
	traffic(b, &b->fes[0], LB_COUNTER_NEXT, 20, 2000);
	traffic(b, &b->fes[1], LB_COUNTER_UNTRACKED, 5, 500);
	traffic(b, &b->fes[2], LB_COUNTER_NO_SERVER, 7, 70);
	f = figures(b, &b->fes[0]);
	assert_int_equal(f.first, 3);
	assert_int_equal(f.next, 20);
	assert_int_equal(f.untracked, 0);
	assert_int_equal(f.no_server, 0);
	/* The route is the prefix's: both VIPs on it show the same. */
	assert_int_equal(f.route_packets, 28);
	assert_int_equal(f.route_bytes, 2800);
	f = figures(b, &b->fes[1]);
	assert_int_equal(f.untracked, 5);
	assert_int_equal(f.first, 0);
	assert_int_equal(f.route_packets, 28);
	f = figures(b, &b->fes[2]);
	assert_int_equal(f.no_server, 7);
	assert_int_equal(f.route_packets, 7);
	assert_int_equal(f.route_bytes, 70);
	assert_true(lbcounters_boottime(lbsync_counters(b->s), &boot));
	assert_in_range(boot, loop_wall() - 3600 * NS_PER_S, loop_wall());
	assert_int_equal(bed_logged(b, "vpp-connect"), 1);
	assert_int_equal(bed_logged(b, " boottime="), 1);
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 0);
}

/* Lookups are for prefixes whose VIPs came or went, and for no others. */
static void test_lookups(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	assert_int_equal(lookups(b), 2);
	b->fes[0].as[0].weight = 5;
	lbsync_changed(b->s, &b->fes[0].sync, false);
	bed_settle(b);
	bed_sync(b, NULL);
	bed_settle(b);
	assert_int_equal(lookups(b), 2);

	fe_fill(&b->fes[3], "192.0.2.99", PROTO_ANY, 0, "198.51.100.", 10, 1);
	bed_add(b, &b->fes[3]);
	lbsync_reloaded(b->s);
	bed_settle(b);
	bed_until(b, routes_known);
	assert_int_equal(lookups(b), 3);

	/* One more on a prefix that has two: its route is looked up again. */
	fe_fill(&b->fes[4], "192.0.2.80", PROTO_TCP, 8080, "198.51.100.", 10, 1);
	bed_add(b, &b->fes[4]);
	bed_forget(b, &b->fes[3]);
	lbsync_reloaded(b->s);
	bed_settle(b);
	bed_until(b, routes_known);
	assert_int_equal(lookups(b), 4);
	traffic(b, &b->fes[4], LB_COUNTER_FIRST, 1, 64);
	assert_int_equal(figures(b, &b->fes[0]).route_packets, 1);
}

/* A VIP that is made anew has another index in VPP, and counts from 0. */
static void test_recreated(void **state)
{
	struct syncbed *b = *state;
	uint32_t before;

	begin(b);
	traffic(b, &b->fes[2], LB_COUNTER_FIRST, 9, 900);
	assert_int_equal(figures(b, &b->fes[2]).first, 9);
	before = index_of(b, &b->fes[2]);
	b->fes[2].want.table_len = 256;
	bed_sync(b, &b->fes[2]);
	bed_settle(b);
	bed_until(b, routes_known);
	assert_int_not_equal(index_of(b, &b->fes[2]), before);
	assert_int_equal(figures(b, &b->fes[2]).first, 0);
	traffic(b, &b->fes[2], LB_COUNTER_FIRST, 2, 20);
	assert_int_equal(figures(b, &b->fes[2]).first, 2);
	assert_int_equal(figures(b, &b->fes[2]).route_packets, 2);
}

static void test_restart(void **state)
{
	struct syncbed *b = *state;
	const struct lbcounters_vip *v;
	struct err e;
	wall_ns at;
	size_t n;

	begin(b);
	traffic(b, &b->fes[0], LB_COUNTER_FIRST, 3, 300);
	assert_int_equal(figures(b, &b->fes[0]).first, 3);
	bed_sim_stop(b);
	while (lbsync_connected(b->s))
		loop_turn(b->loop, NS_PER_S);
	assert_int_equal(lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e), -ENODATA);
	bed_sim_start(b);
	bed_settle(b);
	bed_until(b, routes_known);
	assert_int_equal(figures(b, &b->fes[0]).first, 0);
	assert_int_equal(bed_logged(b, " boottime="), 2);
}

/* What is known of VPP the first time there is anything to tell. */
static struct vpp_stats_figures first_figures(struct syncbed *b, const struct fe *f)
{
	const struct lbcounters_vip *v;
	struct err e;
	wall_ns at;
	size_t n;

	for (;;) {
		loop_turn(b->loop, NS_PER_S);
		if (lbcounters_last(lbsync_counters(b->s), &v, &n, &at, &e) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (vip_key_cmp(&v[i].key, &f->want.key) == 0)
				return v[i].figures;
		}
	}
}

/* We begin anew, VPP does not: its counters are never told as 0, which would be taken for a restart
 * of VPP's, and all that they ever counted for the traffic since. */
static void test_our_restart(void **state)
{
	struct syncbed *b = *state;

	begin(b);
	traffic(b, &b->fes[0], LB_COUNTER_FIRST, 3, 300);
	assert_int_equal(figures(b, &b->fes[0]).first, 3);
	bed_stop(b);
	bed_start(b);
	assert_int_equal(first_figures(b, &b->fes[0]).first, 3);
}

/* In simulated time the wall clock stands still, as one does that is set back all the time. */
static void test_age_of_the_session(void **state)
{
	struct syncbed *b = *state;
	struct lbsync_vpp vpp;

	begin(b);
	assert_true(lbsync_vpp_info(b->s, &vpp));
	assert_in_range(vpp.connected_for, 0, 10 * NS_PER_S);
	bed_turn_for(b, 3600 * NS_PER_S);
	assert_true(lbsync_vpp_info(b->s, &vpp));
	assert_in_range(vpp.connected_for, 3600 * NS_PER_S, 3610 * NS_PER_S);
}

/* A VIP that comes says nothing about the others on its prefix: their route's figures stay. */
static void test_new_neighbour(void **state)
{
	const struct lbcounters_vip *v;
	struct syncbed *b = *state;
	struct err e;
	wall_ns at;
	size_t n;

	begin(b);
	traffic(b, &b->fes[0], LB_COUNTER_FIRST, 3, 300);
	assert_int_equal(figures(b, &b->fes[0]).route_packets, 3);
	fe_fill(&b->fes[4], "192.0.2.80", PROTO_TCP, 8080, "198.51.100.", 10, 1);
	bed_add(b, &b->fes[4]);
	lbsync_reloaded(b->s);
	bed_settle(b);
	assert_int_equal(lbcounters_last(lbsync_counters(b->s), &v, &n, &at, &e), 0);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		if (vip_key_cmp(&v[i].key, &b->fes[0].want.key) != 0)
			continue;
		assert_true(v[i].route_known);
		assert_int_equal(v[i].figures.route_packets, 3);
	}
}

/* ---- without */

static void expect_none(struct syncbed *b, const char *why)
{
	const struct lbcounters_vip *v;
	struct lbsync_vpp vpp;
	struct err e = { 0 };
	wall_ns at;
	size_t n;

	assert_int_equal(lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e), -ENODATA);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" is not in \"%s\"", why, e.msg);
	assert_true(lbsync_vpp_info(b->s, &vpp));
	assert_int_equal(vpp.booted_at, 0);
	assert_int_equal(lookups(b), 0); /* of no use */
	bed_assert_equal(b);
}

/* The socket comes later than VPP: it is found by itself, and its absence was told once. */
static void test_missing(void **state)
{
	struct syncbed *b = *state;
	struct err e;

	bed_sim_start(b);
	assert_int_equal(stats_serve(server_stats(b->sim), false, &e), 0);
	bed_start(b);
	bed_settle(b);
	expect_none(b, "stats.sock");
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 1);
	bed_turn_for(b, 5500 * NS_PER_MS);
	expect_none(b, "stats.sock");
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 1);
	assert_int_equal(bed_logged(b, " boottime="), 0);
	assert_int_equal(stats_serve(server_stats(b->sim), true, &e), 0);
	bed_until(b, routes_known);
	assert_int_equal(lookups(b), 2);
	assert_int_equal(bed_logged(b, "vpp-connect"), 1);
}

/* Nobody answers on the socket, or VPP is changing the memory for ever: the API is what counts. */
static void test_silent(void **state)
{
	struct syncbed *b = *state;

	bed_sim_start(b);
	stats_pause(server_stats(b->sim), true);
	bed_start(b);
	bed_settle(b);
	expect_none(b, "not been read yet");
	stats_pause(server_stats(b->sim), false);
	bed_until(b, routes_known);
}

static void test_busy(void **state)
{
	struct syncbed *b = *state;

	bed_sim_start(b);
	stats_hold(server_stats(b->sim), true);
	bed_start(b);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_logged(b, " boottime="), 0);
	stats_hold(server_stats(b->sim), false);
	bed_until(b, routes_known);
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 0);
}

/* ---- somebody who gives out nonsense */

struct liar {
	struct listener *listener;
	int fd; /* what is given; -1: nothing */
	unsigned asked;
};

static void lie(void *ctx, int fd)
{
	struct liar *l = ctx;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	l->asked++;
	if (l->fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = sizeof control.buf;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &l->fd, sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), 1);
	(void)close(fd);
}

static void with_liar(struct syncbed *b, int fd, const char *why)
{
	struct liar l = { .fd = fd };
	struct err e;

	bed_sim_start(b);
	assert_int_equal(stats_serve(server_stats(b->sim), false, &e), 0);
	l.listener = listener_new(b->loop, b->stats_path, SOCK_SEQPACKET, lie, &l, &e);
	assert_non_null(l.listener);
	bed_start(b);
	bed_settle(b);
	expect_none(b, why);
	assert_int_equal(l.asked, 1);
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 1);
	listener_free(l.listener);
}

static void test_nothing_given(void **state)
{
	with_liar(*state, -1, "no descriptor");
}

static void test_socket_given(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	with_liar(*state, fd, "no stats memory");
	(void)close(fd);
}

static void test_empty_given(void **state)
{
	int fd = memfd_create("empty", 0);

	with_liar(*state, fd, "no stats memory");
	(void)close(fd);
}

static void test_zeros_given(void **state)
{
	int fd = memfd_create("zeros", MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, 65536), 0);
	with_liar(*state, fd, "version 0");
	(void)close(fd);
}

/* Memory that is cut while we have it. It cannot be sealed, so that it is not mapped. */
static void test_cut_memory(void **state)
{
	struct syncbed *b = *state;
	const uint64_t header[5] = { 2, 0x1000, 0, 0, 0 };
	const struct lbcounters_vip *v;
	struct liar l = { .fd = memfd_create("cut", 0) };
	struct err e;
	wall_ns at;
	size_t n;

	assert_int_equal(ftruncate(l.fd, 65536), 0);
	assert_int_equal(pwrite(l.fd, header, sizeof header, 0), sizeof header);
	bed_sim_start(b);
	assert_int_equal(stats_serve(server_stats(b->sim), false, &e), 0);
	l.listener = listener_new(b->loop, b->stats_path, SOCK_SEQPACKET, lie, &l, &e);
	assert_non_null(l.listener);
	bed_start(b);
	bed_settle(b);
	assert_int_equal(lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e), 0);
	assert_int_equal(ftruncate(l.fd, 0), 0);
	bed_turn_for(b, 1100 * NS_PER_MS);
	assert_int_equal(lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e), -ENODATA);
	assert_int_equal(bed_logged(b, "vpp-lb-stats-error"), 1);
	/* The scrape that was to come next finds nothing to read; then it is tried again. */
	bed_turn_for(b, 4500 * NS_PER_MS);
	assert_int_equal(l.asked, 1);
	bed_turn_for(b, 1500 * NS_PER_MS);
	assert_int_equal(l.asked, 2);
	bed_assert_equal(b);
	listener_free(l.listener);
	(void)close(l.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lookups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recreated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age_of_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zeros_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_memory, setup, teardown),
	};

	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
