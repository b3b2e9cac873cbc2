/* SPDX-License-Identifier: Apache-2.0 */
/* What a probe costs, next to what its system calls cost.
 *
 * The same number of probes a second, over the same time, against the same server (another
 * process): once by a bare loop of system calls (socket, options, connect, epoll, send, recv,
 * close: no checks, no parser, no clock but one per turn), once by the engine with its parser,
 * timers, threads and results. Printed is the CPU time of this process per probe, and the
 * ratio: 1.00 would mean that the engine costs nothing beyond the kernel's work.
 *
 *   bench_probe [probes a second = 5000] [seconds per run = 4] */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/model.h"
#include "loop/loop.h"
#include "probe/engine.h"

#define ROUNDS 3
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct setup {
	struct sockaddr_in to;
	uint16_t port;
	int rate, seconds;
	bool http;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the server: another process, one epoll loop */

static void serve(int listener)
{
	int ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener };
	struct epoll_event got[256];
	char buf[2048];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(ep, got, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = got[i].data.fd;

			if (fd == listener) {
				while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
					ev = (struct epoll_event){ .events = EPOLLIN,
								   .data.fd = fd };
					epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
				}
			} else if (recv(fd, buf, sizeof buf, 0) <= 0 ||
				   send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0) {
				close(fd);
			}
		}
	}
}

static pid_t server_start(struct setup *s)
{
	socklen_t len = sizeof s->to;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	pid_t pid;

	s->to = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(fd, (struct sockaddr *)&s->to, len) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&s->to, &len) < 0)
		die("listen");
	s->port = ntohs(s->to.sin_port);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		serve(fd);
	close(fd);
	return pid;
}

/* ---- the bare loop */

static void bare_open(const struct setup *s, int ep)
{
	struct linger reset = { .l_onoff = 1 };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int off = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(fd, (const struct sockaddr *)&s->to, sizeof s->to) < 0 && errno != EINPROGRESS)
		die("connect");
	ev.data.fd = fd;
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

/* True: the probe is over. */
static bool bare_event(const struct setup *s, int fd, uint32_t events)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:12345\r\nUser-Agent: "
				      "bench\r\nAccept: */*\r\nConnection: close\r\n\r\n";
	char buf[16384];

	if (s->http && !(events & EPOLLIN)) {
		(void)!send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
		return false;
	}
	if (s->http)
		(void)!recv(fd, buf, sizeof buf, 0);
	close(fd);
	return true;
}

static size_t bare_run(const struct setup *s)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event got[256];
	mono_ns start = loop_clock(), gap = NS_PER_S / s->rate, due = start;
	mono_ns end = start + s->seconds * NS_PER_S;
	size_t done = 0, open = 0;

	for (mono_ns now = start; now < end; now = loop_clock()) {
		mono_ns wake;
		struct timespec ts;
		int n;

		for (; due <= now; due += gap, open++)
			bare_open(s, ep);
		wake = (due + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS; /* as the engine does */
		ts = (struct timespec){ .tv_nsec = MAX(wake - now, 0) };
		n = epoll_pwait2(ep, got, 256, &ts, NULL);
		for (int i = 0; i < n; i++)
			if (bare_event(s, got[i].data.fd, got[i].events))
				done++, open--;
	}
	while (open > 0) { /* the few that are still in flight */
		int n = epoll_wait(ep, got, 256, 1000);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			if (bare_event(s, got[i].data.fd, got[i].events))
				done++, open--;
	}
	close(ep);
	return done;
}

/* ---- the engine */

struct count {
	size_t done, bad;
};

static void count_results(void *ctx, const struct probe_result *r, size_t n)
{
	struct count *c = ctx;

	for (size_t i = 0; i < n; i++)
		c->bad += code_outcome(r[i].code) != OUTCOME_PASS;
	c->done += n;
}

static struct healthcheck *engine_check(const struct setup *s)
{
	struct healthcheck *c = healthcheck_new();

	c->name = xstrdup("bench");
	c->type = s->http ? HC_HTTP : HC_TCP;
	c->port = s->port;
	c->interval = c->fast_interval = c->down_interval = NS_PER_S;
	c->timeout = NS_PER_S;
	c->rise = c->fall = 1;
	c->path = xstrdup("/");
	code_set_add(&c->codes, 200);
	return c;
}

/* One target per probe and second. Returns what was done from the first due one on. */
static size_t engine_run(const struct setup *s, double *ret_cpu)
{
	struct count c = { 0 };
	struct loop *l = loop_new();
	struct healthcheck *check = engine_check(s);
	struct probe_engine *e = probe_engine_new(
		&(struct probe_engine_opts){ .loop = l,
					     .threads = 1,
					     .user_agent = "bench",
					     .on_results = count_results,
					     .ctx = &c });
	mono_ns now = loop_clock() + NS_PER_S / 2, end = now + s->seconds * NS_PER_S;
	struct probe_target t = { .check = check, .pace = PACE_NORMAL };
	double before;

	addr_from_sockaddr((const struct sockaddr_storage *)(const void *)&s->to, &t.addr,
			   &(uint16_t){ 0 });
	for (uint32_t i = 0; i < (uint32_t)s->rate; i++) {
		t.id = i;
		t.first_start = cadence_spread(now, NS_PER_S, i, (size_t)s->rate);
		probe_engine_put(e, &t);
	}
	while (c.done == 0)
		loop_turn(l, NS_PER_S); /* set-up is not what is measured */
	before = cpu_seconds();
	while (loop_clock() < end)
		loop_turn(l, end - loop_clock());
	*ret_cpu = cpu_seconds() - before;
	probe_engine_free(e);
	loop_free(l);
	healthcheck_unref(check);
	if (c.bad)
		fprintf(stderr, "bench_probe: %zu of %zu probes failed\n", c.bad, c.done);
	return c.done;
}

/* ---- comparing */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void compare(struct setup *s)
{
	double bare[ROUNDS], engine[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double cpu = cpu_seconds();
		size_t n = bare_run(s);

		bare[i] = (cpu_seconds() - cpu) / (double)MAX(n, 1) * 1e6;
		n = engine_run(s, &cpu);
		engine[i] = cpu / (double)MAX(n, 1) * 1e6;
	}
	qsort(bare, ROUNDS, sizeof bare[0], by_value);
	qsort(engine, ROUNDS, sizeof engine[0], by_value);
	printf("%-5s %6d/s   bare loop %6.1f us   engine %6.1f us   ratio %.2f\n",
	       s->http ? "http" : "tcp", s->rate, bare[ROUNDS / 2], engine[ROUNDS / 2],
	       engine[ROUNDS / 2] / bare[ROUNDS / 2]);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	long long rate = 5000, seconds = 4;
	struct setup s = { 0 };
	pid_t server;

	if ((argc > 1 && str_to_i64(argv[1], 1, 100000, &rate) < 0) ||
	    (argc > 2 && str_to_i64(argv[2], 1, 3600, &seconds) < 0)) {
		fprintf(stderr, "usage: bench_probe [probes a second] [seconds]\n");
		return 2;
	}
	s.rate = (int)rate;
	s.seconds = (int)seconds;
	(void)signal(SIGPIPE, SIG_IGN);
	server = server_start(&s);
	compare(&s);
	s.http = true;
	compare(&s);
	kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return 0;
}
