/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator on real sockets: several clients, bad ones, slow ones, and what tests do to it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "simclient.h"

#include <cmocka.h>

#include "base/alloc.h"
#include "lbsim/conn.h"
#include "lbsim/control.h"

static int setup(void **state)
{
	struct sim *s = XNEW(struct sim);
	sim_init(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	sim_done(*state);
	free(*state);
	return 0;
}

static const struct lbplugin *plugin(struct sim *s)
{
	return &server_api(s->server)->plugin;
}

static void test_two_clients(void **state)
{
	struct sim *s = *state;
	struct simclient a, b;
	union vpp_body r;
	sim_start(s);
	simclient_open(&a, s);
	simclient_open(&b, s);
	assert_int_equal(a.index, 0x80000001u);
	assert_int_equal(b.index, 0x80000002u);
	struct vpp_lb_add_del_vip vip = vip_body("192.0.2.80/32", 6, 80);
	assert_int_equal(simclient_call(&a, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), 0);
	assert_int_equal(simclient_call(&b, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), -81);
	assert_int_equal(simclient_call(&b, VPP_SHOW_VERSION, NULL, &r), 0);
	assert_string_equal(r.show_version_reply.version, "26.10-test");
	simclient_close(&a);
	assert_int_equal(simclient_call(&b, VPP_CONTROL_PING, NULL, NULL), 0);
	simclient_close(&b);
}

/* Answers to another client's index reach that client. */
static void test_answer_goes_to_the_index(void **state)
{
	struct sim *s = *state;
	struct simclient a, b;
	struct wire_hdr h;
	union vpp_body r;
	sim_start(s);
	simclient_open(&a, s);
	simclient_open(&b, s);
	(void)simclient_send_as(&a, b.index, VPP_CONTROL_PING, NULL);
	simclient_expect(&b, VPP_CONTROL_PING_REPLY, &h, &r);
	(void)simclient_send_as(&a, 0x80000077u, VPP_CONTROL_PING, NULL);
	assert_true(simclient_quiet(&a));
	assert_true(simclient_quiet(&b));
	simclient_close(&a);
	simclient_close(&b);
}

/* A frame in pieces of one byte, and many frames in one piece. */
static void test_pieces(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	struct str out = { 0 };
	struct wire_hdr h;
	union vpp_body r;
	sim_start(s);
	simclient_open(&c, s);
	for (uint32_t i = 0; i < 100; i++) {
		h = (struct wire_hdr){ c.ids.id[VPP_CONTROL_PING], c.index, i };
		wire_encode(&vpp_msgs[VPP_CONTROL_PING], &h, &r, &out);
	}
	for (size_t i = 0; i < out.len / 2; i++)
		simclient_write(&c, out.p + i, 1);
	simclient_write(&c, out.p + out.len / 2, out.len - out.len / 2);
	for (uint32_t i = 0; i < 100; i++) {
		simclient_expect(&c, VPP_CONTROL_PING_REPLY, &h, &r);
		assert_int_equal(h.context, i);
	}
	str_done(&out);
	simclient_close(&c);
}

static void dropped_after(struct sim *s, const void *p, size_t n)
{
	struct simclient bad;
	simclient_open(&bad, s);
	simclient_write(&bad, p, n);
	assert_true(simclient_ended(&bad));
	simclient_close(&bad);
}

/* Its sender goes, everybody else stays. */
static void test_garbage(void **state)
{
	struct sim *s = *state;
	struct simclient good;
	uint8_t frame[WIRE_FRAME_HDR + 8] = { 0 };
	uint8_t noise[4096];
	sim_start(s);
	simclient_open(&good, s);
	wire_frame_put(frame, WIRE_FRAME_MAX + 1);
	dropped_after(s, frame, WIRE_FRAME_HDR);
	memset(noise, 0xff, sizeof noise);
	dropped_after(s, noise, sizeof noise);
	wire_frame_put(frame, 0); /* not even an id */
	dropped_after(s, frame, WIRE_FRAME_HDR);
	uint16_t id = good.ids.id[VPP_LB_CONF];
	wire_frame_put(frame, 8); /* fields missing */
	frame[WIRE_FRAME_HDR] = (uint8_t)(id >> 8);
	frame[WIRE_FRAME_HDR + 1] = (uint8_t)id;
	dropped_after(s, frame, sizeof frame);
	assert_int_equal(simclient_call(&good, VPP_CONTROL_PING, NULL, NULL), 0);
	simclient_close(&good);
}

static void test_hangup_inside_a_frame(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	simclient_write(&c, "\0\0\0", 3);
	simclient_close(&c);
	simclient_open(&c, s); /* perhaps before the other one was noticed */
	assert_int_equal(simclient_call(&c, VPP_CONTROL_PING, NULL, NULL), 0);
	simclient_close(&c);
}

static void test_clean_end(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	union vpp_body r;
	struct wire_hdr h;
	sim_start(s);
	simclient_open(&c, s);
	(void)simclient_send(&c, VPP_SOCKCLNT_DELETE, &(struct vpp_sockclnt_delete){ c.index });
	(void)simclient_send(&c, VPP_CONTROL_PING, NULL); /* not answered any more */
	simclient_expect(&c, VPP_SOCKCLNT_DELETE_REPLY, &h, &r);
	assert_int_equal(r.sockclnt_delete_reply.response, 1);
	assert_true(simclient_ended(&c));
	simclient_close(&c);
}

/* Many more answers than fit are asked for by one who does not read. What is buffered for it stays
 * bounded (the requests wait), and all come in order when it reads at last. */
static void test_slow_reader(void **state)
{
	struct sim *s = *state;
	struct simclient c, other;
	static const struct vpp_cli_inband cmd = { { "show lb vips verbose", 20 } };
	struct str one = { 0 };
	uint32_t sent = 0;
	union vpp_body r;
	struct wire_hdr h;
	sim_start(s);
	simclient_open(&c, s);
	simclient_open(&other, s);
	for (unsigned i = 1; i <= 200; i++) {
		char prefix[32];
		snprintf(prefix, sizeof prefix, "192.0.2.%u/32", i);
		struct vpp_lb_add_del_vip vip = vip_body(prefix, 6, 80);
		vip.new_flows_table_length = 1;
		assert_int_equal(simclient_call(&other, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), 0);
	}
	for (int refused = 0; refused < 50;) { /* until it takes no more for a while */
		h = (struct wire_hdr){ c.ids.id[VPP_CLI_INBAND], c.index, sent };
		str_clear(&one);
		wire_encode(&vpp_msgs[VPP_CLI_INBAND], &h, &cmd, &one);
		ssize_t n = send(c.fd, one.p, one.len, MSG_NOSIGNAL);
		if (n > 0) {
			assert_int_equal(n, one.len); /* small enough to go whole or not at all */
			sent++;
			refused = 0;
		} else {
			refused++;
		}
		loop_turn(s->loop, 0);
		assert_true(sent < 100000); /* bounded: it would go on for ever */
	}
	uint64_t taken = server_api(s->server)->calls[VPP_CLI_INBAND];
	assert_true(taken < sent);
	assert_in_range(taken, 1, 2 * CONN_OUT_HIGH / 40000); /* some 45 KB each */
	assert_int_equal(simclient_call(&other, VPP_CONTROL_PING, NULL, NULL), 0);
	for (uint32_t i = 0; i < sent; i++) {
		simclient_expect(&c, VPP_CLI_INBAND_REPLY, &h, &r);
		assert_int_equal(h.context, i);
		assert_in_range(r.cli_inband_reply.reply.n, 40000, 60000);
	}
	str_done(&one);
	simclient_close(&c);
	simclient_close(&other);
}

static void test_too_many_clients(void **state)
{
	struct sim *s = *state;
	struct simclient c[API_CLIENTS_MAX + 1];
	sim_start(s);
	for (size_t i = 0; i < API_CLIENTS_MAX; i++)
		simclient_open(&c[i], s);
	simclient_connect(&c[API_CLIENTS_MAX], s);
	assert_true(simclient_ended(&c[API_CLIENTS_MAX]));
	assert_int_equal(simclient_call(&c[5], VPP_CONTROL_PING, NULL, NULL), 0);
	for (size_t i = 0; i <= API_CLIENTS_MAX; i++)
		simclient_close(&c[i]);
}

/* ---- the socket file */

static void test_stale_socket(void **state)
{
	struct sim *s = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	strcpy(sun.sun_path, s->path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
	close(fd); /* as a process that crashed leaves it */
	sim_start(s);
	struct simclient c;
	simclient_open(&c, s);
	simclient_close(&c);
}

static void fails_with(struct sim *s, const char *path, int code)
{
	struct err err = { 0 };
	struct server_options opt = s->opt;
	opt.path = path;
	assert_null(server_new(s->loop, &opt, &err));
	assert_int_equal(err.code, code);
}

static void test_socket_in_use(void **state)
{
	struct sim *s = *state;
	char file[96], longer[200];
	struct stat st;
	sim_start(s);
	fails_with(s, s->path, -EADDRINUSE);
	assert_int_equal(stat(s->path, &st), 0); /* and is not removed */
	snprintf(file, sizeof file, "%s/plain", s->dir);
	fclose(fopen(file, "w"));
	fails_with(s, file, -EEXIST);
	unlink(file);
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	fails_with(s, longer, -ENAMETOOLONG);
	fails_with(s, "/nonexistent/dir/api.sock", -ENOENT);
	fails_with(s, "", -EINVAL);
}

/* ---- time */

static void add_and_delete(struct simclient *c)
{
	struct vpp_lb_add_del_vip vip = vip_body("192.0.2.80/32", 6, 80);
	struct vpp_lb_add_del_as as = as_body("192.0.2.80/32", 6, 80, "198.51.100.10", 100);
	assert_int_equal(simclient_call(c, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), 0);
	assert_int_equal(simclient_call(c, VPP_LB_ADD_DEL_AS_V2, &as, NULL), 0);
	as.is_del = true;
	assert_int_equal(simclient_call(c, VPP_LB_ADD_DEL_AS_V2, &as, NULL), 0);
}

/* The timer runs on its own, faster by the factor asked for. */
static void test_scaled_collection(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	s->opt.gc_interval = 50 * NS_PER_MS;
	sim_start(s);
	simclient_open(&c, s);
	add_and_delete(&c);
	mono_ns end = loop_clock() + 60 * NS_PER_S;
	while (slots_count(&plugin(s)->as_slots) > 1 && loop_clock() < end)
		loop_turn(s->loop, NS_PER_MS);
	assert_int_equal(slots_count(&plugin(s)->as_slots), 1);
	/* Not before the VIP was a collection old, 60 s of VPP's. */
	assert_true(server_time(s->server).uptime >= 60);
	simclient_close(&c);
}

static void test_advance(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	add_and_delete(&c);
	server_advance(s->server, 40);
	assert_int_equal(slots_count(&plugin(s)->as_slots), 2);
	uint32_t before = server_time(s->server).uptime;
	server_advance(s->server, 100);
	assert_in_range(server_time(s->server).uptime - before, 100, 160);
	assert_int_equal(slots_count(&plugin(s)->as_slots), 1);
	simclient_close(&c);
}

/* ---- the control commands */

static void control(struct sim *s, const char *line, const char *want)
{
	struct str out = { 0 };
	control_run(s->server, line, &out);
	assert_string_equal(str_z(&out), want);
	str_done(&out);
}

static void test_silence(void **state)
{
	struct sim *s = *state;
	struct simclient c, late;
	struct wire_hdr h;
	union vpp_body r;
	sim_start(s);
	simclient_open(&c, s);
	mono_ns from = loop_now_fresh(s->loop);
	control(s, "silence 200ms", "{\"ok\":true}\n");
	uint32_t context = simclient_send(&c, VPP_CONTROL_PING, NULL);
	simclient_connect(&late, s);
	simclient_expect(&c, VPP_CONTROL_PING_REPLY, &h, &r); /* what came meanwhile is done */
	assert_int_equal(h.context, context);
	assert_true(loop_now_fresh(s->loop) - from >= 200 * NS_PER_MS);
	simclient_close(&late);
	simclient_close(&c);
}

/* A client that went away during the silence does no harm. */
static void test_hangup_during_silence(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	control(s, "silence 20ms", "{\"ok\":true}\n");
	(void)simclient_send(&c, VPP_CONTROL_PING, NULL);
	simclient_close(&c);
	simclient_open(&c, s);
	assert_int_equal(simclient_call(&c, VPP_CONTROL_PING, NULL, NULL), 0);
	simclient_close(&c);
}

static void test_drop(void **state)
{
	struct sim *s = *state;
	struct simclient a, b;
	sim_start(s);
	simclient_open(&a, s);
	simclient_open(&b, s);
	control(s, "drop", "{\"ok\":true,\"clients\":2}\n");
	assert_true(simclient_ended(&a));
	assert_true(simclient_ended(&b));
	control(s, "drop", "{\"ok\":true,\"clients\":0}\n");
	simclient_close(&a);
	simclient_close(&b);
}

static void test_fail(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	struct vpp_lb_add_del_vip vip = vip_body("192.0.2.80/32", 6, 80);
	control(s, "fail lb_add_del_vip_v2 -73", "{\"ok\":true}\n");
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), -73);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), 0);
	control(s, "fail lb_vip_dump -1",
		"{\"error\":\"lb_vip_dump is no call that changes something\"}\n");
	control(s, "fail lb_conf", "{\"error\":\"usage: fail MESSAGE RETVAL [COUNT]\"}\n");
	control(s, "fail lb_conf x",
		"{\"error\":\"retval: \\\"x\\\" is no number within "
		"-2147483648..2147483647\"}\n");
	simclient_close(&c);
}

static void test_flows(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	add_and_delete(&c);
	control(s, "flows 1 198.51.100.10 5", "{\"ok\":true}\n");
	server_advance(s->server, 600);
	assert_int_equal(slots_count(&plugin(s)->as_slots), 2); /* kept by its flows */
	control(s, "flows 1 198.51.100.10 0", "{\"ok\":true}\n");
	server_advance(s->server, 60);
	assert_int_equal(slots_count(&plugin(s)->as_slots), 1);
	control(s, "flows 1 198.51.100.10 5", "{\"error\":\"VIP 1 has no AS 198.51.100.10\"}\n");
	control(s, "flows 7 198.51.100.10 5", "{\"error\":\"no VIP has index 7\"}\n");
	control(s, "flows 0 198.51.100.10 5",
		"{\"error\":\"vip: \\\"0\\\" is no number within 1..4294967295\"}\n");
	control(s, "flows 1 nobody 5", "{\"error\":\"as: \\\"nobody\\\" is no address\"}\n");
	simclient_close(&c);
}

static void test_send_and_keepalive(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	struct wire_hdr h;
	union vpp_body r;
	char byte;
	sim_start(s);
	simclient_open(&c, s);
	control(s, "keepalive", "{\"ok\":true,\"clients\":1}\n");
	simclient_expect(&c, VPP_MEMCLNT_KEEPALIVE, &h, &r);
	control(s, "send 41", "{\"ok\":true,\"clients\":1}\n");
	loop_turn(s->loop, 0);
	assert_int_equal(recv(c.fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 'A');
	control(s, "send 4", "{\"error\":\"not an even number of hexadecimal digits\"}\n");
	control(s, "send 4x", "{\"error\":\"not an even number of hexadecimal digits\"}\n");
	simclient_close(&c);
}

static void test_state(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	struct str out = { 0 };
	sim_start(s);
	simclient_open(&c, s);
	struct vpp_lb_add_del_vip vip = vip_body("192.0.2.80/32", 6, 80);
	struct vpp_lb_add_del_as as = as_body("192.0.2.80/32", 6, 80, "198.51.100.10", 100);
	vip.src_ip_sticky = true;
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_VIP_V2, &vip, NULL), 0);
	assert_int_equal(simclient_call(&c, VPP_LB_ADD_DEL_AS_V2, &as, NULL), 0);
	control_run(s->server, "state", &out);
	static const char want[] =
		"\"pid\":4242,\"version\":\"26.10-test\",\"conf\":{\"ip4_src_address\":"
		"\"255.255.255.255\",\"ip6_src_address\":\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:"
		"ffff\","
		"\"sticky_buckets_per_core\":1024,\"flow_timeout\":40},\"clients\":[{\"index\":"
		"2147483649,\"name\":\"test\",\"requests\":3,\"keepalives_answered\":0}],\"calls\":"
		"{"
		"\"sockclnt_create\":1,\"lb_add_del_vip_v2\":1,\"lb_add_del_as_v2\":1},\"vips\":[{"
		"\"index\":1,\"prefix\":\"192.0.2.80/32\",\"protocol\":6,\"port\":80,\"type\":"
		"\"ip4-gre4\",\"src_ip_sticky\":true,\"new_flows_table_length\":1024,\"used\":true,"
		"\"ases\":[{\"index\":1,\"address\":\"198.51.100.10\",\"weight\":100,\"buckets\":"
		"1024,"
		"\"flows\":0,\"used\":true,\"in_use_since\":0}]}]}\n";
	const char *rest = strstr(str_z(&out), "\"pid\"");
	assert_non_null(rest);
	assert_string_equal(rest, want);
	str_done(&out);
	simclient_close(&c);
}

static void test_control_mistakes(void **state)
{
	struct sim *s = *state;
	sim_start(s);
	control(s, "", "{\"error\":\"unknown command \\\"\\\"\"}\n");
	control(s, "nonsense", "{\"error\":\"unknown command \\\"nonsense\\\"\"}\n");
	control(s, "state now", "{\"error\":\"usage: state \"}\n");
	control(s, "a b c d e f", "{\"error\":\"too many words\"}\n");
	control(s, "silence -1s", "{\"error\":\"a time cannot be negative\"}\n");
	control(s, "advance -1",
		"{\"error\":\"seconds: \\\"-1\\\" is no number within 0..864000\"}\n");
}

/* The control socket itself: two commands in one piece, a line that is too long. */
static void test_control_socket(void **state)
{
	struct sim *s = *state;
	struct sim there = { 0 }; /* the same loop, another socket */
	struct simclient c;
	struct err err = { 0 };
	char noise[CONTROL_LINE_MAX + 100], got[256] = "";
	size_t n = 0;
	sim_start(s);
	there.loop = s->loop;
	snprintf(there.path, sizeof there.path, "%s/ctl", s->dir);
	struct control *ctl = control_new(s->loop, there.path, s->server, &err);
	assert_non_null(ctl);
	simclient_connect(&c, &there);
	simclient_write(&c, "drop\r\nnope\n", 11);
	static const char want[] =
		"{\"ok\":true,\"clients\":0}\n{\"error\":\"unknown command \\\"nope\\\"\"}\n";
	mono_ns end = loop_clock() + 60 * NS_PER_S;
	while (n < strlen(want) && loop_clock() < end) {
		ssize_t r = recv(c.fd, got + n, sizeof got - 1 - n, 0);
		n += r > 0 ? (size_t)r : 0;
		loop_turn(s->loop, NS_PER_MS);
	}
	assert_string_equal(got, want);
	memset(noise, 'x', sizeof noise);
	simclient_write(&c, noise, sizeof noise);
	assert_true(simclient_ended(&c));
	simclient_close(&c);
	control_free(ctl);
}

static void test_death(void **state)
{
	struct sim *s = *state;
	struct simclient c;
	sim_start(s);
	simclient_open(&c, s);
	struct vpp_lb_add_del_vip vip = vip_body("192.0.2.80/32", 6, 80);
	vip.new_flows_table_length = 0;
	(void)simclient_send(&c, VPP_LB_ADD_DEL_VIP_V2, &vip);
	assert_true(simclient_quiet(&c));
	assert_non_null(s->death);
	simclient_close(&c);
}

#define TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_clients),
		TEST(test_answer_goes_to_the_index),
		TEST(test_pieces),
		TEST(test_garbage),
		TEST(test_hangup_inside_a_frame),
		TEST(test_clean_end),
		TEST(test_slow_reader),
		TEST(test_too_many_clients),
		TEST(test_stale_socket),
		TEST(test_socket_in_use),
		TEST(test_scaled_collection),
		TEST(test_advance),
		TEST(test_silence),
		TEST(test_hangup_during_silence),
		TEST(test_drop),
		TEST(test_fail),
		TEST(test_flows),
		TEST(test_send_and_keepalive),
		TEST(test_state),
		TEST(test_control_mistakes),
		TEST(test_control_socket),
		TEST(test_death),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
