/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/families.h"

#include "base/alloc.h"
#include "base/dur.h"

const double metrics_probe_buckets[METRICS_PROBE_BUCKETS] = { 0.0005, 0.001, 0.0025, 0.005, 0.01,
							      0.025,  0.05,  0.1,    0.25,  0.5,
							      1,      2.5,   5,      10 };
const double metrics_lateness_buckets[METRICS_LATENESS_BUCKETS] = { 0.0001, 0.00025, 0.0005, 0.001,
								    0.0025, 0.005,   0.01,   0.025,
								    0.05,   0.1,     0.25,   0.5,
								    1,      2.5,     5,      10 };
const double metrics_rpc_buckets[METRICS_RPC_BUCKETS] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
							  0.5,   1,    2.5,   5,    10 };
const double metrics_vpp_api_buckets[METRICS_VPP_API_BUCKETS] = {
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5
};

#define LABELS(...)                                                                                \
	.labels = { __VA_ARGS__ },                                                                 \
	.n_labels = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)
#define BUCKETS(B) .buckets = (B), .n_buckets = ARRAY_LEN(B)
#define GRPC       "grpc_service", "grpc_method", "grpc_type"

const struct metrics_family metrics_families[METRICS_ID_N] = {
	[METRICS_BUILD_INFO] = { "maglev_build_info", METRICS_GAUGE, "",
				 LABELS("version", "commit", "date"),
				 .help = "Always 1; what this maglevd was built from." },
	[METRICS_BACKEND_STATE] = { "maglev_backend_state", METRICS_GAUGE, "",
				    LABELS("backend", "address", "healthcheck", "state"),
				    .help = "1 for the state the backend is in, 0 for the others "
					    "(unknown, up, down, paused, disabled). The "
					    "healthcheck "
					    "is empty for a static backend." },
	[METRICS_BACKEND_HEALTH] = { "maglev_backend_health", METRICS_GAUGE, "", LABELS("backend"),
				     .help = "The counter behind rise and fall: 0 is settled down, "
					     "rise + fall - 1 is settled up." },
	[METRICS_BACKEND_ENABLED] = { "maglev_backend_enabled", METRICS_GAUGE, "",
				      LABELS("backend"),
				      .help = "1 when enabled, 0 when an operator or the "
					      "configuration disabled it." },
	[METRICS_BACKEND_TRANSITIONS] = { "maglev_backend_transitions_total", METRICS_COUNTER, "",
					  LABELS("backend", "from", "to"),
					  .help = "Changes of state.",
					  .absent = "for changes that did not happen yet" },
	[METRICS_BACKEND_CERT_EXPIRY] = { "maglev_backend_cert_expiry_seconds", METRICS_GAUGE,
					  "seconds", LABELS("backend"),
					  .help = "Time left until the certificate of the last TLS "
						  "handshake expires; negative once it has.",
					  .absent = "for backends without a TLS handshake so far" },
	[METRICS_PROBE_TOTAL] = { "maglev_probe_total", METRICS_COUNTER, "",
				  LABELS("backend", "type", "result", "code"),
				  .help = "Probes that ended, by result (success, failure, "
					  "inconclusive) and code. A failure that is not believed, "
					  "while the checker doubts itself, is inconclusive.",
				  .absent = "for outcomes that were not seen yet" },
	[METRICS_PROBE_DURATION] = { "maglev_probe_duration_seconds", METRICS_HISTOGRAM, "seconds",
				     LABELS("backend", "type"),
				     .help = "How long probes took, whatever their result.",
				     BUCKETS(metrics_probe_buckets),
				     .absent = "until the first probe of a backend ended" },
	[METRICS_PROBE_LATENESS] = { "maglev_probe_lateness_seconds", METRICS_HISTOGRAM, "seconds",
				     .help = "How late probes start: the checker's own health.",
				     BUCKETS(metrics_lateness_buckets) },
	[METRICS_CHECKER_DEGRADED] = { "maglev_checker_degraded", METRICS_GAUGE, "",
				       .help = "1 while the checker doubts itself (most probes "
					       "start "
					       "late or fail for reasons of its own) and counts no "
					       "failures." },
	[METRICS_FRONTEND_STATE] = { "maglev_frontend_state", METRICS_GAUGE, "",
				     LABELS("frontend", "state"),
				     .help = "1 for the state the frontend is in, 0 for the others "
					     "(unknown, up, down)." },
	[METRICS_POOL_WEIGHT] = { "maglev_frontend_pool_backend_weight", METRICS_GAUGE, "",
				  LABELS("frontend", "pool", "backend"),
				  .help = "Weight as configured, or as set since by an operator." },
	[METRICS_POOL_EFFECTIVE_WEIGHT] = { "maglev_frontend_pool_backend_effective_weight",
					    METRICS_GAUGE, "",
					    LABELS("frontend", "pool", "backend"),
					    .help = "Weight that VPP is to have, after health and "
						    "the "
						    "priority of pools." },
	[METRICS_CONFIG_RELOADS] = { "maglev_config_reloads_total", METRICS_COUNTER, "",
				     LABELS("result"),
				     .help = "Reloads of the configuration, by result (success, "
					     "failure)." },
	[METRICS_CONFIG_LAST_RELOAD] = { "maglev_config_last_reload_success_timestamp_seconds",
					 METRICS_GAUGE, "seconds",
					 .help = "When the configuration in force was loaded (Unix "
						 "time)." },
	[METRICS_VPP_CONNECTED] = { "maglev_vpp_connected", METRICS_GAUGE, "",
				    .help = "1 while there is a session with VPP.",
				    .absent = "when VPP is switched off" },
	[METRICS_VPP_CONNECTED_SECONDS] = { "maglev_vpp_connected_seconds", METRICS_GAUGE,
					    "seconds", .help = "Age of the session with VPP.",
					    .absent = "while VPP is not connected" },
	[METRICS_VPP_UPTIME] = { "maglev_vpp_uptime_seconds", METRICS_GAUGE, "seconds",
				 .help = "How long VPP has been running, by its stats segment.",
				 .absent = "while VPP is not connected or its stats segment cannot "
					   "be read" },
	[METRICS_VPP_INFO] = { "maglev_vpp_info", METRICS_GAUGE, "",
			       LABELS("version", "build_date", "pid"),
			       .help = "Always 1; the VPP at the other end.",
			       .absent = "while VPP is not connected" },
	[METRICS_VPP_API] = { "maglev_vpp_api_total", METRICS_COUNTER, "",
			      LABELS("msg", "direction", "result"),
			      .help = "Messages of VPP's binary API, by direction (send, recv) and "
				      "result: a send fails for want of a connection or of room, a "
				      "received one is a failure when its retval is negative.",
			      .absent = "when VPP is switched off, and for messages not seen yet" },
	[METRICS_VPP_API_SECONDS] = { "maglev_vpp_api_seconds", METRICS_HISTOGRAM, "seconds",
				      LABELS("msg"),
				      .help = "From sending a request to VPP's (last) answer.",
				      BUCKETS(metrics_vpp_api_buckets),
				      .absent = "when VPP is switched off, and for requests not "
						"answered yet" },
	[METRICS_VPP_LBSYNC] = { "maglev_vpp_lbsync_total", METRICS_COUNTER, "",
				 LABELS("scope", "kind"),
				 .help = "Changes that VPP acknowledged, or refused (error), in "
					 "syncs "
					 "of everything (all) or of single VIPs (vip); kind is "
					 "vip_added, vip_removed, as_added, as_removed, "
					 "as_weight_updated or error.",
				 .absent = "when VPP is switched off, and for kinds that never "
					   "happened" },
	[METRICS_VPP_DRIFT] = { "maglev_vpp_drift_total", METRICS_COUNTER, "", LABELS("kind"),
				.help = "What another hand did to VPP, as it was found: kind is "
					"vip_missing, vip_unexpected, vip_changed, as_missing, "
					"as_unexpected, as_weight or conf.",
				.absent = "when VPP is switched off, and for kinds that never "
					  "happened" },
	[METRICS_VIP_PACKETS] = { "maglev_vip_packets_total", METRICS_COUNTER, "",
				  LABELS("prefix", "protocol", "port", "kind"),
				  .help = "Packets of a VIP as VPP counts them: of known flows "
					  "(next), "
					  "of new ones (first), past the flow table (untracked), "
					  "and "
					  "dropped for want of a backend (no_server).",
				  .absent =
					  "while VPP is not connected or its stats segment cannot "
					  "be read" },
	[METRICS_VIP_ROUTE_PACKETS] = { "maglev_vip_route_packets_total", METRICS_COUNTER, "",
					LABELS("prefix"),
					.help = "Packets routed to a VIP's prefix (VPP counts per "
						"prefix, not per port).",
					.absent = "while VPP is not connected or its stats segment "
						  "cannot be read" },
	[METRICS_VIP_ROUTE_BYTES] = { "maglev_vip_route_bytes_total", METRICS_COUNTER, "bytes",
				      LABELS("prefix"), .help = "Bytes routed to a VIP's prefix.",
				      .absent = "while VPP is not connected or its stats segment "
						"cannot be read" },
	[METRICS_GRPC_STARTED] = { "grpc_server_started_total", METRICS_COUNTER, "", LABELS(GRPC),
				   .help = "Calls that began." },
	[METRICS_GRPC_HANDLED] = { "grpc_server_handled_total", METRICS_COUNTER, "",
				   LABELS(GRPC, "grpc_code"),
				   .help = "Calls that ended, by status code." },
	[METRICS_GRPC_RECEIVED] = { "grpc_server_msg_received_total", METRICS_COUNTER, "",
				    LABELS(GRPC), .help = "Messages received from clients." },
	[METRICS_GRPC_SENT] = { "grpc_server_msg_sent_total", METRICS_COUNTER, "", LABELS(GRPC),
				.help = "Messages sent to clients." },
	[METRICS_GRPC_HANDLING] = { "grpc_server_handling_seconds", METRICS_HISTOGRAM, "seconds",
				    LABELS(GRPC),
				    .help = "How long calls took, from their arrival to their "
					    "status.",
				    BUCKETS(metrics_rpc_buckets) },
	[METRICS_PROCESS_CPU] = { "process_cpu_seconds_total", METRICS_COUNTER, "seconds",
				  .help = "CPU time used, user and system." },
	[METRICS_PROCESS_START_TIME] = { "process_start_time_seconds", METRICS_GAUGE, "seconds",
					 .help = "When the process was started (Unix time)." },
	[METRICS_PROCESS_RESIDENT] = { "process_resident_memory_bytes", METRICS_GAUGE, "bytes",
				       .help = "Memory that is resident." },
	[METRICS_PROCESS_VIRTUAL] = { "process_virtual_memory_bytes", METRICS_GAUGE, "bytes",
				      .help = "Address space in use." },
	[METRICS_PROCESS_VIRTUAL_MAX] = { "process_virtual_memory_max_bytes", METRICS_GAUGE,
					  "bytes", .help = "The limit of the address space.",
					  .absent = "when there is no limit" },
	[METRICS_PROCESS_OPEN_FDS] = { "process_open_fds", METRICS_GAUGE, "",
				       .help = "Descriptors that are open." },
	[METRICS_PROCESS_MAX_FDS] = { "process_max_fds", METRICS_GAUGE, "",
				      .help = "Descriptors that may be open (soft limit)." },
	[METRICS_PROCESS_THREADS] = { "process_threads", METRICS_GAUGE, "",
				      .help = "Threads of the process." },
};

static const char *const type_names[] = {
	[METRICS_GAUGE] = "gauge",
	[METRICS_COUNTER] = "counter",
	[METRICS_HISTOGRAM] = "histogram",
};
_Static_assert(ARRAY_LEN(type_names) == METRICS_TYPE_N, "a name for every type");

const char *metrics_type_name(enum metrics_type t)
{
	return t < METRICS_TYPE_N ? type_names[t] : "?";
}

size_t metrics_bucket(const double *bounds, size_t n, long long ns)
{
	size_t i = 0;

	while (i < n && (double)ns > bounds[i] * (double)NS_PER_S)
		i++;
	return i;
}
