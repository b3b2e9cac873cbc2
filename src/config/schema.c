/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define HTTP  (1u << HC_HTTP)
#define HTTPS (1u << HC_HTTPS)
#define TCP   (1u << HC_TCP)

#define SCHEMA(ROWS)                                                                               \
	{                                                                                          \
		.rows = (ROWS), .n = ARRAY_LEN(ROWS)                                               \
	}

static const struct schema_row top_rows[TOP_N] = {
	[TOP_HEALTHCHECKER] = { "healthchecker", VALUE_MAP,
				.help = "settings of the checker itself" },
	[TOP_VPP] = { "vpp", VALUE_MAP, .help = "settings of the dataplane" },
	[TOP_HEALTHCHECKS] = { "healthchecks", VALUE_MAP, .help = "health checks by name" },
	[TOP_BACKENDS] = { "backends", VALUE_MAP, .help = "servers by name" },
	[TOP_FRONTENDS] = { "frontends", VALUE_MAP, .help = "VIPs by name" },
};
const struct schema schema_top = SCHEMA(top_rows);

static const struct schema_row checker_rows[CHECKER_N] = {
	[CHECKER_HISTORY] = { "transition-history", VALUE_INT, .lo = 1, .hi = 1000, .def = "5",
			      .help = "transitions remembered per backend" },
	[CHECKER_NETNS] = { "netns", VALUE_STR, RULE_NETNS,
			    .help = "network namespace under /var/run/netns/ in which probes run" },
};
const struct schema schema_checker = SCHEMA(checker_rows);

static const struct schema_row vpp_rows[VPP_N] = {
	[VPP_LB] = { "lb", VALUE_MAP, .help = "the lb plugin" },
};
const struct schema schema_vpp = SCHEMA(vpp_rows);

static const struct schema_row lb_rows[LB_N] = {
	[LB_SRC4] = { "ipv4-src-address", VALUE_ADDR, RULE_REQUIRED | RULE_IP4,
		      .help = "outer source of GRE4" },
	[LB_SRC6] = { "ipv6-src-address", VALUE_ADDR, RULE_REQUIRED | RULE_IP6,
		      .help = "outer source of GRE6" },
	[LB_SYNC_INTERVAL] = { "sync-interval", VALUE_DUR, .lo = 1, .hi = DUR_BOUND, .def = "30s",
			       .help = "time between full syncs" },
	[LB_STICKY_BUCKETS] = { "sticky-buckets-per-core", VALUE_INT, RULE_POW2, 1, 16777216,
				.def = "65536",
				.help = "sticky flow table size; more overflows a size inside "
					"VPP" },
	[LB_FLOW_TIMEOUT] = { "flow-timeout", VALUE_DUR, RULE_WHOLE_SECONDS, NS_PER_S,
			      120 * NS_PER_S, .def = "40s",
			      .help = "idle time after which a flow is forgotten" },
	[LB_MIN_DELAY] = { "startup-min-delay", VALUE_DUR, .lo = 0, .hi = DUR_BOUND, .def = "5s",
			   .help = "after a start nothing is written to VPP for this long" },
	[LB_MAX_DELAY] = { "startup-max-delay", VALUE_DUR, .lo = 0, .hi = DUR_BOUND, .def = "30s",
			   .help = "after a start everything is written at the latest then" },
};
const struct schema schema_lb = SCHEMA(lb_rows);

static const char *const check_types[HC_TYPE_N + 1] = {
	[HC_ICMP] = "icmp",
	[HC_TCP] = "tcp",
	[HC_HTTP] = "http",
	[HC_HTTPS] = "https",
};

/* A shorter interval than 10 ms would measure the scheduler, not the server. */
static const struct schema_row check_rows[CHECK_N] = {
	[CHECK_TYPE] = { "type", VALUE_ENUM, RULE_REQUIRED, .words = check_types,
			 .help = "kind of probe" },
	[CHECK_PORT] = { "port", VALUE_INT, .lo = 1, .hi = 65535,
			 .help = "required for tcp, http, https; an error for icmp" },
	[CHECK_INTERVAL] = { "interval", VALUE_DUR, .lo = 10 * NS_PER_MS, .hi = DUR_BOUND,
			     .def = "2s", .help = "start to start" },
	[CHECK_FAST_INTERVAL] = { "fast-interval", VALUE_DUR, .lo = 10 * NS_PER_MS, .hi = DUR_BOUND,
				  .help = "used while unsettled; default: interval" },
	[CHECK_DOWN_INTERVAL] = { "down-interval", VALUE_DUR, .lo = 10 * NS_PER_MS, .hi = DUR_BOUND,
				  .help = "used while firmly down; default: interval" },
	[CHECK_TIMEOUT] = { "timeout", VALUE_DUR, .lo = NS_PER_MS, .hi = DUR_BOUND,
			    .help = "one deadline for the whole probe; default: 3s or interval, "
				    "the smaller" },
	[CHECK_RISE] = { "rise", VALUE_INT, .lo = 1, .hi = 1000, .def = "2",
			 .help = "passes in a row to come up" },
	[CHECK_FALL] = { "fall", VALUE_INT, .lo = 1, .hi = 1000, .def = "3",
			 .help = "failures in a row to go down" },
	[CHECK_SRC4] = { "probe-ipv4-src", VALUE_ADDR, RULE_IP4,
			 .help = "source address of probes over IPv4" },
	[CHECK_SRC6] = { "probe-ipv6-src", VALUE_ADDR, RULE_IP6,
			 .help = "source address of probes over IPv6" },
	[CHECK_REUSE] = { "reuse-connection", VALUE_BOOL, .def = "false",
			  .help = "http and https: keep one connection per backend and probe over "
				  "it" },
	[CHECK_PARAMS] = { "params", VALUE_MAP, .help = "settings of this kind of probe" },
};
const struct schema schema_check = SCHEMA(check_rows);

static const struct schema_row param_rows[PARAM_N] = {
	[PARAM_PATH] = { "path", VALUE_STR, RULE_PATH, .def = "/", .types = HTTP | HTTPS,
			 .help = "request target" },
	[PARAM_HOST] = { "host", VALUE_STR, RULE_HEADER, .types = HTTP | HTTPS,
			 .help = "Host header; default: the backend's address, with its port when "
				 "needed" },
	[PARAM_CODE] = { "response-code", VALUE_STR, RULE_CODES, .def = "200",
			 .types = HTTP | HTTPS,
			 .help = "accepted: a code, a-b, Nxx, or a comma list" },
	[PARAM_REGEXP] = { "response-regexp", VALUE_STR, RULE_REGEXP, .types = HTTP | HTTPS,
			   .help = "PCRE2, searched in the first 64 KiB of the body" },
	[PARAM_SSL] = { "ssl", VALUE_BOOL, .def = "false", .types = TCP,
			.help = "a TLS handshake after connect" },
	[PARAM_SERVER_NAME] = { "server-name", VALUE_STR, RULE_HEADER, .types = HTTP | HTTPS | TCP,
				.help = "SNI and the name the certificate must have; default: host "
					"when a name" },
	[PARAM_INSECURE] = { "insecure-skip-verify", VALUE_BOOL, .def = "false",
			     .types = HTTP | HTTPS | TCP, .help = "take any certificate" },
};
const struct schema schema_param = SCHEMA(param_rows);

static const struct schema_row backend_rows[BACKEND_N] = {
	[BACKEND_ADDRESS] = { "address", VALUE_ADDR, RULE_REQUIRED, .help = "of the server" },
	[BACKEND_CHECK] = { "healthcheck", VALUE_STR,
			    .help = "name of a health check; unset: static, always up" },
	[BACKEND_ENABLED] = { "enabled", VALUE_BOOL, .def = "true",
			      .help = "false starts it disabled" },
};
const struct schema schema_backend = SCHEMA(backend_rows);

/* In the order of proto_numbers. */
static const char *const protocols[] = { "tcp", "udp", NULL };
static const uint8_t proto_numbers[] = { PROTO_TCP, PROTO_UDP };

static const struct schema_row frontend_rows[FRONTEND_N] = {
	[FRONTEND_DESCRIPTION] = { "description", VALUE_STR, .def = "", .help = "for people" },
	[FRONTEND_ADDRESS] = { "address", VALUE_ADDR, RULE_REQUIRED, .help = "of the VIP" },
	[FRONTEND_PROTOCOL] = { "protocol", VALUE_ENUM, .words = protocols,
				.help = "required when port is set; unset: any" },
	[FRONTEND_PORT] = { "port", VALUE_INT, .lo = 0, .hi = 65535, .def = "0",
			    .help = "required when protocol is set; 0: all ports" },
	[FRONTEND_POOLS] = { "pools", VALUE_LIST, RULE_REQUIRED,
			     .help = "at least one, the most preferred first" },
	[FRONTEND_STICKY] = { "src-ip-sticky", VALUE_BOOL, .def = "false",
			      .help = "one client address, one backend" },
	[FRONTEND_FLUSH] = { "flush-on-down", VALUE_BOOL, .def = "true",
			     .help = "live flows leave a backend that goes down" },
	[FRONTEND_TABLE_LEN] = { "flow-table-length", VALUE_INT, RULE_POW2, 64, 32768,
				 .def = "1024",
				 .help = "buckets of VPP's new-flow table for this VIP" },
};
const struct schema schema_frontend = SCHEMA(frontend_rows);

static const struct schema_row pool_rows[POOL_N] = {
	[POOL_NAME] = { "name", VALUE_STR, RULE_REQUIRED | RULE_NAME,
			.help = "unique in the frontend" },
	[POOL_BACKENDS] = { "backends", VALUE_MAP, RULE_REQUIRED, .help = "members by name" },
};
const struct schema schema_pool = SCHEMA(pool_rows);

static const struct schema_row member_rows[MEMBER_N] = {
	[MEMBER_WEIGHT] = { "weight", VALUE_INT, .lo = 0, .hi = WEIGHT_MAX, .def = "100",
			    .help = "share of the pool's new flows" },
};
const struct schema schema_member = SCHEMA(member_rows);

long schema_find(const struct schema *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->rows[i].key, key) == 0)
			return (long)i;
	return -1;
}

uint8_t schema_proto(int64_t word)
{
	assert(word >= 0 && (size_t)word < ARRAY_LEN(proto_numbers));
	return proto_numbers[word];
}
