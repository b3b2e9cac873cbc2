/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's stats segment, as the reader that the daemon has finds it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "lbsim/control.h"
#include "simclient.h"
#include "vpp/statsconn.h"

#define PATIENCE (60 * NS_PER_S)

struct bed {
	struct sim sim;
	char path[96];
	struct vpp_statsconn *conn;
	unsigned opened, failed;
	char why[256];
};

static void on_opened(void *ctx)
{
	((struct bed *)ctx)->opened++;
}

static void on_failed(void *ctx, const char *why)
{
	struct bed *b = ctx;
	b->failed++;
	snprintf(b->why, sizeof b->why, "%s", why);
}

static int setup(void **state)
{
	struct bed *b = XNEW(struct bed);
	sim_init(&b->sim);
	snprintf(b->path, sizeof b->path, "%s/stats", b->sim.dir);
	b->sim.opt.stats_path = b->path;
	sim_start(&b->sim);
	const struct vpp_statsconn_opts o = { .loop = b->sim.loop,
					      .path = b->path,
					      .retry = 10 * NS_PER_MS,
					      .timeout = PATIENCE,
					      .ctx = b,
					      .opened = on_opened,
					      .failed = on_failed };
	b->conn = vpp_statsconn_new(&o);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;
	vpp_statsconn_free(b->conn);
	sim_stop(&b->sim);
	(void)unlink(b->path);
	sim_done(&b->sim);
	free(b);
	return 0;
}

static void open_stats(struct bed *b)
{
	mono_ns until = loop_now_fresh(b->sim.loop) + PATIENCE;
	vpp_statsconn_start(b->conn);
	while (!vpp_statsconn_mem(b->conn)) {
		assert_true(loop_now_fresh(b->sim.loop) < until);
		loop_turn(b->sim.loop, NS_PER_S);
	}
}

static void control(struct bed *b, const char *line)
{
	struct str out = { 0 };
	control_run(b->sim.server, line, &out);
	assert_string_equal(str_z(&out), "{\"ok\":true}\n");
	str_done(&out);
	loop_turn(b->sim.loop, 0);
}

static void refused(struct bed *b, const char *line, const char *want)
{
	struct str out = { 0 };
	control_run(b->sim.server, line, &out);
	assert_string_equal(str_z(&out), want);
	str_done(&out);
}

static int read_one(struct bed *b, uint32_t index, uint32_t route, struct vpp_stats_figures *ret)
{
	const struct vpp_stats_vip v = { .index = index,
					 .route_known = true,
					 .route_index = route };
	struct err e;
	uint64_t boot;
	int r = vpp_stats_read(vpp_statsconn_mem(b->conn), &v, 1, ret, &boot, &e);
	if (r == 0)
		assert_in_range(boot, loop_wall() / NS_PER_S - 3600, loop_wall() / NS_PER_S);
	return r;
}

static uint32_t route_of(struct simclient *c, const char *prefix)
{
	const struct vpp_ip_route_lookup m = { .exact = 1, .pfx = prefix_of(prefix) };
	union vpp_body r;
	assert_int_equal(simclient_call(c, VPP_IP_ROUTE_LOOKUP, &m, &r), 0);
	return r.ip_route_lookup_reply.stats_index;
}

static void test_counts(void **state)
{
	struct bed *b = *state;
	struct simclient c;
	struct vpp_stats_figures f;
	const struct vpp_lb_add_del_vip v4 = vip_body("192.0.2.80/32", 6, 80),
					v6 = vip_body("2001:db8::80/128", 17, 53);
	simclient_open(&c, &b->sim);
	open_stats(b);
	/* Without VIPs there are no counters, which is no error. */
	assert_int_equal(read_one(b, 1, 0, &f), 0);
	assert_int_equal(f.first, 0);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v4, NULL), 0);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v6, NULL), 0);
	control(b, "count 1 first 3");
	control(b, "count 1 next 40 6000");
	control(b, "count 1 untracked 5");
	control(b, "count 2 no-server 7 700");
	assert_int_equal(read_one(b, 1, route_of(&c, "192.0.2.80/32"), &f), 0);
	assert_int_equal(f.first, 3);
	assert_int_equal(f.next, 40);
	assert_int_equal(f.untracked, 5);
	assert_int_equal(f.no_server, 0);
	assert_int_equal(f.route_packets, 48);
	assert_int_equal(f.route_bytes, 3 * 64 + 6000 + 5 * 64);
	assert_int_equal(read_one(b, 2, route_of(&c, "2001:db8::80/128"), &f), 0);
	assert_int_equal(f.no_server, 7);
	assert_int_equal(f.route_packets, 7);
	assert_int_equal(f.route_bytes, 700);
	simclient_close(&c);
}

/* A VIP that takes the place of another starts at 0, and so does its route. */
static void test_reused(void **state)
{
	struct bed *b = *state;
	struct simclient c;
	struct vpp_stats_figures f;
	struct vpp_lb_add_del_vip v = vip_body("192.0.2.80/32", 6, 80);
	simclient_open(&c, &b->sim);
	open_stats(b);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v, NULL), 0);
	uint32_t route = route_of(&c, "192.0.2.80/32");
	control(b, "count 1 first 3");
	v.is_del = true;
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v, NULL), 0);
	control(b, "advance 120");
	v = vip_body("192.0.2.81/32", 6, 80);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v, NULL), 0);
	loop_turn(b->sim.loop, 0);
	assert_int_equal(route_of(&c, "192.0.2.81/32"), route);
	assert_int_equal(read_one(b, 1, route, &f), 0);
	assert_int_equal(f.first, 0);
	assert_int_equal(f.route_packets, 0);
	simclient_close(&c);
}

/* Read without pause, in a process of its own, until the pipe is closed. It may be told to try
 * again, but never sees anything broken or a count that never was. Exit code 0 when all was well.
 */
static pid_t start_reader(struct bed *b, int ends[2])
{
	const struct vpp_stats_vip v = { .index = 1 };
	struct vpp_stats_figures f;
	struct err e;
	uint64_t boot;
	char byte;
	bool good = true;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(ends[1]);
	while (good && read(ends[0], &byte, 1) < 0) {
		int r = vpp_stats_read(vpp_statsconn_mem(b->conn), &v, 1, &f, &boot, &e);
		good = r == -EAGAIN || (r == 0 && (f.first == 0 || f.first == 1001));
	}
	_exit(good ? 0 : 1);
}

/* Vectors move many times over; a reader that is there all the while keeps reading what is true. */
static void test_growth(void **state)
{
	struct bed *b = *state;
	struct simclient c;
	struct vpp_stats_figures f;
	int ends[2], status;
	simclient_open(&c, &b->sim);
	open_stats(b);
	pid_t reader = start_reader(b, ends);
	for (unsigned i = 1; i <= 300; i++) {
		char prefix[32], line[64];
		snprintf(prefix, sizeof prefix, "192.0.%u.%u/32", i / 256, i % 256);
		const struct vpp_lb_add_del_vip v = vip_body(prefix, 6, 80);
		assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v, NULL), 0);
		snprintf(line, sizeof line, "count %u first %u", i, 1000 + i);
		control(b, line);
		uint32_t route = route_of(&c, prefix);
		assert_int_equal(read_one(b, i, route, &f), 0);
		assert_int_equal(f.first, 1000 + i);
		assert_int_equal(f.route_packets, 1000 + i);
		assert_int_equal(read_one(b, 1, route, &f), 0);
		assert_int_equal(f.first, 1001);
	}
	close(ends[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(ends[0]);
	simclient_close(&c);
}

static void test_busy(void **state)
{
	struct bed *b = *state;
	struct simclient c;
	struct vpp_stats_figures f;
	const struct vpp_lb_add_del_vip v = vip_body("192.0.2.80/32", 6, 80);
	simclient_open(&c, &b->sim);
	open_stats(b);
	control(b, "stats busy");
	assert_int_equal(read_one(b, 1, 0, &f), -EAGAIN);
	/* Changes of its own do not end it. */
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &v, NULL), 0);
	loop_turn(b->sim.loop, 0);
	assert_int_equal(read_one(b, 1, 0, &f), -EAGAIN);
	control(b, "stats on");
	assert_int_equal(read_one(b, 1, 0, &f), 0);
	simclient_close(&c);
}

static void test_off(void **state)
{
	struct bed *b = *state;
	mono_ns until = loop_now_fresh(b->sim.loop) + PATIENCE;
	struct vpp_stats_figures f;
	control(b, "stats off");
	control(b, "stats off");
	vpp_statsconn_start(b->conn);
	while (b->failed < 3) {
		assert_true(loop_now_fresh(b->sim.loop) < until);
		loop_turn(b->sim.loop, NS_PER_S);
	}
	assert_non_null(strstr(b->why, b->path));
	assert_null(vpp_statsconn_mem(b->conn));
	control(b, "stats on");
	while (!vpp_statsconn_mem(b->conn)) {
		assert_true(loop_now_fresh(b->sim.loop) < until);
		loop_turn(b->sim.loop, NS_PER_S);
	}
	assert_int_equal(b->opened, 1);
	control(b, "stats off"); /* who has it keeps it */
	assert_int_equal(read_one(b, 1, 0, &f), 0);
}

static void test_mistakes(void **state)
{
	struct bed *b = *state;
	refused(b, "count 1 first 3", "{\"error\":\"no VIP has index 1\"}\n");
	refused(b, "count 0 first 3",
		"{\"error\":\"vip: \\\"0\\\" is no number within 1..4294967295\"}\n");
	refused(b, "count 1 last 3",
		"{\"error\":\"\\\"last\\\" is none of first, next, untracked, no-server\"}\n");
	refused(b, "count 1 first x",
		"{\"error\":\"packets: \\\"x\\\" is no number within 0..4294967295\"}\n");
	refused(b, "stats gone", "{\"error\":\"\\\"gone\\\" is none of on, off, busy\"}\n");
	refused(b, "stats", "{\"error\":\"usage: stats on|off|busy\"}\n");
}

static void test_none(void **state)
{
	struct sim s;
	struct str out = { 0 };
	sim_init(&s);
	sim_start(&s);
	control_run(s.server, "stats on", &out);
	assert_string_equal(str_z(&out), "{\"error\":\"there is no --stats-socket\"}\n");
	str_done(&out);
	sim_stop(&s);
	sim_done(&s);
}

/* A path that cannot be listened on ends the start, and leaves nothing behind. */
static void test_refused_path(void **state)
{
	struct bed *b = *state;
	struct server_options opt = b->sim.opt;
	struct err err;
	char other[128];
	snprintf(other, sizeof other, "%s/other", b->sim.dir);
	opt.path = other;
	assert_null(server_new(b->sim.loop, &opt, &err));
	assert_int_equal(err.code, -EADDRINUSE);
	assert_int_not_equal(access(other, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test(test_none),
		cmocka_unit_test_setup_teardown(test_refused_path, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
