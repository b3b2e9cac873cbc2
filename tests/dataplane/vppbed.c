/* SPDX-License-Identifier: Apache-2.0 */
#include "vppbed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define WINDOW 256

void vppbed_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "FAILED: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void turn(struct vppbed *b, mono_ns began)
{
	loop_turn(b->loop, NS_PER_S);
	if (loop_clock() - began > VPPBED_PATIENCE)
		vppbed_die("VPP does not answer: %s", vpp_client_why(b->client));
}

/* ---- requests */

static void on_answer(void *ctx, const struct vpp_answer *a)
{
	struct vppbed *b = ctx;

	if (a->status < 0)
		vppbed_die("VPP went away");
	if (a->body->retval != 0)
		vppbed_die("a call was refused: %d, %s", a->body->retval,
			   vpp_retval_text(a->body->retval));
	b->open--;
}

void vppbed_send(struct vppbed *b, enum vpp_msg m, const void *body)
{
	mono_ns began = loop_clock();

	while (b->open >= WINDOW)
		turn(b, began);
	if (vpp_client_send(b->client, m, body, on_answer, b) < 0)
		vppbed_die("%s cannot be sent", vpp_msgs[m].name);
	b->open++;
}

void vppbed_wait(struct vppbed *b)
{
	mono_ns began = loop_clock();

	while (b->open > 0)
		turn(b, began);
}

struct asked {
	bool done;
	vpp_answer_fn *fn;
	void *ctx;
};

static void on_asked(void *ctx, const struct vpp_answer *a)
{
	struct asked *q = ctx;

	if (a->status < 0)
		vppbed_die("VPP went away");
	if (a->body)
		q->fn(q->ctx, a);
	q->done = a->last;
}

void vppbed_dump(struct vppbed *b, enum vpp_msg m, const void *body, vpp_answer_fn *fn, void *ctx)
{
	struct asked q = { .fn = fn, .ctx = ctx };
	mono_ns began = loop_clock();

	vppbed_wait(b);
	if (vpp_client_send(b->client, m, body, on_asked, &q) < 0)
		vppbed_die("%s cannot be sent", vpp_msgs[m].name);
	while (!q.done)
		turn(b, began);
}

static void take_text(void *ctx, const struct vpp_answer *a)
{
	const struct wire_bytes *t = &a->body->cli_inband_reply.reply;

	str_add_n(ctx, (const char *)t->p, t->n);
}

void vppbed_cli(struct vppbed *b, struct str *ret, const char *fmt, ...)
{
	struct str line = { 0 };
	struct vpp_cli_inband m;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&line, fmt, ap);
	va_end(ap);
	m.cmd = (struct wire_bytes){ line.p, (uint32_t)line.len };
	str_clear(ret);
	vppbed_dump(b, VPP_CLI_INBAND, &m, take_text, ret);
	str_done(&line);
}

/* ---- life */

static void count_row(void *ctx, const struct vpp_answer *a)
{
	++*(size_t *)ctx;
}

static size_t count_vips(struct vppbed *b)
{
	const struct vpp_lb_vip_dump all = { .pfx.addr.family = ADDR_IP4, .protocol = 255 };
	size_t n = 0;

	vppbed_dump(b, VPP_LB_VIP_DUMP, &all, count_row, &n);
	return n;
}

static void on_up(void *ctx) {}

static void on_down(void *ctx, const char *why)
{
	vppbed_die("VPP went away: %s", why);
}

static void on_failed(void *ctx, const char *why)
{
	vppbed_die("%s", why);
}

static void take_conf(void *ctx, const struct vpp_answer *a)
{
	((struct vppbed *)ctx)->conf = a->body->lb_conf_get_reply;
}

void vppbed_open(struct vppbed *b)
{
	struct vpp_client_opts o = { .path = getenv("MAGLEV_TEST_VPP_API"),
				     .ctx = b,
				     .up = on_up,
				     .down = on_down,
				     .failed = on_failed };
	mono_ns began = loop_clock();

	if (!o.path || !*o.path)
		exit(VPPBED_SKIPPED);
	log_set_level(getenv("MAGLEV_TEST_LOG") ? LVL_INFO : LVL_ERROR);
	*b = (struct vppbed){ .loop = loop_new() };
	o.loop = b->loop;
	b->client = vpp_client_new(&o);
	while (!vpp_client_is_up(b->client))
		turn(b, began);
	if (count_vips(b) > 0)
		vppbed_die("this VPP has VIPs already");
	vppbed_dump(b, VPP_LB_CONF_GET, NULL, take_conf, b);
}

void vppbed_close(struct vppbed *b)
{
	const struct vpp_lb_conf conf = {
		.ip4_src_address = b->conf.ip4_src_address,
		.ip6_src_address = b->conf.ip6_src_address,
		.sticky_buckets_per_core = b->conf.sticky_buckets_per_core,
		.flow_timeout = b->conf.flow_timeout
	};

	vppbed_wait(b);
	if (count_vips(b) > 0)
		vppbed_die("VPP has VIPs at the end");
	vppbed_send(b, VPP_LB_CONF, &conf);
	vppbed_wait(b);
	vpp_client_free(b->client);
	loop_free(b->loop);
}
