/* SPDX-License-Identifier: Apache-2.0 */
/* What an event costs the server per subscriber it is delivered to.
 *
 * A server with a stream method (a child process) and a thousand subscribers (this one), each on a
 * connection of its own. The child publishes bursts as a backend's transition makes them (a log
 * record, a backend's event), fifty events a second, paced as maglevd paces them, and reports the
 * processor time it took, less what it takes with subscribers and without events. The same bytes
 * written to a thousand sockets by a bare loop are the baseline.
 *
 * bench_watch [SUBSCRIBERS [SECONDS]] */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "loop/loop.h"
#include "rpc/stream.h"
#include "subscribers.h"

#define BURSTS_PER_S 25
#define PER_BURST    2
#define LIMIT_NS     8000
#define LAST         "last"
/* For delivering it all, on a machine that has other things to do. */
#define PATIENCE (120 * NS_PER_S)

struct plan {
	size_t subscribers;
	int seconds;
};

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* ---- the events: of the size and make of real ones */

static struct rpc_packed *log_event(int i)
{
	char value[32], keys[][8] = { "backend", "address", "from", "to", "code", "detail" };
	char level[] = "info", msg[] = "backend-transition";
	Maglev__LogAttr attrs[6], *pointers[6];
	Maglev__LogEvent l = MAGLEV__LOG_EVENT__INIT;
	Maglev__Event m = MAGLEV__EVENT__INIT;

	(void)snprintf(value, sizeof value, "value-%d", i);
	for (int k = 0; k < 6; k++) {
		maglev__log_attr__init(&attrs[k]);
		attrs[k].key = keys[k];
		attrs[k].value = value;
		pointers[k] = &attrs[k];
	}
	l.at_unix_ns = 1700000000000000000 + i;
	l.level = level;
	l.msg = msg;
	l.n_attrs = 6;
	l.attrs = pointers;
	m.event_case = MAGLEV__EVENT__EVENT_LOG;
	m.log = &l;
	return rpc_packed_one(&m.base);
}

static struct rpc_packed *backend_event(int i, const char *what)
{
	char name[32], up[] = "up", down[] = "down", code[] = "L4TOUT";
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT;
	Maglev__BackendEvent b = MAGLEV__BACKEND_EVENT__INIT;
	Maglev__Event m = MAGLEV__EVENT__INIT;

	(void)snprintf(name, sizeof name, "%s-%d", what, i);
	t.from = up;
	t.to = down;
	t.code = code;
	t.at_unix_ns = 1700000000000000000 + i;
	b.backend_name = name;
	b.transition = &t;
	m.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	m.backend = &b;
	return rpc_packed_one(&m.base);
}

/* ---- the server */

struct reader {
	struct list node;
	struct rpc_stream *stream;
};

struct publisher {
	struct loop *loop;
	struct list readers;
	size_t n;
	struct plan plan;
	struct timer timer;
	int published;
	double quiet; /* processor time per time, without events */
	int64_t cpu;  /* at the begin of what is measured */
	mono_ns begin;
	struct loop_io asked;
	int out;
};

static void reader_gone(void *ctx, struct rpc_stream *st _unused_)
{
	struct reader *r = ctx;

	list_remove(&r->node);
	free(r);
}

static const struct rpc_stream_ops reader_ops = { .closed = reader_gone };

static void publish(struct publisher *p, struct rpc_packed *e)
{
	list_foreach (&p->readers, node)
		rpc_stream_send_paced(CONTAINER_OF(node, struct reader, node)->stream, e);
	rpc_packed_unref(e);
	p->published++;
}

/* Everything has been delivered, says the other side. */
static void report(void *ctx, uint32_t events _unused_)
{
	struct publisher *p = ctx;
	struct rusage u;
	double quiet = p->quiet * (double)(loop_clock() - p->begin);
	int64_t line[2] = { cpu_ns() - p->cpu - (int64_t)quiet, 0 };

	getrusage(RUSAGE_SELF, &u);
	line[1] = u.ru_maxrss;
	assert(write(p->out, line, sizeof line) == sizeof line);
	loop_io_del(&p->asked);
}

static void burst(void *ctx, struct timer *t)
{
	struct publisher *p = ctx;
	const int total = p->plan.seconds * BURSTS_PER_S * PER_BURST;

	if (p->published == total)
		return;
	publish(p, log_event(p->published));
	publish(p, backend_event(p->published, p->published + 1 == total ? LAST : "backend"));
	timer_set(p->loop, t, loop_now(p->loop) + NS_PER_S / BURSTS_PER_S, burst, p);
}

static void quiet_over(void *ctx, struct timer *t)
{
	struct publisher *p = ctx;

	p->quiet = (double)(cpu_ns() - p->cpu) / (double)(loop_clock() - p->begin);
	p->cpu = cpu_ns();
	p->begin = loop_clock();
	burst(p, t);
}

/* All have come: first some time without events. */
static void watch(void *ctx, struct rpc_call *call, const ProtobufCMessage *request _unused_)
{
	struct publisher *p = ctx;
	struct reader *r = XNEW(struct reader);
	struct rpc_packed *hello;

	r->stream = rpc_stream_open(call, &reader_ops, r);
	hello = backend_event(0, "hello");
	rpc_stream_begin(r->stream, hello);
	rpc_packed_unref(hello);
	list_add_tail(&p->readers, &r->node);
	if (++p->n < p->plan.subscribers)
		return;
	timer_set(p->loop, &p->timer, loop_now(p->loop) + 4 * NS_PER_S, quiet_over, p);
}

static void settled(void *ctx, struct timer *t _unused_)
{
	struct publisher *p = ctx;

	p->cpu = cpu_ns();
	p->begin = loop_clock();
}

static void serve(const struct plan *plan, int in, int out)
{
	static const struct rpc_method method = { .path = "/maglev.Maglev/WatchEvents",
						  .request = &maglev__watch_request__descriptor,
						  .fn = watch,
						  .kind = RPC_SERVER_STREAM };
	struct publisher p = { .loop = loop_new(), .plan = *plan, .out = out };
	struct timer settle = { 0 };
	struct err e = { 0 };
	int64_t port;

	list_init(&p.readers);
	struct rpc_server *s = rpc_server_new(&(struct rpc_server_opts){ .loop = p.loop,
									 .addr = "127.0.0.1:0",
									 .methods = &method,
									 .n_methods = 1,
									 .ctx = &p },
					      &e);
	if (!s) {
		fprintf(stderr, "%s\n", e.msg);
		_exit(1);
	}
	port = rpc_server_port(s);
	assert(write(out, &port, sizeof port) == sizeof port);
	while (p.n < plan->subscribers)
		loop_turn(p.loop, -1);
	timer_set(p.loop, &settle, loop_now(p.loop) + NS_PER_S, settled, &p);
	assert(loop_io_add(p.loop, &p.asked, in, EPOLLIN, report, &p) == 0);
	loop_run(p.loop); /* until killed */
}

/* ---- the baseline */

/* CPU per write of such an event to one of many connected sockets whose other ends are read by
 * another process; in ns. */
static int64_t bare_write_ns(size_t n)
{
	int(*pair)[2] = xcalloc(n, sizeof *pair);
	char event[160] = { 0 };
	int64_t start;
	pid_t child;
	const int rounds = 50;

	for (size_t i = 0; i < n; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]) < 0)
			return 0;
	child = fork();
	if (child == 0) {
		int ep = epoll_create1(0);
		for (size_t i = 0; i < n; i++) {
			struct epoll_event ev = { .events = EPOLLIN, .data.fd = pair[i][1] };
			close(pair[i][0]);
			(void)epoll_ctl(ep, EPOLL_CTL_ADD, pair[i][1], &ev);
		}
		for (;;) {
			struct epoll_event ev[64];
			int got = epoll_wait(ep, ev, 64, -1);
			for (int i = 0; i < got; i++) {
				char buf[4096];
				if (read(ev[i].data.fd, buf, sizeof buf) <= 0)
					_exit(0);
			}
		}
	}
	for (size_t i = 0; i < n; i++)
		close(pair[i][1]);
	start = cpu_ns();
	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < n; i++)
			(void)!write(pair[i][0], event, sizeof event);
		usleep(20000);
	}
	start = cpu_ns() - start;
	for (size_t i = 0; i < n; i++)
		close(pair[i][0]);
	(void)waitpid(child, NULL, 0);
	free(pair);
	return start / (rounds * (int64_t)n);
}

/* ---- both */

static void raise_files(void)
{
	struct rlimit l;

	(void)getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int measure(const struct plan *plan, int in, int out, int64_t bare)
{
	struct subscribers_opts o = { .n = plan->subscribers,
				      .request = MAGLEV__WATCH_REQUEST__INIT,
				      .replay = 1,
				      .last = LAST };
	const uint64_t expected = (uint64_t)plan->seconds * BURSTS_PER_S * PER_BURST;
	struct subscribers_tally t;
	struct subscribers *s;
	int64_t port, line[2];
	char target[32];

	if (read(in, &port, sizeof port) != sizeof port)
		return 1;
	(void)snprintf(target, sizeof target, "127.0.0.1:%" PRId64, port);
	o.target = target;
	s = subscribers_new(&o);
	(void)subscribers_run(s, subscribers_all_finished, PATIENCE);
	if (write(out, "?", 1) != 1 || read(in, line, sizeof line) != sizeof line)
		return 1;
	subscribers_tally(s, &t);
	printf("subscribers %zu, events %" PRIu64 ", delivered %" PRIu64 " (each %" PRIu64
	       "…%" PRIu64 "), sequences %zu\n",
	       plan->subscribers, expected, t.total, t.min, t.max, t.sequences);
	int64_t per = t.total ? line[0] / (int64_t)t.total : 0;
	printf("CPU per delivered event %.2f µs (limit %.0f), a bare write %.2f µs; RSS %.1f MB\n",
	       (double)per / 1e3, LIMIT_NS / 1e3, (double)bare / 1e3, (double)line[1] / 1024);
	if (t.min != expected || t.max != expected || t.sequences != 1)
		return 1;
	return per > 0 && per <= LIMIT_NS ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct plan plan = { .subscribers = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000,
			     .seconds = argc > 2 ? atoi(argv[2]) : 10 };
	int64_t bare;
	int up[2], down[2], r;
	pid_t child;

	raise_files();
	bare = bare_write_ns(plan.subscribers);
	if (pipe(up) < 0 || pipe(down) < 0)
		return 1;
	child = fork(); /* before gRPC is started in either */
	if (child == 0) {
		serve(&plan, down[0], up[1]);
		_exit(0);
	}
	close(up[1]); /* so that its death is noticed */
	r = measure(&plan, up[0], down[1], bare);
	fflush(stdout);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	_exit(r); /* a thousand connections need no goodbye */
}
