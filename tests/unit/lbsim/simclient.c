/* SPDX-License-Identifier: Apache-2.0 */
#include "simclient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#define PATIENCE (60 * NS_PER_S)

static void on_died(void *ctx, const char *why)
{
	((struct sim *)ctx)->death = why;
}

void sim_init(struct sim *s)
{
	*s = (struct sim){ .opt = { .gc_interval = 60 * NS_PER_S,
				    .api = { .version = "26.10-test",
					     .build_date = "2026-11-20",
					     .pid = 4242,
					     .seed = 1,
					     .died = on_died } } };
	strcpy(s->dir, "/tmp/maglev-test-lbsim-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof s->path, "%s/api.sock", s->dir);
	s->loop = loop_new();
	log_set_level(LVL_OFF);
}

void sim_start(struct sim *s)
{
	struct err err = { 0 };
	s->opt.path = s->path;
	s->opt.died_ctx = s;
	s->server = server_new(s->loop, &s->opt, &err);
	if (!s->server)
		fail_msg("%s", err.msg);
}

void sim_stop(struct sim *s)
{
	server_free(s->server);
	s->server = NULL;
}

void sim_done(struct sim *s)
{
	sim_stop(s);
	loop_free(s->loop);
	assert_int_equal(rmdir(s->dir), 0); /* nothing is left behind */
}

void simclient_connect(struct simclient *c, struct sim *s)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	*c = (struct simclient){ .sim = s };
	strcpy(sun.sun_path, s->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(c->fd >= 0);
	assert_int_equal(connect(c->fd, (const struct sockaddr *)&sun, sizeof sun), 0);
}

void simclient_open(struct simclient *c, struct sim *s)
{
	struct vpp_sockclnt_create hello = { .name = "test" };
	const struct wire_hdr h = { .id = VPP_SOCKCLNT_CREATE, .context = 77 };
	struct wire_hdr rh;
	struct str out = { 0 };
	union vpp_body r;
	size_t n;
	simclient_connect(c, s);
	wire_encode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REQ], &h, &hello, &out);
	simclient_write(c, out.p, out.len);
	const uint8_t *p = simclient_recv(c, &n);
	assert_non_null(p);
	assert_int_equal(wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY], p, n, &rh, &r, NULL), 0);
	assert_int_equal(rh.context, 77);
	assert_int_equal(rh.client_index, 0);
	assert_int_equal(r.sockclnt_create_reply.response, 0);
	c->index = r.sockclnt_create_reply.index;
	(void)vpp_ids_load(&r.sockclnt_create_reply.message_table, &c->ids, NULL);
	str_done(&out);
}

void simclient_close(struct simclient *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	str_done(&c->in);
	str_done(&c->frame);
}

void simclient_write(struct simclient *c, const void *p, size_t n)
{
	const mono_ns end = loop_clock() + PATIENCE;
	for (size_t at = 0; at < n;) {
		ssize_t w = send(c->fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
		if (w < 0 && errno != EAGAIN)
			return; /* the test sees it when it reads */
		at += w > 0 ? (size_t)w : 0;
		loop_turn(c->sim->loop, 0);
		assert_true(loop_clock() < end);
	}
}

uint32_t simclient_send_as(struct simclient *c, uint32_t index, enum vpp_msg m, const void *body)
{
	static const union vpp_body none;
	struct str out = { 0 };
	const struct wire_hdr h = { .id = c->ids.id[m],
				    .client_index = index,
				    .context = ++c->context };
	wire_encode(&vpp_msgs[m], &h, body ? body : &none, &out);
	simclient_write(c, out.p, out.len);
	str_done(&out);
	return c->context;
}

uint32_t simclient_send(struct simclient *c, enum vpp_msg m, const void *body)
{
	return simclient_send_as(c, c->index, m, body);
}

/* Move one whole frame from `in` to `frame`. */
static bool take_frame(struct simclient *c)
{
	uint32_t len;
	if (wire_frame_get((const uint8_t *)c->in.p, c->in.len, &len) ||
	    c->in.len < WIRE_FRAME_HDR + len)
		return false;
	str_clear(&c->frame);
	str_add_n(&c->frame, c->in.p + WIRE_FRAME_HDR, len);
	memmove(c->in.p, c->in.p + WIRE_FRAME_HDR + len, c->in.len - WIRE_FRAME_HDR - len);
	c->in.len -= WIRE_FRAME_HDR + len;
	return true;
}

/* What is there; 0 when the connection ended, else -1 or a number of bytes. */
static ssize_t read_some(struct simclient *c)
{
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof buf, 0);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -1;
	str_add_n(&c->in, buf, (size_t)n);
	return n;
}

const uint8_t *simclient_recv(struct simclient *c, size_t *ret_n)
{
	const mono_ns end = loop_clock() + PATIENCE;
	while (!take_frame(c)) {
		ssize_t n = read_some(c);
		if (n == 0)
			return NULL;
		if (n < 0)
			loop_turn(c->sim->loop, NS_PER_MS);
		assert_true(loop_clock() < end);
	}
	*ret_n = c->frame.len;
	return (const uint8_t *)str_z(&c->frame);
}

void simclient_expect(struct simclient *c, enum vpp_msg m, struct wire_hdr *ret_hdr,
		      union vpp_body *ret)
{
	size_t n;
	struct err err = { 0 };
	const uint8_t *p = simclient_recv(c, &n);
	assert_non_null(p);
	if (wire_decode(&vpp_msgs[m], p, n, ret_hdr, ret, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(ret_hdr->id, c->ids.id[m]);
}

int32_t simclient_call(struct simclient *c, enum vpp_msg m, const void *body, union vpp_body *ret)
{
	struct wire_hdr h;
	union vpp_body mine;
	uint32_t context = simclient_send(c, m, body);
	simclient_expect(c, vpp_msg_answer(m), &h, ret ? ret : &mine);
	assert_int_equal(h.context, context);
	return ret ? ret->retval : mine.retval;
}

bool simclient_quiet(struct simclient *c)
{
	while (loop_turn(c->sim->loop, 0) > 0)
		;
	return read_some(c) < 0 && c->in.len == 0;
}

bool simclient_ended(struct simclient *c)
{
	const mono_ns end = loop_clock() + PATIENCE;
	for (;;) {
		ssize_t n = read_some(c);
		if (n >= 0)
			return n == 0;
		loop_turn(c->sim->loop, NS_PER_MS);
		assert_true(loop_clock() < end);
	}
}

struct prefix prefix_of(const char *s)
{
	struct prefix p = { 0 };
	_cleanup_free_ char *copy = xstrdup(s);
	char *slash = strchr(copy, '/');
	assert_non_null(slash);
	*slash = '\0';
	assert_int_equal(addr_parse(copy, &p.addr), 0);
	p.len = (uint8_t)atoi(slash + 1);
	return p;
}

struct vpp_lb_add_del_vip vip_body(const char *prefix, uint8_t protocol, uint16_t port)
{
	return (struct vpp_lb_add_del_vip){ .pfx = prefix_of(prefix),
					    .protocol = protocol,
					    .port = port,
					    .new_flows_table_length = 1024 };
}

struct vpp_lb_add_del_as as_body(const char *prefix, uint8_t protocol, uint16_t port,
				 const char *as, uint8_t weight)
{
	struct vpp_lb_add_del_as b = {
		.pfx = prefix_of(prefix), .protocol = protocol, .port = port, .weight = weight
	};
	assert_int_equal(addr_parse(as, &b.as_address), 0);
	return b;
}
