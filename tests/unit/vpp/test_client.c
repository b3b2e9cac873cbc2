/* SPDX-License-Identifier: Apache-2.0 */
/* The session against a scripted VPP that answers, refuses, lies, stalls and dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "fakevpp.h"
#include "vpp/client.h"

struct fixture {
	struct loop *loop;
	struct fakevpp vpp;
	struct vpp_client *client;
	bool up, down, failed; /* it happened; reset by the test */
	unsigned n_up, n_down, n_failed;
	char why[512];
	/* answers */
	struct str log; /* a letter per answer */
	bool done;      /* the letter 'Z' was logged */
	struct vpp_answer last;
	union vpp_body body;
};

static void on_up(void *ctx)
{
	struct fixture *t = ctx;

	t->up = true;
	t->n_up++;
}

static void on_down(void *ctx, const char *why)
{
	struct fixture *t = ctx;

	t->down = true;
	t->n_down++;
	snprintf(t->why, sizeof t->why, "%s", why);
}

static void on_failed(void *ctx, const char *why)
{
	struct fixture *t = ctx;

	t->failed = true;
	t->n_failed++;
	snprintf(t->why, sizeof t->why, "%s", why);
}

/* Quick retries; pings and their deadline so far off that no slow machine meets them. */
static struct vpp_client_opts opts(struct fixture *t)
{
	return (struct vpp_client_opts){ .loop = t->loop,
					 .path = t->vpp.path,
					 .ping_interval = 600 * NS_PER_S,
					 .ping_timeout = 300 * NS_PER_S,
					 .retry_min = 2 * NS_PER_MS,
					 .retry_max = 10 * NS_PER_MS,
					 .ctx = t,
					 .up = on_up,
					 .down = on_down,
					 .failed = on_failed };
}

static void start(struct fixture *t)
{
	struct vpp_client_opts o = opts(t);

	t->client = vpp_client_new(&o);
}

static void connect_it(struct fixture *t)
{
	fakevpp_listen(&t->vpp);
	start(t);
	turn_until(t->loop, &t->up);
	assert_true(vpp_client_is_up(t->client));
	assert_string_equal(vpp_client_why(t->client), "");
}

static int setup(void **state)
{
	struct fixture *t = calloc(1, sizeof *t);

	t->loop = loop_new();
	fakevpp_init(&t->vpp, t->loop, 700);
	t->vpp.ctx = t;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *t = *state;

	vpp_client_free(t->client);
	fakevpp_done(&t->vpp);
	loop_free(t->loop);
	str_done(&t->log);
	free(t);
	return 0;
}

/* ---- answers: 'd' details, 'e' end of a dump, 'r' reply, 'x' lost */

static void on_answer(void *ctx, const struct vpp_answer *a)
{
	struct fixture *t = ctx;

	t->last = *a;
	if (a->body)
		t->body = *a->body;
	str_add_c(&t->log, a->status < 0 ? 'x' : a->details ? 'd' : a->body ? 'r' : 'e');
	t->done = a->last && vpp_client_open_requests(t->client) == 0;
}

static void handler(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
		    const union vpp_body *b)
{
	struct vpp_lb_conf_get_reply conf = { .flow_timeout = 40 };
	struct vpp_lb_vip_details vip = { .pfx.addr.family = ADDR_IP4, .pfx.len = 32 };

	if (m == VPP_LB_CONF_GET)
		fakevpp_reply(f, VPP_LB_CONF_GET_REPLY, h, &conf);
	else if (m == VPP_LB_VIP_DUMP)
		for (int i = 0; i < 3; i++)
			fakevpp_reply(f, VPP_LB_VIP_DETAILS, h, &vip);
	else if (m == VPP_LB_CONF)
		fakevpp_retval(f, m, h, -70);
}

static void test_handshake_and_requests(void **state)
{
	struct fixture *t = *state;
	struct vpp_lb_conf conf = { .flow_timeout = 1 };
	struct vpp_lb_vip_dump dump = { .pfx.addr.family = ADDR_IP4, .protocol = 255 };

	t->vpp.handler = handler;
	connect_it(t);
	assert_int_equal(vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t), 0);
	assert_int_equal(vpp_client_send(t->client, VPP_LB_VIP_DUMP, &dump, on_answer, t), 0);
	assert_int_equal(vpp_client_send(t->client, VPP_LB_CONF, &conf, on_answer, t), 0);
	assert_int_equal(vpp_client_open_requests(t->client), 3);
	turn_until(t->loop, &t->done);
	assert_string_equal(t->log.p, "rddder");
	assert_int_equal(t->body.retval, -70);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_CONF)->send_ok, 1);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_CONF)->round_trips, 1);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_CONF_REPLY)->recv_failed, 1);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_VIP_DETAILS)->recv_ok, 3);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_CONF_GET_REPLY)->recv_ok, 1);
}

static void test_pipelined_in_one_go(void **state)
{
	struct fixture *t = *state;

	t->vpp.handler = handler;
	connect_it(t);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t),
				 0);
	turn_until(t->loop, &t->done);
	assert_int_equal(t->log.len, 1000);
	assert_int_equal(strspn(t->log.p, "r"), 1000);
}

static void test_no_more_than_the_bound(void **state)
{
	struct fixture *t = *state;
	int r = 0, n;

	connect_it(t);
	assert_int_equal(vpp_client_send(t->client, VPP_SHOW_VERSION, NULL, on_answer, t), 0);
	for (n = 1; n < 100000 && r == 0; n++)
		r = vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(n, VPP_CLIENT_MAX_OPEN + 1);
	assert_int_equal(vpp_client_stats(t->client, VPP_LB_CONF_GET)->send_failed, 1);
}

static void test_not_up(void **state)
{
	struct fixture *t = *state;

	start(t);
	assert_false(vpp_client_is_up(t->client));
	assert_int_equal(vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t),
			 -ENOTCONN);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "no socket"));
	assert_non_null(strstr(t->why, t->vpp.path));
	assert_string_equal(vpp_client_why(t->client), t->why);
	assert_int_equal(t->log.len, 0);
}

static void test_comes_when_vpp_comes(void **state)
{
	struct fixture *t = *state;

	start(t);
	turn_until(t->loop, &t->failed);
	fakevpp_listen(&t->vpp);
	turn_until(t->loop, &t->up);
	assert_int_equal(t->n_down, 0);
}

static void test_refused_and_forbidden(void **state)
{
	struct fixture *t = *state;

	fakevpp_listen(&t->vpp);
	loop_io_del(&t->vpp.listen_io);
	close(t->vpp.listen_fd); /* the file stays, nobody listens */
	t->vpp.listen_fd = -1;
	start(t);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "nobody listens"));
	if (geteuid() != 0) {
		assert_int_equal(chmod(t->vpp.path, 0), 0);
		t->failed = false;
		turn_until(t->loop, &t->failed);
		assert_non_null(strstr(t->why, "no permission"));
	}
	unlink(t->vpp.path);
}

static void test_path_too_long(void **state)
{
	struct fixture *t = *state;
	struct vpp_client_opts o = opts(t);
	char path[300];

	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	o.path = path;
	t->client = vpp_client_new(&o);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "too long"));
}

static void test_message_missing(void **state)
{
	struct fixture *t = *state;

	fakevpp_table(&t->vpp, VPP_LB_AS_SET_WEIGHT, NULL);
	fakevpp_listen(&t->vpp);
	start(t);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "lb_as_set_weight (CRC 2d89bdbd) is missing"));
	assert_non_null(strstr(t->why, "VPP >= 26.10 is needed"));
	assert_int_equal(t->n_up, 0);
}

static void test_message_with_other_crc(void **state)
{
	struct fixture *t = *state;

	fakevpp_table(&t->vpp, VPP_LB_VIP_DUMP, "deadbeef");
	fakevpp_listen(&t->vpp);
	start(t);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "lb_vip_dump has CRC deadbeef where 56110cb7 is wanted"));
	/* and it works as soon as that VPP is replaced by a good one */
	fakevpp_table(&t->vpp, VPP_MSG_N, NULL);
	turn_until(t->loop, &t->up);
}

static void test_optional_message_missing(void **state)
{
	struct fixture *t = *state;

	fakevpp_table(&t->vpp, VPP_MEMCLNT_KEEPALIVE, NULL);
	connect_it(t);
}

static void test_handshake_refused(void **state)
{
	struct fixture *t = *state;

	t->vpp.hello_response = -3;
	fakevpp_listen(&t->vpp);
	start(t);
	turn_until(t->loop, &t->failed);
	assert_non_null(strstr(t->why, "refused"));
}

static void garbage_hello(struct fixture *t, const void *bytes, size_t n)
{
	t->vpp.mute_hello = true;
	fakevpp_listen(&t->vpp);
	start(t);
	while (t->vpp.n_hello == 0)
		loop_turn(t->loop, NS_PER_S);
	fakevpp_raw(&t->vpp, bytes, n);
	turn_until(t->loop, &t->failed);
	assert_int_equal(t->n_up, 0);
}

static void test_not_vpp_http(void **state)
{
	struct fixture *t = *state;
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n";

	garbage_hello(t, http, sizeof http - 1);
	assert_non_null(strstr(t->why, "frame of"));
}

static void test_not_vpp_short(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 16, 0 };
	struct fixture *t = *state;

	garbage_hello(t, bytes, sizeof bytes);
	assert_non_null(strstr(t->why, "short message"));
}

static void test_not_vpp_empty_frame(void **state)
{
	static const uint8_t bytes[16] = { 0 };
	struct fixture *t = *state;

	garbage_hello(t, bytes, sizeof bytes);
	assert_true(t->why[0] != '\0');
}

static void test_table_longer_than_frame(void **state)
{
	struct fixture *t = *state;
	struct vpp_sockclnt_create_reply r = { .message_table = { (const uint8_t *)t->vpp.table.p,
								  1 } };
	struct wire_hdr h = { 16, 0, 1 };
	struct str out = { 0 };

	wire_encode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY], &h, &r, &out);
	out.p[16 + 18] = 0x7f; /* count: 0x7f01 rows */
	garbage_hello(t, out.p, out.len);
	assert_non_null(strstr(t->why, "message_table"));
	str_done(&out);
}

static void test_frame_too_large(void **state)
{
	static const uint8_t hdr[16] = { [8] = 1, [11] = 1 }; /* 16 MiB and a byte */
	struct fixture *t = *state;

	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	fakevpp_raw(&t->vpp, hdr, sizeof hdr);
	turn_until(t->loop, &t->down);
	assert_non_null(strstr(t->why, "16777217"));
	assert_string_equal(t->log.p, "x");
	assert_int_equal(t->last.status, -ENOTCONN);
}

static void mangle(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
		   const union vpp_body *b)
{
	struct vpp_lb_conf_get_reply conf = { 0 };
	struct wire_hdr to = { f->ids.id[VPP_LB_CONF_GET_REPLY], 0, h->context };
	struct str out = { 0 };

	wire_encode(&vpp_msgs[VPP_LB_CONF_GET_REPLY], &to, &conf, &out);
	out.p[11] = (char)(out.len - 16 - 4); /* the last field does not fit */
	fakevpp_raw(f, out.p, out.len - 4);
	str_done(&out);
}

static void test_short_payload(void **state)
{
	struct fixture *t = *state;

	t->vpp.handler = mangle;
	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->down);
	assert_non_null(strstr(t->why, "lb_conf_get_reply: short message: flow_timeout"));
	assert_string_equal(t->log.p, "x");
	t->up = false;
	turn_until(t->loop, &t->up); /* and it comes back */
}

static void answer_wrongly(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
			   const union vpp_body *b)
{
	fakevpp_retval(f, VPP_LB_CONF, h, 0);
}

static void test_wrong_answer(void **state)
{
	struct fixture *t = *state;

	t->vpp.handler = answer_wrongly;
	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->down);
	assert_string_equal(t->why, "VPP answered lb_conf_get with lb_conf_reply");
}

static void answer_with_noise(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
			      const union vpp_body *b)
{
	static const uint8_t unknown[] = { 0, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0,
					   5, 0, 0, 0, 0, 0xff, 0xfe, 1, 2, 3 };
	struct wire_hdr nobody = { 0, 0, 999999 };
	struct vpp_lb_conf_get_reply conf = { .flow_timeout = 40 };

	fakevpp_raw(f, unknown, sizeof unknown);
	fakevpp_retval(f, VPP_LB_CONF, &nobody, 0);
	fakevpp_reply(f, VPP_LB_CONF_GET_REPLY, h, &conf);
}

static void test_unknown_ids_and_contexts_skipped(void **state)
{
	struct fixture *t = *state;

	t->vpp.handler = answer_with_noise;
	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->done);
	assert_string_equal(t->log.p, "r");
	assert_int_equal(t->body.lb_conf_get_reply.flow_timeout, 40);
	assert_int_equal(t->n_down, 0);
}

static void test_bytes_one_by_one(void **state)
{
	struct fixture *t = *state;
	struct wire_hdr h = { 0, 0, 2 };
	struct vpp_lb_conf_get_reply conf = { .flow_timeout = 77 };
	struct str out = { 0 };

	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	while (t->vpp.seen.n == 0)
		loop_turn(t->loop, NS_PER_S);
	h.id = t->vpp.ids.id[VPP_LB_CONF_GET_REPLY];
	wire_encode(&vpp_msgs[VPP_LB_CONF_GET_REPLY], &h, &conf, &out);
	for (size_t i = 0; i < out.len; i++) {
		fakevpp_raw(&t->vpp, out.p + i, 1);
		loop_turn(t->loop, 0);
	}
	turn_until(t->loop, &t->done);
	assert_int_equal(t->body.lb_conf_get_reply.flow_timeout, 77);
	str_done(&out);
}

static void big_cli(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
		    const union vpp_body *b)
{
	char *text = calloc(1, 3u << 20);
	struct vpp_cli_inband_reply r = { .reply = { text, 3u << 20 } };

	fakevpp_reply(f, VPP_CLI_INBAND_REPLY, h, &r);
	free(text);
}

static bool saw_request(void *ctx)
{
	struct fixture *t = ctx;

	return t->vpp.seen.n > 0;
}

static void test_large_reply(void **state)
{
	struct fixture *t = *state;
	struct vpp_cli_inband cli = { .cmd = { "show lb", 7 } };

	t->vpp.handler = big_cli;
	connect_it(t);
	vpp_client_send(t->client, VPP_CLI_INBAND, &cli, on_answer, t);
	turn_until(t->loop, &t->done);
	assert_int_equal(t->last.status, 0);
	assert_int_equal(t->body.cli_inband_reply.reply.n, 3u << 20);
}

static void half_a_frame(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
			 const union vpp_body *b)
{
	static const uint8_t half[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 38, 0, 0, 0, 0, 2, 3 };

	fakevpp_raw(f, half, sizeof half);
	fakevpp_drop(f);
}

static void test_close_in_mid_frame(void **state)
{
	struct fixture *t = *state;

	t->vpp.handler = half_a_frame;
	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->down);
	assert_non_null(strstr(t->why, "in the middle of a frame"));
	assert_string_equal(t->log.p, "x");
}

static void test_reconnects(void **state)
{
	struct fixture *t = *state;

	connect_it(t);
	t->up = false;
	fakevpp_stop(&t->vpp);
	turn_until(t->loop, &t->down);
	assert_string_equal(t->why, "VPP closed the connection");
	assert_string_equal(vpp_client_why(t->client), t->why);
	turn_until(t->loop, &t->failed);
	/* another VPP with other ids */
	t->vpp.first_id = 60000;
	fakevpp_table(&t->vpp, VPP_MSG_N, NULL);
	t->vpp.handler = handler;
	fakevpp_listen(&t->vpp);
	turn_until(t->loop, &t->up);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->done);
	assert_string_equal(t->log.p, "r");
}

static bool many_failures(void *ctx)
{
	return ((struct fixture *)ctx)->n_failed >= 5;
}

/* The delays double up to the maximum: 5 attempts take 2 + 4 + 8 + 10 ms at the least. */
static void test_backs_off(void **state)
{
	struct fixture *t = *state;
	mono_ns begin = loop_clock();

	start(t);
	turn_until_fn(t->loop, many_failures, t);
	assert_true(loop_clock() - begin >= 24 * NS_PER_MS);
}

static void test_silent_vpp(void **state)
{
	struct fixture *t = *state;
	struct vpp_client_opts o = opts(t);

	o.ping_interval = 5 * NS_PER_MS;
	o.ping_timeout = 2 * NS_PER_S;
	fakevpp_listen(&t->vpp);
	t->client = vpp_client_new(&o);
	turn_until(t->loop, &t->up);
	while (t->vpp.n_ping < 3) /* answered ones do no harm */
		loop_turn(t->loop, NS_PER_S);
	assert_int_equal(t->n_down, 0);
	t->vpp.mute = true;
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	turn_until(t->loop, &t->down);
	assert_string_equal(t->why, "VPP did not answer a control_ping within 2s");
	assert_string_equal(t->log.p, "x");
}

static void test_silent_handshake(void **state)
{
	struct fixture *t = *state;
	struct vpp_client_opts o = opts(t);

	o.ping_timeout = 50 * NS_PER_MS;
	t->vpp.mute_hello = true;
	fakevpp_listen(&t->vpp);
	t->client = vpp_client_new(&o);
	turn_until(t->loop, &t->failed);
	assert_string_equal(t->why, "VPP did not answer the handshake within 50ms");
}

/* Data that trickles in counts as life, though the ping itself is not answered yet. */
static void test_slow_but_alive(void **state)
{
	struct fixture *t = *state;
	struct vpp_client_opts o = opts(t);
	struct wire_hdr h = { 0, 0, 424242 };

	o.ping_interval = 5 * NS_PER_MS;
	o.ping_timeout = 1 * NS_PER_S;
	fakevpp_listen(&t->vpp);
	t->client = vpp_client_new(&o);
	turn_until(t->loop, &t->up);
	t->vpp.mute = true;
	for (int i = 0; i < 30; i++) {
		turn_for(t->loop, 50 * NS_PER_MS);
		t->vpp.mute = false;
		fakevpp_retval(&t->vpp, VPP_LB_CONF, &h, 0);
		t->vpp.mute = true;
	}
	assert_int_equal(t->n_down, 0);
}

static void test_keepalive_answered(void **state)
{
	struct fixture *t = *state;
	struct wire_hdr h = { 0, 0, 31337 };
	struct vpp_empty empty = { 0 };

	connect_it(t);
	fakevpp_reply(&t->vpp, VPP_MEMCLNT_KEEPALIVE, &h, &empty);
	turn_until_fn(t->loop, saw_request, t);
	assert_int_equal(t->vpp.seen.v[0], VPP_MEMCLNT_KEEPALIVE_REPLY);
}

static bool goodbye(void *ctx)
{
	return ((struct fixture *)ctx)->vpp.n_goodbye > 0;
}

static void test_goodbye(void **state)
{
	struct fixture *t = *state;

	connect_it(t);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	vpp_client_free(t->client);
	t->client = NULL;
	turn_until_fn(t->loop, goodbye, t);
	assert_int_equal(t->log.len, 0); /* dropped without an answer */
}

/* VPP reads nothing: output stays within its bound, and flows again afterwards. */
static void test_output_waits_for_room(void **state)
{
	struct fixture *t = *state;
	struct vpp_cli_inband cli;
	char *text = calloc(1, 60000);
	int n = 0;

	connect_it(t);
	loop_io_del(&t->vpp.io);
	cli.cmd = (struct wire_bytes){ text, 60000 };
	while (vpp_client_send(t->client, VPP_CLI_INBAND, &cli, on_answer, t) == 0) {
		loop_turn(t->loop, 0);
		assert_true(++n < 1000);
	}
	assert_true(n > 60);
	free(text);
	assert_int_equal(loop_io_add(t->loop, &t->vpp.io, t->vpp.fd, 1, t->vpp.io.fn, &t->vpp), 0);
	while ((int)t->vpp.seen.n < n)
		loop_turn(t->loop, NS_PER_S);
	assert_int_equal(t->n_down, 0);
}

/* ---- debug records */

static void tap(void *ctx, enum log_level l, wall_ns at, const char *msg, const struct log_attr *a,
		size_t n)
{
	struct str *out = ctx;

	str_addf(out, "%s", msg);
	for (size_t i = 0; i < n; i++) {
		str_addf(out, " %s=", a[i].key);
		log_attr_text(&a[i], out);
	}
	str_add_c(out, '\n');
}

static void test_debug_records(void **state)
{
	struct fixture *t = *state;
	struct vpp_lb_vip_dump dump = { .pfx.addr.family = ADDR_IP4, .protocol = 255 };
	struct str out = { 0 };

	t->vpp.handler = handler;
	connect_it(t);
	log_set_tap(LVL_DEBUG, tap, &out);
	vpp_client_send(t->client, VPP_LB_CONF_GET, NULL, on_answer, t);
	vpp_client_send(t->client, VPP_LB_VIP_DUMP, &dump, on_answer, t);
	turn_until(t->loop, &t->done);
	log_set_tap(LVL_OFF, NULL, NULL);
	assert_non_null(strstr(out.p, "vpp-api-send message=lb_conf_get context=2\n"));
	assert_non_null(
		strstr(out.p, "vpp-api-recv message=lb_conf_get_reply context=2 retval=0 "));
	assert_non_null(strstr(out.p, " flow_timeout=40\n"));
	assert_non_null(strstr(out.p, "vpp-api-send-multi message=lb_vip_dump context=3 "
				      "pfx=0.0.0.0/0 pfx_le=0 pfx_ge=0 protocol=255 port=0\n"));
	assert_non_null(strstr(out.p, "vpp-api-recv-multi message=lb_vip_details context=3 "));
	str_done(&out);
}

#define T(NAME) cmocka_unit_test_setup_teardown(test_##NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(handshake_and_requests),
		T(pipelined_in_one_go),
		T(no_more_than_the_bound),
		T(not_up),
		T(comes_when_vpp_comes),
		T(refused_and_forbidden),
		T(path_too_long),
		T(message_missing),
		T(message_with_other_crc),
		T(optional_message_missing),
		T(handshake_refused),
		T(not_vpp_http),
		T(not_vpp_short),
		T(not_vpp_empty_frame),
		T(table_longer_than_frame),
		T(frame_too_large),
		T(short_payload),
		T(wrong_answer),
		T(unknown_ids_and_contexts_skipped),
		T(bytes_one_by_one),
		T(large_reply),
		T(close_in_mid_frame),
		T(reconnects),
		T(backs_off),
		T(silent_vpp),
		T(silent_handshake),
		T(slow_but_alive),
		T(keepalive_answered),
		T(goodbye),
		T(output_waits_for_room),
		T(debug_records),
	};
	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
