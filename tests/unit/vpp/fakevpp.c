/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/vec.h"
#include "fakevpp.h"

static void on_client(void *ctx, uint32_t events);

void fakevpp_table(struct fakevpp *f, enum vpp_msg odd_one, const char *crc)
{
	struct wire_rows rows;

	str_clear(&f->table);
	f->n_table = 0;
	vpp_table_add(&f->table, 3, "something_else", "01234567");
	f->n_table++;
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		if (m == odd_one && !crc)
			continue;
		vpp_table_add(&f->table, (uint16_t)(f->first_id + m), vpp_msgs[m].name,
			      m == odd_one ? crc : vpp_msgs[m].crc);
		f->n_table++;
	}
	rows = (struct wire_rows){ (const uint8_t *)f->table.p, f->n_table };
	(void)vpp_ids_load(&rows, &f->ids, NULL);
}

void fakevpp_init(struct fakevpp *f, struct loop *l, uint16_t first_id)
{
	const char *tmp = getenv("TMPDIR");

	memset(f, 0, sizeof *f);
	f->loop = l;
	f->listen_fd = f->fd = -1;
	f->first_id = first_id;
	snprintf(f->dir, sizeof f->dir, "%s/fakevpp.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/api", f->dir);
	fakevpp_table(f, VPP_MSG_N, NULL);
}

void fakevpp_drop(struct fakevpp *f)
{
	if (f->fd < 0)
		return;
	loop_io_del(&f->io);
	close(f->fd);
	f->fd = -1;
	str_clear(&f->in);
	str_clear(&f->out);
}

void fakevpp_stop(struct fakevpp *f)
{
	fakevpp_drop(f);
	if (f->listen_fd < 0)
		return;
	loop_io_del(&f->listen_io);
	close(f->listen_fd);
	f->listen_fd = -1;
	unlink(f->path);
}

void fakevpp_done(struct fakevpp *f)
{
	fakevpp_stop(f);
	rmdir(f->dir);
	str_done(&f->in);
	str_done(&f->out);
	str_done(&f->table);
	vec_done(&f->seen);
}

static void on_accept(void *ctx, uint32_t events)
{
	struct fakevpp *f = ctx;
	int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	fakevpp_drop(f);
	f->fd = fd;
	assert_int_equal(loop_io_add(f->loop, &f->io, fd, EPOLLIN, on_client, f), 0);
}

void fakevpp_listen(struct fakevpp *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	assert_true(strlen(f->path) < sizeof sa.sun_path);
	memcpy(sa.sun_path, f->path, strlen(f->path) + 1);
	f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->listen_fd >= 0);
	assert_int_equal(bind(f->listen_fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(f->listen_fd, 8), 0);
	assert_int_equal(loop_io_add(f->loop, &f->listen_io, f->listen_fd, EPOLLIN, on_accept, f),
			 0);
}

/* ---- sending */

static void flush(struct fakevpp *f)
{
	size_t sent = 0;

	while (sent < f->out.len) {
		ssize_t r = send(f->fd, f->out.p + sent, f->out.len - sent, MSG_NOSIGNAL);

		if (r < 0)
			break; /* full: EPOLLOUT comes; gone: so does the end of file */
		sent += (size_t)r;
	}
	if (sent > 0)
		memmove(f->out.p, f->out.p + sent, f->out.len - sent);
	f->out.len -= sent;
	(void)loop_io_mod(&f->io, f->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void fakevpp_raw(struct fakevpp *f, const void *bytes, size_t n)
{
	if (f->fd < 0)
		return;
	str_add_n(&f->out, bytes, n);
	if (f->io.loop)
		flush(f);
}

void fakevpp_reply(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *to, const void *body)
{
	struct wire_hdr h = { f->ids.id[m], 0, to->context };
	struct str out = { 0 };

	if (f->mute)
		return;
	if (m == VPP_SOCKCLNT_CREATE_REPLY)
		h.id = 16;
	wire_encode(&vpp_msgs[m], &h, body, &out);
	fakevpp_raw(f, out.p, out.len);
	str_done(&out);
}

void fakevpp_retval(struct fakevpp *f, enum vpp_msg request, const struct wire_hdr *to,
		    int32_t retval)
{
	struct vpp_retval r = { retval };

	fakevpp_reply(f, vpp_msg_answer(request), to, &r);
}

/* ---- receiving */

static void hello(struct fakevpp *f, const uint8_t *p, size_t n)
{
	struct vpp_sockclnt_create_reply r = {
		.response = f->hello_response,
		.index = FAKE_INDEX,
		.message_table = { (const uint8_t *)f->table.p, f->n_table },
	};
	struct wire_hdr h;
	union vpp_body b;

	assert_int_equal(wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REQ], p, n, &h, &b, NULL), 0);
	assert_string_equal(b.sockclnt_create.name, "vpp-maglev");
	f->n_hello++;
	if (!f->mute_hello)
		fakevpp_reply(f, VPP_SOCKCLNT_CREATE_REPLY, &h, &r);
}

static void ping(struct fakevpp *f, const struct wire_hdr *h)
{
	struct vpp_control_ping_reply r = { 0, 1, 4711 };

	f->n_ping++;
	fakevpp_reply(f, VPP_CONTROL_PING_REPLY, h, &r);
}

static void request(struct fakevpp *f, const uint8_t *p, size_t n)
{
	struct wire_hdr h;
	union vpp_body b;
	enum vpp_msg m;
	uint16_t id;

	assert_int_equal(wire_id(p, n, &id, NULL), 0);
	if (id == VPP_SOCKCLNT_CREATE && f->n_hello == 0) {
		hello(f, p, n);
		return;
	}
	m = vpp_ids_find(&f->ids, id);
	if (m == VPP_MSG_N && id == VPP_SOCKCLNT_CREATE) {
		hello(f, p, n);
		return;
	}
	assert_int_not_equal(m, VPP_MSG_N);
	assert_int_equal(wire_decode(&vpp_msgs[m], p, n, &h, &b, NULL), 0);
	if (vpp_msgs[m].shape == WIRE_REQUEST)
		assert_int_equal(h.client_index, FAKE_INDEX);
	if (m == VPP_CONTROL_PING) {
		ping(f, &h);
		return;
	}
	if (m == VPP_SOCKCLNT_DELETE)
		f->n_goodbye++;
	vec_push(&f->seen, m);
	if (f->handler)
		f->handler(f, m, &h, &b);
}

static void take_frames(struct fakevpp *f)
{
	size_t off = 0;
	uint32_t len;

	while (f->fd >= 0 && wire_frame_get((uint8_t *)f->in.p + off, f->in.len - off, &len) == 0 &&
	       f->in.len - off >= WIRE_FRAME_HDR + len) {
		request(f, (uint8_t *)f->in.p + off + WIRE_FRAME_HDR, len);
		off += WIRE_FRAME_HDR + len;
	}
	if (f->fd < 0)
		return;
	memmove(f->in.p, f->in.p + off, f->in.len - off);
	f->in.len -= off;
}

static void on_client(void *ctx, uint32_t events)
{
	struct fakevpp *f = ctx;
	char buf[65536];
	ssize_t n;

	if (events & EPOLLOUT)
		flush(f);
	if (!(events & EPOLLIN))
		return;
	n = recv(f->fd, buf, sizeof buf, 0);
	if (n <= 0) {
		fakevpp_drop(f);
		return;
	}
	str_add_n(&f->in, buf, (size_t)n);
	take_frames(f);
}

/* ---- waiting */

static bool flag_set(void *ctx)
{
	return *(const bool *)ctx;
}

void turn_until_fn(struct loop *l, bool (*pred)(void *ctx), void *ctx)
{
	mono_ns give_up = loop_clock() + 60 * NS_PER_S;

	while (!pred(ctx)) {
		assert_true(loop_clock() < give_up);
		loop_turn(l, 100 * NS_PER_MS);
	}
}

void turn_until(struct loop *l, const bool *flag)
{
	bool *f = (bool *)(uintptr_t)flag;

	turn_until_fn(l, flag_set, f);
}

void turn_for(struct loop *l, dur_ns d)
{
	mono_ns until = loop_clock() + d;

	while (loop_clock() < until)
		loop_turn(l, until - loop_clock());
}
