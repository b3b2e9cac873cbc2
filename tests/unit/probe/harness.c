/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/vec.h"

/* ---- server */

struct conn_arg {
	struct server *s;
	int fd, nth;
};

static void *conn_main(void *arg)
{
	struct conn_arg *a = arg;

	a->s->fn(a->s, a->fd, a->nth);
	close(a->fd);
	free(a);
	return NULL;
}

/* True: fd is ready; false: the server stops. */
static bool wait_readable(struct server *s, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = s->stop[0], .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		assert_int_equal(errno, EINTR);
	return !p[1].revents;
}

static void *server_main(void *arg)
{
	struct server *s = arg;

	while (wait_readable(s, s->fd)) {
		struct conn_arg *a;
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			(void)usleep(1000); /* out of descriptors, on purpose */
			continue;
		}
		a = XNEW(struct conn_arg);
		*a = (struct conn_arg){ s, fd, atomic_fetch_add(&s->connections, 1) };
		s->conns = xreallocarray(s->conns, (size_t)s->n_conns + 1, sizeof *s->conns);
		assert_int_equal(pthread_create(&s->conns[s->n_conns++], NULL, conn_main, a), 0);
	}
	return NULL;
}

struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int listen_on(const struct addr *a, uint16_t *ret_port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, 0, &ss);
	struct addr ignored;
	int on = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(fd, 1024), 0);
	len = sizeof ss;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(addr_from_sockaddr(&ss, &ignored, ret_port), 0);
	return fd;
}

struct server *server_new(const char *ip, server_fn *fn)
{
	struct server *s = XNEW(struct server);

	s->addr = addr_of(ip);
	s->fn = fn;
	s->fd = listen_on(&s->addr, &s->port);
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
	return s;
}

void server_free(struct server *s)
{
	assert_int_equal(write(s->stop[1], "", 1), 1);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < s->n_conns; i++)
		pthread_join(s->conns[i], NULL);
	close(s->fd);
	close(s->stop[0]);
	close(s->stop[1]);
	free(s->conns);
	free(s);
}

bool server_read_request(struct server *s, int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && wait_readable(s, fd)) {
		ssize_t r = read(fd, buf + n, 1);

		if (r <= 0)
			return false;
		buf[++n] = '\0';
		if (n >= 4 && memcmp(buf + n - 4, "\r\n\r\n", 4) == 0) {
			atomic_fetch_add(&s->requests, 1);
			return true;
		}
	}
	return false;
}

void server_send(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t r = send(fd, at, n, MSG_NOSIGNAL);

		if (r <= 0)
			return; /* the prober has seen enough */
		at += r;
		n -= (size_t)r;
	}
}

void server_send_z(int fd, const char *z)
{
	server_send(fd, z, strlen(z));
}

void server_hold(struct server *s, int fd)
{
	char buf[256];

	while (wait_readable(s, fd) && read(fd, buf, sizeof buf) > 0)
		continue;
}

void server_reset(int fd)
{
	struct linger l = { .l_onoff = 1 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
}

void serve_answer(struct server *s, int fd, int nth)
{
	char buf[4096];

	(void)nth;
	if (!server_read_request(s, fd, buf, sizeof buf))
		return;
	server_send_z(fd, s->answer);
}

void serve_silence(struct server *s, int fd, int nth)
{
	(void)nth;
	server_hold(s, fd);
}

struct server *server_answering(const char *answer)
{
	struct server *s = server_new("127.0.0.1", serve_answer);

	s->answer = answer;
	return s;
}

uint16_t port_refusing(void)
{
	struct addr a = addr_of("127.0.0.1");
	uint16_t port;

	close(listen_on(&a, &port));
	return port;
}

/* ---- rig */

static void take_results(void *ctx, const struct probe_result *r, size_t n)
{
	struct rig *rig = ctx;

	rig->batches++;
	for (size_t i = 0; i < n; i++) {
		rig->r = vec_grow_(rig->r, sizeof *rig->r, &rig->cap, rig->n + 1);
		rig->r[rig->n++] = r[i];
	}
}

static struct rig *rig_make(int threads, const char *netns, const char *header)
{
	struct rig *rig = XNEW(struct rig);

	rig->l = loop_new();
	rig->e = probe_engine_new(&(struct probe_engine_opts){ .loop = rig->l,
							       .threads = threads,
							       .netns = netns,
							       .user_agent = "maglevd/test (+x)",
							       .report_header = header,
							       .on_results = take_results,
							       .ctx = rig });
	return rig;
}

struct rig *rig_new_netns(int threads, const char *netns)
{
	return rig_make(threads, netns, NULL);
}

struct rig *rig_new_reporting(const char *header)
{
	return rig_make(1, NULL, header);
}

struct rig *rig_new(int threads)
{
	return rig_new_netns(threads, NULL);
}

void rig_free(struct rig *rig)
{
	probe_engine_free(rig->e);
	loop_free(rig->l);
	free(rig->r);
	free(rig);
}

void rig_wait(struct rig *rig, size_t n)
{
	size_t seen = rig->n;
	mono_ns give_up = loop_clock() + RIG_PATIENCE;

	while (rig->n < n) {
		if (rig->n > seen) {
			seen = rig->n;
			give_up = loop_clock() + RIG_PATIENCE;
		}
		assert_true(loop_clock() < give_up);
		loop_turn(rig->l, NS_PER_S);
	}
}

struct probe_result *rig_verdict(struct rig *rig, uint32_t id, size_t from)
{
	for (size_t i = from;; i++) {
		rig_wait(rig, i + 1);
		if (rig->r[i].id != id || rig->r[i].started_only)
			continue;
		if (rig->r[i].code == CODE_LOCAL && strstr(rig->r[i].detail, "late"))
			continue;
		return &rig->r[i];
	}
}

struct healthcheck *check_new(enum hc_type type, uint16_t port)
{
	struct healthcheck *c = healthcheck_new();

	c->name = xstrdup("check");
	c->type = type;
	c->port = port;
	c->interval = c->down_interval = HOUR;
	c->fast_interval = 20 * NS_PER_MS;
	c->timeout = 30 * NS_PER_S;
	c->rise = c->fall = 1;
	c->path = xstrdup("/");
	c->response_code = xstrdup("200");
	code_set_add(&c->codes, 200);
	c->ssl = type == HC_HTTPS;
	return c;
}

void rig_put(struct rig *rig, uint32_t id, const struct addr *addr, struct healthcheck *c)
{
	probe_engine_put(rig->e, &(struct probe_target){ .id = id,
							 .generation = 1,
							 .addr = *addr,
							 .check = c,
							 .pace = PACE_NORMAL });
}

struct probe_result rig_probe(struct rig *rig, const struct addr *addr, struct healthcheck *c)
{
	struct probe_result r;
	static uint32_t next_id = 1000000;
	uint32_t id = next_id++;
	size_t from = rig->n;

	rig_put(rig, id, addr, c);
	r = *rig_verdict(rig, id, from);
	probe_engine_remove(rig->e, id);
	healthcheck_unref(c);
	assert_int_equal(r.generation, 1);
	assert_true(r.duration >= 0 && r.started > 0 && r.lateness >= 0 && r.at > 0);
	return r;
}

struct probe_result rig_probe_server(struct rig *rig, const struct server *s, struct healthcheck *c)
{
	return rig_probe(rig, &s->addr, c);
}
