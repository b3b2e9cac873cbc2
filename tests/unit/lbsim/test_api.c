/* SPDX-License-Identifier: Apache-2.0 */
/* The API without sockets: who is answered, ids, refusals ordered by tests, the journal. */
#include "lbsim/api.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#define SENT_MAX 64

struct sent {
	struct api_client *to;
	char *frame;
	size_t n;
};

struct world {
	struct api api;
	struct api_options opt;
	struct api_client *c[3];
	struct sent sent[SENT_MAX];
	size_t n_sent, at;
	const char *death;
	struct api_client *left;
};

static void on_send(void *ctx, struct api_client *to, const char *frame, size_t n)
{
	struct world *w = ctx;
	assert_true(w->n_sent < SENT_MAX);
	w->sent[w->n_sent++] = (struct sent){ to, xmemdup(frame, n), n };
}

static void on_leave(void *ctx, struct api_client *c)
{
	((struct world *)ctx)->left = c;
}

static void on_died(void *ctx, const char *why)
{
	((struct world *)ctx)->death = why;
}

static void start(struct world *w)
{
	api_init(&w->api, &w->opt);
	for (size_t i = 0; i < ARRAY_LEN(w->c); i++)
		w->c[i] = api_client_open(&w->api, NULL);
}

static void stop(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->c); i++) {
		if (w->c[i])
			api_client_close(&w->api, w->c[i]);
		w->c[i] = NULL;
	}
	api_done(&w->api);
	for (size_t i = 0; i < w->n_sent; i++)
		free(w->sent[i].frame);
	w->n_sent = w->at = 0;
}

static int setup(void **state)
{
	struct world *w = XNEW(struct world);
	w->opt = (struct api_options){ .version = "26.10-test",
				       .build_date = "today",
				       .pid = 99,
				       .seed = 5,
				       .send = on_send,
				       .leave = on_leave,
				       .died = on_died,
				       .ctx = w };
	log_set_level(LVL_OFF);
	start(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

static int input(struct world *w, struct api_client *from, const void *p, size_t n)
{
	static const struct api_time t = { .uptime = 100, .wall = 0 };
	return api_input(&w->api, from, p, n, &t, NULL);
}

/* A request from a client under an index of choice. */
static void ask(struct world *w, struct api_client *from, uint32_t index, enum vpp_msg m,
		const void *body)
{
	static const union vpp_body none;
	struct str s = { 0 };
	const struct wire_hdr h = { w->api.ids.id[m], index, 1234 };
	wire_encode(&vpp_msgs[m], &h, body ? body : &none, &s);
	assert_int_equal(input(w, from, s.p + WIRE_FRAME_HDR, s.len - WIRE_FRAME_HDR), 0);
	str_done(&s);
}

/* The next answer: to whom, and what. */
static struct api_client *answer(struct world *w, enum vpp_msg m, union vpp_body *ret)
{
	struct wire_hdr h;
	assert_true(w->at < w->n_sent);
	const struct sent *s = &w->sent[w->at++];
	assert_int_equal(wire_decode(&vpp_msgs[m], (const uint8_t *)s->frame + WIRE_FRAME_HDR,
				     s->n - WIRE_FRAME_HDR, &h, ret, NULL),
			 0);
	assert_int_equal(h.id, w->api.ids.id[m]);
	assert_int_equal(h.context, 1234);
	return s->to;
}

static bool silent(const struct world *w)
{
	return w->at == w->n_sent;
}

static struct vpp_lb_conf conf_body(uint32_t timeout)
{
	return (struct vpp_lb_conf){ .ip4_src_address.family = ADDR_IP4,
				     .ip6_src_address.family = ADDR_IP6,
				     .sticky_buckets_per_core = LB_CONF_KEEP,
				     .flow_timeout = timeout };
}

static void test_indices(void **state)
{
	struct world *w = *state;
	assert_int_equal(w->c[0]->index, 0x80000001u);
	assert_int_equal(w->c[1]->index, 0x80000002u);
	assert_int_equal(w->c[2]->index, 0x80000003u);
	api_client_close(&w->api, w->c[0]);
	api_client_close(&w->api, w->c[1]);
	w->c[0] = api_client_open(&w->api, NULL);
	assert_int_equal(w->c[0]->index, 0x80000002u); /* freed last */
	w->c[1] = api_client_open(&w->api, NULL);
	assert_int_equal(w->c[1]->index, 0x80000001u);
}

/* Executed, and nobody hears of it. */
static void test_wrong_index(void **state)
{
	static const uint32_t wrong[] = { 0, 1, 0x80000000u, 0x80000004u, 0xffffffffu, 2 };
	struct world *w = *state;
	for (uint32_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct vpp_lb_conf body = conf_body(1000 + i);
		ask(w, w->c[0], wrong[i], VPP_LB_CONF, &body);
		assert_true(silent(w));
		assert_int_equal(w->api.plugin.conf.flow_timeout, 1000 + i);
		ask(w, w->c[0], wrong[i], VPP_CONTROL_PING, NULL);
		ask(w, w->c[0], wrong[i], VPP_LB_VIP_DUMP,
		    &(struct vpp_lb_vip_dump){ .pfx.addr.family = ADDR_IP4 });
		assert_true(silent(w));
	}
}

/* The answer goes to whom the index names. */
static void test_index_of_another(void **state)
{
	struct world *w = *state;
	union vpp_body b;
	ask(w, w->c[0], w->c[2]->index, VPP_CONTROL_PING, NULL);
	assert_ptr_equal(answer(w, VPP_CONTROL_PING_REPLY, &b), w->c[2]);
	assert_int_equal(b.control_ping_reply.client_index, w->c[2]->index);
	assert_int_equal(b.control_ping_reply.vpe_pid, 99);
	ask(w, w->c[0], w->c[0]->index, VPP_CONTROL_PING, NULL);
	assert_ptr_equal(answer(w, VPP_CONTROL_PING_REPLY, &b), w->c[0]);
}

static void test_handshake(void **state)
{
	struct world *w = *state;
	const struct vpp_sockclnt_create hello = { .name = "me" };
	union vpp_body b;
	struct wire_hdr h;
	struct vpp_ids ids;
	struct err err = { 0 };
	ask(w, w->c[1], 0, VPP_SOCKCLNT_CREATE_REQ, &hello);
	assert_string_equal(w->c[1]->name, "me");
	const struct sent *s = &w->sent[0];
	assert_ptr_equal(s->to, w->c[1]);
	assert_int_equal(wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY],
				     (const uint8_t *)s->frame + WIRE_FRAME_HDR,
				     s->n - WIRE_FRAME_HDR, &h, &b, NULL),
			 0);
	assert_int_equal(h.id, 16);
	assert_int_equal(h.client_index, 0);
	assert_int_equal(b.sockclnt_create_reply.index, w->c[1]->index);
	assert_int_equal(b.sockclnt_create_reply.message_table.n, API_TABLE_ROWS);
	assert_int_equal(vpp_ids_load(&b.sockclnt_create_reply.message_table, &ids, &err), 0);
	assert_memory_equal(&ids, &w->api.ids, sizeof ids);
}

/* Every id once, the handshake's fixed, all others elsewhere at the next start. */
static void test_ids_are_drawn(void **state)
{
	struct world *w = *state;
	struct vpp_ids first = w->api.ids;
	bool seen[API_TABLE_ROWS + 1] = { 0 };
	size_t same = 0;
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		assert_in_range(first.id[m], 1, API_TABLE_ROWS);
		assert_false(seen[first.id[m]]);
		seen[first.id[m]] = true;
	}
	assert_int_equal(first.id[VPP_SOCKCLNT_CREATE_REQ], 15);
	assert_int_equal(first.id[VPP_SOCKCLNT_CREATE_REPLY], 16);
	stop(w);
	w->opt.seed++;
	start(w);
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++)
		same += first.id[m] == w->api.ids.id[m];
	assert_in_range(same, 2, 4);
}

static void test_dropped_message(void **state)
{
	struct world *w = *state;
	bool dropped[VPP_MSG_N] = { [VPP_LB_AS_SET_WEIGHT] = true };
	struct vpp_ids ids;
	struct err err = { 0 };
	stop(w);
	w->opt.dropped = dropped;
	start(w);
	const struct wire_rows rows = { (const uint8_t *)w->api.table.p, w->api.table_rows };
	assert_int_equal(rows.n, API_TABLE_ROWS - 1);
	assert_int_equal(vpp_ids_load(&rows, &ids, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "lb_as_set_weight"));
	ask(w, w->c[0], w->c[0]->index, VPP_LB_AS_SET_WEIGHT,
	    &(struct vpp_lb_as_set_weight){ .pfx.addr.family = ADDR_IP4,
					    .as_address.family = ADDR_IP4 });
	assert_true(silent(w));
}

static void test_bad_payloads(void **state)
{
	struct world *w = *state;
	uint8_t p[64] = { 0 };
	assert_int_equal(input(w, w->c[0], p, 0), -EPROTO);
	assert_int_equal(input(w, w->c[0], p, 1), -EPROTO);
	assert_int_equal(input(w, w->c[0], p, 2), 0); /* id 0: no handler, ignored */
	p[0] = 0xff;
	p[1] = 0xff;
	assert_int_equal(input(w, w->c[0], p, sizeof p), 0);
	uint16_t id = w->api.ids.id[VPP_LB_CONF];
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
	for (size_t n = 2; n < 38; n++)
		assert_int_equal(input(w, w->c[0], p, n), -EPROTO);
	assert_int_equal(input(w, w->c[0], p, 38), 0);
	id = w->api.ids.id[VPP_LB_CONF_REPLY]; /* an answer is no request */
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
	assert_int_equal(input(w, w->c[0], p, sizeof p), 0);
	assert_true(silent(w));
}

static void test_delete(void **state)
{
	struct world *w = *state;
	union vpp_body b;
	ask(w, w->c[0], w->c[0]->index, VPP_SOCKCLNT_DELETE,
	    &(struct vpp_sockclnt_delete){ 0x80000009u });
	assert_ptr_equal(answer(w, VPP_SOCKCLNT_DELETE_REPLY, &b), w->c[0]);
	assert_int_equal(b.sockclnt_delete_reply.response, -1);
	assert_null(w->left);
	ask(w, w->c[0], 5, VPP_SOCKCLNT_DELETE, &(struct vpp_sockclnt_delete){ w->c[0]->index });
	assert_true(silent(w)); /* asked by nobody: not even executed */
	assert_null(w->left);
	ask(w, w->c[0], w->c[0]->index, VPP_SOCKCLNT_DELETE,
	    &(struct vpp_sockclnt_delete){ w->c[0]->index });
	(void)answer(w, VPP_SOCKCLNT_DELETE_REPLY, &b);
	assert_int_equal(b.sockclnt_delete_reply.response, 1);
	assert_ptr_equal(w->left, w->c[0]);
	ask(w, w->c[0], w->c[0]->index, VPP_CONTROL_PING, NULL);
	assert_true(silent(w)); /* deaf from there on */
}

static void test_clients_are_bounded(void **state)
{
	struct world *w = *state;
	struct api_client *more[API_CLIENTS_MAX];
	size_t n = 0;
	struct api_client *c;
	while ((c = api_client_open(&w->api, NULL))) {
		assert_true(n < API_CLIENTS_MAX);
		more[n++] = c;
	}
	assert_int_equal(n, API_CLIENTS_MAX - 3);
	while (n > 0)
		api_client_close(&w->api, more[--n]);
}

static void test_keepalive(void **state)
{
	struct world *w = *state;
	struct wire_hdr h;
	union vpp_body b;
	api_send_keepalive(&w->api, w->c[1]);
	assert_int_equal(wire_decode(&vpp_msgs[VPP_MEMCLNT_KEEPALIVE],
				     (const uint8_t *)w->sent[0].frame + WIRE_FRAME_HDR,
				     w->sent[0].n - WIRE_FRAME_HDR, &h, &b, NULL),
			 0);
	assert_int_equal(h.client_index, w->c[1]->index);
	ask(w, w->c[1], 0, VPP_MEMCLNT_KEEPALIVE_REPLY, &(struct vpp_retval){ 0 });
	assert_int_equal(w->c[1]->keepalives, 1);
	assert_int_equal(w->n_sent, 1);
}

static void test_refusals(void **state)
{
	struct world *w = *state;
	struct vpp_lb_conf body = conf_body(7);
	union vpp_body b;
	struct err err = { 0 };
	assert_int_equal(api_refuse(&w->api, "nonsense", -1, 1, &err), -EINVAL);
	assert_int_equal(api_refuse(&w->api, "lb_vip_dump", -1, 1, &err), -EINVAL);
	assert_int_equal(api_refuse(&w->api, "lb_conf_reply", -1, 1, &err), -EINVAL);
	assert_int_equal(api_refuse(&w->api, "lb_conf", 0, 1, &err), -EINVAL);
	assert_int_equal(api_refuse(&w->api, "lb_conf", -73, 2, &err), 0);
	for (int i = 0; i < 3; i++) {
		ask(w, w->c[0], w->c[0]->index, VPP_LB_CONF, &body);
		(void)answer(w, VPP_LB_CONF_REPLY, &b);
		assert_int_equal(b.retval, i < 2 ? -73 : 0);
		assert_int_equal(w->api.plugin.conf.flow_timeout, i < 2 ? 40 : 7);
	}
	assert_int_equal(api_refuse(&w->api, "lb_conf", -73, 2, &err), 0);
	assert_int_equal(api_refuse(&w->api, "lb_conf", -73, 0, &err), 0); /* taken back */
	ask(w, w->c[0], w->c[0]->index, VPP_LB_CONF, &body);
	(void)answer(w, VPP_LB_CONF_REPLY, &b);
	assert_int_equal(b.retval, 0);
}

static void test_death(void **state)
{
	struct world *w = *state;
	struct vpp_lb_add_del_vip vip = { .pfx = { .addr.family = ADDR_IP4, .len = 32 } };
	ask(w, w->c[0], w->c[0]->index, VPP_LB_ADD_DEL_VIP_V2, &vip);
	assert_non_null(w->death);
	ask(w, w->c[1], w->c[1]->index, VPP_CONTROL_PING, NULL);
	assert_true(silent(w));
}

/* ---- the journal */

static char *file_text(const char *path)
{
	char *text = xcalloc(1, 65536);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	(void)!fread(text, 1, 65535, f);
	fclose(f);
	return text;
}

static void journal_run(struct world *w, const char *path, bool reads)
{
	struct err err = { 0 };
	struct vpp_lb_conf conf = conf_body(30);
	struct vpp_lb_add_del_as as = { .pfx = { .addr = { ADDR_IP4, { 192, 0, 2, 80 } },
						 .len = 32 },
					.protocol = 6,
					.port = 80,
					.as_address = { ADDR_IP4, { 198, 51, 100, 10 } },
					.weight = 100,
					.is_flush = true };
	stop(w);
	w->opt.journal = journal_open(path, &err);
	w->opt.journal_reads = reads;
	assert_non_null(w->opt.journal);
	start(w);
	strcpy(w->c[0]->name, "tester");
	assert_int_equal(api_refuse(&w->api, "lb_conf", -70, 1, &err), 0);
	ask(w, w->c[0], w->c[0]->index, VPP_LB_CONF, &conf);
	ask(w, w->c[0], w->c[0]->index, VPP_LB_ADD_DEL_AS_V2, &as);
	ask(w, w->c[0], 0, VPP_CLI_INBAND, &(struct vpp_cli_inband){ { "show lb", 7 } });
	stop(w);
	journal_free(w->opt.journal);
	w->opt.journal = NULL;
	start(w);
}

static void test_journal(void **state)
{
	static const char want[] =
		"{\"time\":\"1970-01-01T00:00:00.000000000Z\",\"client\":\"tester\","
		"\"client_index\":2147483649,\"call\":\"lb_conf\",\"fields\":{"
		"\"ip4_src_address\":\"0.0.0.0\",\"ip6_src_address\":\"::\","
		"\"sticky_buckets_per_core\":4294967295,\"flow_timeout\":30},"
		"\"retval\":-70,\"injected\":true}\n"
		"{\"time\":\"1970-01-01T00:00:00.000000000Z\",\"client\":\"tester\","
		"\"client_index\":2147483649,\"call\":\"lb_add_del_as_v2\",\"fields\":{"
		"\"pfx\":\"192.0.2.80/32\",\"protocol\":6,\"port\":80,"
		"\"as_address\":\"198.51.100.10\",\"weight\":100,\"is_del\":false,"
		"\"is_flush\":true},\"retval\":-6}\n";
	static const char want_read[] =
		"{\"time\":\"1970-01-01T00:00:00.000000000Z\",\"client\":\"tester\","
		"\"client_index\":2147483649,\"call\":\"cli_inband\",\"fields\":{"
		"\"cmd\":\"show lb\"}}\n";
	char path[] = "/tmp/maglev-test-journal-XXXXXX";
	struct str both = { 0 };
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	journal_run(*state, path, false);
	char *text = file_text(path);
	assert_string_equal(text, want);
	free(text);
	journal_run(*state, path, true); /* appended */
	text = file_text(path);
	str_addf(&both, "%s%s%s", want, want, want_read);
	assert_string_equal(text, str_z(&both));
	free(text);
	str_done(&both);
	unlink(path);
}

static void test_journal_errors(void **state)
{
	struct err err = { 0 };
	assert_null(journal_open("/nonexistent/journal", &err));
	assert_int_equal(err.code, -ENOENT);
	struct journal *j = journal_open("/dev/full", &err);
	assert_non_null(j);
	const struct journal_entry e = { .client = "", .call = "x" };
	assert_int_equal(journal_add(j, &e, &err), -ENOSPC);
	journal_free(j);
}

#define TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_indices),      TEST(test_wrong_index),    TEST(test_index_of_another),
		TEST(test_handshake),    TEST(test_ids_are_drawn),  TEST(test_dropped_message),
		TEST(test_bad_payloads), TEST(test_delete),         TEST(test_clients_are_bounded),
		TEST(test_keepalive),    TEST(test_refusals),       TEST(test_death),
		TEST(test_journal),      TEST(test_journal_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
