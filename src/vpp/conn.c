/* SPDX-License-Identifier: Apache-2.0 */
/* One descriptor, level-triggered. Reading stops after a bounded amount per turn, so that a VPP
 * that floods us does not starve the rest of the loop: epoll says again that there is more. */
#include "vpp/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "vpp/wire.h"

#define READ_CHUNK    65536u
#define READ_PER_TURN (1u << 20)
#define IN_KEEP       (1u << 20) /* a larger input buffer is given back once it is empty */

static void on_io(void *ctx, uint32_t events);

static int connect_error(const char *path, int err_no, struct err *e)
{
	switch (err_no) {
	case ENOENT:
		return err_set(e, -ENOENT, "no socket %s: is VPP running?", path);
	case EACCES:
	case EPERM:
		return err_set(e, -EACCES, "no permission to use %s (join the group it belongs to)",
			       path);
	case ECONNREFUSED:
		return err_set(e, -ECONNREFUSED, "nobody listens on %s: is VPP running?", path);
	case EAGAIN:
		return err_set(e, -EAGAIN, "VPP does not accept connections on %s", path);
	default:
		return err_set_errno(e, err_no, "connecting to %s", path);
	}
}

int vpp_conn_open(struct vpp_conn *c, const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int r, fd;

	assert(c->fd < 0);
	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(e, -ENAMETOOLONG, "socket path too long: %s", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "making a socket for %s", path);
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		r = connect_error(path, errno, e);
		(void)close(fd);
		return r;
	}
	r = loop_io_add(c->loop, &c->io, fd, EPOLLIN, on_io, c);
	if (r < 0) {
		(void)close(fd);
		return err_set_errno(e, -r, "watching %s", path);
	}
	c->fd = fd;
	c->want_out = false;
	return 0;
}

static void broken(struct vpp_conn *c, const struct err *e)
{
	c->broken(c->ctx, e);
	assert(c->fd < 0);
}

/* ---- output */

/* Write until done or the socket is full. 0 or -errno. */
static int write_some(struct vpp_conn *c)
{
	while (c->out_sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, c->out.len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
		c->out_sent += (size_t)n;
	}
	str_clear(&c->out);
	c->out_sent = 0;
	return 0;
}

static void flush(void *ctx)
{
	struct vpp_conn *c = ctx;
	struct err e = { 0 };
	bool want;
	int r;

	if (c->fd < 0)
		return;
	r = write_some(c);
	if (r < 0) {
		err_set_errno(&e, -r, "writing to VPP");
		broken(c, &e);
		return;
	}
	want = c->out.len > 0;
	if (want != c->want_out) {
		c->want_out = want;
		(void)loop_io_mod(&c->io, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
	}
}

void vpp_conn_kick(struct vpp_conn *c)
{
	if (!c->want_out)
		loop_defer_set(c->loop, &c->flush, flush, c);
}

bool vpp_conn_full(const struct vpp_conn *c)
{
	return c->out.len - c->out_sent >= VPP_CONN_OUT_MAX;
}

void vpp_conn_close(struct vpp_conn *c)
{
	if (c->fd < 0)
		return;
	(void)write_some(c);
	loop_defer_cancel(&c->flush);
	loop_io_del(&c->io);
	(void)close(c->fd);
	c->fd = -1;
	str_done(&c->out);
	c->out_sent = 0;
	free(c->in);
	c->in = NULL;
	c->in_len = c->in_cap = 0;
}

/* ---- input */

/* Bytes the frame at the head of the input still lacks: 0 when it is whole. < 0 on a bad length. */
static ssize_t missing(const uint8_t *p, size_t n, struct err *e)
{
	uint32_t len;
	int r = wire_frame_get(p, n, &len);

	if (r == -EAGAIN)
		return (ssize_t)(WIRE_FRAME_HDR - n);
	if (r < 0)
		return err_set(e, r, "VPP sent a frame of %u bytes, more than %u: not its API?",
			       len, WIRE_FRAME_MAX);
	len += WIRE_FRAME_HDR;
	return n >= len ? 0 : (ssize_t)(len - n);
}

/* Hand over every whole frame; keep what is left at the front. 0 or < 0 with `e`. The handler may
 * queue output, but it cannot close the connection: its return value does. */
static int take_frames(struct vpp_conn *c, struct err *e)
{
	size_t off = 0;
	int r = 0;

	for (;;) {
		uint32_t len = 0;
		ssize_t lack = missing(c->in + off, c->in_len - off, e);

		if (lack != 0) {
			r = lack < 0 ? (int)lack : 0;
			break;
		}
		(void)wire_frame_get(c->in + off, c->in_len - off, &len);
		r = c->frame(c->ctx, c->in + off + WIRE_FRAME_HDR, len, e);
		if (r < 0)
			break;
		off += WIRE_FRAME_HDR + len;
	}
	if (off > 0) {
		memmove(c->in, c->in + off, c->in_len - off);
		c->in_len -= off;
	}
	return r;
}

/* Room for what the frame under way needs, and a chunk at least. */
static void make_room(struct vpp_conn *c)
{
	ssize_t lack = c->in_len > 0 ? missing(c->in, c->in_len, NULL) : 0;
	size_t want = c->in_len + MAX((size_t)MAX(lack, 0), (size_t)READ_CHUNK);

	if (c->in_len == 0 && c->in_cap > IN_KEEP) {
		free(c->in);
		c->in = NULL;
		c->in_cap = 0;
	}
	if (want <= c->in_cap)
		return;
	c->in = xreallocarray(c->in, want, 1);
	c->in_cap = want;
}

/* One read. Bytes taken; 0: nothing there now; < 0 with `e`. */
static ssize_t read_some(struct vpp_conn *c, struct err *e)
{
	ssize_t n;

	make_room(c);
	do {
		n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0)
		return err_set_errno(e, errno, "reading from VPP");
	if (n == 0)
		return err_set(e, -ECONNRESET, "VPP closed the connection%s",
			       c->in_len > 0 ? " in the middle of a frame" : "");
	c->in_len += (size_t)n;
	return n;
}

static void read_input(struct vpp_conn *c)
{
	struct err e = { 0 };
	size_t total = 0;

	while (total < READ_PER_TURN) {
		ssize_t n = read_some(c, &e);

		if (n == 0)
			return;
		if (n < 0 || take_frames(c, &e) < 0) {
			broken(c, &e);
			return;
		}
		total += (size_t)n;
	}
}

static void on_io(void *ctx, uint32_t events)
{
	struct vpp_conn *c = ctx;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_input(c);
	if (c->fd >= 0 && (events & EPOLLOUT))
		flush(c);
}

void vpp_conn_poll(struct vpp_conn *c)
{
	if (c->fd >= 0)
		read_input(c);
}
