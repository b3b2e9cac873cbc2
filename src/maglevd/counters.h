/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/counters.h - what is counted for metrics: per backend, and for all (main loop only).
 *
 * Small and fixed in size, because there is one for each backend: 32 bits hold thirteen years of
 * ten probes a second, and Prometheus takes a wrap-around for a restart. */
#pragma once

#include <stdint.h>

#include "base/dur.h"
#include "core/health.h"
#include "metrics/families.h"

#define COUNTERS_CODES  (CODE_STATIC + 1) /* those that probes end with; CODE_NONE unused */
#define COUNTERS_STATES (HEALTH_REMOVED)  /* those that a backend can be seen in */

struct backend_counters { /* {0}: nothing has happened */
	/* By code. A failure that was not believed, because the checker doubted itself, is counted
	 * in the second. */
	uint32_t probes[COUNTERS_CODES], doubted[COUNTERS_CODES];
	uint32_t durations[METRICS_PROBE_BUCKETS + 1];          /* not cumulative */
	uint64_t duration_ns;                                   /* their sum */
	uint32_t transitions[COUNTERS_STATES][COUNTERS_STATES]; /* [from][to] */
};

struct lateness_counters {
	uint64_t counts[METRICS_LATENESS_BUCKETS + 1]; /* not cumulative */
	uint64_t sum_ns;
};

/* A probe ended with `code` (one of a probe; asserted) and counted as `outcome`. */
void counters_probe(struct backend_counters *c, enum code code, enum outcome outcome, dur_ns took);
/* Forget its probes: they were of another kind. */
void counters_probe_clear(struct backend_counters *c);
void counters_transition(struct backend_counters *c, enum health_state from, enum health_state to);
/* A probe started this much after it was due. */
void counters_lateness(struct lateness_counters *c, dur_ns late);

/* "success", "failure", "inconclusive" */
const char *counters_result_name(enum outcome o);
