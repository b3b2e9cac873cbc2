/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC binds for us, but answers 0 for every failure, is content when one address of several can
 * be bound, and removes any Unix socket it finds in the way, a live one too. So each address is
 * first bound here, on a socket thrown away again: that gives the reason, and takes nothing from
 * a process that listens. */
#include "rpc/listen.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/str.h"

#define UNIX_PREFIX "unix:"
#define UNIX_MODE   0660

/* 0 or -errno. SO_REUSEADDR as gRPC sets it: connections in TIME_WAIT are no hindrance, a listener
 * is. */
static int try_bind(const struct sockaddr *sa, socklen_t len)
{
	int r = 0, zero = 0, one = 1;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (sa->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	if (bind(fd, sa, len) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* ---- TCP */

static int try_any(uint16_t port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int r = try_bind((const struct sockaddr *)&any6, sizeof any6);

	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) /* a machine without IPv6 */
		r = try_bind((const struct sockaddr *)&any4, sizeof any4);
	return r;
}

static int listen_any(grpc_server *server, const char *addr, uint16_t port,
		      grpc_server_credentials *creds, int *ret_port, struct err *e)
{
	char target[16];
	int bound, r = try_any(port);

	if (r)
		return err_set_errno(e, -r, "listening on %s", addr);
	snprintf(target, sizeof target, "[::]:%u", port); /* gRPC makes it dual-stack */
	bound = grpc_server_add_http2_port(server, target, creds);
	if (bound <= 0)
		return err_set_errno(e, EADDRINUSE, "listening on %s", addr);
	*ret_port = bound;
	return 0;
}

/* One address of a name. `port` replaces the one in it once port 0 was given a number. */
static int listen_one(grpc_server *server, const struct addrinfo *ai, int port,
		      grpc_server_credentials *creds, int *ret_port)
{
	char host[NI_MAXHOST], service[NI_MAXSERV], target[NI_MAXHOST + NI_MAXSERV + 4];
	int bound, r;

	r = try_bind(ai->ai_addr, ai->ai_addrlen);
	if (r)
		return r;
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof host, service, sizeof service,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EADDRNOTAVAIL;
	if (port > 0)
		snprintf(service, sizeof service, "%d", port);
	snprintf(target, sizeof target, ai->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
		 service);
	bound = grpc_server_add_http2_port(server, target, creds);
	if (bound <= 0)
		return -EADDRINUSE;
	*ret_port = bound;
	return 0;
}

static int listen_host(grpc_server *server, const char *addr, const char *host, uint16_t port,
		       grpc_server_credentials *creds, int *ret_port, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	char service[8];
	int gai, bound = 0, failed = -EADDRNOTAVAIL;

	snprintf(service, sizeof service, "%u", port);
	gai = getaddrinfo(host, service, &hints, &list);
	if (gai)
		return err_set(e, -EINVAL, "listening on %s: %s", addr, gai_strerror(gai));
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		int r = listen_one(server, ai, bound, creds, &bound);
		bool absent = r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT;
		if (!r)
			continue;
		failed = r;
		if (!absent) {
			bound = 0;
			break;
		}
	}
	freeaddrinfo(list);
	if (bound <= 0)
		return err_set_errno(e, -failed, "listening on %s", addr);
	*ret_port = bound;
	return 0;
}

/* ---- Unix sockets */

/* Make way: 0 when nothing is there any more, -EADDRINUSE when somebody listens. */
static int unix_clear(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, r;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* Not to wait: a listener whose queue is full (EAGAIN) is a listener. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)sun, sizeof *sun) < 0 ? errno : 0;
	close(fd);
	if (r == 0 || r == EAGAIN || r == EPROTOTYPE)
		return -EADDRINUSE;
	if (r != ECONNREFUSED)
		return -r;
	return unlink(sun->sun_path) < 0 ? -errno : 0;
}

static int unix_bind(grpc_server *server, const char *addr, const struct sockaddr_un *sun,
		     grpc_server_credentials *creds)
{
	int bound, r = try_bind((const struct sockaddr *)sun, sizeof *sun);

	if (r)
		return r;
	(void)unlink(sun->sun_path);
	bound = grpc_server_add_http2_port(server, addr, creds);
	if (bound <= 0)
		return -EADDRINUSE;
	return chmod(sun->sun_path, UNIX_MODE) < 0 ? -errno : 0;
}

static int listen_unix(grpc_server *server, const char *addr, grpc_server_credentials *creds,
		       struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = addr + strlen(UNIX_PREFIX);
	size_t len = strlen(path);
	mode_t mask;
	int r;

	if (len == 0)
		return err_set(e, -EINVAL, "listen address \"%s\": no path", addr);
	if (len >= sizeof sun.sun_path)
		return err_set(e, -EINVAL, "listen address \"%s\": a path has at most %zu bytes",
			       addr, sizeof sun.sun_path - 1);
	memcpy(sun.sun_path, path, len);
	r = unix_clear(&sun);
	if (r == -EEXIST)
		return err_set(e, r, "listening on %s: the file exists and is no socket", addr);
	if (!r) {
		mask = umask(0777 & ~UNIX_MODE); /* never open to others, not for a moment */
		r = unix_bind(server, addr, &sun, creds);
		umask(mask);
	}
	return r ? err_set_errno(e, -r, "listening on %s", addr) : 0;
}

static bool is_any(const char *host)
{
	static const struct addr any4 = { .family = ADDR_IP4 }, any6 = { .family = ADDR_IP6 };
	struct addr a;

	return !*host || (addr_parse(host, &a) == 0 && (addr_eq(&a, &any4) || addr_eq(&a, &any6)));
}

int rpc_listen(grpc_server *server, const char *addr, grpc_server_credentials *creds, int *ret_port,
	       struct err *e)
{
	char host[NI_MAXHOST];
	uint16_t port;

	if (str_prefix(addr, UNIX_PREFIX)) {
		int r = listen_unix(server, addr, creds, e);
		if (!r)
			*ret_port = -1;
		return r;
	}
	if (hostport_split(addr, host, sizeof host, &port))
		return err_set(
			e, -EINVAL,
			"listen address \"%s\": expected host:port, [v6]:port, :port or unix:/path",
			addr);
	if (is_any(host)) /* gRPC takes both families for any of these */
		return listen_any(server, addr, port, creds, ret_port, e);
	return listen_host(server, addr, host, port, creds, ret_port, e);
}
