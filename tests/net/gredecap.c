/* SPDX-License-Identifier: Apache-2.0 */
/* What a server behind the load balancer needs where its kernel has no GRE: takes GRE packets over
 * IPv4 and IPv6 from raw sockets and gives what is in them to the kernel through a TUN device,
 * until it is killed.
 *
 *   gredecap DEVICE
 *
 * Needs CAP_NET_ADMIN and CAP_NET_RAW. Prints "ready". */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH       32
#define PACKET_MAX  65535
#define RECEIVE_BUF (8 << 20)
#define GRE_LEN     4

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int tun_open(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR), s = socket(AF_INET, SOCK_DGRAM, 0);

	strncpy(r.ifr_name, name, sizeof r.ifr_name - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		die("tun");
	r.ifr_flags = IFF_UP;
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r) < 0)
		die(name);
	close(s);
	return fd;
}

static int raw_open(int family)
{
	int fd = socket(family, SOCK_RAW, IPPROTO_GRE), size = RECEIVE_BUF;

	if (fd < 0)
		die("raw socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	return fd;
}

/* GRE without options, around IP; everything else is not the load balancer's. */
static void decapsulate(int tun, const unsigned char *gre, size_t n)
{
	static const unsigned char ip4[GRE_LEN] = { 0, 0, 0x08, 0x00 },
				   ip6[GRE_LEN] = { 0, 0, 0x86, 0xdd };

	if (n <= GRE_LEN || (memcmp(gre, ip4, GRE_LEN) != 0 && memcmp(gre, ip6, GRE_LEN) != 0))
		return;
	if (write(tun, gre + GRE_LEN, n - GRE_LEN) < 0 && errno != EINVAL)
		perror("tun");
}

/* A raw IPv4 socket gives the outer header, too; an IPv6 one does not. */
static size_t outer_len(int family, const unsigned char *p)
{
	return family == AF_INET ? (p[0] & 0xfu) * 4 : 0;
}

static void take(int raw, int family, int tun)
{
	static unsigned char packets[BATCH][PACKET_MAX];
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ packets[i], PACKET_MAX };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(raw, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		size_t at = outer_len(family, packets[i]);

		if (m[i].msg_len > at)
			decapsulate(tun, packets[i] + at, m[i].msg_len - at);
	}
}

int main(int argc, char **argv)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int tun;

	if (argc != 2) {
		fprintf(stderr, "usage: gredecap DEVICE\n");
		return 2;
	}
	tun = tun_open(argv[1]);
	p[0].fd = raw_open(AF_INET);
	p[1].fd = raw_open(AF_INET6);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (p[0].revents)
			take(p[0].fd, AF_INET, tun);
		if (p[1].revents)
			take(p[1].fd, AF_INET6, tun);
	}
}
