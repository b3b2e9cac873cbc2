/* SPDX-License-Identifier: Apache-2.0 */
/* From "somebody scrapes" to a snapshot handed over.
 *
 * The snapshot is taken in slices at the end of turns of the loop, each of at most SLICE, so that a
 * fleet of any size holds up nobody else on it. Scrapes can be asked for faster than is good for
 * probes: after a snapshot that took the loop so much time, the next one begins no sooner than
 * PAUSE_FACTOR times that later, and all who came meanwhile share it. */
#include "maglevd/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/version.h"
#include "maglevd/daemon.h"
#include "lbsync/lbcounters.h"
#include "maglevd/snapshot.h"
#include "metrics/http.h"
#include "rpc/counts.h"
#include "vpp/client.h"

#define SLICE        (1 * NS_PER_MS)
#define PAUSE_FACTOR 10

_Static_assert(METRICS_VPP_API_BUCKETS == VPP_CLIENT_BUCKETS, "the session's buckets");
_Static_assert(METRICS_RPC_BUCKETS == RPC_COUNTS_BUCKETS, "the server's buckets");

struct metrics {
	struct daemon *daemon;
	struct metrics_http *http;
	struct snapshot *taking; /* NULL: none */
	bool fleet_taken;        /* its larger part is done */
	struct loop_defer slice;
	struct timer again;
	mono_ns not_before; /* the next one */
	unsigned slices;    /* of the present one; then their times */
	dur_ns busy, longest;
	dur_ns longest_cpu; /* as longest, less what other processes took of it */
};

#define ROW(...) ((const char *const[]){ __VA_ARGS__ })

/* ---- the daemon's own */

static void add_daemon(struct metrics_rows *r, const struct daemon *d)
{
	metrics_rows_uint(r, METRICS_BUILD_INFO,
			  ROW(version_string(), version_commit(), version_date()), 1);
	metrics_rows_uint(r, METRICS_CHECKER_DEGRADED, NULL, fleet_degraded(d->fleet));
	metrics_rows_uint(r, METRICS_CONFIG_RELOADS, ROW("success"), d->reloads.good);
	metrics_rows_uint(r, METRICS_CONFIG_RELOADS, ROW("failure"), d->reloads.bad);
	metrics_rows_ns(r, METRICS_CONFIG_LAST_RELOAD, NULL, d->reloads.good_at);
}

/* ---- VPP */

static void add_session(struct metrics_rows *r, const struct lbsync *l)
{
	struct lbsync_vpp vpp;
	char pid[16];
	wall_ns boot;
	bool connected = lbsync_vpp_info(l, &vpp);

	metrics_rows_uint(r, METRICS_VPP_CONNECTED, NULL, connected);
	if (!connected)
		return;
	(void)snprintf(pid, sizeof pid, "%u", vpp.pid);
	metrics_rows_uint(r, METRICS_VPP_INFO, ROW(vpp.version, vpp.build_date, pid), 1);
	metrics_rows_ns(r, METRICS_VPP_CONNECTED_SECONDS, NULL, vpp.connected_for);
	if (lbcounters_boottime(lbsync_counters(l), &boot))
		metrics_rows_ns(r, METRICS_VPP_UPTIME, NULL, MAX(loop_wall() - boot, 0));
}

static void add_message(struct metrics_rows *r, const char *name, const struct vpp_msg_stats *s)
{
	uint64_t counts[METRICS_VPP_API_BUCKETS + 1], within = 0;

	if (s->send_ok + s->send_failed) {
		metrics_rows_uint(r, METRICS_VPP_API, ROW(name, "send", "success"), s->send_ok);
		metrics_rows_uint(r, METRICS_VPP_API, ROW(name, "send", "failure"), s->send_failed);
	}
	if (s->recv_ok + s->recv_failed) {
		metrics_rows_uint(r, METRICS_VPP_API, ROW(name, "recv", "success"), s->recv_ok);
		metrics_rows_uint(r, METRICS_VPP_API, ROW(name, "recv", "failure"), s->recv_failed);
	}
	if (!s->round_trips)
		return;
	for (size_t i = 0; i < METRICS_VPP_API_BUCKETS; i++)
		within += counts[i] = s->round_trip[i];
	counts[METRICS_VPP_API_BUCKETS] = s->round_trips - within;
	metrics_rows_histogram(r, METRICS_VPP_API_SECONDS, ROW(name), counts, s->round_trip_ns);
}

static void add_syncs(struct metrics_rows *r, const struct lbsync *l)
{
	for (enum lbsync_scope s = 0; s < LBSYNC_SCOPE_N; s++) {
		for (enum lbsync_kind k = 0; k < LBSYNC_KIND_N; k++) {
			uint64_t n = lbsync_total(l, s, k);

			if (n)
				metrics_rows_uint(r, METRICS_VPP_LBSYNC,
						  ROW(lbsync_scope_name(s), lbsync_kind_name(k)),
						  n);
		}
	}
	for (enum lbdrift_kind d = 0; d < LBDRIFT_N; d++) {
		uint64_t n = lbsync_drift_total(l, d);

		if (n > 0)
			metrics_rows_uint(r, METRICS_VPP_DRIFT, ROW(lbdrift_kind_name(d)), n);
	}
}

static void add_vpp(struct snapshot *s, const struct lbsync *l)
{
	struct metrics_rows *r = snapshot_rows(s);
	const struct lbcounters_vip *vips;
	wall_ns at;
	size_t n;

	add_session(r, l);
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++)
		add_message(r, vpp_msgs[m].name, vpp_client_stats(lbsync_client(l), m));
	add_syncs(r, l);
	if (lbsync_connected(l) &&
	    lbcounters_last(lbsync_counters(l), &vips, &n, &at, /* e= */ NULL) == 0)
		snapshot_vips(s, vips, n);
}

/* ---- gRPC */

/* The names by which Prometheus' gRPC metrics go everywhere. */
static const char *const code_names[] = {
	[RPC_OK] = "OK",
	[RPC_CANCELLED] = "Canceled",
	[RPC_UNKNOWN] = "Unknown",
	[RPC_INVALID_ARGUMENT] = "InvalidArgument",
	[RPC_DEADLINE_EXCEEDED] = "DeadlineExceeded",
	[RPC_NOT_FOUND] = "NotFound",
	[RPC_ALREADY_EXISTS] = "AlreadyExists",
	[RPC_PERMISSION_DENIED] = "PermissionDenied",
	[RPC_RESOURCE_EXHAUSTED] = "ResourceExhausted",
	[RPC_FAILED_PRECONDITION] = "FailedPrecondition",
	[RPC_ABORTED] = "Aborted",
	[RPC_OUT_OF_RANGE] = "OutOfRange",
	[RPC_UNIMPLEMENTED] = "Unimplemented",
	[RPC_INTERNAL] = "Internal",
	[RPC_UNAVAILABLE] = "Unavailable",
	[RPC_DATA_LOSS] = "DataLoss",
	[RPC_UNAUTHENTICATED] = "Unauthenticated",
};
_Static_assert(ARRAY_LEN(code_names) == RPC_STATUS_N, "a name for every status");

static void add_method(struct metrics_rows *r, const struct rpc_counts *c)
{
	_cleanup_free_ char *service = xstrdup(c->path + 1); /* "/maglev.Maglev/GetVersion" */
	char *slash = strchr(service, '/');
	const char *labels[METRICS_LABELS_MAX] = { service, slash + 1, c->type };

	*slash = '\0';
	metrics_rows_uint(r, METRICS_GRPC_STARTED, labels, c->started);
	metrics_rows_uint(r, METRICS_GRPC_RECEIVED, labels, c->received);
	metrics_rows_uint(r, METRICS_GRPC_SENT, labels, c->sent);
	metrics_rows_histogram(r, METRICS_GRPC_HANDLING, labels, c->durations, c->duration_ns);
	for (size_t i = 0; i < RPC_STATUS_N; i++) {
		labels[3] = code_names[i];
		metrics_rows_uint(r, METRICS_GRPC_HANDLED, labels, c->handled[i]);
	}
}

static void add_rpc(struct metrics_rows *r, const struct rpc_server *s)
{
	struct rpc_counts c;

	for (size_t i = 0; rpc_server_counts(s, i, &c); i++)
		add_method(r, &c);
}

/* ---- taking a snapshot */

static void hand_over(struct metrics *m)
{
	struct metrics_rows *r = snapshot_rows(m->taking);
	const struct daemon *d = m->daemon;

	add_daemon(r, d);
	if (d->lbsync)
		add_vpp(m->taking, d->lbsync);
	add_rpc(r, d->rpc);
	metrics_http_serve(m->http, snapshot_content(m->taking));
	m->taking = NULL;
}

static dur_ns cpu_clock(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void count_slice(struct metrics *m, dur_ns took, dur_ns cpu)
{
	m->slices++;
	m->busy += took;
	m->longest = MAX(m->longest, took);
	m->longest_cpu = MAX(m->longest_cpu, cpu);
}

static void slice(void *ctx);

static void next_slice(struct metrics *m)
{
	loop_defer_set(m->daemon->loop, &m->slice, slice, m);
}

/* The fleet, some at a time; then all the rest. */
static void slice(void *ctx)
{
	struct metrics *m = ctx;
	mono_ns started = loop_clock(), ended;
	dur_ns cpu = cpu_clock();
	bool last = m->fleet_taken;

	if (last)
		hand_over(m);
	else
		m->fleet_taken = snapshot_step(m->taking, m->daemon->fleet, started + SLICE);
	ended = loop_clock();
	count_slice(m, ended - started, cpu_clock() - cpu);
	if (!last) {
		next_slice(m);
		return;
	}
	m->not_before = ended + PAUSE_FACTOR * m->busy;
	log_debug("metrics-snapshot", L_UINT("backends", m->daemon->fleet->backends.n),
		  L_UINT("slices", m->slices), L_INT("longest_ns", m->longest),
		  L_INT("longest_cpu_ns", m->longest_cpu), L_INT("busy_ns", m->busy));
}

static void begin(struct metrics *m)
{
	m->taking = snapshot_new();
	m->fleet_taken = false;
	m->slices = 0;
	m->busy = m->longest = m->longest_cpu = 0;
	next_slice(m);
}

static void on_again(void *ctx, struct timer *t _unused_)
{
	begin(ctx);
}

static void on_wanted(void *ctx)
{
	struct metrics *m = ctx;

	if (loop_clock() >= m->not_before)
		begin(m);
	else
		timer_set(m->daemon->loop, &m->again, m->not_before, on_again, m);
}

/* ---- life */

static const char page[] = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>maglevd</title></head>"
			   "<body><h1>maglevd</h1><p><a href=\"/metrics\">Metrics</a></p></body>"
			   "</html>\n";

/* Who counts and who tells cannot include each other. */
static_assert(METRICS_VPP_API_BUCKETS == VPP_CLIENT_BUCKETS, "VPP's answers");
static_assert(METRICS_RPC_BUCKETS == RPC_COUNTS_BUCKETS, "our answers");

static bool same_bounds(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

struct metrics *metrics_new(struct daemon *d, struct err *e)
{
	struct metrics *m = XNEW(struct metrics);
	const struct metrics_http_opts opts = { .loop = d->loop,
						.addr = d->options->metrics_addr,
						.page = page,
						.wanted = on_wanted,
						.ctx = m };

	assert(same_bounds(metrics_vpp_api_buckets, vpp_client_bucket_s, METRICS_VPP_API_BUCKETS));
	assert(same_bounds(metrics_rpc_buckets, rpc_counts_bucket_s, METRICS_RPC_BUCKETS));
	m->daemon = d;
	m->http = metrics_http_new(&opts, e);
	if (!m->http) {
		free(m);
		return NULL;
	}
	return m;
}

int metrics_port(const struct metrics *m)
{
	return metrics_http_port(m->http);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	metrics_http_free(m->http);
	loop_defer_cancel(&m->slice);
	timer_cancel(m->daemon->loop, &m->again);
	snapshot_free(m->taking);
	free(m);
}
