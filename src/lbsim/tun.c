/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_LEN   10000 /* packets that may wait for us; the kernel's 500 are a few ms' worth */
#define SEND_BUFFER (4 << 20) /* bytes that may wait for a device behind the raw sockets */

/* ---- the device */

static int why(struct err *err, const char *what)
{
	int e = errno;

	if (e == EPERM)
		return err_set(err, -EPERM, "%s: CAP_NET_ADMIN is missing", what);
	return err_set_errno(err, e, "%s", what);
}

static int attach(struct tun *t, const char *name, struct err *err)
{
	struct ifreq r = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL) };

	if (strlen(name) >= sizeof r.ifr_name)
		return err_set(err, -EINVAL, "\"%s\" is too long for a device", name);
	memcpy(r.ifr_name, name, strlen(name));
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return err_set_errno(err, errno, "/dev/net/tun");
	if (ioctl(t->fd, TUNSETIFF, &r) < 0)
		return why(err, "making a TUN device");
	memcpy(t->name, r.ifr_name, sizeof t->name);
	return 0;
}

static int bring_up(struct tun *t, int s, struct err *err)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, t->name, sizeof r.ifr_name);
	if (ioctl(s, SIOCGIFINDEX, &r) < 0)
		return why(err, t->name);
	t->index = (unsigned)r.ifr_ifindex;
	r.ifr_qlen = QUEUE_LEN;
	if (ioctl(s, SIOCSIFTXQLEN, &r) < 0)
		return why(err, t->name);
	r.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		return why(err, t->name);
	return 0;
}

int tun_open(struct tun *ret, const char *name, struct err *err)
{
	struct tun t = { .fd = -1, .netlink = -1 };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (s < 0)
		return err_set_errno(err, errno, "socket");
	r = attach(&t, name, err);
	if (!r)
		r = bring_up(&t, s, err);
	(void)close(s);
	if (!r && (t.netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) < 0)
		r = err_set_errno(err, errno, "netlink");
	if (r)
		tun_close(&t);
	else
		*ret = t;
	return r;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	if (t->netlink >= 0)
		(void)close(t->netlink);
	t->fd = t->netlink = -1;
}

/* ---- routes */

struct request {
	struct nlmsghdr h;
	struct rtmsg r;
	uint8_t attrs[64]; /* an address and a number */
};

static void add_attr(struct request *q, uint16_t type, const void *p, size_t n)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), p, n);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The kernel answers while the request is sent. */
static int talk(struct tun *t, const struct request *q, struct err *err)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		uint8_t rest[1024]; /* it quotes the request */
	} answer;
	ssize_t n;

	if (send(t->netlink, q, q->h.nlmsg_len, 0) < 0)
		return err_set_errno(err, errno, "netlink");
	n = recv(t->netlink, &answer, sizeof answer, 0);
	if (n < 0)
		return err_set_errno(err, errno, "netlink");
	if ((size_t)n < sizeof answer.h + sizeof answer.e.error ||
	    answer.h.nlmsg_type != NLMSG_ERROR)
		return err_set(err, -EPROTO, "netlink: an answer of another kind");
	if (answer.e.error)
		return err_set_errno(err, -answer.e.error, "route");
	return 0;
}

static int change_route(struct tun *t, uint16_t type, uint16_t flags, const struct fib_key *prefix,
			struct err *err)
{
	const size_t at = prefix->is_ip4 ? 12 : 0, n = sizeof prefix->addr.b - at;
	const uint32_t index = t->index;
	struct request q = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof q.r),
		       .nlmsg_type = type,
		       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) },
		.r = { .rtm_family = prefix->is_ip4 ? AF_INET : AF_INET6,
		       .rtm_dst_len = (uint8_t)(prefix->plen - at * 8),
		       .rtm_table = RT_TABLE_MAIN,
		       .rtm_protocol = RTPROT_STATIC,
		       .rtm_scope = prefix->is_ip4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		       .rtm_type = RTN_UNICAST },
	};

	add_attr(&q, RTA_DST, prefix->addr.b + at, n);
	add_attr(&q, RTA_OIF, &index, sizeof index);
	return talk(t, &q, err);
}

int tun_route_add(struct tun *t, const struct fib_key *prefix, struct err *err)
{
	return change_route(t, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix, err);
}

int tun_route_del(struct tun *t, const struct fib_key *prefix, struct err *err)
{
	return change_route(t, RTM_DELROUTE, 0, prefix, err);
}

/* ---- raw sockets */

int tun_raw_socket(bool is_ip4, struct err *err)
{
	int fd = socket(is_ip4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_RAW),
	    on = 1, size = SEND_BUFFER;

	if (fd < 0 && errno == EPERM)
		return err_set(err, -EPERM, "raw socket: CAP_NET_RAW is missing");
	if (fd < 0)
		return err_set_errno(err, errno, "raw socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	/* For IPv4 the protocol says it already. */
	if (!is_ip4 && setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof on) < 0) {
		int r = err_set_errno(err, errno, "raw socket");

		(void)close(fd);
		return r;
	}
	return fd;
}
