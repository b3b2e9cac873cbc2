/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/probe/harness.h - servers that misbehave on demand, and an engine to probe them.
 *
 * All waits end with an event; RIG_PATIENCE only bounds how long a broken test hangs. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "loop/loop.h"
#include "probe/engine.h"

#define RIG_PATIENCE (60 * NS_PER_S)
#define HOUR         (3600 * NS_PER_S)

/* ---- a server: one thread accepts, each connection has one of its own */

struct server;
typedef void server_fn(struct server *s, int fd, int nth); /* nth connection, from 0 */

struct server {
	struct addr addr;
	uint16_t port;
	server_fn *fn;
	/* Set by the test at any time, read by connections. */
	void *_Atomic ctx;
	const char *_Atomic answer; /* for serve_answer */
	_Atomic int connections, requests;
	/* internal */
	int fd, stop[2];
	pthread_t thread;
	pthread_t *conns;
	int n_conns;
};

struct server *server_new(const char *ip, server_fn *fn);
void server_free(struct server *s); /* ends all its connections */
/* Read up to and with the blank line; false at the end of the stream or of the server. */
bool server_read_request(struct server *s, int fd, char *buf, size_t size);
void server_send(int fd, const void *p, size_t n);
void server_send_z(int fd, const char *z);
void server_hold(struct server *s, int fd);           /* until the peer closes */
void server_reset(int fd);                            /* make the coming close a reset */
void serve_answer(struct server *s, int fd, int nth); /* reads a request, sends s->answer, closes */
void serve_silence(struct server *s, int fd, int nth);

/* A listening server with this answer. */
struct server *server_answering(const char *answer);

uint16_t port_refusing(void); /* of 127.0.0.1: nobody listens there */

/* ---- the engine and its results */

struct rig {
	struct loop *l;
	struct probe_engine *e;
	struct probe_result *r;
	size_t n, cap;
	size_t batches; /* in which they came */
};

struct rig *rig_new(int threads);
struct rig *rig_new_netns(int threads, const char *netns);
struct rig *rig_new_reporting(const char *header); /* see probe_engine_opts.report_header */
void rig_free(struct rig *rig);
void rig_wait(struct rig *rig, size_t n); /* until there are n results: RIG_PATIENCE for each */
/* The next result (since `from`) of this target that is conclusive; own lateness is retried by the
 * engine. */
struct probe_result *rig_verdict(struct rig *rig, uint32_t id, size_t from);

/* A check that probes once: intervals of an hour, a fast one of 20 ms for retries, a generous
 * timeout. */
struct healthcheck *check_new(enum hc_type type, uint16_t port);
void check_codes(struct healthcheck *c, int lo, int hi);
void rig_put(struct rig *rig, uint32_t id, const struct addr *addr, struct healthcheck *c);
/* Put, take the verdict, remove; the check is used up. */
struct probe_result rig_probe(struct rig *rig, const struct addr *addr, struct healthcheck *c);
struct probe_result rig_probe_server(struct rig *rig, const struct server *s,
				     struct healthcheck *c);

struct addr addr_of(const char *text);

#define assert_code(R, CODE)                                                                       \
	do {                                                                                       \
		if ((R).code != (CODE))                                                            \
			fail_msg("%s (%s), want %s", code_name((R).code), (R).detail,              \
				 code_name(CODE));                                                 \
	} while (0)
#define assert_detail(R, PART)                                                                     \
	do {                                                                                       \
		if (!strstr((R).detail, (PART)))                                                   \
			fail_msg("detail \"%s\" lacks \"%s\"", (R).detail, (PART));                \
	} while (0)
