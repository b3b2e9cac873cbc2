/* SPDX-License-Identifier: Apache-2.0 */
/* A mapping of a file that shrinks kills its reader (SIGBUS) at the next look beyond the new end.
 * VPP seals its memory against shrinking (src/vppinfra/linux/mem.c), which is looked at, and made
 * up for where it can be. Memory that cannot be sealed is not mapped: it is read through the
 * descriptor, where the end of a file is no more than that. */
#include "vpp/statsconn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

#define RETRY    (5 * NS_PER_S)
#define TIMEOUT  (5 * NS_PER_S)
#define FDS_MAX  4 /* VPP sends one; what is beyond the room for these the kernel closes */
#define SIZE_MIN 4096

struct vpp_statsconn {
	struct vpp_statsconn_opts o;
	char *path;
	int sock; /* while an answer is awaited, else -1 */
	struct loop_io io;
	struct timer timer; /* the next attempt, or the end of this one */
	struct vpp_stats_mem mem;
	bool open;
};

static void attempt(void *ctx, struct timer *t);

static void hang_up(struct vpp_statsconn *c)
{
	timer_cancel(c->o.loop, &c->timer);
	if (c->sock < 0)
		return;
	loop_io_del(&c->io);
	(void)close(c->sock);
	c->sock = -1;
}

static void let_go(struct vpp_statsconn *c)
{
	if (!c->open)
		return;
	c->open = false;
	if (c->mem.map)
		(void)munmap((void *)(uintptr_t)c->mem.map, c->mem.size);
	if (c->mem.fd >= 0)
		(void)close(c->mem.fd);
}

static void retry(struct vpp_statsconn *c)
{
	timer_set(c->o.loop, &c->timer, loop_clock() + c->o.retry, attempt, c);
}

static void fail(struct vpp_statsconn *c, const struct err *e)
{
	hang_up(c);
	retry(c);
	c->o.failed(c->o.ctx, e->msg);
}

/* ---- the memory */

static bool cannot_shrink(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & F_SEAL_SHRINK))
		return true;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0;
}

/* Takes the descriptor over on success. */
static int adopt(struct vpp_statsconn *c, int fd, struct err *e)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "looking at VPP's stats memory");
	if (!S_ISREG(st.st_mode) || st.st_size < SIZE_MIN)
		return err_set(e, -EBADMSG, "what %s gave is no stats memory", c->path);
	c->mem = (struct vpp_stats_mem){ .fd = fd, .size = (size_t)st.st_size };
	if (!cannot_shrink(fd))
		return 0;
	map = mmap(NULL, c->mem.size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return err_set_errno(e, errno, "mapping VPP's stats memory");
	(void)close(fd);
	c->mem.map = map;
	c->mem.fd = -1;
	return 0;
}

/* ---- the socket */

/* The first descriptor of the message; others are closed. -1: there was none. */
static int take_fd(struct msghdr *m)
{
	int first = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		int fds[FDS_MAX];
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = MIN((h->cmsg_len - CMSG_LEN(0)) / sizeof fds[0], (size_t)FDS_MAX);
		memcpy(fds, CMSG_DATA(h), n * sizeof fds[0]);
		for (size_t i = 0; i < n; i++) {
			if (first < 0)
				first = fds[i];
			else
				(void)close(fds[i]);
		}
	}
	return first;
}

/* 1: not yet; 0 with the descriptor; < 0. */
static int receive(struct vpp_statsconn *c, int *ret_fd, struct err *e)
{
	union {
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte[64];
	struct iovec iov = { .iov_base = byte, .iov_len = sizeof byte };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof control.buf };
	ssize_t n;

	do {
		n = recvmsg(c->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 1;
	if (n < 0)
		return err_set_errno(e, errno, "reading from %s", c->path);
	*ret_fd = take_fd(&m);
	if (*ret_fd < 0)
		return err_set(e, -EBADMSG, "%s gave no descriptor", c->path);
	return 0;
}

static void on_io(void *ctx, uint32_t events)
{
	struct vpp_statsconn *c = ctx;
	struct err e = { 0 };
	int fd = -1, r = receive(c, &fd, &e);

	if (r > 0)
		return;
	if (r == 0) {
		r = adopt(c, fd, &e);
		if (r < 0)
			(void)close(fd);
	}
	if (r < 0) {
		fail(c, &e);
		return;
	}
	hang_up(c);
	c->open = true;
	c->o.opened(c->o.ctx);
}

static void on_timeout(void *ctx, struct timer *t)
{
	struct vpp_statsconn *c = ctx;
	struct err e;

	err_set(&e, -ETIMEDOUT, "no answer on %s", c->path);
	fail(c, &e);
}

static int dial(struct vpp_statsconn *c, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int r;

	if (strlen(c->path) >= sizeof sa.sun_path)
		return err_set(e, -ENAMETOOLONG, "socket path too long: %s", c->path);
	memcpy(sa.sun_path, c->path, strlen(c->path) + 1);
	c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->sock < 0)
		return err_set_errno(e, errno, "making a socket for %s", c->path);
	if (connect(c->sock, (const struct sockaddr *)&sa, sizeof sa) < 0)
		return err_set_errno(e, errno, "connecting to %s", c->path);
	r = loop_io_add(c->o.loop, &c->io, c->sock, EPOLLIN, on_io, c);
	return r < 0 ? err_set_errno(e, -r, "watching %s", c->path) : 0;
}

static void attempt(void *ctx, struct timer *t)
{
	struct vpp_statsconn *c = ctx;
	struct err e = { 0 };

	if (dial(c, &e) < 0)
		fail(c, &e);
	else
		timer_set(c->o.loop, &c->timer, loop_clock() + c->o.timeout, on_timeout, c);
}

/* ---- life */

struct vpp_statsconn *vpp_statsconn_new(const struct vpp_statsconn_opts *o)
{
	struct vpp_statsconn *c = XNEW(struct vpp_statsconn);

	c->o = *o;
	c->path = xstrdup(o->path);
	c->sock = -1;
	if (c->o.retry == 0)
		c->o.retry = RETRY;
	if (c->o.timeout == 0)
		c->o.timeout = TIMEOUT;
	return c;
}

void vpp_statsconn_free(struct vpp_statsconn *c)
{
	if (!c)
		return;
	vpp_statsconn_stop(c);
	free(c->path);
	free(c);
}

void vpp_statsconn_start(struct vpp_statsconn *c)
{
	assert(!c->open && c->sock < 0 && !timer_armed(&c->timer));
	timer_set(c->o.loop, &c->timer, loop_clock(), attempt, c);
}

void vpp_statsconn_stop(struct vpp_statsconn *c)
{
	hang_up(c);
	let_go(c);
}

void vpp_statsconn_renew(struct vpp_statsconn *c)
{
	vpp_statsconn_stop(c);
	retry(c);
}

const struct vpp_stats_mem *vpp_statsconn_mem(const struct vpp_statsconn *c)
{
	return c->open ? &c->mem : NULL;
}
