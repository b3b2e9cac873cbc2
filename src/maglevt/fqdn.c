/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/fqdn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child: asks, writes, ends. */
static void ask(const char *name, int fd)
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *full;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname) {
		full = found->ai_canonname;
		if (write(fd, full, strnlen(full, FQDN_LEN - 1)) < 0)
			_exit(1);
	}
	_exit(0);
}

static void done(struct fqdn *f)
{
	loop_io_del(&f->io);
	close(f->fd);
	f->fd = -1;
	(void)kill(f->child, SIGKILL);
	while (waitpid(f->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	f->child = 0;
}

/* It is written at once, and short enough for a pipe to keep it whole. */
static void readable(void *ctx, uint32_t events)
{
	struct fqdn *f = ctx;
	char name[FQDN_LEN];
	ssize_t n = read(f->fd, name, sizeof name - 1);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	done(f);
	if (n <= 0)
		return;
	name[n] = '\0';
	memcpy(f->name, name, (size_t)n + 1);
	f->changed(f->ctx);
}

void fqdn_start(struct fqdn *f, struct loop *l, void (*changed)(void *ctx), void *ctx)
{
	int pipes[2];

	*f = (struct fqdn){ .fd = -1, .changed = changed, .ctx = ctx };
	if (gethostname(f->name, sizeof f->name - 1) < 0)
		snprintf(f->name, sizeof f->name, "localhost");
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	f->child = fork();
	if (f->child == 0) {
		close(pipes[0]);
		ask(f->name, pipes[1]);
	}
	close(pipes[1]);
	if (f->child < 0) {
		close(pipes[0]);
		return;
	}
	f->fd = pipes[0];
	if (loop_io_add(l, &f->io, f->fd, EPOLLIN, readable, f) < 0)
		done(f);
}

void fqdn_stop(struct fqdn *f)
{
	if (f->child > 0)
		done(f);
}
