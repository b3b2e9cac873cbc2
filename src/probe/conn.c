/* SPDX-License-Identifier: Apache-2.0 */
/* One probe's TCP connection, at the price of the kernel's own work.
 *
 * socket, TCP_QUICKACK off, SO_LINGER 0, bind when a source is set, connect, one epoll_ctl (edge-
 * triggered, in and out at once: no MOD ever), and close, which sends a reset and drops the
 * registration. With TCP_QUICKACK off the last acknowledgement of the handshake rides on the first
 * data (or is never sent, when a reset follows at once); the reset leaves no TIME_WAIT behind,
 * which at thousands of probes a second would eat the local ports.
 *
 * Edge-triggered means: after an event, read and write until EAGAIN, or until a short read that no
 * end of stream can hide behind. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/model.h"
#include "probe/internal.h"
#include "probe/tls.h"

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
		       EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP,
	       "conn_events gives poll's bits for epoll's");

static bool wants_tls(const struct healthcheck *check)
{
	return check->type == HC_HTTPS || (check->type == HC_TCP && check->ssl);
}

static void options_set(int fd)
{
	int off = 0;
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	/* Both only make a probe cheaper: a kernel that refuses them is no reason to fail. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static int source_bind(int fd, const struct addr *src)
{
	struct sockaddr_storage ss;
	int on = 1;
	socklen_t len;

	if (src->family == ADDR_NONE)
		return 0;
	/* the port is chosen at connect, per destination: 28,000 of them for each, not for all */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	len = addr_to_sockaddr(src, 0, &ss);
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

/* A call of ours failed: LOCAL or `otherwise`, as probe_conclude_errno has it. */
static bool conn_fail(struct target *t, struct conn *c, enum code otherwise, const char *what,
		      int errno_value)
{
	probe_conclude_errno(t, otherwise, what, errno_value);
	conn_close(c);
	return false;
}

bool conn_open(struct target *t, struct conn *c, loop_io_fn *ready)
{
	bool ip4 = t->addr.family == ADDR_IP4;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&t->addr, t->check->port, &ss);
	int r, fd;

	assert(c->state == CONN_CLOSED);
	fd = socket(ip4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		probe_conclude_errno(t, CODE_LOCAL, "socket", errno);
		return false;
	}
	c->fd = fd;
	c->state = CONN_CONNECTING;
	options_set(fd);
	r = source_bind(fd, ip4 ? &t->check->src4 : &t->check->src6);
	if (r < 0)
		return conn_fail(t, c, CODE_LOCAL, "bind to the source address", -r);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return conn_fail(t, c, errno == ETIMEDOUT ? CODE_L4TOUT : CODE_L4CON, "connect",
				 errno);
	r = loop_io_add(t->w->loop, &c->io, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, ready,
			t);
	return r < 0 ? conn_fail(t, c, CODE_LOCAL, "epoll_ctl", -r) : true;
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	tls_session_free(c->tls);
	loop_io_forget(&c->io);
	close(c->fd);
	*c = (struct conn){ .state = CONN_CLOSED, .fd = -1 };
}

/* ---- forward */

/* A pending error is the network's answer, even EACCES: but not our memory. A reset means that the
 * connection was made; of one that we left waiting beyond the deadline it says nothing. */
static void connect_failed(struct target *t, struct conn *c, int error)
{
	char text[RESULT_ERRNO_LEN];

	if (error == ENOBUFS || error == ENOMEM)
		probe_conclude_errno(t, CODE_LOCAL, "connect", error);
	else if (error == ECONNRESET && probe_is_late(t))
		probe_conclude(t, CODE_LOCAL, "reset while we were late");
	else
		probe_conclude(t, error == ETIMEDOUT ? CODE_L4TOUT : CODE_L4CON, "connect: %s",
			       result_errno(error, text));
	conn_close(c);
}

static bool connected(struct target *t, struct conn *c, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (events & (EPOLLERR | EPOLLHUP)) {
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error) {
			connect_failed(t, c, error);
			return false;
		}
	}
	return events & EPOLLOUT;
}

static bool handshake_begin(struct target *t, struct conn *c)
{
	char why[PROBE_DETAIL_MAX];

	c->tls = tls_session_new(t->w->engine->tls, c->fd, t->check, &t->addr, why, sizeof why);
	if (c->tls)
		return true;
	probe_conclude(t, CODE_LOCAL, "TLS: %s", why);
	conn_close(c);
	return false;
}

static void handshake_failed(struct target *t, struct conn *c, int r, const char *why)
{
	if (r == -EPROTO)
		probe_conclude(t, CODE_L6RSP, "TLS: %s", why);
	else if (r < 0 && result_errno_is_local(-r))
		probe_conclude_errno(t, CODE_LOCAL, "TLS handshake", -r);
	else if (probe_is_late(t))
		probe_conclude(t, CODE_LOCAL,
			       "closed during the TLS handshake, while we were late");
	else if (r < 0)
		probe_conclude_errno(t, CODE_L4CON, "TLS handshake", -r);
	else
		probe_conclude(t, CODE_L6RSP, "TLS: closed during the handshake");
	conn_close(c);
}

static bool handshake(struct target *t, struct conn *c)
{
	char why[PROBE_DETAIL_MAX];
	int r = tls_handshake(c->tls, why, sizeof why);

	t->cert_not_after = tls_cert_not_after(c->tls);
	if (r > 0)
		return true;
	if (r != -EAGAIN)
		handshake_failed(t, c, r, why);
	return false;
}

bool conn_advance(struct target *t, struct conn *c, uint32_t events)
{
	if (c->state == CONN_CONNECTING) {
		if (!connected(t, c, events))
			return false;
		c->state = CONN_OPEN;
		if (wants_tls(t->check)) {
			if (!handshake_begin(t, c))
				return false;
			c->state = CONN_HANDSHAKE;
		}
	}
	if (c->state == CONN_HANDSHAKE) {
		if (!handshake(t, c))
			return false;
		c->state = CONN_OPEN;
	}
	return c->state == CONN_OPEN;
}

/* Where nobody listens on an address of this host, and the kernel picks the very port that is
 * probed for our end, the connection reaches itself (RFC 793's simultaneous open) and looks
 * established. Ports that are never picked need no look, which is a system call of each probe. */

bool conn_is_own(const struct target *t, const struct conn *c)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	struct addr own;
	uint16_t port;

	if (t->check->port < t->w->netns.port_min || t->check->port > t->w->netns.port_max)
		return false;
	return getsockname(c->fd, (struct sockaddr *)&ss, &len) == 0 &&
	       addr_from_sockaddr(&ss, &own, &port) == 0 && port == t->check->port &&
	       addr_eq(&own, &t->addr);
}

/* ---- bytes */

ssize_t conn_recv(struct target *t, struct conn *c, char *buf, size_t size)
{
	ssize_t n;

	if (c->tls)
		return tls_read(c->tls, buf, size, t->w->tls_why, sizeof t->w->tls_why);
	do
		n = recv(c->fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t conn_send(struct target *t, struct conn *c, const char *buf, size_t n)
{
	ssize_t sent;

	if (c->tls)
		return tls_write(c->tls, buf, n, t->w->tls_why, sizeof t->w->tls_why);
	do
		sent = send(c->fd, buf, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

bool conn_read_again(const struct conn *c, uint32_t events)
{
	return c->tls || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

uint32_t conn_events(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	if (c->state == CONN_CLOSED || poll(&p, 1, 0) <= 0)
		return 0;
	return (uint32_t)(unsigned short)p.revents;
}

struct probe_overdue conn_overdue(const struct conn *c)
{
	switch (c->state) {
	case CONN_CLOSED: /* concluded; nobody looks at it */
	case CONN_CONNECTING:
		return (struct probe_overdue){ CODE_L4TOUT, "no connection" };
	case CONN_HANDSHAKE:
		return (struct probe_overdue){ CODE_L6TOUT, "TLS handshake not done" };
	case CONN_OPEN:
		return (struct probe_overdue){ CODE_L7TOUT, "no complete response" };
	}
	return (struct probe_overdue){ CODE_L7TOUT, "no complete response" };
}
