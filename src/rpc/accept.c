/* SPDX-License-Identifier: Apache-2.0 */
/* accept4(2) as gRPC's listener needs it.
 *
 * gRPC 1.51 stops listening for good, without a word, when accept4 fails with anything but EAGAIN
 * (grpc issues 16058 and 20418): once out of descriptors, a server never takes another connection.
 * And it takes connections until that happens, though the descriptors are needed for health checks.
 * It has no hook for either; so this program has an accept4 of its own, which libgrpc finds before
 * the C library's. It does something on threads that asked for it alone, that is, on gRPC's.
 *
 * - A descriptor in the last eighth of what RLIMIT_NOFILE allows is closed again at once: numbers
 *   are given lowest first, so a high one says that few are left.
 * - Out of descriptors or memory all the same: "nothing there". Those who wait stay in the backlog,
 *   and gRPC's edge-triggered listener takes them when the next one comes.
 * - Errors of the connection that was to be accepted (accept(2): "treat them like EAGAIN") are no
 *   errors of the listener. */
#include "rpc/accept.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local bool guarded;

void rpc_accept_guard(void)
{
	guarded = true;
}

static bool few_left(int fd)
{
	struct rlimit l;

	return getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur != RLIM_INFINITY &&
	       (rlim_t)fd >= l.rlim_cur - l.rlim_cur / 8;
}

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
	const socklen_t room = len ? *len : 0;

	for (;;) {
		int got = (int)syscall(SYS_accept4, fd, addr, len, flags);
		if (!guarded)
			return got;
		if (got >= 0 && !few_left(got))
			return got;
		if (len)
			*len = room;
		if (got >= 0) {
			close(got);
			continue;
		}
		switch (errno) {
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			errno = EAGAIN;
			return -1;
		case ECONNABORTED:
		case EPROTO:
		case EPERM: /* a firewall's rule */
		case ENETDOWN:
		case ENOPROTOOPT:
		case EHOSTDOWN:
		case ENONET:
		case EHOSTUNREACH:
		case ENETUNREACH:
		case EINTR:
			continue;
		default:
			return -1;
		}
	}
}
