/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h - structured log: one JSON object a line on stdout.
 *
 *   {"time":"2026-…Z","level":"INFO","msg":"backend-transition","backend":"web-a","from":"up"}
 *
 * The level check comes before any formatting or evaluation of attributes: a record nobody reads
 * costs one relaxed load. Each record is one write(2), whole lines never interleave; any thread may
 * log. A tap (one, set by the daemon) sees records at its own level, for streaming to watchers. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/dur.h"

enum log_level { LVL_DEBUG, LVL_INFO, LVL_WARN, LVL_ERROR, LVL_OFF };

enum log_attr_type { LOG_ATTR_STR, LOG_ATTR_I64, LOG_ATTR_U64, LOG_ATTR_BOOL, LOG_ATTR_ADDR };

struct log_attr {
	const char *key;
	enum log_attr_type type;
	union {
		const char *s; /* NULL is written as "" */
		int64_t i;
		uint64_t u;
		bool b;
		const struct addr *addr;
	};
};

#define L_STR(K, V)  ((struct log_attr){ .key = (K), .type = LOG_ATTR_STR, .s = (V) })
#define L_INT(K, V)  ((struct log_attr){ .key = (K), .type = LOG_ATTR_I64, .i = (V) })
#define L_UINT(K, V) ((struct log_attr){ .key = (K), .type = LOG_ATTR_U64, .u = (V) })
#define L_BOOL(K, V) ((struct log_attr){ .key = (K), .type = LOG_ATTR_BOOL, .b = (V) })
#define L_ADDR(K, V) ((struct log_attr){ .key = (K), .type = LOG_ATTR_ADDR, .addr = (V) })

extern _Atomic int log_threshold_; /* the lowest level that anybody wants */

static inline bool log_enabled(enum log_level l)
{
	return (int)l >= atomic_load_explicit(&log_threshold_, memory_order_relaxed);
}

void log_write(enum log_level l, const char *msg, const struct log_attr *a, size_t n);

/* log_info("config-reload-done", L_INT("added", 3)); attributes are evaluated only when wanted. */
#define log_at(LEVEL, MSG, ...)                                                                    \
	do {                                                                                       \
		if (log_enabled(LEVEL)) {                                                          \
			const struct log_attr log_a_[] = { { 0 }, ##__VA_ARGS__ };                 \
			log_write((LEVEL), (MSG), log_a_ + 1,                                      \
				  sizeof log_a_ / sizeof log_a_[0] - 1);                           \
		}                                                                                  \
	} while (0)
#define log_debug(MSG, ...) log_at(LVL_DEBUG, MSG, ##__VA_ARGS__)
#define log_info(MSG, ...)  log_at(LVL_INFO, MSG, ##__VA_ARGS__)
#define log_warn(MSG, ...)  log_at(LVL_WARN, MSG, ##__VA_ARGS__)
#define log_error(MSG, ...) log_at(LVL_ERROR, MSG, ##__VA_ARGS__)

/* Level and descriptor of the log itself (default: info, fd 1). LVL_OFF silences it. */
void log_set_level(enum log_level l);
void log_set_fd(int fd);

/* The tap is called on the logging thread for records at or above `l`; LVL_OFF removes it. It must
 * not log. `a` and its strings are valid during the call only. */
typedef void log_tap_fn(void *ctx, enum log_level l, wall_ns at, const char *msg,
			const struct log_attr *a, size_t n);
void log_set_tap(enum log_level l, log_tap_fn *fn, void *ctx);

const char *log_level_name(enum log_level l);               /* "debug", … "off" */
int log_level_parse(const char *name, enum log_level *ret); /* 0 or -EINVAL; not "off" */
/* A value as text ("80", "true", "10.0.0.1"), for the watchers' string attributes. */
struct str;
void log_attr_text(const struct log_attr *a, struct str *out);
/* Key and value, into an object that is open. */
struct json;
void log_attr_json(const struct log_attr *a, struct json *j);
