/* SPDX-License-Identifier: Apache-2.0 */
/* The session: one connection at a time, a queue of open requests, three timers.
 *
 * VPP answers the requests of one client in order, so the queue is a list and its head nearly
 * always is the one an answer belongs to; the context decides, and an answer nobody waits for is
 * skipped, as is a message this program does not know.
 *
 * A dump is one open request: details arrive under its context, and the control_ping sent right
 * behind it, under the same context, ends it.
 *
 * Life is checked by a control_ping of our own. The deadline counts from the last byte that VPP
 * sent while the ping was out: a VPP that works through a long queue of ours is not dead, one that
 * says nothing for that long is. */
#include "vpp/client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "vpp/conn.h"

enum session { SESSION_WAIT, SESSION_HELLO, SESSION_UP };

struct request {
	struct list node;
	enum vpp_msg msg;
	uint32_t context;
	mono_ns sent;
	vpp_answer_fn *fn;
	void *ctx;
};

struct vpp_client {
	struct vpp_client_opts o;
	char *path;
	enum session session;
	struct vpp_conn conn;
	struct vpp_ids ids;
	uint32_t index;   /* our client index in this VPP */
	uint32_t context; /* of the last request */
	struct list open; /* struct request, in the order sent */
	size_t n_open;
	struct timer retry, ping, deadline;
	dur_ns retry_delay;
	bool awaiting; /* the handshake or our ping is unanswered */
	mono_ns up_since, last_rx;
	char why[ERR_MSG_MAX];
	struct wire_dump dump;
	struct vpp_msg_stats stats[VPP_MSG_N];
};

const double vpp_client_bucket_s[VPP_CLIENT_BUCKETS] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
							 0.005,  0.01,    0.025,  0.05,  0.1,
							 0.25,   1,       5 };

static void try_connect(void *ctx, struct timer *t);
static void end(struct vpp_client *c, const char *why);

/* ---- debug log */

static void log_message(struct vpp_client *c, const char *record, enum vpp_msg m,
			const struct wire_hdr *h, const void *body)
{
	struct log_attr a[2 + WIRE_FIELDS_MAX];

	if (!log_enabled(LVL_DEBUG))
		return;
	wire_dump(&vpp_msgs[m], body, &c->dump);
	a[0] = L_STR("message", vpp_msgs[m].name);
	a[1] = L_UINT("context", h->context);
	memcpy(a + 2, c->dump.a, c->dump.n * sizeof a[0]);
	log_write(LVL_DEBUG, record, a, 2 + c->dump.n);
}

/* ---- sending */

static void put_message(struct vpp_client *c, enum vpp_msg m, uint32_t context, const void *body)
{
	static const struct vpp_empty empty;
	struct wire_hdr h = { c->ids.id[m], c->index, context };

	if (m == VPP_SOCKCLNT_CREATE_REQ)
		h.id = VPP_SOCKCLNT_CREATE;
	body = body ? body : &empty;
	wire_encode(&vpp_msgs[m], &h, body, vpp_conn_out(&c->conn));
	vpp_conn_kick(&c->conn);
	c->stats[m].send_ok++;
	log_message(c, vpp_msg_is_dump(m) ? "vpp-api-send-multi" : "vpp-api-send", m, &h, body);
}

static void open_request(struct vpp_client *c, enum vpp_msg m, vpp_answer_fn *fn, void *ctx)
{
	struct request *r = XNEW(struct request);

	*r = (struct request){
		.msg = m, .context = ++c->context, .sent = loop_clock(), .fn = fn, .ctx = ctx
	};
	list_add_tail(&c->open, &r->node);
	c->n_open++;
}

int vpp_client_send(struct vpp_client *c, enum vpp_msg m, const void *body, vpp_answer_fn *fn,
		    void *ctx)
{
	assert(vpp_msg_answer(m) != VPP_MSG_N);
	if (c->session != SESSION_UP || c->n_open >= VPP_CLIENT_MAX_OPEN ||
	    vpp_conn_full(&c->conn)) {
		c->stats[m].send_failed++;
		return c->session != SESSION_UP ? -ENOTCONN : -ENOBUFS;
	}
	open_request(c, m, fn, ctx);
	put_message(c, m, c->context, body);
	if (vpp_msg_is_dump(m))
		put_message(c, VPP_CONTROL_PING, c->context, NULL);
	return 0;
}

/* ---- receiving */

static void observe(struct vpp_msg_stats *s, dur_ns took)
{
	s->round_trips++;
	s->round_trip_ns += (uint64_t)took;
	for (size_t i = 0; i < VPP_CLIENT_BUCKETS; i++) {
		if ((double)took <= vpp_client_bucket_s[i] * (double)NS_PER_S) {
			s->round_trip[i]++;
			return;
		}
	}
}

/* Take a request out of the queue and give its last answer. */
static void finish(struct vpp_client *c, struct request *r, const struct vpp_answer *a)
{
	vpp_answer_fn *fn = r->fn;
	void *ctx = r->ctx;

	if (a->status == 0)
		observe(&c->stats[r->msg], loop_clock() - r->sent);
	list_remove(&r->node);
	c->n_open--;
	free(r);
	fn(ctx, a);
}

static struct request *find_request(struct vpp_client *c, uint32_t context)
{
	list_foreach (&c->open, n) {
		struct request *r = CONTAINER_OF(n, struct request, node);

		if (r->context == context)
			return r;
	}
	return NULL;
}

static void keepalive(struct vpp_client *c, const struct wire_hdr *h)
{
	struct vpp_retval ok = { 0 };

	if (c->ids.id[VPP_MEMCLNT_KEEPALIVE_REPLY] != VPP_MSG_ID_NONE)
		put_message(c, VPP_MEMCLNT_KEEPALIVE_REPLY, h->context, &ok);
}

/* A known message under the context of an open request. */
static int answer(struct vpp_client *c, struct request *r, enum vpp_msg m,
		  const union vpp_body *body, struct err *e)
{
	bool dump = vpp_msg_is_dump(r->msg);
	struct vpp_answer a = { .last = true, .body = body };

	if (dump && m == vpp_msg_answer(r->msg)) {
		a.last = false;
		a.details = true;
		r->fn(r->ctx, &a);
		return 0;
	}
	if (dump && m == VPP_CONTROL_PING_REPLY) {
		a.body = NULL;
		finish(c, r, &a);
		return 0;
	}
	if (m != vpp_msg_answer(r->msg))
		return err_set(e, -EPROTO, "VPP answered %s with %s", vpp_msgs[r->msg].name,
			       vpp_msgs[m].name);
	finish(c, r, &a);
	return 0;
}

static void count_received(struct vpp_client *c, enum vpp_msg m, const union vpp_body *body)
{
	if (vpp_msg_has_retval(m) && body->retval < 0)
		c->stats[m].recv_failed++;
	else
		c->stats[m].recv_ok++;
}

static bool is_details(enum vpp_msg m)
{
	return m == VPP_LB_VIP_DETAILS || m == VPP_LB_AS_V2_DETAILS;
}

static int receive(struct vpp_client *c, const uint8_t *payload, size_t n, struct err *e)
{
	struct wire_hdr h;
	union vpp_body body;
	struct request *r;
	enum vpp_msg m;
	uint16_t id;

	if (wire_id(payload, n, &id, e) < 0)
		return -EPROTO;
	m = vpp_ids_find(&c->ids, id);
	if (m == VPP_MSG_N)
		return 0;
	if (wire_decode(&vpp_msgs[m], payload, n, &h, &body, e) < 0) {
		c->stats[m].recv_failed++;
		return -EPROTO;
	}
	count_received(c, m, &body);
	log_message(c, is_details(m) ? "vpp-api-recv-multi" : "vpp-api-recv", m, &h, &body);
	if (m == VPP_MEMCLNT_KEEPALIVE) {
		keepalive(c, &h);
		return 0;
	}
	r = find_request(c, h.context);
	return r ? answer(c, r, m, &body, e) : 0;
}

/* ---- life signs */

static void overdue(void *ctx, struct timer *t)
{
	struct vpp_client *c = ctx;
	char within[DUR_STRLEN], why[ERR_MSG_MAX];

	vpp_conn_poll(&c->conn); /* perhaps it was us who slept */
	if (!c->awaiting)
		return;
	if (c->last_rx + c->o.ping_timeout > loop_clock()) {
		timer_set(c->o.loop, t, c->last_rx + c->o.ping_timeout, overdue, c);
		return;
	}
	dur_format(c->o.ping_timeout, within);
	snprintf(why, sizeof why, "VPP did not answer %s within %s",
		 c->session == SESSION_HELLO ? "the handshake" : "a control_ping", within);
	end(c, why);
}

static void await(struct vpp_client *c)
{
	c->awaiting = true;
	c->last_rx = loop_clock(); /* the deadline counts from here */
	timer_set(c->o.loop, &c->deadline, c->last_rx + c->o.ping_timeout, overdue, c);
}

static void heard(struct vpp_client *c)
{
	c->awaiting = false;
	timer_cancel(c->o.loop, &c->deadline);
}

static void ping_answered(void *ctx, const struct vpp_answer *a)
{
	if (a->status == 0)
		heard(ctx);
}

static void ping_due(void *ctx, struct timer *t)
{
	struct vpp_client *c = ctx;

	timer_set(c->o.loop, t, loop_clock() + c->o.ping_interval, ping_due, c);
	if (c->awaiting)
		return;
	if (vpp_client_send(c, VPP_CONTROL_PING, NULL, ping_answered, c) < 0) {
		end(c, "VPP takes no more requests");
		return;
	}
	await(c);
}

/* ---- the handshake */

static int hello(struct vpp_client *c, const uint8_t *payload, size_t n, struct err *e)
{
	struct wire_hdr h;
	union vpp_body b;
	const struct vpp_sockclnt_create_reply *r = &b.sockclnt_create_reply;

	if (wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY], payload, n, &h, &b, e) < 0)
		return err_prefix(e, "handshake: ");
	log_message(c, "vpp-api-recv", VPP_SOCKCLNT_CREATE_REPLY, &h, &b);
	if (h.context != c->context)
		return err_set(e, -EPROTO, "handshake: not the answer of a VPP");
	if (r->response != 0)
		return err_set(e, -EPROTO, "handshake: VPP refused with %d", r->response);
	if (vpp_ids_load(&r->message_table, &c->ids, e) < 0)
		return e->code;
	c->stats[VPP_SOCKCLNT_CREATE_REPLY].recv_ok++;
	heard(c);
	c->index = r->index;
	c->session = SESSION_UP;
	c->up_since = loop_clock();
	c->why[0] = '\0';
	timer_set(c->o.loop, &c->ping, c->up_since + c->o.ping_interval, ping_due, c);
	c->o.up(c->o.ctx);
	return 0;
}

static int on_frame(void *ctx, const uint8_t *payload, size_t n, struct err *e)
{
	struct vpp_client *c = ctx;

	c->last_rx = loop_clock();
	if (c->session == SESSION_HELLO)
		return hello(c, payload, n, e);
	return receive(c, payload, n, e);
}

static void on_broken(void *ctx, const struct err *e)
{
	end(ctx, e->msg);
}

/* ---- life cycle of a connection */

static void answer_all_lost(struct vpp_client *c)
{
	const struct vpp_answer lost = { .status = -ENOTCONN, .last = true };

	while (!list_empty(&c->open)) {
		/* finish unlinks it first, which the analyser does not see. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		finish(c, CONTAINER_OF(c->open.next, struct request, node), &lost);
	}
}

static void schedule_retry(struct vpp_client *c)
{
	timer_set(c->o.loop, &c->retry, loop_clock() + c->retry_delay, try_connect, c);
	c->retry_delay = MIN(2 * c->retry_delay, c->o.retry_max);
}

static void end(struct vpp_client *c, const char *why)
{
	bool was_up = c->session == SESSION_UP;

	c->session = SESSION_WAIT;
	snprintf(c->why, sizeof c->why, "%s", why);
	vpp_conn_close(&c->conn);
	heard(c);
	timer_cancel(c->o.loop, &c->ping);
	answer_all_lost(c);
	/* A connection that held for a while is followed by a quick retry; one that breaks as soon
	 * as it is made is not. */
	if (was_up && loop_clock() - c->up_since >= c->o.retry_max)
		c->retry_delay = c->o.retry_min;
	schedule_retry(c);
	if (was_up)
		c->o.down(c->o.ctx, c->why);
	else
		c->o.failed(c->o.ctx, c->why);
}

static void try_connect(void *ctx, struct timer *t)
{
	struct vpp_client *c = ctx;
	struct vpp_sockclnt_create hi = { .name = VPP_CLIENT_NAME };
	struct err e = { 0 };

	if (vpp_conn_open(&c->conn, c->path, &e) < 0) {
		end(c, e.msg);
		return;
	}
	c->session = SESSION_HELLO;
	c->index = 0;
	put_message(c, VPP_SOCKCLNT_CREATE_REQ, ++c->context, &hi);
	await(c);
}

struct vpp_client *vpp_client_new(const struct vpp_client_opts *o)
{
	struct vpp_client *c = XNEW(struct vpp_client);

	c->o = *o;
	c->o.ping_interval = o->ping_interval ? o->ping_interval : 10 * NS_PER_S;
	c->o.ping_timeout = o->ping_timeout ? o->ping_timeout : 5 * NS_PER_S;
	c->o.retry_min = o->retry_min ? o->retry_min : 1 * NS_PER_S;
	c->o.retry_max = o->retry_max ? o->retry_max : 5 * NS_PER_S;
	c->path = xstrdup(o->path);
	c->conn = (struct vpp_conn){
		.fd = -1, .loop = o->loop, .frame = on_frame, .broken = on_broken, .ctx = c
	};
	c->retry_delay = c->o.retry_min;
	snprintf(c->why, sizeof c->why, "not connected to VPP yet");
	list_init(&c->open);
	timer_set(o->loop, &c->retry, loop_now(o->loop), try_connect, c);
	return c;
}

static void say_goodbye(struct vpp_client *c)
{
	struct vpp_sockclnt_delete bye = { .index = c->index };

	if (c->session == SESSION_UP)
		put_message(c, VPP_SOCKCLNT_DELETE, ++c->context, &bye);
}

void vpp_client_free(struct vpp_client *c)
{
	if (!c)
		return;
	say_goodbye(c);
	vpp_conn_close(&c->conn);
	timer_cancel(c->o.loop, &c->retry);
	timer_cancel(c->o.loop, &c->ping);
	timer_cancel(c->o.loop, &c->deadline);
	list_foreach (&c->open, n) {
		free(CONTAINER_OF(n, struct request, node));
	}
	wire_dump_done(&c->dump);
	free(c->path);
	free(c);
}

bool vpp_client_is_up(const struct vpp_client *c)
{
	return c->session == SESSION_UP;
}

const char *vpp_client_why(const struct vpp_client *c)
{
	return c->why;
}

size_t vpp_client_open_requests(const struct vpp_client *c)
{
	return c->n_open;
}

const struct vpp_msg_stats *vpp_client_stats(const struct vpp_client *c, enum vpp_msg m)
{
	assert(m < VPP_MSG_N);
	return &c->stats[m];
}
