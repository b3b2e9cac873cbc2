/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/turn.h"

#include <assert.h>
#include <errno.h>
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

int httpd_turn_start(struct httpd_turn *t, const struct httpd_turn_opts *o, struct err *e)
{
	static const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	const union MHD_DaemonInfo *info;
	int r;

	t->loop = o->loop;
	t->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		o->on_request, o->ctx, MHD_OPTION_NOTIFY_CONNECTION, o->on_connection, o->ctx,
		MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		o->memory, MHD_OPTION_ARRAY, o->more ? o->more : none, MHD_OPTION_END);
	if (!t->daemon)
		return err_set(e, -ENOMEM, "the HTTP server does not start");
	info = MHD_get_daemon_info(t->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	assert(info);
	r = loop_io_add(t->loop, &t->io, info->epoll_fd, EPOLLIN, ready, t);
	return r ? err_set_errno(e, -r, "the HTTP server does not start") : 0;
}

void httpd_turn_stop(struct httpd_turn *t)
{
	if (!t->loop)
		return;
	loop_io_del(&t->io);
	loop_defer_cancel(&t->run);
	timer_cancel(t->loop, &t->timer);
	if (t->daemon)
		MHD_stop_daemon(t->daemon);
	*t = (struct httpd_turn){ 0 };
}

int httpd_fd(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void httpd_header(struct MHD_Response *r, const char *name, const char *value)
{
	enum MHD_Result ok = MHD_add_response_header(r, name, value);

	assert(ok == MHD_YES);
}
