/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/exposition.h - writes metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.0 (pure).
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 *
 * A family's samples follow each other; its head (# HELP, # TYPE, # UNIT) is written with the first
 * of them, so that a family without samples leaves no trace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metrics/families.h"

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS, EXPOSITION_FORMAT_N };

/* What a client takes, by its Accept header (RFC 9110 12.5.1; NULL when it sent none): OpenMetrics
 * when it is named, in a version we speak, and preferred at least as much as plain text. Everything
 * else, malformed headers too, gets the plain text, which any scraper understands. */
enum exposition_format exposition_negotiate(const char *accept);
const char *exposition_content_type(enum exposition_format f);

#define EXPOSITION_LE_MAX 24 /* a bucket's bound as text */

struct exposition {     /* embed; one thread */
	struct str out; /* the text so far: the caller takes it away and clears it as he likes */
	enum exposition_format format;
	const struct metrics_family *family;
	bool headed; /* its head is written */
	char le[METRICS_BUCKETS_MAX + 1][EXPOSITION_LE_MAX];
	struct str labels; /* scratch */
};

void exposition_init(struct exposition *x, enum exposition_format f);
void exposition_done(struct exposition *x);

/* From here on samples are of this family. Each family at most once. */
void exposition_family(struct exposition *x, const struct metrics_family *f);
/* One sample of it. `labels` has a value for each of the family's labels, in their order; bytes
 * that are not UTF-8 become U+FFFD. Gauges and counters only (asserted). */
void exposition_uint(struct exposition *x, const char *const *labels, uint64_t value);
void exposition_int(struct exposition *x, const char *const *labels, int64_t value);
/* `value` in nanoseconds, written exactly, as seconds. */
void exposition_ns(struct exposition *x, const char *const *labels, int64_t value);
/* A histogram: `counts` has n_buckets + 1 entries, not cumulative, the last for what is over all
 * bounds. */
void exposition_histogram(struct exposition *x, const char *const *labels, const uint64_t *counts,
			  uint64_t sum_ns);
/* After the last family. */
void exposition_end(struct exposition *x);
