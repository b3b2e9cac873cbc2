/* SPDX-License-Identifier: Apache-2.0 */
/* `watch events`: a subscription, printed as it comes.
 *
 * It lasts until the number asked for has come, a key is pressed (at a terminal), SIGINT or another
 * signal to end comes, nobody reads the output any longer, or the stream ends: the daemon stops,
 * cuts a reader that is too slow, or is away. That last is an error; the client below would connect
 * again, but what happened meanwhile would be missing without a word.
 *
 * At a terminal, keys come singly, unseen, and none makes a signal; the rest of the terminal's
 * settings, those for output above all, stay as they are. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "loop/loop.h"
#include "maglev.pb-c.h"
#include "maglevc/commands.h"
#include "maglevc/session.h"
#include "rpc/asyncclient.h"
#include "rpc/json.h"

struct watch {
	struct session *ss;
	struct loop *loop;
	long long left; /* events until the end; -1: no end */
	bool over, failed;
	struct loop_io keys, reader;
	bool has_keys;
	struct termios before;
};

static void stop(struct watch *w)
{
	w->over = true;
	loop_stop(w->loop, 0);
}

static void fail(struct watch *w, const char *why)
{
	if (w->over)
		return;
	w->failed = true;
	str_add(&w->ss->error, *why ? why : "the stream has ended");
	stop(w);
}

/* ---- what comes from the daemon */

static void on_message(void *ctx, const ProtobufCMessage *m)
{
	struct watch *w = ctx;

	if (w->over)
		return;
	session_json(w->ss, m);
	if (w->ss->live && session_flush(w->ss)) {
		w->failed = true;
		stop(w);
	}
	if (w->left > 0 && --w->left == 0)
		stop(w);
}

static void on_ended(void *ctx, enum rpc_status status _unused_, const char *text)
{
	fail(ctx, text);
}

static void on_state(void *ctx, bool connected, const char *why)
{
	if (!connected)
		fail(ctx, why);
}

/* ---- what ends it */

static void on_signal(void *ctx, int signo)
{
	struct watch *w = ctx;

	w->ss->quit = signo != SIGINT; /* else the shell goes on */
	stop(w);
}

static void on_key(void *ctx, uint32_t events _unused_)
{
	stop(ctx);
}

/* Only errors are waited for: a pipe whose reading end is closed. */
static void on_reader(void *ctx, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		stop(ctx);
}

/* Are keys ours: at a terminal, and not in the background of it? */
static bool at_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	       tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void keys_start(struct watch *w)
{
	struct termios t;

	if (!at_terminal() || tcgetattr(STDIN_FILENO, &w->before))
		return;
	t = w->before;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t))
		return;
	w->has_keys = true;
	(void)loop_io_add(w->loop, &w->keys, STDIN_FILENO, EPOLLIN, on_key, w);
}

static void keys_stop(struct watch *w)
{
	if (!w->has_keys)
		return;
	loop_io_del(&w->keys);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &w->before); /* the key itself is dropped */
}

/* ---- the command */

static void request_fill(Maglev__WatchRequest *r, const struct command *c)
{
	const struct node *const *level = command_find(c, "level");

	maglev__watch_request__init(r);
	r->log = command_find(c, "log") != NULL;
	r->backend = command_find(c, "backend") != NULL;
	r->frontend = command_find(c, "frontend") != NULL;
	if (level)
		r->log_level = session_borrow(level[1]->word);
}

static int subscribe(struct watch *w, const struct command *c)
{
	static const struct rpc_watch_ops ops = { .message = on_message, .ended = on_ended };
	Maglev__WatchRequest request;
	const struct rpc_watch_request wanted = { .path = "/maglev.Maglev/WatchEvents",
						  .request = &request.base,
						  .response = &maglev__event__descriptor,
						  .ops = &ops,
						  .ctx = w };
	const struct rpc_async_opts o = { w->loop, w->ss->daemon, on_state, w };
	struct err e = { 0 };
	struct rpc_async *a = rpc_async_new(&o, &e);

	if (!a) {
		w->ss->usage = e.code == -EINVAL;
		str_add(&w->ss->error, e.msg);
		return -1;
	}
	request_fill(&request, c);
	rpc_async_watch(a, &wanted);
	loop_run(w->loop);
	rpc_async_free(a);
	return w->failed ? -1 : 0;
}

static long long count(const struct command *c)
{
	long long n = -1;

	if (c->n_args > 0 && str_to_i64(c->args[0], 1, INT64_MAX, &n))
		n = -1; /* the parser has seen to it */
	return n;
}

int cmd_watch(struct session *ss, const struct command *c)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct watch w = { .ss = ss, .loop = loop_new(), .left = count(c) };
	sigset_t before;
	int r;

	pthread_sigmask(SIG_BLOCK, NULL, &before);
	loop_signals(w.loop, signals, ARRAY_LEN(signals), on_signal, &w);
	keys_start(&w);
	(void)loop_io_add(w.loop, &w.reader, STDOUT_FILENO, 0, on_reader, &w);
	r = subscribe(&w, c);
	loop_io_del(&w.reader);
	keys_stop(&w);
	loop_free(w.loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}
