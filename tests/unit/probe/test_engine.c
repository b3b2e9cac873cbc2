/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: cadence, generations, changes under way, static targets, our own shortages, tcp. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "harness.h"

#define MS NS_PER_MS

/* ---- tcp */

static void test_tcp(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s4 = server_new("127.0.0.1", serve_silence);
	struct server *s6 = server_new("::1", serve_silence);
	struct addr a = addr_of("127.0.0.1");
	struct probe_result r = rig_probe_server(rig, s4, check_new(HC_TCP, s4->port));

	assert_code(r, CODE_L4OK);
	assert_code(rig_probe_server(rig, s6, check_new(HC_TCP, s6->port)), CODE_L4OK);
	r = rig_probe(rig, &a, check_new(HC_TCP, port_refusing()));
	assert_code(r, CODE_L4CON);
	assert_string_equal(r.detail, "connect: Connection refused");
	server_free(s4);
	server_free(s6);
	rig_free(rig);
}

/* A listener whose queue is full answers no SYN: the connection is never made. */
static void test_tcp_timeout(void **state)
{
	struct rig *rig = rig_new(1);
	struct addr a = addr_of("127.0.0.1");
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, 0, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[8];
	uint16_t port;
	struct healthcheck *c;
	struct probe_result r;

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	len = sizeof ss;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(addr_from_sockaddr(&ss, &a, &port), 0);
	for (int i = 0; i < 8; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&ss, len);
	}
	c = check_new(HC_TCP, port);
	c->timeout = 200 * MS;
	r = rig_probe(rig, &a, c);
	assert_code(r, CODE_L4TOUT);
	assert_string_equal(r.detail, "no connection within 200ms");
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	close(fd);
	rig_free(rig);
}

/* ---- static */

static void test_static(void **state)
{
	struct rig *rig = rig_new(2);
	struct addr a = addr_of("192.0.2.1");

	for (uint32_t id = 0; id < 10; id++)
		rig_put(rig, id, &a, NULL);
	rig_wait(rig, 10);
	for (size_t i = 0; i < 10; i++) {
		assert_code(rig->r[i], CODE_STATIC);
		assert_int_equal(code_outcome(rig->r[i].code), OUTCOME_PASS);
	}
	/* the next comes 30 s later, not now */
	rig_put(rig, 99, &a, NULL);
	rig_wait(rig, 11);
	assert_int_equal(rig->r[10].id, 99);
	assert_int_equal(rig->n, 11);
	rig_free(rig);
}

/* ---- cadence */

static void test_cadence_from_start_to_start(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_TCP, s->port);
	mono_ns first;

	c->interval = 100 * MS;
	first = loop_clock() + 50 * MS;
	probe_engine_put(rig->e, &(struct probe_target){ .id = 7,
							 .generation = 3,
							 .addr = s->addr,
							 .check = c,
							 .pace = PACE_NORMAL,
							 .first_start = first });
	rig_wait(rig, 6);
	assert_true(rig->r[0].started >= first);
	for (size_t i = 0; i < 6; i++) {
		const struct probe_result *r = &rig->r[i];

		assert_int_equal(r->generation, 3);
		assert_int_equal(r->id, 7);
		assert_code(*r, CODE_L4OK);
		/* never early; late only by what is said to be lateness */
		if (i > 0) {
			dur_ns gap = r->started - r[-1].started;

			assert_true(gap >= 90 * MS);
			assert_true(gap - r->lateness <= 110 * MS || r[-1].duration > 90 * MS);
		}
	}
	probe_engine_remove(rig->e, 7);
	healthcheck_unref(c);
	server_free(s);
	rig_free(rig);
}

static void test_pace(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_TCP, s->port);

	rig_put(rig, 1, &s->addr, c); /* normal: an hour */
	rig_wait(rig, 1);
	probe_engine_pace(rig->e, 1, /* generation= */ 2, PACE_FAST); /* another's: ignored */
	probe_engine_pace(rig->e, 5, 1, PACE_FAST);                   /* nobody's: ignored */
	rig_put(rig, 2, &s->addr, NULL);                              /* answered behind those */
	rig_wait(rig, 2);
	assert_int_equal(rig->r[1].id, 2);
	probe_engine_pace(rig->e, 1, 1, PACE_FAST); /* 20 ms */
	rig_wait(rig, 5);
	for (size_t i = 2; i < 5; i++)
		assert_int_equal(rig->r[i].id, 1);
	probe_engine_pace(rig->e, 1, 1, PACE_DOWN); /* an hour again */
	healthcheck_unref(c);
	server_free(s);
	rig_free(rig);
}

/* ---- changes under way */

static void test_replace_in_flight(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *silent = server_new("127.0.0.1", serve_silence);
	struct server *good = server_answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct healthcheck *c1 = check_new(HC_HTTP, silent->port),
			   *c2 = check_new(HC_HTTP, good->port);

	rig_put(rig, 1, &silent->addr, c1);
	while (silent->connections == 0) /* the first probe is under way */
		loop_turn(rig->l, 10 * MS);
	assert_int_equal(rig->n, 0);
	probe_engine_put(rig->e, &(struct probe_target){ .id = 1,
							 .generation = 2,
							 .addr = good->addr,
							 .check = c2,
							 .pace = PACE_NORMAL });
	rig_wait(rig, 1);
	assert_int_equal(rig->r[0].generation, 2);
	assert_code(rig->r[0], CODE_L7OK);
	healthcheck_unref(c1);
	healthcheck_unref(c2);
	server_free(silent); /* its connection was reset, or this would hang */
	server_free(good);
	rig_free(rig);
}

static void test_remove_in_flight(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_HTTP, s->port);
	struct addr a = addr_of("192.0.2.1");

	rig_put(rig, 1, &s->addr, c);
	while (s->connections == 0)
		loop_turn(rig->l, 10 * MS);
	probe_engine_remove(rig->e, 1);
	probe_engine_remove(rig->e, 1); /* unknown by now */
	rig_put(rig, 2, &a, NULL);
	rig_wait(rig, 1);
	assert_int_equal(rig->r[0].id, 2);
	healthcheck_unref(c);
	server_free(s);
	rig_free(rig);
}

static void test_free_in_flight(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_silence);

	for (int threads = 1; threads <= 4; threads += 3) {
		struct rig *rig = rig_new(threads);
		struct healthcheck *c = check_new(HC_HTTP, s->port);
		int before = s->connections;

		for (uint32_t id = 0; id < 50; id++)
			rig_put(rig, id, &s->addr, c);
		while (s->connections < before + 50)
			loop_turn(rig->l, 10 * MS);
		healthcheck_unref(c);
		rig_free(rig);
	}
	server_free(s);
	/* and one that was never used */
	rig_free(rig_new(3));
	probe_engine_free(NULL);
}

/* ---- many */

static void test_many_targets(void **state)
{
	struct rig *rig = rig_new(3);
	struct server *s = server_answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct healthcheck *tcp = check_new(HC_TCP, s->port), *http = check_new(HC_HTTP, s->port);
	int seen[600] = { 0 };

	for (uint32_t id = 0; id < 600; id++)
		rig_put(rig, id, &s->addr, id % 20 ? tcp : http);
	rig_wait(rig, 600);
	for (size_t i = 0; i < 600; i++) {
		assert_code(rig->r[i], rig->r[i].id % 20 ? CODE_L4OK : CODE_L7OK);
		seen[rig->r[i].id]++;
	}
	for (uint32_t id = 0; id < 600; id++)
		assert_int_equal(seen[id], 1);
	healthcheck_unref(tcp);
	healthcheck_unref(http);
	rig_free(rig);
	server_free(s);
}

/* What changes nothing comes in company: wake-ups of the owner are what it saves. */
static void test_repeated_passes_come_together(void **state)
{
	enum { TARGETS = 100, RESULTS = 1000 };
	struct rig *rig = rig_new(1);
	struct server *s = server_answering("");
	struct probe_target t = { .addr = s->addr, .generation = 1, .pace = PACE_NORMAL };

	t.check = check_new(HC_TCP, s->port);
	t.check->interval = 50 * NS_PER_MS;
	for (t.id = 0; t.id < TARGETS; t.id++) {
		t.first_start = loop_clock() + t.id * NS_PER_MS / 2;
		probe_engine_put(rig->e, &t);
	}
	rig_wait(rig, RESULTS);
	for (size_t i = 0; i < RESULTS; i++)
		assert_code(rig->r[i], CODE_L4OK);
	/* twenty start in 10 ms; a slow machine only makes the batches larger */
	assert_true(rig->batches * 4 < RESULTS);
	healthcheck_unref(t.check);
	rig_free(rig);
	server_free(s);
}

/* A thread that answers; then one whose answer the loop is not told of. */
static void test_pulse(void **state)
{
	struct rig *rig = rig_new(1);
	mono_ns give_up = loop_clock() + RIG_PATIENCE;
	struct probe_pulse p = probe_engine_pulse(rig->e);

	assert_int_equal(p.silent, 0); /* nobody was asked */
	do {
		assert_true(loop_clock() < give_up);
		loop_turn(rig->l, NS_PER_S);
		p = probe_engine_pulse(rig->e);
	} while (p.silent);
	p = probe_engine_pulse(rig->e);
	assert_int_equal(p.silent, 1);
	assert_int_equal(p.unread, 0); /* not at the first miss */
	while (!p.unread) {
		assert_true(loop_clock() < give_up);
		assert_int_equal(p.silent, 1);
		(void)usleep(1000);
		p = probe_engine_pulse(rig->e);
	}
	assert_int_equal(p.silent, 0);
	rig_free(rig);
}

static void test_trace(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_TCP, s->port);

	probe_engine_trace(rig->e, true);
	rig_put(rig, 1, &s->addr, c);
	rig_wait(rig, 2);
	assert_true(rig->r[0].started_only);
	assert_int_equal(rig->r[0].id, 1);
	assert_int_equal(rig->r[0].generation, 1);
	assert_false(rig->r[1].started_only);
	assert_true(rig->r[0].started == rig->r[1].started);
	probe_engine_trace(rig->e, false);
	rig_put(rig, 2, &s->addr, c);
	rig_wait(rig, 3);
	assert_false(rig->r[2].started_only);
	healthcheck_unref(c);
	server_free(s);
	rig_free(rig);
}

/* ---- our own shortages */

static void test_out_of_descriptors(void **state)
{
	struct rig *rig = rig_new(1);
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_TCP, s->port);
	struct rlimit before, none;
	size_t i;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3; /* what is open stays open; nothing new is */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rig_put(rig, 1, &s->addr, c);
	rig_wait(rig, 3); /* retried at the fast pace: 20 ms, not an hour */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (i = 0; i < 3; i++) {
		assert_code(rig->r[i], CODE_LOCAL);
		assert_int_equal(code_outcome(rig->r[i].code), OUTCOME_INCONCLUSIVE);
		assert_string_equal(rig->r[i].detail, "socket: Too many open files");
	}
	for (; rig_wait(rig, i + 1), rig->r[i].code == CODE_LOCAL; i++)
		assert_true(i < 1000);
	assert_code(rig->r[i], CODE_L4OK);
	healthcheck_unref(c);
	server_free(s);
	rig_free(rig);
}

/* ---- late by our own fault: a process that is stopped over a deadline */

enum { STARTED = 'S' };

/* In the child: hear the port, probe, tell when the probe has begun, exit with its code. */
static void probe_and_exit(int hear, int tell, enum hc_type type)
{
	struct addr a = addr_of("127.0.0.1");
	struct healthcheck *c;
	struct rig *rig;
	uint16_t port;
	char byte = STARTED;

	if (read(hear, &port, sizeof port) != sizeof port)
		_exit(102);
	rig = rig_new(1);
	c = check_new(type, port);
	c->timeout = NS_PER_S;
	c->fast_interval = HOUR;
	probe_engine_trace(rig->e, true);
	rig_put(rig, 1, &a, c);
	rig_wait(rig, 1);
	if (write(tell, &byte, 1) != 1)
		_exit(100);
	rig_wait(rig, 2);
	_exit(rig->r[1].code == CODE_LOCAL && !strstr(rig->r[1].detail, "late")
		      ? 101
		      : (int)rig->r[1].code);
}

enum meanwhile { NOTHING, ANSWER, RESET };

/* Waits for the request, or for the first bytes of a handshake; then does what it is told. */
static void serve_on_demand(struct server *s, int fd, int nth)
{
	char buf[4096];
	const int *go = s->ctx;

	if (s->answer ? read(fd, buf, 1) != 1 : !server_read_request(s, fd, buf, sizeof buf))
		return;
	if (s->answer)
		s->requests++;
	if (read(*go, buf, 1) != 1)
		return;
	if (buf[0] == RESET) {
		server_reset(fd);
		return;
	}
	if (buf[0] == ANSWER)
		server_send_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	server_hold(s, fd);
}

/* Stop a child from the start of its probe until past the deadline. */
static enum code stopped_over_the_deadline(enum hc_type type, enum meanwhile what)
{
	int tell[2], go[2], port[2], status = 0;
	struct server *s;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(tell), 0);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(port), 0);
	pid = fork(); /* before the server's threads: not all sanitizers like both */
	assert_true(pid >= 0);
	if (pid == 0)
		probe_and_exit(port[0], tell[1], type);
	s = server_new("127.0.0.1", serve_on_demand);
	s->answer = type == HC_HTTPS ? "handshake" : NULL;
	s->ctx = &go[0];
	assert_int_equal(write(port[1], &s->port, sizeof s->port), sizeof s->port);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	while (s->requests == 0)
		(void)usleep(1000);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status)) {
		if (what != NOTHING)
			assert_int_equal(write(go[1], &(char){ (char)what }, 1), 1);
		(void)usleep(1600000); /* the deadline passes, with all it may be late, while it
					  sleeps */
		assert_int_equal(kill(pid, SIGCONT), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	if (what == NOTHING)
		assert_int_equal(write(go[1], &(char){ NOTHING }, 1), 1);
	server_free(s);
	for (int i = 0; i < 2; i++) {
		close(tell[i]);
		close(go[i]);
		close(port[i]);
	}
	assert_true(WIFEXITED(status));
	return (enum code)WEXITSTATUS(status);
}

/* It may have been stopped too late: then it was told what happened in time, and we try again. */
static void expect_inconclusive(enum hc_type type, enum meanwhile what, enum code in_time)
{
	enum code code = CODE_NONE;

	for (int tries = 0; tries < 5; tries++) {
		code = stopped_over_the_deadline(type, what);
		if (code != in_time)
			break;
	}
	assert_string_equal(code_name(code), "LOCAL");
}

static void test_late_deadline_is_inconclusive(void **state)
{
	expect_inconclusive(HC_HTTP, NOTHING, CODE_L7TOUT);
}

static void test_late_deadline_reads_the_verdict(void **state)
{
	assert_string_equal(code_name(stopped_over_the_deadline(HC_HTTP, ANSWER)), "L7OK");
}

/* Who was left waiting so long may lose patience. */
static void test_late_reset_is_inconclusive(void **state)
{
	expect_inconclusive(HC_HTTP, RESET, CODE_L4CON);
	expect_inconclusive(HC_HTTPS, RESET, CODE_L4CON);
}

/* ---- what is needed */

static void test_fd_need(void **state)
{
	assert_true(probe_engine_fd_need(1000, 1) >= 1000 + 5);
	assert_true(probe_engine_fd_need(1000, 4) - probe_engine_fd_need(1000, 1) >= 3 * 5);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += dup2(fd, fd) >= 0;
	return n;
}

static void test_fds_are_given_back(void **state)
{
	int before = count_fds();
	struct server *s = server_answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct rig *rig = rig_new(2);

	assert_true(count_fds() - before <= (int)probe_engine_fd_need(0, 2) + 10);
	for (int i = 0; i < 20; i++)
		assert_code(rig_probe_server(rig, s, check_new(HC_HTTP, s->port)), CODE_L7OK);
	rig_free(rig);
	server_free(s);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_timeout),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_cadence_from_start_to_start),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_replace_in_flight),
		cmocka_unit_test(test_remove_in_flight),
		cmocka_unit_test(test_free_in_flight),
		cmocka_unit_test(test_many_targets),
		cmocka_unit_test(test_repeated_passes_come_together),
		cmocka_unit_test(test_pulse),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_out_of_descriptors),
		cmocka_unit_test(test_late_deadline_is_inconclusive),
		cmocka_unit_test(test_late_deadline_reads_the_verdict),
		cmocka_unit_test(test_late_reset_is_inconclusive),
		cmocka_unit_test(test_fd_need),
		cmocka_unit_test(test_fds_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
