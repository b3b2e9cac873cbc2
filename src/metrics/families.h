/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/families.h - every metric there is, defined once: name, type, help, unit, labels.
 *
 * What is exposed, docs/metrics.md and the tests all come from this table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define METRICS_LABELS_MAX  4
#define METRICS_BUCKETS_MAX 16

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER, METRICS_HISTOGRAM, METRICS_TYPE_N };
const char *metrics_type_name(enum metrics_type t); /* "gauge", "counter", "histogram" */

enum metrics_id { /* in the order in which they are exposed */
		  METRICS_BUILD_INFO,
		  METRICS_BACKEND_STATE,
		  METRICS_BACKEND_HEALTH,
		  METRICS_BACKEND_ENABLED,
		  METRICS_BACKEND_TRANSITIONS,
		  METRICS_BACKEND_CERT_EXPIRY,
		  METRICS_PROBE_TOTAL,
		  METRICS_PROBE_DURATION,
		  METRICS_PROBE_LATENESS,
		  METRICS_CHECKER_DEGRADED,
		  METRICS_FRONTEND_STATE,
		  METRICS_POOL_WEIGHT,
		  METRICS_POOL_EFFECTIVE_WEIGHT,
		  METRICS_CONFIG_RELOADS,
		  METRICS_CONFIG_LAST_RELOAD,
		  METRICS_VPP_CONNECTED,
		  METRICS_VPP_CONNECTED_SECONDS,
		  METRICS_VPP_UPTIME,
		  METRICS_VPP_INFO,
		  METRICS_VPP_API,
		  METRICS_VPP_API_SECONDS,
		  METRICS_VPP_LBSYNC,
		  METRICS_VPP_DRIFT,
		  METRICS_VIP_PACKETS,
		  METRICS_VIP_ROUTE_PACKETS,
		  METRICS_VIP_ROUTE_BYTES,
		  METRICS_GRPC_STARTED,
		  METRICS_GRPC_HANDLED,
		  METRICS_GRPC_RECEIVED,
		  METRICS_GRPC_SENT,
		  METRICS_GRPC_HANDLING,
		  METRICS_PROCESS_CPU,
		  METRICS_PROCESS_START_TIME,
		  METRICS_PROCESS_RESIDENT,
		  METRICS_PROCESS_VIRTUAL,
		  METRICS_PROCESS_VIRTUAL_MAX,
		  METRICS_PROCESS_OPEN_FDS,
		  METRICS_PROCESS_MAX_FDS,
		  METRICS_PROCESS_THREADS,
		  METRICS_ID_N
};

struct metrics_family {
	const char *name; /* a counter's with its "_total" */
	enum metrics_type type;
	const char *unit; /* "seconds", "bytes", or "" */
	const char *labels[METRICS_LABELS_MAX];
	size_t n_labels;
	const char *help;
	const double *buckets; /* of a histogram: upper bounds, +Inf left out */
	size_t n_buckets;
	const char *absent; /* when there are no samples, for the documentation; or NULL */
};

extern const struct metrics_family metrics_families[METRICS_ID_N];

/* The buckets, for those who count. */
#define METRICS_PROBE_BUCKETS    14
#define METRICS_LATENESS_BUCKETS 16
#define METRICS_RPC_BUCKETS      11
#define METRICS_VPP_API_BUCKETS  13
extern const double metrics_probe_buckets[METRICS_PROBE_BUCKETS];
extern const double metrics_lateness_buckets[METRICS_LATENESS_BUCKETS];
extern const double metrics_rpc_buckets[METRICS_RPC_BUCKETS];         /* Prometheus' default ones */
extern const double metrics_vpp_api_buckets[METRICS_VPP_API_BUCKETS]; /* vpp_client_bucket_s */

/* Which bucket an observation of `ns` falls into: the first whose bound it does not exceed, or
 * `n` (over all of them). */
size_t metrics_bucket(const double *bounds, size_t n, long long ns);
