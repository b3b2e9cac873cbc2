/* SPDX-License-Identifier: Apache-2.0 */
/* What is in flight together and what is not, against a VPP that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "core/model.h"
#include "fakevpp.h"
#include "lbsync/internal.h"

#define N_FES 3
#define N_AS  3

struct held { /* a mutating request that waits for its answer */
	enum vpp_msg msg;
	struct wire_hdr h;
	union vpp_body b;
};

struct bed {
	struct loop *loop;
	struct fakevpp vpp;
	struct lbsync *s;
	struct lbsync_vip vips[N_FES];
	struct plan_vip want[N_FES];
	struct plan_as as[N_FES][N_AS];
	struct vpp_conf conf;
	bool has_vips; /* VPP has them, with table length 512 and ASes 0 and 1 */
	bool cli_fails;
	struct {
		struct held *v;
		size_t n, cap;
	} held;
	size_t answered;
	struct str log;
};

/* ---- what is wanted */

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	struct bed *b = ctx;

	*ret = b->want[v - b->vips];
	ret->as = xmemdup(ret->as, ret->n_as * sizeof *ret->as);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return "fe";
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	return false;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as) {}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	*ret = ((struct bed *)ctx)->conf;
}

/* ---- the fake */

static void dump_vips(struct bed *b, const struct wire_hdr *h)
{
	for (int i = 0; b->has_vips && i < N_FES; i++) {
		const struct vip_key *k = &b->want[i].key;
		struct vpp_lb_vip_details d = { .pfx = k->prefix,
						.protocol = k->proto,
						.port = k->port,
						.flow_table_length = 512 };

		fakevpp_reply(&b->vpp, VPP_LB_VIP_DETAILS, h, &d);
	}
}

static void dump_ases(struct bed *b, const struct wire_hdr *h)
{
	for (int i = 0; b->has_vips && i < N_FES * 2; i++) {
		const struct vip_key *k = &b->want[i / 2].key;
		struct vpp_lb_as_v2_details d = { .pfx = k->prefix,
						  .protocol = k->proto,
						  .port = k->port,
						  .as_address = b->as[i / 2][i % 2].addr,
						  .flags = VPP_AS_USED,
						  .weight = 100 };

		fakevpp_reply(&b->vpp, VPP_LB_AS_V2_DETAILS, h, &d);
	}
}

static void handler(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
		    const union vpp_body *body)
{
	struct bed *b = f->ctx;
	struct vpp_lb_conf_get_reply conf = { .ip4_src_address = b->conf.src4,
					      .ip6_src_address = b->conf.src6,
					      .sticky_buckets_per_core = 1024,
					      .flow_timeout = 40 };
	struct vpp_show_version_reply version = { .version = "fake" };
	struct vpp_cli_inband_reply cli = { .retval = b->cli_fails ? -1 : 0 };

	if (m == VPP_LB_CONF_GET)
		fakevpp_reply(f, VPP_LB_CONF_GET_REPLY, h, &conf);
	else if (m == VPP_SHOW_VERSION)
		fakevpp_reply(f, VPP_SHOW_VERSION_REPLY, h, &version);
	else if (m == VPP_CLI_INBAND)
		fakevpp_reply(f, VPP_CLI_INBAND_REPLY, h, &cli);
	else if (m == VPP_LB_VIP_DUMP)
		dump_vips(b, h);
	else if (m == VPP_LB_AS_V2_DUMP)
		dump_ases(b, h);
	else if (m != VPP_SOCKCLNT_DELETE)
		vec_push(&b->held, ((struct held){ m, *h, *body }));
}

static void answer(struct bed *b, int32_t retval)
{
	const struct held *q = &b->held.v[b->answered++];

	fakevpp_retval(&b->vpp, q->msg, &q->h, retval);
}

/* Turn until nothing more comes; how many requests wait for an answer. Both ends live in this loop,
 * so that one quiet turn after another says that all is quiet. */
static size_t waiting(struct bed *b)
{
	for (int quiet = 0; quiet < 5 || b->held.n == 0;)
		quiet = loop_turn(b->loop, b->held.n == 0 ? NS_PER_S : 0) == 0 ? quiet + 1 : 0;
	return b->held.n - b->answered;
}

static size_t seen(const struct bed *b, enum vpp_msg m)
{
	size_t n = 0;

	for (size_t i = 0; i < b->vpp.seen.n; i++)
		n += b->vpp.seen.v[i] == m;
	return n;
}

/* ---- the bed */

static void tap(void *ctx, enum log_level l, wall_ns at, const char *msg, const struct log_attr *a,
		size_t n)
{
	struct str *out = ctx;

	str_add(out, msg);
	for (size_t i = 0; i < n; i++) {
		str_addf(out, " %s=", a[i].key);
		log_attr_text(&a[i], out);
	}
	str_add_c(out, '\n');
}

static int setup(void **state)
{
	struct bed *b = XNEW(struct bed);

	b->loop = loop_new();
	fakevpp_init(&b->vpp, b->loop, 500);
	b->vpp.ctx = b;
	b->vpp.handler = handler;
	b->conf = (struct vpp_conf){ .sync_interval = 3600 * NS_PER_S,
				     .sticky_buckets_per_core = 1024,
				     .flow_timeout = 40 * NS_PER_S };
	addr_parse("192.0.2.1", &b->conf.src4);
	addr_parse("2001:db8::1", &b->conf.src6);
	for (int i = 0; i < N_FES; i++) {
		b->want[i] = (struct plan_vip){ .key = { .proto = PROTO_TCP,
							 .port = (uint16_t)(80 + i) },
						.table_len = 512,
						.as = b->as[i],
						.n_as = 2 };
		addr_parse("192.0.2.80", &b->want[i].key.prefix.addr);
		b->want[i].key.prefix.len = 32;
		for (int k = 0; k < N_AS; k++) {
			b->as[i][k].weight = 100;
			addr_parse("198.51.100.1", &b->as[i][k].addr);
			b->as[i][k].addr.b[3] = (uint8_t)(10 + k);
		}
		b->vips[i].key = b->want[i].key;
	}
	log_set_tap(LVL_INFO, tap, &b->log);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	log_set_tap(LVL_OFF, NULL, NULL);
	lbsync_free(b->s);
	fakevpp_done(&b->vpp);
	loop_free(b->loop);
	vec_done(&b->held);
	str_done(&b->log);
	free(b);
	return 0;
}

static void start(struct bed *b)
{
	const struct lbsync_opts o = { .loop = b->loop,
				       .api_path = b->vpp.path,
				       .started = loop_clock(),
				       .source = { b, desired, name, has_unknown, flushed,
						   vpp_conf } };

	fakevpp_listen(&b->vpp);
	b->s = lbsync_new(&o);
	for (int i = 0; i < N_FES; i++)
		lbsync_add(b->s, &b->vips[i]);
}

static bool idle(void *ctx)
{
	struct bed *b = ctx;

	return lbsync_connected(b->s) && b->s->job == JOB_NONE && b->s->mirror.valid &&
	       !b->s->full_wanted && !list_linked(&b->s->next.node);
}

/* ---- tests */

static void test_additions_are_pipelined(void **state)
{
	struct bed *b = *state;

	start(b);
	assert_int_equal(waiting(b), N_FES * 3);
}

/* The plugin's lock does not survive two deletions on one prefix at a time. */
static void test_vip_deletions_one_at_a_time(void **state)
{
	struct bed *b = *state;
	int deletions = 0;

	b->has_vips = true;
	for (int i = 0; i < N_FES; i++)
		b->want[i].table_len = 1024;
	start(b);
	while (deletions < N_FES) {
		size_t n = waiting(b);
		const struct held *last = &b->held.v[b->held.n - 1];

		/* its ASes, and it: nothing behind it */
		assert_int_equal(n, 3);
		assert_int_equal(last->msg, VPP_LB_ADD_DEL_VIP_V2);
		assert_true(last->b.lb_add_del_vip.is_del);
		assert_int_equal(last->b.lb_add_del_vip.new_flows_table_length, 512);
		assert_true(last[-1].b.lb_add_del_as.is_flush);
		answer(b, 0);
		answer(b, 0);
		assert_int_equal(waiting(b), 1);
		answer(b, 0);
		deletions++;
	}
	assert_int_equal(waiting(b), N_FES * 3); /* all additions at once */
}

static void test_refused_vip_with_its_servers_in_flight(void **state)
{
	struct bed *b = *state;
	size_t errors = 0;

	start(b);
	assert_int_equal(waiting(b), N_FES * 3);
	answer(b, -70);
	answer(b, -6);
	answer(b, -6);
	while (b->answered < b->held.n)
		answer(b, 0);
	turn_until_fn(b->loop, idle, b);
	for (const char *p = b->log.p; (p = strstr(p, "vpp-lb-sync-error")); p++)
		errors++;
	assert_int_equal(errors, 1);
	assert_int_equal(b->vips[0].failures, 1);
	assert_true(b->s->mirror.valid); /* -6 was to be expected: nothing to read again for */
	assert_int_equal(lbsync_total(b->s, LBSYNC_ALL, LBSYNC_ERROR), 3);
}

/* Without the text nobody knows who is sticky: nothing is re-created on a guess. */
static void test_cli_fails(void **state)
{
	struct bed *b = *state;

	b->has_vips = b->cli_fails = true;
	b->want[0].sticky = STICKY_YES;
	b->as[0][0].weight = 50;
	start(b);
	assert_int_equal(waiting(b), 1);
	assert_int_equal(b->held.v[0].msg, VPP_LB_AS_SET_WEIGHT);
	assert_non_null(strstr(b->log.p, "vpp-lb-sync-error call=cli_inband retval=-1"));
	/* and it is not asked for again and again */
	answer(b, 0);
	assert_int_equal(waiting(b), 0);
	assert_int_equal(seen(b, VPP_CLI_INBAND), 1);
}

/* A connection that dies with calls in flight: they are planned again against the next VPP. */
static void test_calls_lost(void **state)
{
	struct bed *b = *state;

	start(b);
	assert_int_equal(waiting(b), N_FES * 3);
	answer(b, 0);
	fakevpp_drop(&b->vpp);
	b->answered = b->held.n;
	while (b->held.n == b->answered)
		loop_turn(b->loop, NS_PER_S);
	assert_int_equal(waiting(b), N_FES * 3);
}

/* lb_conf is wished otherwise while it is on its way: the newest wish arrives, with this sync. */
static void conf_changes_in_flight(struct bed *b, int32_t retval)
{
	b->has_vips = true;
	b->conf.flow_timeout = 50 * NS_PER_S;
	start(b);
	assert_int_equal(waiting(b), 1);
	assert_int_equal(b->held.v[0].msg, VPP_LB_CONF);
	assert_int_equal(b->held.v[0].b.lb_conf.flow_timeout, 50);
	b->conf.flow_timeout = 60 * NS_PER_S;
	lbsync_reloaded(b->s);
	answer(b, retval);
	assert_int_equal(waiting(b), 1);
	assert_int_equal(b->held.v[1].msg, VPP_LB_CONF);
	assert_int_equal(b->held.v[1].b.lb_conf.flow_timeout, 60);
	answer(b, 0);
	turn_until_fn(b->loop, idle, b);
	assert_int_equal(b->held.n, 2);
}

static void test_conf_changes_in_flight(void **state)
{
	conf_changes_in_flight(*state, 0);
}

static void test_conf_changes_before_it_is_refused(void **state)
{
	conf_changes_in_flight(*state, -1);
}

#define T(NAME) cmocka_unit_test_setup_teardown(test_##NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(additions_are_pipelined),
		T(vip_deletions_one_at_a_time),
		T(refused_vip_with_its_servers_in_flight),
		T(cli_fails),
		T(calls_lost),
		T(conf_changes_in_flight),
		T(conf_changes_before_it_is_refused),
	};
	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
