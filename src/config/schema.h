/* SPDX-License-Identifier: Apache-2.0 */
/* config/schema.h - every key of the file: its type, default, bounds and meaning, in tables.
 *
 * The parser, the generic checks and the defaults all come from these rows; rules that look at more
 * than one key are functions in check.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/model.h"

enum value_type {
	VALUE_INT,
	VALUE_DUR, /* dur_ns */
	VALUE_BOOL,
	VALUE_STR,
	VALUE_ADDR,
	VALUE_ENUM, /* index into words */
	VALUE_MAP,  /* a section of its own */
	VALUE_LIST,
};

/* Rules on a single value; breaking one is a semantic error. */
enum {
	RULE_REQUIRED = 1 << 0,
	RULE_POW2 = 1 << 1,
	RULE_WHOLE_SECONDS = 1 << 2,
	RULE_IP4 = 1 << 3,
	RULE_IP6 = 1 << 4,
	RULE_NAME = 1 << 5,   /* of something in this file */
	RULE_NETNS = 1 << 6,  /* one directory entry */
	RULE_HEADER = 1 << 7, /* goes into a request: no blanks, no control characters */
	RULE_PATH = 1 << 8,   /* RULE_HEADER, and starts with '/' */
	RULE_CODES = 1 << 9,
	RULE_REGEXP = 1 << 10,
};

struct schema_row {
	const char *key;
	enum value_type type;
	unsigned rules;
	int64_t lo, hi;           /* VALUE_INT, VALUE_DUR (ns); both 0: no bounds */
	const char *def;          /* as it would be written; NULL: none, or it depends (see help) */
	const char *const *words; /* VALUE_ENUM, NULL-terminated */
	unsigned types;           /* params: bit per enum hc_type that takes the key */
	const char *help;
};

struct schema {
	const struct schema_row *rows;
	size_t n;
};

/* A duration without an upper bound of its own: so that sums of a few and jitter cannot overflow
 * 64 bits of nanoseconds (292 years). */
#define DUR_BOUND (INT64_C(100) * 365 * 24 * 3600 * NS_PER_S)

enum top_key { TOP_HEALTHCHECKER, TOP_VPP, TOP_HEALTHCHECKS, TOP_BACKENDS, TOP_FRONTENDS, TOP_N };
enum checker_key { CHECKER_HISTORY, CHECKER_NETNS, CHECKER_N };
enum vpp_key { VPP_LB, VPP_N };
enum lb_key {
	LB_SRC4,
	LB_SRC6,
	LB_SYNC_INTERVAL,
	LB_STICKY_BUCKETS,
	LB_FLOW_TIMEOUT,
	LB_MIN_DELAY,
	LB_MAX_DELAY,
	LB_N
};
enum check_key {
	CHECK_TYPE,
	CHECK_PORT,
	CHECK_INTERVAL,
	CHECK_FAST_INTERVAL,
	CHECK_DOWN_INTERVAL,
	CHECK_TIMEOUT,
	CHECK_RISE,
	CHECK_FALL,
	CHECK_SRC4,
	CHECK_SRC6,
	CHECK_REUSE,
	CHECK_PARAMS,
	CHECK_N
};
enum param_key {
	PARAM_PATH,
	PARAM_HOST,
	PARAM_CODE,
	PARAM_REGEXP,
	PARAM_SSL,
	PARAM_SERVER_NAME,
	PARAM_INSECURE,
	PARAM_N
};
enum backend_key { BACKEND_ADDRESS, BACKEND_CHECK, BACKEND_ENABLED, BACKEND_N };
enum frontend_key {
	FRONTEND_DESCRIPTION,
	FRONTEND_ADDRESS,
	FRONTEND_PROTOCOL,
	FRONTEND_PORT,
	FRONTEND_POOLS,
	FRONTEND_STICKY,
	FRONTEND_FLUSH,
	FRONTEND_TABLE_LEN,
	FRONTEND_N
};
enum pool_key { POOL_NAME, POOL_BACKENDS, POOL_N };
enum member_key { MEMBER_WEIGHT, MEMBER_N };

extern const struct schema schema_top, schema_checker, schema_vpp, schema_lb, schema_check,
	schema_param, schema_backend, schema_frontend, schema_pool, schema_member;

/* Index of the row, or -1. */
long schema_find(const struct schema *s, const char *key);

/* Words of `protocol`, in the order of the numbers in schema.c. */
uint8_t schema_proto(int64_t word);
