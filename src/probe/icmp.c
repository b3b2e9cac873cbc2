/* SPDX-License-Identifier: Apache-2.0 */
/* icmp: an echo request and its reply, over one socket per family and worker.
 *
 * Raw where we have CAP_NET_RAW: it sees every echo reply and ICMP error that this host gets, and
 * finds ours by identifier, sequence number, address and nonce. Else a ping socket, where
 * net.ipv4.ping_group_range lets our group have one: the kernel puts in an identifier of its own,
 * gives us our replies alone, and errors through the error queue. A socket is opened by the first
 * probe that needs it, and again after a move to another namespace; while it cannot be had, probes
 * end LOCAL.
 *
 * The descriptors are level-triggered and read in bounded runs: a flood of foreign replies costs
 * time, never the loop. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h> /* before the kernel's headers, which then leave its types alone */
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>

#include "base/alloc.h"
#include "core/model.h"
#include "probe/internal.h"

/* Messages read before other descriptors get their turn. */
#define ICMP_READS_PER_EVENT 64
/* Replies that come while the thread is busy wait here; the kernel caps it at net.core.rmem_max. */
#define ICMP_RECEIVE_BUFFER (4 * 1024 * 1024)
/* An IP header with options, an ICMP error, and as much of a quote as can matter. */
#define ICMP_READ_SIZE 1024

/* ---- identity */

static void nonce_take(struct icmp_nonces *n, uint8_t ret[static ICMP_NONCE_LEN])
{
	if (n->left < ICMP_NONCE_LEN) {
		size_t got = 0;

		while (got < sizeof n->pool) {
			ssize_t r = getrandom(n->pool + got, sizeof n->pool - got, 0);

			assert(r > 0 || errno == EINTR);
			got += r > 0 ? (size_t)r : 0;
		}
		n->left = sizeof n->pool;
	}
	n->left -= ICMP_NONCE_LEN;
	memcpy(ret, n->pool + n->left, ICMP_NONCE_LEN);
}

static struct icmp_socket *socket_of(struct target *t)
{
	return &t->w->icmp[t->addr.family == ADDR_IP6];
}

static struct icmp_echo echo_of(const struct icmp_socket *s, const struct target *t)
{
	struct icmp_echo e = { .id = s->id, .seq = t->icmp.seq };

	memcpy(e.nonce, t->icmp.nonce, sizeof e.nonce);
	return e;
}

/* A sequence number that nothing in flight has. False: all 65,536 are taken. */
static bool seq_take(struct icmp_socket *s, struct target *t)
{
	for (unsigned tries = 0; tries <= UINT16_MAX; tries++) {
		t->icmp.seq = s->next_seq++;
		if (!map_get(&s->by_seq, &t->icmp.seq, sizeof t->icmp.seq)) {
			map_put(&s->by_seq, &t->icmp.seq, sizeof t->icmp.seq, t);
			return true;
		}
	}
	return false;
}

static void seq_release(struct icmp_socket *s, struct target *t)
{
	if (map_get(&s->by_seq, &t->icmp.seq, sizeof t->icmp.seq) == t)
		map_del(&s->by_seq, &t->icmp.seq, sizeof t->icmp.seq);
}

/* ---- receiving */

static struct target *target_of(struct icmp_socket *s, const struct icmp_msg *m)
{
	struct target *t;
	struct icmp_echo e;

	if (m->kind == ICMP_OTHER)
		return NULL;
	t = map_get(&s->by_seq, &m->seq, sizeof m->seq);
	if (!t)
		return NULL;
	e = echo_of(s, t);
	return icmp_matches(m, &e, s->raw) ? t : NULL;
}

static void unreachable(struct icmp_socket *s, struct target *t, const struct icmp_msg *m,
			const struct addr *from)
{
	char text[ADDR_STRLEN];

	seq_release(s, t);
	probe_conclude(t, CODE_L4CON, "%s (ICMP type %u code %u) from %s",
		       icmp_error_name(s->family, m->type, m->code), m->type, m->code,
		       addr_format(from, text));
}

static void received(struct icmp_socket *s, const uint8_t *p, size_t n, const struct addr *from)
{
	struct icmp_msg m;
	struct target *t;

	if (s->raw)
		icmp_decode(s->family, p, n, &m);
	else
		icmp_decode_bare(s->family, p, n, &m);
	t = target_of(s, &m);
	if (!t)
		return;
	if (m.kind == ICMP_ERROR) {
		if (addr_eq(&m.quoted_dst, &t->addr))
			unreachable(s, t, &m, from);
		return;
	}
	if (!addr_eq(from, &t->addr))
		return;
	seq_release(s, t);
	probe_conclude(t, CODE_L4OK, "echo reply");
}

/* The extended error of a message from the error queue; NULL when it has none. */
static const struct sock_extended_err *extended_error(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return (const struct sock_extended_err *)(const void *)CMSG_DATA(c);
	return NULL;
}

static struct addr offender(const struct sock_extended_err *e)
{
	const struct sockaddr *sa = (const void *)(e + 1); /* as SO_EE_OFFENDER, but const */
	struct sockaddr_storage ss = { 0 };
	struct addr a = { 0 };
	uint16_t port;

	if (sa->sa_family == AF_INET)
		memcpy(&ss, sa, sizeof(struct sockaddr_in));
	else if (sa->sa_family == AF_INET6)
		memcpy(&ss, sa, sizeof(struct sockaddr_in6));
	else
		return a;
	(void)addr_from_sockaddr(&ss, &a, &port);
	return a;
}

/* One message of the error queue. False: it is empty. */
static bool error_read(struct icmp_socket *s)
{
	uint8_t buf[ICMP_READ_SIZE];
	union {
		struct cmsghdr align;
		char space[512];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof buf };
	struct sockaddr_storage dst;
	struct msghdr h = { .msg_name = &dst,
			    .msg_namelen = sizeof dst,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof control };
	ssize_t n = recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
	const struct sock_extended_err *e;
	struct icmp_msg m;
	struct target *t;
	struct addr from;

	if (n < 0)
		return false;
	e = extended_error(&h);
	if (!e || (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6))
		return true;
	icmp_decode_quoted(s->family, buf, (size_t)n, &m);
	m.type = e->ee_type;
	m.code = e->ee_code;
	t = target_of(s, &m);
	if (t) {
		from = offender(e);
		unreachable(s, t, &m, &from);
	}
	return true;
}

static void errors_read(struct icmp_socket *s)
{
	for (int i = 0; i < ICMP_READS_PER_EVENT && !s->raw && error_read(s); i++)
		continue;
}

/* One run of messages. True: nothing is left. */
static bool messages_read(struct icmp_socket *s)
{
	uint8_t buf[ICMP_READ_SIZE];

	for (int i = 0; i < ICMP_READS_PER_EVENT; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof ss;
		ssize_t n = recvfrom(s->fd, buf, sizeof buf, MSG_DONTWAIT, (struct sockaddr *)&ss,
				     &len);
		struct addr from;
		uint16_t port;

		if (n < 0 && (errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS))
			return true;
		/* another errno is the pending error of some destination, now cleared */
		if (n >= 0 && addr_from_sockaddr(&ss, &from, &port) == 0)
			received(s, buf, (size_t)n, &from);
	}
	return false;
}

static void icmp_readable(void *ctx, uint32_t events)
{
	struct icmp_socket *s = ctx;

	if (events & EPOLLERR)
		errors_read(s);
	(void)messages_read(s);
}

/* ---- opening */

static void filter_set(struct icmp_socket *s)
{
	if (s->family == ADDR_IP4) {
		struct icmp_filter f = { .data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
						   1U << ICMP_TIME_EXCEEDED |
						   1U << ICMP_PARAMETERPROB) };

		(void)setsockopt(s->fd, SOL_RAW, ICMP_FILTER, &f, sizeof f);
	} else {
		struct icmp6_filter f;

		ICMP6_FILTER_SETBLOCKALL(&f);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f);
		ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &f);
		ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &f);
		ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &f);
		ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &f);
		(void)setsockopt(s->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof f);
	}
}

static void options_set(struct icmp_socket *s)
{
	int size = ICMP_RECEIVE_BUFFER, on = 1;

	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (s->raw)
		filter_set(s);
	else if (s->family == ADDR_IP4)
		(void)setsockopt(s->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
	else
		(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

static int socket_make(struct icmp_socket *s)
{
	int family = s->family == ADDR_IP4 ? AF_INET : AF_INET6;
	int protocol = s->family == ADDR_IP4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	s->raw = fd >= 0;
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

static int icmp_socket_open(struct worker *w, struct icmp_socket *s, enum addr_family f)
{
	uint8_t random[ICMP_NONCE_LEN];
	int r;

	if (s->open)
		return 0;
	s->w = w;
	s->family = f;
	r = socket_make(s);
	if (r < 0)
		return r;
	s->fd = r;
	options_set(s);
	r = loop_io_add(w->loop, &s->io, s->fd, EPOLLIN, icmp_readable, s);
	if (r < 0) {
		close(s->fd);
		return r;
	}
	nonce_take(&w->nonces, random);
	memcpy(&s->id, random, sizeof s->id);
	memcpy(&s->next_seq, random + sizeof s->id, sizeof s->next_seq);
	s->open = true;
	return 0;
}

void icmp_socket_close(struct icmp_socket *s)
{
	assert(s->by_seq.n == 0);
	map_done(&s->by_seq);
	if (!s->open)
		return;
	loop_io_del(&s->io);
	close(s->fd);
	*s = (struct icmp_socket){ 0 };
}

/* ---- sending */

static void source_add(struct msghdr *h, const struct addr *src)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (src->family == ADDR_IP4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, src->b, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
		h->msg_controllen = CMSG_SPACE(sizeof info);
	} else {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, src->b, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
		h->msg_controllen = CMSG_SPACE(sizeof info);
	}
}

static int echo_send(struct icmp_socket *s, struct target *t)
{
	const struct addr *src = s->family == ADDR_IP4 ? &t->check->src4 : &t->check->src6;
	struct icmp_echo e = echo_of(s, t);
	uint8_t packet[ICMP_ECHO_LEN];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { .space = { 0 } };
	struct sockaddr_storage ss;
	struct iovec iov = { .iov_base = packet, .iov_len = sizeof packet };
	struct msghdr h = { .msg_name = &ss,
			    .msg_namelen = addr_to_sockaddr(&t->addr, 0, &ss),
			    .msg_iov = &iov,
			    .msg_iovlen = 1 };

	icmp_echo_encode(s->family, &e, packet);
	if (src->family != ADDR_NONE) {
		h.msg_control = &control;
		h.msg_controllen = sizeof control;
		source_add(&h, src);
	}
	return sendmsg(s->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* On a ping socket, a failed send may report the error of an earlier packet to somebody else: the
 * kernel has one pending error per socket, and clears it by reporting it. */
static int echo_send_own(struct icmp_socket *s, struct target *t)
{
	int r = echo_send(s, t);

	for (int tries = 0; r < 0 && !s->raw && tries < 3; tries++) {
		errors_read(s);
		if (!t->in_flight)
			return 0;
		r = echo_send(s, t);
	}
	return r;
}

/* A source address that is not (any more) ours gives ENETUNREACH or EINVAL here, like a missing
 * route; bind(2) tells the two apart. */
static bool source_missing(const struct addr *src)
{
	struct sockaddr_storage ss;
	socklen_t len;
	bool missing;
	int fd;

	if (src->family == ADDR_NONE)
		return false;
	len = addr_to_sockaddr(src, 0, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	missing = bind(fd, (struct sockaddr *)&ss, len) < 0 && errno == EADDRNOTAVAIL;
	close(fd);
	return missing;
}

static void send_failed(struct target *t, int errno_value)
{
	const struct addr *src = t->addr.family == ADDR_IP4 ? &t->check->src4 : &t->check->src6;

	if (source_missing(src))
		probe_conclude_errno(t, CODE_LOCAL, "bind to the source address", EADDRNOTAVAIL);
	else
		probe_conclude_errno(t, CODE_L4CON, "send", errno_value);
}

static void icmp_start(struct target *t)
{
	struct icmp_socket *s = socket_of(t);
	int r = icmp_socket_open(t->w, s, t->addr.family);

	if (r == -EPERM || r == -EACCES) {
		probe_conclude(t, CODE_LOCAL,
			       "no permission for ICMP sockets: needs CAP_NET_RAW, or our group in "
			       "net.ipv4.ping_group_range");
		return;
	}
	if (r < 0) {
		probe_conclude_errno(t, CODE_LOCAL, "ICMP socket", -r);
		return;
	}
	nonce_take(&t->w->nonces, t->icmp.nonce);
	if (!seq_take(s, t)) {
		probe_conclude(t, CODE_LOCAL, "out of ICMP sequence numbers");
		return;
	}
	r = echo_send_own(s, t);
	if (r < 0) {
		seq_release(s, t);
		send_failed(t, -r);
	}
}

static struct probe_overdue icmp_expire(struct target *t)
{
	struct icmp_socket *s = socket_of(t);

	/* All that is there, not one run of it: our reply may stand behind others'. (Bounded all
	 * the same, at more than a receive buffer holds.) */
	errors_read(s);
	for (int i = 0; t->in_flight && i < 256 && !messages_read(s); i++)
		continue;
	return (struct probe_overdue){ CODE_L4TOUT, "no echo reply" };
}

static void icmp_abandon(struct target *t)
{
	seq_release(socket_of(t), t);
}

const struct probe_kind probe_kind_icmp = {
	.start = icmp_start,
	.expire = icmp_expire,
	.abandon = icmp_abandon,
};
