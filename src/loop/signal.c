/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as messages: blocked for the process, read from a signalfd on the loop's thread, so that
 * handlers are ordinary code. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/internal.h"

struct signal_source {
	struct signal_source *next;
	struct loop_io io;
	int fd;
	loop_signal_fn *fn;
	void *ctx;
};

static void signal_readable(void *ctx, uint32_t events _unused_)
{
	struct signal_source *s = ctx;
	struct signalfd_siginfo si;

	while (read(s->fd, &si, sizeof si) == (ssize_t)sizeof si)
		s->fn(s->ctx, (int)si.ssi_signo);
}

int loop_signals(struct loop *l, const int *signos, int n, loop_signal_fn *fn, void *ctx)
{
	sigset_t set;
	struct signal_source *s;
	int fd, r;

	assert(fn && n > 0);
	sigemptyset(&set);
	for (int i = 0; i < n; i++)
		if (sigaddset(&set, signos[i]) < 0)
			return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	s = XNEW(struct signal_source);
	s->fd = fd;
	s->fn = fn;
	s->ctx = ctx;
	r = loop_io_add(l, &s->io, fd, EPOLLIN, signal_readable, s);
	if (r == 0)
		r = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r < 0) {
		loop_io_del(&s->io);
		close(fd);
		free(s);
		return r;
	}
	s->next = l->signals;
	l->signals = s;
	return 0;
}

void loop_signals_done_(struct loop *l)
{
	for (struct signal_source *s = l->signals, *next; s; s = next) {
		next = s->next;
		loop_io_del(&s->io);
		close(s->fd);
		free(s);
	}
	l->signals = NULL;
}
