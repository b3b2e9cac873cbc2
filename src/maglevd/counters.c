/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/counters.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

void counters_probe(struct backend_counters *c, enum code code, enum outcome outcome, dur_ns took)
{
	assert(code > CODE_NONE && code < COUNTERS_CODES);
	took = MAX(took, 0);
	if (outcome == code_outcome(code))
		c->probes[code]++;
	else
		c->doubted[code]++;
	c->durations[metrics_bucket(metrics_probe_buckets, METRICS_PROBE_BUCKETS, took)]++;
	c->duration_ns += (uint64_t)took;
}

void counters_probe_clear(struct backend_counters *c)
{
	memset(c->probes, 0, sizeof c->probes);
	memset(c->doubted, 0, sizeof c->doubted);
	memset(c->durations, 0, sizeof c->durations);
	c->duration_ns = 0;
}

void counters_transition(struct backend_counters *c, enum health_state from, enum health_state to)
{
	/* A removed backend is seen no more, nor are its counters. */
	if (from < COUNTERS_STATES && to < COUNTERS_STATES)
		c->transitions[from][to]++;
}

void counters_lateness(struct lateness_counters *c, dur_ns late)
{
	late = MAX(late, 0);
	c->counts[metrics_bucket(metrics_lateness_buckets, METRICS_LATENESS_BUCKETS, late)]++;
	c->sum_ns += (uint64_t)late;
}

static const char *const result_names[] = {
	[OUTCOME_INCONCLUSIVE] = "inconclusive",
	[OUTCOME_PASS] = "success",
	[OUTCOME_FAIL] = "failure",
};
_Static_assert(ARRAY_LEN(result_names) == OUTCOME_N, "a name for every outcome");

const char *counters_result_name(enum outcome o)
{
	return o < OUTCOME_N ? result_names[o] : "?";
}
