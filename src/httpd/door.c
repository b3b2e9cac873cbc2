/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/door.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

/* In one turn of the loop. */
#define BATCH 64

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void let_in(struct httpd_door *d, int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	d->o.coming(d->o.ctx);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &d->o.send_buffer, sizeof d->o.send_buffer);
	/* Closes the descriptor when it fails. */
	(void)MHD_add_connection(d->o.turn->daemon, fd, (const struct sockaddr *)sa, len);
}

static void ready(void *ctx, uint32_t events _unused_)
{
	struct httpd_socket *s = ctx;

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof sa;
		int fd = accept4(s->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && is_shortage(errno))
			(void)loop_io_mod(&s->io, 0); /* until the next tick */
		if (fd < 0)
			break;
		let_in(s->door, fd, &sa, len);
	}
	httpd_turn_soon(s->door->o.turn);
}

/* Who comes in has his request with him then, and is not in anybody's way before (tcp(7),
 * TCP_DEFER_ACCEPT). Without it, all goes on. */
static void defer(int fd, dur_ns time)
{
	int seconds = (int)(time / NS_PER_S);

	if (seconds)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

int httpd_door_open(struct httpd_door *d, const struct httpd_door_opts *o, int *ret_port,
		    struct err *e)
{
	int fds[LISTEN_MAX], r = listen_open(o->addr, fds, &d->n, ret_port, e);

	if (r) {
		d->n = 0;
		return r;
	}
	d->o = *o;
	for (size_t i = 0; i < d->n; i++) {
		struct httpd_socket *s = &d->sockets[i];

		s->door = d;
		s->fd = fds[i];
		defer(s->fd, o->defer);
		r = r ? r : loop_io_add(o->loop, &s->io, s->fd, EPOLLIN, ready, s);
	}
	return r ? err_set_errno(e, -r, "listening on %s", o->addr) : 0;
}

void httpd_door_close(struct httpd_door *d)
{
	for (size_t i = 0; i < d->n; i++) {
		loop_io_del(&d->sockets[i].io);
		(void)close(d->sockets[i].fd);
	}
	d->n = 0;
}

void httpd_door_tick(struct httpd_door *d)
{
	for (size_t i = 0; i < d->n; i++)
		(void)loop_io_mod(&d->sockets[i].io, EPOLLIN);
}
