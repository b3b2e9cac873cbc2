/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can end a connection happens in `pump`, run by the loop for readiness or deferred
 * to the end of a turn, never inside a call of the owner's: so no owner's call finds the connection
 * gone under it. */
#include "lbsim/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

#define READ_SIZE 65536

struct conn {
	struct loop *loop;
	int fd;
	struct loop_io io;
	struct loop_defer defer;
	const struct conn_ops *ops;
	void *ctx;
	struct str in, out;
	size_t out_at; /* of `out`, sent already */
	bool eof, finishing, paused;
};

static size_t waiting(const struct conn *c)
{
	return c->out.len - c->out_at;
}

/* May more requests be taken? */
static bool listening(const struct conn *c)
{
	return !c->paused && !c->finishing && waiting(c) < CONN_OUT_HIGH;
}

static void conn_over(struct conn *c, const char *why)
{
	c->ops->closed(c->ctx, why);
	conn_free(c);
}

/* 0, or -1 when the peer is gone. */
static int flush_out(struct conn *c)
{
	while (waiting(c) > 0 && !c->paused) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, waiting(c), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->out_at += (size_t)n;
	}
	if (waiting(c) == 0) {
		str_clear(&c->out);
		c->out_at = 0;
	}
	return 0;
}

/* Offer what came, piece by piece. Returns NULL or why the connection must end. */
static const char *offer(struct conn *c)
{
	size_t at = 0;
	const char *why = NULL;
	while (at < c->in.len && listening(c)) {
		ssize_t n = c->ops->input(c->ctx, (const uint8_t *)c->in.p + at, c->in.len - at);
		if (n < 0)
			why = "bad input";
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (at > 0) {
		memmove(c->in.p, c->in.p + at, c->in.len - at);
		c->in.len -= at;
	}
	return why;
}

static int read_in(struct conn *c)
{
	char buf[READ_SIZE];
	ssize_t n = recv(c->fd, buf, sizeof buf, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		c->eof = true;
	str_add_n(&c->in, buf, (size_t)n);
	return 0;
}

static uint32_t interest(const struct conn *c)
{
	uint32_t e = 0;
	if (listening(c) && !c->eof)
		e |= EPOLLIN;
	if (waiting(c) > 0 && !c->paused)
		e |= EPOLLOUT;
	return e;
}

/* What was sent may have made room for the answers to more of what had come: go on until nothing
 * moves. NULL or why the connection must end. */
static const char *exchange(struct conn *c)
{
	for (;;) {
		size_t before = c->in.len;
		const char *why = offer(c);
		if (why)
			return why;
		if (flush_out(c))
			return "write failed";
		if (c->in.len == before || c->in.len == 0 || !listening(c))
			return NULL;
	}
}

static void pump(struct conn *c)
{
	const char *why = exchange(c);
	if (why)
		return conn_over(c, why);
	if (waiting(c) > CONN_OUT_MAX)
		return conn_over(c, "reads too slowly");
	if (c->in.len >= c->ops->in_max && listening(c))
		return conn_over(c, "request too long");
	if (c->finishing && waiting(c) == 0)
		return conn_over(c, NULL);
	if (c->eof && listening(c))
		return conn_over(c, c->in.len > 0 ? "ended inside a request" : NULL);
	if (!c->paused)
		loop_io_mod(&c->io, interest(c));
}

static void on_io(void *ctx, uint32_t events)
{
	struct conn *c = ctx;
	if ((events & EPOLLIN) && read_in(c))
		return conn_over(c, "read failed");
	if (!(events & EPOLLIN) && (events & (EPOLLHUP | EPOLLERR)))
		return conn_over(c, NULL);
	pump(c);
}

static void on_defer(void *ctx)
{
	pump(ctx);
}

struct conn *conn_new(struct loop *l, int fd, const struct conn_ops *ops, void *ctx)
{
	struct conn *c = XNEW(struct conn);
	c->loop = l;
	c->fd = fd;
	c->ops = ops;
	c->ctx = ctx;
	int r = loop_io_add(l, &c->io, fd, EPOLLIN, on_io, c);
	if (r) {
		close(fd);
		free(c);
		return NULL;
	}
	return c;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	loop_defer_cancel(&c->defer);
	loop_io_del(&c->io);
	close(c->fd);
	str_done(&c->in);
	str_done(&c->out);
	free(c);
}

static void pump_later(struct conn *c)
{
	loop_defer_set(c->loop, &c->defer, on_defer, c);
}

void conn_send(struct conn *c, const void *p, size_t n)
{
	if (c->out_at > CONN_OUT_HIGH) { /* what is sent need not be kept */
		memmove(c->out.p, c->out.p + c->out_at, waiting(c));
		c->out.len -= c->out_at;
		c->out_at = 0;
	}
	str_add_n(&c->out, p, n);
	pump_later(c);
}

void conn_finish(struct conn *c)
{
	c->finishing = true;
	pump_later(c);
}

/* Off the loop altogether: a peer that hangs up meanwhile would be reported without end. */
void conn_pause(struct conn *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	if (paused) {
		loop_io_del(&c->io);
		return;
	}
	if (loop_io_add(c->loop, &c->io, c->fd, EPOLLIN, on_io, c))
		abort(); /* it was registered before, so only memory can be short */
	pump_later(c);
}
