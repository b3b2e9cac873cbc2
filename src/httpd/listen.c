/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

#define BACKLOG 128

static void set(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof value);
}

/* The descriptor, or -errno. */
static int open_one(const struct sockaddr *sa, socklen_t len, bool v6only)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sa->sa_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
	if (bind(fd, sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static int port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;
	struct addr a;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    addr_from_sockaddr(&ss, &a, &port) < 0)
		return 0;
	return port;
}

static bool absent(int r)
{
	return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT;
}

static int open_any(uint16_t port)
{
	const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int r = open_one((const struct sockaddr *)&any6, sizeof any6, /* v6only= */ false);

	if (absent(r)) /* a machine without IPv6 */
		r = open_one((const struct sockaddr *)&any4, sizeof any4, false);
	return r;
}

static void set_port(struct sockaddr *sa, int port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons((uint16_t)port);
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons((uint16_t)port);
}

/* All addresses of the list, on one port: 0, or -errno with nothing open. */
static int open_list(struct addrinfo *list, int fds[static LISTEN_MAX], size_t *ret_n)
{
	int failed = -EADDRNOTAVAIL, port = 0;
	size_t n = 0;

	for (const struct addrinfo *ai = list; ai && n < LISTEN_MAX; ai = ai->ai_next) {
		if (port)
			set_port(ai->ai_addr, port);
		int fd = open_one(ai->ai_addr, ai->ai_addrlen, /* v6only= */ true);
		if (fd >= 0) {
			fds[n++] = fd;
			port = port_of(fd);
			continue;
		}
		failed = fd;
		if (absent(fd))
			continue;
		while (n)
			(void)close(fds[--n]);
		break;
	}
	if (!n)
		return failed;
	*ret_n = n;
	return 0;
}

static int open_host(const char *addr, const char *host, uint16_t port, int fds[static LISTEN_MAX],
		     size_t *ret_n, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *list;
	char service[8];
	int r;

	(void)snprintf(service, sizeof service, "%u", port);
	r = getaddrinfo(host, service, &hints, &list);
	if (r)
		return err_set(e, -EINVAL, "listening on %s: %s", addr, gai_strerror(r));
	r = open_list(list, fds, ret_n);
	freeaddrinfo(list);
	return r ? err_set_errno(e, -r, "listening on %s", addr) : 0;
}

int listen_open(const char *addr, int fds[static LISTEN_MAX], size_t *ret_n, int *ret_port,
		struct err *e)
{
	char host[NI_MAXHOST];
	uint16_t port;
	int r;

	if (hostport_split(addr, host, sizeof host, &port))
		return err_set(e, -EINVAL,
			       "listen address \"%s\": expected host:port, [v6]:port or :port",
			       addr);
	if (*host) {
		r = open_host(addr, host, port, fds, ret_n, e);
		if (r)
			return r;
	} else {
		r = open_any(port);
		if (r < 0)
			return err_set_errno(e, -r, "listening on %s", addr);
		fds[0] = r;
		*ret_n = 1;
	}
	*ret_port = port_of(fds[0]);
	return 0;
}
