/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/turn.h"

#include <assert.h>
#include <microhttpd.h>
#include <sys/epoll.h>

#include "base/alloc.h"

static void run(void *ctx);

static void timer_due(void *ctx, struct timer *t _unused_)
{
	run(ctx);
}

/* It keeps connections that could go on at once; then the timeout is 0. */
static void run(void *ctx)
{
	struct httpd_turn *t = ctx;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(t->daemon);
	if (MHD_get_timeout(t->daemon, &ms) != MHD_YES) {
		timer_cancel(t->loop, &t->timer);
		return;
	}
	if (ms == 0)
		loop_defer_set(t->loop, &t->run, run, t);
	else
		timer_set(t->loop, &t->timer, loop_clock() + (mono_ns)ms * NS_PER_MS, timer_due, t);
}

static void ready(void *ctx, uint32_t events _unused_)
{
	run(ctx);
}

void httpd_turn_now(struct httpd_turn *t)
{
	run(t);
}

void httpd_turn_soon(struct httpd_turn *t)
{
	loop_defer_set(t->loop, &t->run, run, t);
}

int httpd_turn_start(struct httpd_turn *t, struct loop *l, struct MHD_Daemon *d)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);

	assert(info);
	t->loop = l;
	t->daemon = d;
	return loop_io_add(l, &t->io, info->epoll_fd, EPOLLIN, ready, t);
}

void httpd_turn_stop(struct httpd_turn *t)
{
	if (!t->loop)
		return;
	loop_io_del(&t->io);
	loop_defer_cancel(&t->run);
	timer_cancel(t->loop, &t->timer);
	t->loop = NULL;
}
