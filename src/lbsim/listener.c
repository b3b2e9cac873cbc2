/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define BACKLOG     64
#define RETRY_AFTER NS_PER_S /* when accept fails, for want of descriptors mostly */

struct listener {
	struct loop *loop;
	struct loop_io io;
	struct timer retry;
	int fd;
	char *path;
	listener_fn *fn;
	void *ctx;
	bool paused;
};

static int address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (*path == '\0')
		return err_set(err, -EINVAL, "the path of a socket is empty");
	size_t n = strlen(path);
	if (n >= sizeof ret->sun_path)
		return err_set(err, -ENAMETOOLONG,
			       "%s: longer than the %zu bytes of a socket's path", path,
			       sizeof ret->sun_path - 1);
	memcpy(ret->sun_path, path, n + 1);
	return 0;
}

/* Make room at the address if a dead process left a socket there. */
static int remove_stale(const struct sockaddr_un *sun, int type, struct err *err)
{
	struct stat st;
	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", sun->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s exists and is no socket", sun->sun_path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket");
	int r = connect(fd, (const struct sockaddr *)sun, sizeof *sun);
	int refused = r < 0 && errno == ECONNREFUSED;
	close(fd);
	if (!refused)
		return err_set(err, -EADDRINUSE, "%s is in use by a running process",
			       sun->sun_path);
	if (unlink(sun->sun_path) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "removing the stale socket %s", sun->sun_path);
	return 0;
}

/* The listening descriptor, or -errno. */
static int open_socket(const char *path, int type, struct err *err)
{
	struct sockaddr_un sun;
	int r = address(path, &sun, err);
	if (!r)
		r = remove_stale(&sun, type, err);
	if (r)
		return r;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket");
	if (bind(fd, (const struct sockaddr *)&sun, sizeof sun) < 0 || listen(fd, BACKLOG) < 0) {
		r = err_set_errno(err, errno, "listening on %s", path);
		close(fd);
		return r;
	}
	return fd;
}

static void register_io(struct listener *l);

static void on_retry(void *ctx, struct timer *t)
{
	struct listener *l = ctx;
	if (!l->paused)
		register_io(l);
}

static void on_io(void *ctx, uint32_t events)
{
	struct listener *l = ctx;
	for (;;) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			l->fn(l->ctx, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		log_warn("accept-error", L_STR("socket", l->path), L_STR("error", strerror(errno)));
		loop_io_del(&l->io);
		timer_set(l->loop, &l->retry, loop_now(l->loop) + RETRY_AFTER, on_retry, l);
		return;
	}
}

static void register_io(struct listener *l)
{
	if (loop_io_add(l->loop, &l->io, l->fd, EPOLLIN, on_io, l))
		abort(); /* a fresh descriptor: only memory can be short */
}

struct listener *listener_new(struct loop *loop, const char *path, int type, listener_fn *fn,
			      void *ctx, struct err *err)
{
	int fd = open_socket(path, type, err);
	if (fd < 0)
		return NULL;
	struct listener *l = XNEW(struct listener);
	l->loop = loop;
	l->fd = fd;
	l->path = xstrdup(path);
	l->fn = fn;
	l->ctx = ctx;
	register_io(l);
	return l;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	timer_cancel(l->loop, &l->retry);
	loop_io_del(&l->io);
	close(l->fd);
	(void)unlink(l->path);
	free(l->path);
	free(l);
}

void listener_pause(struct listener *l, bool paused)
{
	if (l->paused == paused)
		return;
	l->paused = paused;
	timer_cancel(l->loop, &l->retry);
	loop_io_del(&l->io);
	if (!paused)
		register_io(l);
}
