/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a web server, with an account of each connection: what the scenarios with real packets
 * measure with.
 *
 *   netload ADDRESS PORT PATH [flags]
 *
 * Opens connections at a rate or so many at a time, one request each, and prints a line when one
 * ends:
 *
 *   end   START_MS END_MS SOURCE_PORT OUTCOME SERVER BYTES
 *
 * and, with --downloads, one when its answer begins, with an outcome of "-". Times are those of
 * CLOCK_MONOTONIC. The outcome is ok (an answer of 200, whole), the answer's status, short (it
 * ended early), refused, reset, timeout, or the name of another error; SERVER is the answer's
 * X-Server or
 * "-". A time-out counts from the connection's start to its end, with --downloads from one byte to
 * the next. With --pace a download is read at so many bytes a second, until SIGUSR1: from then on
 * as it comes. SIGTERM: open no more, wait for those that are open; twice: end at once, with an
 * outcome of "cut" for what is open. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/flags.h"
#include "base/list.h"
#include "loop/loop.h"

#define HEAD_MAX   2048
#define SERVER_MAX 32
#define READ_MAX   65536
#define TICK       NS_PER_MS
/* A paced reader's buffer: what is not read is to wait at the server. */
#define PACED_BUFFER 32768

struct options {
	long long rate, count, at_once, first_port, pace;
	dur_ns duration, timeout;
	const char *source;
	bool downloads;
};

struct conn {
	struct list node; /* oldest sign of life first */
	struct loop_io io;
	struct load *load;
	mono_ns start, seen;
	uint16_t port;
	bool sent, head_done;
	char head[HEAD_MAX + 1];
	size_t head_len;
	long long want, got; /* bytes of body; want -1: not told */
	int status;
	char server[SERVER_MAX];
};

struct load {
	struct options opt;
	struct loop *loop;
	struct sockaddr_storage to, from;
	socklen_t addr_len;
	char request[512];
	struct list open;
	long long n_open, started;
	mono_ns began;
	struct timer tick;
	bool stopping, let_go;
};

/* ---- accounts */

static double ms(mono_ns t)
{
	return (double)t / NS_PER_MS;
}

static void tell(const struct conn *c, const char *what, const char *outcome)
{
	printf("%s %.3f %.3f %u %s %s %lld\n", what, ms(c->start), ms(loop_clock()), c->port,
	       outcome, *c->server ? c->server : "-", c->got);
}

static const char *error_name(int e)
{
	switch (e) {
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
	case EPIPE:
		return "reset";
	case ETIMEDOUT:
		return "timeout";
	default:
		return strerrorname_np(e);
	}
}

static void finish(struct conn *c, const char *outcome)
{
	struct load *l = c->load;

	tell(c, "end", outcome);
	list_remove(&c->node);
	loop_io_del(&c->io);
	(void)close(c->io.fd);
	free(c);
	l->n_open--;
	if (l->stopping && l->n_open == 0)
		loop_stop(l->loop, 0);
}

/* ---- one connection */

static void take_field(struct conn *c, const char *line)
{
	if (strncasecmp(line, "content-length:", 15) == 0)
		c->want = atoll(line + 15);
	if (strncasecmp(line, "x-server:", 9) == 0)
		(void)sscanf(line + 9, " %31[^\r\n]", c->server);
}

static void take_head(struct conn *c, const char *body)
{
	char *save = NULL;

	c->head_done = true;
	c->got = (long long)(c->head_len - (size_t)(body - c->head));
	(void)sscanf(c->head, "HTTP/%*s %d", &c->status);
	for (char *s = strtok_r(c->head, "\n", &save); s && *s != '\r';
	     s = strtok_r(NULL, "\n", &save))
		take_field(c, s);
	if (c->load->opt.downloads)
		tell(c, "begin", "-");
}

static void ended(struct conn *c)
{
	char status[16];

	if (!c->head_done || (c->want >= 0 && c->got < c->want)) {
		finish(c, "short");
		return;
	}
	snprintf(status, sizeof status, "%d", c->status);
	finish(c, c->status == 200 ? "ok" : status);
}

static void take_bytes(struct conn *c, const char *p, size_t n)
{
	size_t room = HEAD_MAX - c->head_len;
	const char *end;

	c->seen = loop_now(c->load->loop);
	if (c->load->opt.downloads) { /* else a connection's time runs from its start */
		list_remove(&c->node);
		list_add_tail(&c->load->open, &c->node);
	}
	if (c->head_done) {
		c->got += (long long)n;
		return;
	}
	memcpy(c->head + c->head_len, p, MIN(n, room));
	c->head_len += MIN(n, room);
	c->head[c->head_len] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end) {
		take_head(c, end + 4);
		c->got += (long long)(n - MIN(n, room));
	}
}

/* What it may read now, at its pace: 0 is nothing. */
static size_t allowance(const struct conn *c)
{
	const struct load *l = c->load;
	long long by_now;

	if (!l->opt.pace || l->let_go || !c->head_done)
		return READ_MAX;
	by_now = (loop_now(l->loop) - c->start) / NS_PER_MS * l->opt.pace / 1000;
	return by_now > c->got ? (size_t)MIN(by_now - c->got, READ_MAX) : 0;
}

static void on_readable(struct conn *c)
{
	static char buf[READ_MAX];
	size_t most;
	ssize_t n = -1;

	while ((most = allowance(c)) > 0 && (n = recv(c->io.fd, buf, most, 0)) > 0)
		take_bytes(c, buf, (size_t)n);
	if (most == 0)
		return; /* on_tick comes back to it */
	if (n == 0)
		ended(c);
	else if (errno != EAGAIN)
		finish(c, error_name(errno));
}

static void on_event(void *ctx, uint32_t events)
{
	struct conn *c = ctx;
	int e = 0;
	socklen_t len = sizeof e;

	if (events & EPOLLERR) {
		(void)getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &e, &len);
		finish(c, error_name(e));
		return;
	}
	if (!c->sent && (events & EPOLLOUT)) {
		c->sent = true;
		if (send(c->io.fd, c->load->request, strlen(c->load->request), MSG_NOSIGNAL) < 0) {
			finish(c, error_name(errno));
			return;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP))
		on_readable(c);
}

static uint16_t *port_of(struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? &((struct sockaddr_in *)(void *)a)->sin_port
				       : &((struct sockaddr_in6 *)(void *)a)->sin6_port;
}

static int dial(struct load *l, uint16_t *ret_port)
{
	int fd = socket(l->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_storage from = l->from;
	socklen_t len = l->addr_len;

	if (fd < 0)
		return -1;
	if (l->opt.first_port)
		*port_of(&from) = htons((uint16_t)(l->opt.first_port + l->started));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (l->opt.pace)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ PACED_BUFFER }, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, l->addr_len) < 0 ||
	    (connect(fd, (struct sockaddr *)&l->to, l->addr_len) < 0 && errno != EINPROGRESS)) {
		(void)close(fd);
		return -1;
	}
	(void)getsockname(fd, (struct sockaddr *)&from, &len);
	*ret_port = ntohs(*port_of(&from));
	return fd;
}

static void conn_start(struct load *l)
{
	struct conn *c = XNEW(struct conn);
	int fd;

	c->load = l;
	c->start = c->seen = loop_clock();
	c->want = -1;
	fd = dial(l, &c->port);
	l->started++;
	if (fd < 0) {
		tell(c, "end", error_name(errno));
		free(c);
		return;
	}
	list_add_tail(&l->open, &c->node);
	l->n_open++;
	(void)loop_io_add(l->loop, &c->io, fd, EPOLLIN | EPOLLOUT | EPOLLET, on_event, c);
}

/* ---- all of them */

static void stop(struct load *l)
{
	l->stopping = true;
	if (l->n_open == 0)
		loop_stop(l->loop, 0);
}

static bool enough(const struct load *l, mono_ns now)
{
	const struct options *o = &l->opt;

	return l->stopping || (o->count && l->started >= o->count) ||
	       (o->duration && now - l->began >= o->duration);
}

/* May another connection be opened now? */
static bool due(const struct load *l, mono_ns now)
{
	if (l->n_open >= l->opt.at_once)
		return false;
	return !l->opt.rate || l->started < (now - l->began) * l->opt.rate / NS_PER_S + 1;
}

/* Those that may read more by now. */
static void read_on(struct load *l)
{
	list_foreach (&l->open, n) {
		struct conn *c = CONTAINER_OF(n, struct conn, node);

		if (c->head_done)
			on_readable(c);
	}
}

static void on_tick(void *ctx, struct timer *t)
{
	struct load *l = ctx;
	mono_ns now = loop_now_fresh(l->loop);

	while (!enough(l, now) && due(l, now))
		conn_start(l);
	list_foreach (&l->open, n) {
		struct conn *c = CONTAINER_OF(n, struct conn, node);

		if (now - c->seen < l->opt.timeout)
			break;
		finish(c, "timeout");
	}
	if (l->opt.pace)
		read_on(l);
	if (enough(l, now))
		stop(l);
	fflush(stdout);
	timer_set(l->loop, t, now + TICK, on_tick, l);
}

static void on_signal(void *ctx, int signo)
{
	struct load *l = ctx;

	if (signo == SIGUSR1) {
		l->let_go = true;
		return;
	}
	if (l->stopping)
		loop_stop(l->loop, 0);
	stop(l);
}

/* ---- the beginning */

static int address(const char *text, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *ip4 = (void *)ret;
	struct sockaddr_in6 *ip6 = (void *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1)
		ret->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1)
		ret->ss_family = AF_INET6;
	else
		return -EINVAL;
	*port_of(ret) = htons((uint16_t)atoi(port));
	return 0;
}

static int take_arguments(struct load *l, int argc, char **argv)
{
	const bool ip6 = strchr(argv[1], ':');
	const struct flag flags[] = {
		{ .name = "rate",
		  .kind = FLAG_INT,
		  .def = "0",
		  .max = 100000,
		  .arg = "N",
		  .help = "connections a second",
		  .to_int = &l->opt.rate },
		{ .name = "at-once",
		  .kind = FLAG_INT,
		  .def = "100",
		  .min = 1,
		  .max = 10000,
		  .arg = "N",
		  .help = "so many at a time",
		  .to_int = &l->opt.at_once },
		{ .name = "count",
		  .kind = FLAG_INT,
		  .def = "0",
		  .max = 10000000,
		  .arg = "N",
		  .help = "connections in all",
		  .to_int = &l->opt.count },
		{ .name = "duration",
		  .kind = FLAG_DURATION,
		  .def = "0s",
		  .arg = "TIME",
		  .help = "open connections for so long",
		  .to_duration = &l->opt.duration },
		{ .name = "timeout",
		  .kind = FLAG_DURATION,
		  .def = "10s",
		  .arg = "TIME",
		  .help = "give one up after so long",
		  .to_duration = &l->opt.timeout },
		{ .name = "source",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "ADDRESS",
		  .help = "from this address",
		  .to_string = &l->opt.source },
		{ .name = "first-port",
		  .kind = FLAG_INT,
		  .def = "0",
		  .max = 65535,
		  .arg = "PORT",
		  .help = "from this port, the next from the one after it, and so on",
		  .to_int = &l->opt.first_port },
		{ .name = "pace",
		  .kind = FLAG_INT,
		  .def = "0",
		  .max = 1000000000,
		  .arg = "BYTES",
		  .help = "read so much a second, until SIGUSR1",
		  .to_int = &l->opt.pace },
		{ .name = "downloads",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "answers take long; tell of their beginnings",
		  .to_bool = &l->opt.downloads },
	};
	struct err err = { 0 };
	int next = 0;

	if (address(argv[1], argv[2], &l->to)) {
		fprintf(stderr, "netload: \"%s\" is no address\n", argv[1]);
		return -EINVAL;
	}
	if (flags_parse(flags, ARRAY_LEN(flags), argc - 3, argv + 3, &next, &err) ||
	    next < argc - 3) {
		fprintf(stderr, "netload: %s\n", err.code ? err.msg : "a word too many");
		return -EINVAL;
	}
	l->addr_len = ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (address(*l->opt.source ? l->opt.source : ip6 ? "::" : "0.0.0.0", "0", &l->from))
		return -EINVAL;
	snprintf(l->request, sizeof l->request,
		 "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[3], argv[1]);
	return 0;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGUSR1 };
	struct load l = { 0 };
	int code;

	if (argc < 4 || take_arguments(&l, argc, argv))
		return 2;
	l.loop = loop_new();
	list_init(&l.open);
	if (loop_signals(l.loop, signals, ARRAY_LEN(signals), on_signal, &l))
		return 1;
	l.began = loop_now_fresh(l.loop);
	on_tick(&l, &l.tick);
	code = loop_run(l.loop);
	list_foreach (&l.open, n)
		finish(CONTAINER_OF(n, struct conn, node), "cut");
	loop_free(l.loop);
	return code;
}
