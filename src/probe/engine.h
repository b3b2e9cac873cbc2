/* SPDX-License-Identifier: Apache-2.0 */
/* probe/engine.h - probes targets on threads of its own and reports outcomes; decides nothing.
 *
 * The owner (one thread, with its loop) adds, changes and removes targets and gets results in
 * batches on its own loop. Each target lives on one probe thread. Everything here is called on the
 * owner's thread. Results carry the generation given with the target, so that one which was under
 * way when the target changed is recognised and dropped by the owner.
 *
 * At most one probe per target is in flight. Its one deadline (the check's timeout) covers connect,
 * TLS, request and response. Probes that end CODE_LOCAL say nothing about the backend: our own
 * shortage (which errno is one: result.c), no permission, no namespace, or a deadline timer of ours
 * that ran late. Their details are few and constant, so that warnings can be limited by them.
 *
 * Starts are rounded up to a grid of whole milliseconds: at most 16 ms, and 1 % of the interval.
 * Results that repeat what is known (a pass at the normal pace, a failure at the pace of what is
 * down) may take 20 ms longer to arrive than others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/dur.h"
#include "base/err.h"
#include "core/cadence.h"
#include "core/health.h"
#include "core/model.h"
#include "loop/loop.h"

#define PROBE_DETAIL_MAX 192
/* A static backend's synthetic pass is repeated this often. */
#define PROBE_STATIC_INTERVAL (30 * NS_PER_S)

struct probe_engine;

struct probe_result {
	uint32_t id; /* the owner's number of the target */
	uint32_t generation;
	bool started_only; /* tracing: the probe has just begun; only id, generation, started are
			      set */
	uint8_t field_at;  /* see probe_result_field */
	uint16_t status;   /* of an HTTP answer, where report_header is set; 0: there was none */
	enum code code;
	char detail[PROBE_DETAIL_MAX]; /* one line, valid UTF-8 */
	mono_ns started;
	dur_ns duration;
	dur_ns lateness;        /* how much after its due time it started */
	wall_ns at;             /* wall clock at the end */
	wall_ns cert_not_after; /* of the TLS handshake; 0 when there was none */
};

/* The value of the response header that the engine reports; NULL: the answer had none. One line,
 * valid UTF-8; it stands in `detail`, behind the NUL, so that results are no larger for it. */
const char *probe_result_field(const struct probe_result *r);

typedef void probe_results_fn(void *ctx, const struct probe_result *r, size_t n);

struct probe_engine_opts {
	struct loop *loop; /* the owner's */
	int threads;       /* 1..64 */
	const char *netns; /* NULL: the process's own */
	const char *user_agent;
	const char *report_header; /* give this header of HTTP answers back; NULL: none */
	probe_results_fn *on_results;
	void *ctx;
};

struct probe_engine *probe_engine_new(const struct probe_engine_opts *o); /* threads are running */
/* Stop all probes, join the threads, drop undelivered results. Bounded by one wake-up of each. Not
 * from on_results. NULL is fine. */
void probe_engine_free(struct probe_engine *e);

struct probe_target {
	uint32_t id, generation;
	struct addr addr;
	struct healthcheck
		*check; /* borrowed: the engine takes a reference of its own; NULL: static */
	enum pace pace;
	mono_ns first_start; /* loop_clock() time of the first probe; past means at once */
};

/* Add a target, or replace it (same id): a probe under way is abandoned without a result. */
void probe_engine_put(struct probe_engine *e, const struct probe_target *t);
/* Stop probing it; nothing is sent from here on. A result already under way to the owner still
 * arrives, with its old generation. Unknown ids are ignored. */
void probe_engine_remove(struct probe_engine *e, uint32_t id);
/* The pace changed: the next start is worked out anew from the last one. Ignored for another
 * generation than the present one. After an inconclusive result the engine uses PACE_FAST by
 * itself. */
void probe_engine_pace(struct probe_engine *e, uint32_t id, uint32_t generation, enum pace pace);
/* Report starts too (for debug logs), or not. */
void probe_engine_trace(struct probe_engine *e, bool on);
/* Move the probe threads to another namespace (NULL: the process's own). What is in flight starts
 * over there, without a result of the old place. While a namespace cannot be entered, or is gone,
 * probes end LOCAL and it is tried again every two seconds; one that was made anew under the same
 * name is entered. */
void probe_engine_set_netns(struct probe_engine *e, const char *netns);

/* Are the threads there? To be asked every few seconds: each call asks those that have answered the
 * last one. The answers come as results do, so that all that they need is tried. Of a thread that
 * does not answer for two calls, the third looks whether it did and only the wake-up was lost. */
struct probe_pulse {
	int silent; /* threads that have not answered the last call's question */
	int unread; /* that had, it turns out: everything that had come was taken now */
};
struct probe_pulse probe_engine_pulse(struct probe_engine *e);

/* Descriptors the engine can have open at once for these many probed backends. */
size_t probe_engine_fd_need(size_t n_backends, int threads);

/* What probes of these kinds lack here, for the start-up message: fills `ret` with one line naming
 * the capability and the remedy and returns true when ICMP (netns: entering a namespace) cannot
 * work. A capability that is permitted but not effective is not missing: the probe threads raise
 * it. */
bool probe_missing_icmp(struct err *ret);
bool probe_missing_netns(struct err *ret);
