/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic errors: every rule of the file, each with its place, all in one go, in their order. */
#include "load.h"

#define CHECK(BODY)   HEAD "  healthchecks:\n    web: { " BODY " }\n"
#define HTTP(PARAMS)  CHECK("type: http, port: 80, params: { " PARAMS " }")
#define BACKEND(BODY) HEAD "  backends:\n    a: { " BODY " }\n"

static void test_healthchecker(void **state)
{
	static const struct row rows[] = {
		{ HEAD "  healthchecker: { transition-history: 0 }\n",
		  "f:3:40: healthchecker.transition-history: 0 is not from 1 to 1000" },
		{ HEAD "  healthchecker: { transition-history: 1001 }\n",
		  "f:3:40: healthchecker.transition-history: 1001 is not from 1 to 1000" },
		{ HEAD "  healthchecker: { transition-history: -3 }\n",
		  "f:3:40: healthchecker.transition-history: -3 is not from 1 to 1000" },
		{ HEAD "  healthchecker: { netns: a/b }\n",
		  "f:3:27: healthchecker.netns: must be the name of a namespace, without '/'" },
		{ HEAD "  healthchecker: { netns: .. }\n",
		  "f:3:27: healthchecker.netns: must be the name of a namespace, without '/'" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

static void test_vpp(void **state)
{
#define LB(BODY)   "maglev:\n  vpp: { lb: { " BODY " } }\n"
#define SRCS(BODY) LB("ipv4-src-address: 1.1.1.1, ipv6-src-address: '2::2', " BODY)
	static const struct row rows[] = {
		{ "maglev:\n", "f:1:8: vpp.lb: this section is required" },
		{ "maglev: {}\n", "f:1:9: vpp.lb: this section is required" },
		{ "maglev: { vpp: {} }\n", "f:1:16: vpp.lb: this section is required" },
		{ "maglev: { vpp: { lb: } }\n", "f:1:16: vpp.lb: this section is required" },
		{ LB(""), "f:2:14: vpp.lb.ipv4-src-address: is required\n"
			  "f:2:14: vpp.lb.ipv6-src-address: is required" },
		{ LB("ipv4-src-address: '2::2', ipv6-src-address: 1.1.1.1"),
		  "f:2:34: vpp.lb.ipv4-src-address: must be an IPv4 address\n"
		  "f:2:60: vpp.lb.ipv6-src-address: must be an IPv6 address" },
		{ LB("ipv4-src-address: 224.0.0.1, ipv6-src-address: '::1'"),
		  "f:2:34: vpp.lb.ipv4-src-address: must be a unicast address, outside ::/96\n"
		  "f:2:63: vpp.lb.ipv6-src-address: must be a unicast address, outside ::/96" },
		{ SRCS("sync-interval: 0"),
		  "f:2:84: vpp.lb.sync-interval: 0 is not longer than 0" },
		{ SRCS("sync-interval: -5s"),
		  "f:2:84: vpp.lb.sync-interval: -5s is not longer than 0" },
		{ SRCS("sync-interval: 900000h"),
		  "f:2:84: vpp.lb.sync-interval: 900000h is longer than 876000h0m0s" },
		{ SRCS("sticky-buckets-per-core: 0"),
		  "f:2:94: vpp.lb.sticky-buckets-per-core: 0 is not from 1 to 16777216" },
		{ SRCS("sticky-buckets-per-core: 33554432"),
		  "f:2:94: vpp.lb.sticky-buckets-per-core: 33554432 is not from 1 to 16777216" },
		{ SRCS("sticky-buckets-per-core: 1000"),
		  "f:2:94: vpp.lb.sticky-buckets-per-core: must be a power of two" },
		{ SRCS("flow-timeout: 999ms"),
		  "f:2:83: vpp.lb.flow-timeout: 999ms is shorter than 1s" },
		{ SRCS("flow-timeout: 1500ms"),
		  "f:2:83: vpp.lb.flow-timeout: must be whole seconds" },
		{ SRCS("flow-timeout: 121s"),
		  "f:2:83: vpp.lb.flow-timeout: 121s is longer than 2m0s" },
		{ SRCS("startup-min-delay: -1s"),
		  "f:2:88: vpp.lb.startup-min-delay: -1s is shorter than 0s" },
		{ SRCS("startup-max-delay: 2s"),
		  "f:2:88: vpp.lb.startup-max-delay: 2s is shorter than startup-min-delay, 5s" },
		{ SRCS("startup-min-delay: 1m"),
		  "f:2:88: vpp.lb.startup-max-delay: 30s is shorter than startup-min-delay, 1m0s" },
		{ SRCS("startup-min-delay: 1h, startup-max-delay: -1h"),
		  "f:2:111: vpp.lb.startup-max-delay: -1h is shorter than 0s" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

static void test_healthchecks(void **state)
{
#define W "healthchecks.web."
	static const struct row rows[] = {
		{ CHECK(""), "f:4:5: " W "type: is required" },
		{ CHECK("type: ftp"),
		  "f:4:18: " W "type: must be icmp, tcp, http or https, not 'ftp'" },
		{ CHECK("type: HTTP, params: { path: x, ssl: true }"),
		  "f:4:18: " W "type: must be icmp, tcp, http or https, not 'HTTP'\n"
		  "f:4:40: " W "params.path: must start with '/'" },
		{ CHECK("type: tcp"), "f:4:5: " W "port: is required for type tcp" },
		{ CHECK("type: http"), "f:4:5: " W "port: is required for type http" },
		{ CHECK("type: https"), "f:4:5: " W "port: is required for type https" },
		{ CHECK("type: icmp, port: 1"),
		  "f:4:30: " W "port: a check of type icmp has no port" },
		{ CHECK("type: tcp, port: 0"), "f:4:29: " W "port: 0 is not from 1 to 65535" },
		{ CHECK("type: tcp, port: 70000"),
		  "f:4:29: " W "port: 70000 is not from 1 to 65535" },
		{ CHECK("type: tcp, port: 99999999999999999999999"),
		  "f:4:29: " W "port: 99999999999999999999999 is not from 1 to 65535" },
		{ CHECK("type: tcp, port: -99999999999999999999999"),
		  "f:4:29: " W "port: -99999999999999999999999 is not from 1 to 65535" },
		{ CHECK("type: icmp, interval: 9ms"),
		  "f:4:34: " W "interval: 9ms is shorter than 10ms" },
		{ CHECK("type: icmp, interval: 0"),
		  "f:4:34: " W "interval: 0 is shorter than 10ms" },
		{ CHECK("type: icmp, fast-interval: 9ms"),
		  "f:4:39: " W "fast-interval: 9ms is shorter than 10ms" },
		{ CHECK("type: icmp, down-interval: 0"),
		  "f:4:39: " W "down-interval: 0 is shorter than 10ms" },
		{ CHECK("type: icmp, timeout: 0"), "f:4:33: " W "timeout: 0 is shorter than 1ms" },
		{ CHECK("type: icmp, timeout: 999us"),
		  "f:4:33: " W "timeout: 999us is shorter than 1ms" },
		{ CHECK("type: icmp, rise: 0"), "f:4:30: " W "rise: 0 is not from 1 to 1000" },
		{ CHECK("type: icmp, rise: 1001"),
		  "f:4:30: " W "rise: 1001 is not from 1 to 1000" },
		{ CHECK("type: icmp, fall: 0"), "f:4:30: " W "fall: 0 is not from 1 to 1000" },
		{ CHECK("type: icmp, fall: 1001"),
		  "f:4:30: " W "fall: 1001 is not from 1 to 1000" },
		{ CHECK("type: icmp, probe-ipv4-src: '2001:db8::1'"),
		  "f:4:40: " W "probe-ipv4-src: must be an IPv4 address" },
		{ CHECK("type: icmp, probe-ipv6-src: 192.0.2.1"),
		  "f:4:40: " W "probe-ipv6-src: must be an IPv6 address" },
		{ CHECK("type: icmp, probe-ipv4-src: 0.0.0.0"),
		  "f:4:40: " W "probe-ipv4-src: must be a unicast address, outside ::/96" },
		{ CHECK("type: icmp, probe-ipv6-src: fe80::1%eth0"),
		  "f:4:40: " W "probe-ipv6-src: an address with a scope cannot be used" },
		{ CHECK("type: icmp, reuse-connection: true"),
		  "f:4:42: " W "reuse-connection: is for http and https, not for icmp" },
		{ CHECK("type: tcp, port: 1, reuse-connection: yes"),
		  "f:4:50: " W "reuse-connection: is for http and https, not for tcp" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

static void test_params(void **state)
{
#define P "healthchecks.web.params."
#define CODES                                                                                      \
	P "response-code: must be a code (200), a range (200-299), a class (2xx), or a comma "     \
	  "list of "                                                                               \
	  "these, from 100 to 599"
#define BLANKS ": must not contain blanks or control characters"
	static const struct row rows[] = {
		{ HTTP("path: healthz"), "f:4:50: " P "path: must start with '/'" },
		{ HTTP("path: ''"), "f:4:50: " P "path: must start with '/'" },
		{ HTTP("path: /a b"), "f:4:50: " P "path" BLANKS },
		{ HTTP("path: \"/a\\r\\nX: y\""), "f:4:50: " P "path" BLANKS },
		{ HTTP("host: \"a\\nb\""), "f:4:50: " P "host" BLANKS },
		{ HTTP("host: a b"), "f:4:50: " P "host" BLANKS },
		{ HTTP("response-code: ''"), "f:4:59: " CODES },
		{ HTTP("response-code: 99"), "f:4:59: " CODES },
		{ HTTP("response-code: 600"), "f:4:59: " CODES },
		{ HTTP("response-code: 2000"), "f:4:59: " CODES },
		{ HTTP("response-code: 6xx"), "f:4:59: " CODES },
		{ HTTP("response-code: 2x"), "f:4:59: " CODES },
		{ HTTP("response-code: 2xX"), "f:4:59: " CODES },
		{ HTTP("response-code: 299-200"), "f:4:59: " CODES },
		{ HTTP("response-code: 200-"), "f:4:59: " CODES },
		{ HTTP("response-code: 200-2999"), "f:4:59: " CODES },
		{ HTTP("response-code: 200--299"), "f:4:59: " CODES },
		{ HTTP("response-code: '200,'"), "f:4:59: " CODES },
		{ HTTP("response-code: ',200'"), "f:4:59: " CODES },
		{ HTTP("response-code: '200,,201'"), "f:4:59: " CODES },
		{ HTTP("response-code: 200 201"), "f:4:59: " CODES },
		{ HTTP("response-code: ok"), "f:4:59: " CODES },
		{ HTTP("response-regexp: '(open'"),
		  "f:4:61: " P
		  "response-regexp: not a regular expression: missing closing parenthesis "
		  "(at offset 5)" },
		{ HTTP("response-regexp: '*'"),
		  "f:4:61: " P
		  "response-regexp: not a regular expression: quantifier does not follow a "
		  "repeatable item (at offset 0)" },
		{ HTTP("server-name: a b"), "f:4:57: " P "server-name" BLANKS },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

#define N10 "0123456789"
#define N250                                                                                       \
	N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10    \
		N10 N10 N10

static void test_names(void **state)
{

	static const struct row rows[] = {
		{ HEAD "  backends:\n    '': { address: 192.0.2.1 }\n",
		  "f:4:5: backends.\"\": a name must not be empty" },
		{ HEAD "  backends:\n    ~: { address: 192.0.2.1 }\n    ?\n    :\n",
		  "f:5:6: backends.\"\": a name must not be empty\n"
		  "f:5:6: backends.\"\".address: is required" },
		{ HEAD "  backends:\n    \"a\\tb\": { address: 192.0.2.1 }\n",
		  "f:4:5: backends.\"a\\x09b\": a name must not contain control characters" },
		{ HEAD "  backends:\n    \"a\\x9f\": { address: 192.0.2.1 }\n",
		  "f:4:5: backends.\"a\\x9f\": a name must not contain control characters" },
		{ HEAD "  healthchecks:\n    \"\\x7f\": { type: icmp }\n",
		  "f:4:5: healthchecks.\"\\x7f\": a name must not contain control characters" },
		{ HEAD "  backends:\n    ? " N250 "123456\n    : { address: 192.0.2.1 }\n",
		  "f:4:7: backends.\"" N250 "12345…\": a name has at most 255 bytes" },
		{ HEAD "  frontends:\n    ''    : { address: 192.0.2.1, pools: [{ name: a, "
		       "backends: {x: } "
		       "}] }\n",
		  "f:4:5: frontends.\"\": a name must not be empty\n"
		  "f:4:65: frontends.\"\".pools[0].backends.x: no such backend" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

static void test_backends(void **state)
{
#define UNICAST "must be a unicast address, outside ::/96"
	static const struct row rows[] = {
		{ BACKEND(""), "f:4:5: backends.a.address: is required" },
		{ HEAD "  backends:\n    a:\n", "f:4:5: backends.a.address: is required" },
		{ BACKEND("address: 0.0.0.0"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: 224.1.2.3"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: 255.255.255.255"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: '::'"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: '::1'"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: '::192.0.2.1'"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: ff02::1"), "f:4:19: backends.a.address: " UNICAST },
		{ BACKEND("address: fe80::1%eth0"),
		  "f:4:19: backends.a.address: an address with a scope cannot be used" },
		{ BACKEND("address: 192.0.2.1, healthcheck: nope"),
		  "f:4:43: backends.a.healthcheck: no such health check" },
		{ BACKEND("address: 192.0.2.1, healthcheck: ''"),
		  "f:4:43: backends.a.healthcheck: no such health check" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

#define BACKENDS                                                                                   \
	HEAD "  backends:\n"                                                                       \
	     "    a: { address: 198.51.100.1 }\n"                                                  \
	     "    b: { address: 198.51.100.2 }\n"                                                  \
	     "    b2: { address: 198.51.100.2 }\n"                                                 \
	     "    six: { address: '2001:db8::6' }\n"                                               \
	     "  frontends:\n"
#define POOL_A         "pools: [{ name: p, backends: { a: } }]"
#define POOL_6         "pools: [{ name: p, backends: { six: } }]"
#define FRONTEND(BODY) BACKENDS "    www: { " BODY " }\n"
#define F              "frontends.www."
#define MEMBERS(BODY)  FRONTEND("address: 192.0.2.9, pools: [{ name: p, backends: { " BODY " } }]")

static void test_frontends(void **state)
{
	static const struct row rows[] = {
		{ FRONTEND(""), "f:9:5: " F "address: is required\n"
				"f:9:5: " F "pools: is required" },
		{ FRONTEND("address: 224.0.0.1, " POOL_A),
		  "f:9:21: " F "address: must be a unicast address, outside ::/96" },
		{ FRONTEND("address: 192.0.2.9, pools: []"),
		  "f:9:39: " F "pools: needs at least one pool" },
		{ FRONTEND("address: 192.0.2.9, pools: [{}]"),
		  "f:9:40: " F "pools[0].name: is required\n"
		  "f:9:40: " F "pools[0].backends: is required" },
		{ FRONTEND("address: 192.0.2.9, pools: [ ]"),
		  "f:9:39: " F "pools: needs at least one pool" },
		{ FRONTEND("address: 192.0.2.9, pools: [{ name: '', backends: { a: } }]"),
		  "f:9:48: " F "pools[0].name: a name must not be empty" },
		{ FRONTEND("address: 192.0.2.9, pools: [{ name: p, backends: {} }]"),
		  "f:9:61: " F "pools[0].backends: needs at least one backend" },
		{ FRONTEND("address: 192.0.2.9, pools: [{ name: p, backends: { a: } }, { name: p, "
			   "backends: { b: } }]"),
		  "f:9:79: " F "pools[1].name: the same name as " F "pools[0].name (f:9:48)" },
		{ MEMBERS("nope: "), "f:9:63: " F "pools[0].backends.nope: no such backend" },
		{ MEMBERS("a: { weight: 101 }"),
		  "f:9:76: " F "pools[0].backends.a.weight: 101 is not from 0 to 100" },
		{ MEMBERS("a: { weight: -1 }"),
		  "f:9:76: " F "pools[0].backends.a.weight: -1 is not from 0 to 100" },
		{ FRONTEND("address: 192.0.2.9, port: 80, " POOL_A),
		  "f:9:5: " F "protocol: is required when port is set" },
		{ FRONTEND("address: 192.0.2.9, protocol: tcp, " POOL_A),
		  "f:9:5: " F "port: is required when protocol is set" },
		{ FRONTEND("address: 192.0.2.9, protocol: udp, port: 0, " POOL_A),
		  "f:9:53: " F "port: is required when protocol is set" },
		{ FRONTEND("address: 192.0.2.9, protocol: sctp, port: 80, " POOL_A),
		  "f:9:42: " F "protocol: must be tcp or udp, not 'sctp'" },
		{ FRONTEND("address: 192.0.2.9, protocol: tcp, port: 65536, " POOL_A),
		  "f:9:53: " F "port: 65536 is not from 0 to 65535" },
		{ FRONTEND("address: 192.0.2.9, flow-table-length: 63, " POOL_A),
		  "f:9:51: " F "flow-table-length: 63 is not from 64 to 32768" },
		{ FRONTEND("address: 192.0.2.9, flow-table-length: 65536, " POOL_A),
		  "f:9:51: " F "flow-table-length: 65536 is not from 64 to 32768" },
		{ FRONTEND("address: 192.0.2.9, flow-table-length: 1000, " POOL_A),
		  "f:9:51: " F "flow-table-length: must be a power of two" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

static void test_within_a_frontend(void **state)
{
	static const struct row rows[] = {
		{ FRONTEND("address: 192.0.2.9, pools: [{ name: p, backends: { a: } }, { name: q, "
			   "backends: { a: } }]"),
		  "f:9:94: " F
		  "pools[1].backends.a: stands in another pool of this frontend too: " F
		  "pools[0].backends.a (f:9:63)" },
		{ MEMBERS("b: , b2: "),
		  "f:9:68: " F "pools[0].backends.b2: has the same address as " F
		  "pools[0].backends.b (f:9:63)" },
		{ FRONTEND("address: 192.0.2.9, pools: [{ name: p, backends: { b2: } }, { name: q, "
			   "backends: { b: } }]"),
		  "f:9:95: " F "pools[1].backends.b: has the same address as " F
		  "pools[0].backends.b2 (f:9:63)" },
		{ MEMBERS("a: , six: "),
		  "f:9:68: " F "pools[0].backends.six: is of another address family than " F
		  "pools[0].backends.a (f:9:63)" },
		{ FRONTEND(
			  "address: 192.0.2.9, pools: [{ name: p, backends: { six: } }, { name: q, "
			  "backends: { a: , b: } }]"),
		  "f:9:96: " F "pools[1].backends.a: is of another address family than " F
		  "pools[0].backends.six (f:9:63)\n"
		  "f:9:101: " F "pools[1].backends.b: is of another address family than " F
		  "pools[0].backends.six (f:9:63)" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

#define TWO(X, Y)    BACKENDS "    x: { " X " }\n    y: { " Y " }\n"
#define VIP(A, R, P) "address: " A ", protocol: " R ", port: " P ", "

static void test_between_frontends(void **state)
{
	static const struct row rows[] = {
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_A, VIP("192.0.2.9", "tcp", "80") POOL_A),
		  "f:10:19: frontends.y.address: the same address, protocol and port as "
		  "frontends.x "
		  "(f:9:5)" },
		{ TWO("address: 192.0.2.9, " POOL_A, "address: 192.0.2.9, port: 0, " POOL_A),
		  "f:10:19: frontends.y.address: the same address, protocol and port as "
		  "frontends.x "
		  "(f:9:5)" },
		{ TWO(VIP("'2001:db8::9'", "tcp", "80") POOL_A,
		      VIP("'2001:DB8:0::9'", "tcp", "80") POOL_A),
		  "f:10:19: frontends.y.address: the same address, protocol and port as "
		  "frontends.x "
		  "(f:9:5)" },
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_A, "address: 192.0.2.9, " POOL_A),
		  "f:10:19: frontends.y.address: all ports, beside a single port of the same "
		  "address: "
		  "frontends.x (f:9:5)" },
		{ TWO("address: 192.0.2.9, " POOL_A, VIP("192.0.2.9", "udp", "80") POOL_A),
		  "f:10:19: frontends.y.address: a single port, beside all ports of the same "
		  "address: "
		  "frontends.x (f:9:5)" },
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_A, VIP("192.0.2.9", "udp", "80") POOL_6),
		  "f:10:62: frontends.y.pools: backends of another address family than a frontend "
		  "of "
		  "the same address: frontends.x (f:9:5)" },
		{ TWO("address: 192.0.2.9, " POOL_6, VIP("192.0.2.9", "udp", "80") POOL_A),
		  "f:10:19: frontends.y.address: a single port, beside all ports of the same "
		  "address: "
		  "frontends.x (f:9:5)\n"
		  "f:10:62: frontends.y.pools: backends of another address family than a frontend "
		  "of "
		  "the same address: frontends.x (f:9:5)" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

/* The family is compared with that of the first frontend that has one: neither a frontend without
 * it, nor one that is at odds in another way, hides those behind. */
static void test_families_of_one_address(void **state)
{
#define UNKNOWN    "pools: [{ name: p, backends: { nix: } }]"
#define AT(R, P)   VIP("192.0.2.9", R, P)
#define Z(X, Y, V) TWO(X, Y) "    z: { " V " }\n"
	static const struct row rows[] = {
		{ Z(AT("tcp", "80") UNKNOWN, AT("tcp", "81") POOL_A, AT("tcp", "82") POOL_6),
		  "f:9:86: frontends.x.pools[0].backends.nix: no such backend\n"
		  "f:11:62: frontends.z.pools: backends of another address family than a frontend "
		  "of the same address: frontends.y (f:10:5)" },
		{ TWO("address: 192.0.2.9, protocol: tcp, " POOL_6, AT("tcp", "80") POOL_A),
		  "f:9:5: frontends.x.port: is required when protocol is set\n"
		  "f:10:62: frontends.y.pools: backends of another address family than a frontend "
		  "of the same address: frontends.x (f:9:5)" },
		{ TWO(AT("tcp", "80") POOL_6, AT("tcp", "80") POOL_A),
		  "f:10:19: frontends.y.address: the same address, protocol and port as "
		  "frontends.x (f:9:5)\n"
		  "f:10:62: frontends.y.pools: backends of another address family than a frontend "
		  "of the same address: frontends.x (f:9:5)" },
	};

	EXPECT_ROWS(rows, CONFIG_SEMANTIC_ERROR);
}

/* What looks like one of the above and is fine. */
static void test_allowed(void **state)
{
	static const struct row rows[] = {
		{ HEAD, "" },
		{ HEAD "  healthchecks:\n  backends:\n  frontends:\n  healthchecker:\n", "" },
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_A, VIP("192.0.2.9", "udp", "80") POOL_A),
		  "" },
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_A, VIP("192.0.2.9", "tcp", "81") POOL_A),
		  "" },
		{ TWO(VIP("192.0.2.9", "tcp", "80") POOL_6, VIP("192.0.2.8", "tcp", "80") POOL_A),
		  "" },
		{ TWO("address: 192.0.2.9, " POOL_A, VIP("192.0.2.8", "tcp", "80") POOL_A), "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		config_free(must_load(rows[i].text));
}

static void test_order(void **state)
{
	static const struct row row = {
		"maglev:\n"
		"  frontends: { z: { address: 192.0.2.9 }, y: }\n"
		"  vpp: { lb: { ipv4-src-address: 192.0.2.1 } }\n"
		"  backends: { b: , a: { address: 192.0.2.1, healthcheck: x } }\n"
		"  healthchecks: { d: { type: tcp }, c: }\n"
		"  healthchecker: { netns: / }\n",
		"f:6:27: healthchecker.netns: must be the name of a namespace, without '/'\n"
		"f:5:19: healthchecks.d.port: is required for type tcp\n"
		"f:5:37: healthchecks.c.type: is required\n"
		"f:4:15: backends.b.address: is required\n"
		"f:4:58: backends.a.healthcheck: no such health check\n"
		"f:2:16: frontends.z.pools: is required\n"
		"f:2:43: frontends.y.address: is required\n"
		"f:2:43: frontends.y.pools: is required\n"
		"f:3:14: vpp.lb.ipv6-src-address: is required"
	};

	expect_rows(&row, 1, CONFIG_SEMANTIC_ERROR);
}

/* Twenty are said, the rest counted; a parse error anywhere comes before all of them. */
static void test_cap(void **state)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;
	struct str text = { 0 };
	_cleanup_free_ char *all = NULL;

	str_add(&text, HEAD "  backends:\n");
	for (int i = 0; i < 33; i++)
		str_addf(&text, "    b%02d: {}\n", i);
	assert_int_equal(config_load_text("f", text.p, text.len, &c, &rep), CONFIG_SEMANTIC_ERROR);
	assert_int_equal(rep.n_semantic, 20);
	assert_int_equal(rep.n_suppressed, 13);
	assert_null(rep.parse_error);
	assert_int_equal(rep.n_warnings, 0);
	assert_string_equal(rep.semantic[19], "f:23:5: backends.b19.address: is required");
	all = config_report_semantic(&rep);
	assert_non_null(strstr(all, "b19.address: is required\nand 13 more"));
	config_report_done(&rep);
	str_add(&text, "  x: y\n");
	assert_int_equal(config_load_text("f", text.p, text.len, &c, &rep), CONFIG_PARSE_ERROR);
	assert_int_equal(rep.n_semantic, 0);
	assert_string_equal(rep.parse_error, "f:37:3: x: unknown key");
	config_report_done(&rep);
	str_done(&text);
	assert_null(c);
}

/* Places are those where a value stands, also when it came by an alias or a merge. */
static void test_places_through_aliases(void **state)
{
	static const struct row row = {
		BACKENDS "    x: &x\n"
			 "      address: 192.0.2.9\n"
			 "      flow-table-length: 5\n"
			 "      pools: [{ name: p, backends: { a: } }]\n"
			 "    y: { <<: *x, address: 192.0.2.8 }\n",
		"f:11:26: frontends.x.flow-table-length: 5 is not from 64 to 32768\n"
		"f:11:26: frontends.y.flow-table-length: 5 is not from 64 to 32768"
	};

	expect_rows(&row, 1, CONFIG_SEMANTIC_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthchecker),
		cmocka_unit_test(test_vpp),
		cmocka_unit_test(test_healthchecks),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_frontends),
		cmocka_unit_test(test_within_a_frontend),
		cmocka_unit_test(test_between_frontends),
		cmocka_unit_test(test_families_of_one_address),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_places_through_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
