/* SPDX-License-Identifier: Apache-2.0 */
/* probe/internal.h - what the files of probe/ share; nobody else includes it.
 *
 * A worker is one probe thread with its loop and its share of the targets. Everything in struct
 * worker and struct target is touched on that thread alone; struct probe_engine's fields say which
 * of them others may read.
 *
 *            put                due                  verdict, or the deadline
 *   (none) -------> WAITING -----------> IN FLIGHT ---------------------------> WAITING
 *                      ^                     |  replace, remove, other namespace: no result
 *                      +---------------------+
 *
 * Waiting, a target is in the list of those that start with it (starts.c); in flight it has a
 * timer, its deadline. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "probe/engine.h"
#include "probe/httpparse.h"
#include "probe/icmp.h"
#include "probe/result.h"

struct target;
struct worker;
struct tls_session;

/* ---- kinds: one file each (tcp.c, http.c, icmp.c, static.c) */

/* What a probe was waiting for when its deadline passed. */
struct probe_overdue {
	enum code code;
	const char *what; /* "no connection" */
};

struct probe_kind {
	bool local; /* touches no network: runs in any case */
	/* Once per target, before and after all its probes; either may be NULL. */
	void (*setup)(struct target *t);
	void (*cleanup)(struct target *t);
	/* Begin; may conclude at once. */
	void (*start)(struct target *t);
	/* The deadline has passed: look once more whether a verdict is there, and conclude if so.
	 * What is returned counts when the target is still in flight. */
	struct probe_overdue (*expire)(struct target *t);
	/* Let go of everything of the probe under way, and of what was kept from earlier ones. */
	void (*abandon)(struct target *t);
};

extern const struct probe_kind probe_kind_tcp, probe_kind_http, probe_kind_icmp, probe_kind_static;

/* ---- one TCP connection, with TLS when the check wants it (conn.c) */

enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_HANDSHAKE, CONN_OPEN };

struct conn {
	enum conn_state state;
	int fd;
	struct loop_io io;
	struct tls_session *tls; /* NULL: plain */
};

/* Begin to connect to the target; `ready` gets the target as its context. False: concluded already.
 */
bool conn_open(struct target *t, struct conn *c, loop_io_fn *ready);
/* Bring connect and handshake forward. True: open. False: not yet, or the target has been concluded
 * (then !t->in_flight). */
bool conn_advance(struct target *t, struct conn *c, uint32_t events);
/* As recv(2) and send(2): bytes, 0 at the end of the stream, or -errno; -EAGAIN: wait for an event.
 * -EPROTO: TLS trouble, described in t->w->tls_why. */
ssize_t conn_recv(struct target *t, struct conn *c, char *buf, size_t size);
ssize_t conn_send(struct target *t, struct conn *c, const char *buf, size_t n);
/* More may be waiting although the last read was short (TLS records, an end of stream). */
bool conn_read_again(const struct conn *c, uint32_t events);
/* What has happened to it by now, without waiting. */
uint32_t conn_events(const struct conn *c);
/* Has an open connection no server at its other end, but itself? */
bool conn_is_own(const struct target *t, const struct conn *c);
/* Close with a reset: no TIME_WAIT here. No-op when closed. */
void conn_close(struct conn *c);
/* Code and words for a deadline that passes in this state. */
struct probe_overdue conn_overdue(const struct conn *c);

/* ---- per-target state of each kind */

struct http_probe {
	struct conn conn;
	char *request;
	size_t request_len, sent;
	struct http_parser *parser; /* owned; NULL: no byte of a response has come */
	struct str body;
	struct http_field *field; /* owned; NULL: the engine reports none */
	bool reused;              /* this probe's connection has carried an earlier one */
	bool draining; /* the verdict is in; the rest of the body is read to keep the connection */
	struct http_regexp *regexp;
};

struct icmp_probe {
	uint16_t seq;
	uint8_t nonce[ICMP_NONCE_LEN];
};

struct target {
	struct worker *w;
	uint32_t id, generation;
	struct addr addr;
	struct healthcheck *check; /* NULL: static */
	const struct probe_kind *kind;
	struct list node; /* worker.all */

	struct list wait; /* among those of its next start; in none while in flight */
	struct timer timer;
	enum pace pace;
	bool in_flight;
	bool inconclusive; /* so was the last one: fast pace until there is a verdict */
	bool started_once;
	mono_ns due, started, deadline;
	dur_ns lateness;
	wall_ns cert_not_after;

	union {
		struct conn tcp;
		struct http_probe http;
		struct icmp_probe icmp;
	};
};

/* ---- the worker */

/* Starts per turn: bounds how long events wait behind probes that became due together. */
#define WORKER_STARTS_PER_TURN 128
/* Results in one message to the owner. */
#define WORKER_BATCH     64
#define WORKER_READ_SIZE (16 * 1024)

struct result_batch { /* on its way to the owner */
	struct mail mail;
	struct worker *answers; /* MSG_PULSE, too; NULL: not */
	size_t n;
	struct probe_result r[];
};

struct netns {
	char *name;  /* NULL: the process's own */
	bool moved;  /* the thread has left the process's own at least once */
	bool broken; /* not where it should be: probes end LOCAL with `why` */
	struct err why;
	dev_t dev; /* of the namespace file entered */
	ino_t ino;
	int port_min, port_max; /* the kernel picks ours from these; as of when it was entered */
	struct timer timer;
};

struct worker {
	struct probe_engine *engine;
	pthread_t thread;
	struct loop *loop;
	struct mailbox *mailbox;
	struct map targets; /* by id */
	struct list all;
	struct map starts; /* by time: of the targets that wait */
	uint64_t rate;     /* starts per 1,000 s, of all targets at their normal interval */
	struct rng rng;
	bool trace;

	/* Set by whatever may have moved the next timer, on which waiting results rely. */
	struct loop_defer turn_end;
	unsigned begun; /* probes, in this turn */
	bool urgent;    /* among the results is one that does not repeat what is known */
	bool pulse;     /* was asked for */
	size_t n_results;
	struct probe_result results[WORKER_BATCH]; /* not yet on their way to the owner */
	mono_ns results_since;                     /* when the oldest of them came */

	struct netns netns;
	struct icmp_socket icmp[2]; /* IPv4, IPv6 */
	struct icmp_nonces nonces;
	struct map regexps; /* by check */
	struct http_matcher *matcher;
	char tls_why[PROBE_DETAIL_MAX];

	/* The owner's: questions for its pulse in a row that this thread has not answered. */
	int unanswered;
	char buf[WORKER_READ_SIZE];
};

/* On the owner's thread, before and after the worker's own runs. */
void worker_init(struct worker *w, struct probe_engine *e, const char *netns);
void worker_done(struct worker *w);
void *worker_main(void *worker);

/* The turn that runs has to end with a look at the results. */
void worker_touched(struct worker *w);
/* Begin the probe of a target that waits, and take it off its list: 0. Or not now: when to ask
 * again. In a turn that worker_touched knows of. */
mono_ns worker_start(struct target *t);

/* ---- starts to come (starts.c) */

/* Wait for `at`, and for nothing else. */
void starts_put(struct target *t, mono_ns at);
/* Wait no more; no-op when not waiting. */
void starts_remove(struct target *t);
/* At the worker's end, when no target is left. */
void starts_done(struct worker *w);

/* The verdict: report it and schedule the next start. The kind closes what it must itself. */
void probe_conclude(struct target *t, enum code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* To what was concluded just now: the answer's status, and the header field that is reported. */
void probe_report(struct target *t, int status, const struct http_field *f);
/* A failed system call of ours: LOCAL or `otherwise`, after result_errno_is_local. */
void probe_conclude_errno(struct target *t, enum code otherwise, const char *what, int errno_value);
/* So long past the deadline that the peer may have lost patience because of us? */
bool probe_is_late(const struct target *t);

/* ---- namespaces (netns.c) */

/* While a namespace is set: how often to look whether it is there, and still the same one. */
#define NETNS_LOOK_INTERVAL (2 * NS_PER_S)

/* Move this thread to where ns->name says; broken on failure. The worker's sockets must be closed
 * first. `own_fd`: of the process's own namespace, or -1. */
void netns_enter(struct netns *ns, int own_fd);
/* Learn from what range local ports are picked here; all of them when that is not to be had. */
void netns_read_ports(struct netns *ns);
/* Is the name gone, or does it mean another namespace than the one entered? */
bool netns_stale(const struct netns *ns);

/* ---- descriptors (fdtable.c) */

/* Give this thread a descriptor table of its own, with nothing in it but the standard streams and
 * the `n` descriptors of `keep` (which is sorted; negative ones are passed over). Where that is not
 * to be had, the thread goes on with everybody's. */
void fdtable_own(int *keep, size_t n);

/* ---- capabilities (caps.c) */

/* Make a permitted capability (CAP_NET_RAW, …) effective for this thread. False: it is not
 * permitted. */
bool caps_raise(int cap);
bool caps_permitted(int cap);

/* ---- the engine's fields that workers use */

/* Results that the owner has not taken yet. Beyond this no probe is started: 18 MB, and at 5,000
 * probes a second an owner that has been stuck for 13 s. */
#define ENGINE_BACKLOG_MAX 65536

struct tls_store;

struct probe_engine {
	/* constant while workers run */
	char *user_agent;
	char *report_header; /* NULL: none */
	int own_ns; /* descriptor of the process's own network namespace, -1 without /proc */
	struct mailbox *results;
	struct tls_store *tls; /* has its own lock */

	_Atomic size_t backlog;

	/* the owner's */
	probe_results_fn *on_results;
	void *ctx;
	struct worker *workers;
	int n_workers;
};

/* A message to a worker. */
enum msg_kind { MSG_PUT, MSG_REMOVE, MSG_PACE, MSG_TRACE, MSG_NETNS, MSG_PULSE, MSG_STOP };

struct msg {
	struct mail mail;
	enum msg_kind kind;
	uint32_t id, generation;
	struct addr addr;
	struct healthcheck *check; /* a reference, the message's */
	enum pace pace;
	mono_ns first_start;
	bool trace;
	char *netns; /* the message's */
};
