/* SPDX-License-Identifier: Apache-2.0 */
/* core/doubt.h - does the checker do its work, or is it itself what is wrong? (pure: time is a
 * parameter)
 *
 * A load balancer that was stopped, starved or out of descriptors sees its probes fail and must not
 * take that for the death of its backends. Each probe that ends is counted as
 *
 *   GOOD      started in time and got a verdict;
 *   LATE      started late by more than doubt_late_limit;
 *   LOCAL     ended without a verdict through a shortage of our own;
 *   NEVER     as LOCAL, but of a backend that never had a verdict at all.
 *
 * More than half LATE or LOCAL among the probes of the last second: the checker is degraded. NEVER
 * counts as LOCAL as long as there was nothing else, and not at all from the first other one on,
 * however rare those are: what could never work (a kind of probe without the permission it needs,
 * which is told at start) says nothing about whether the others can be believed now.
 *
 * Where a second holds fewer than DOUBT_ENOUGH probes, it is the last seconds that hold so many, at
 * most DOUBT_WINDOW; and fewer than DOUBT_BAD_MIN bad ones never make it degraded. So with one or
 * two probes a second a single hiccup is one of ten.
 *
 * It has caught up when for a whole DOUBT_CALM, without a break, there was no such moment.
 *
 *              more than half bad                     failures are not counted
 *   TRUSTED --------------------------> DEGRADED      (nor are those of probes that
 *           <--------------------------               started before it had caught up)
 *             a second without, awake */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"

#define DOUBT_BUCKET  (125 * NS_PER_MS)
#define DOUBT_SECOND  8  /* buckets */
#define DOUBT_BUCKETS 80 /* = DOUBT_WINDOW */
#define DOUBT_WINDOW  (DOUBT_BUCKETS * DOUBT_BUCKET)
#define DOUBT_ENOUGH  10
#define DOUBT_BAD_MIN 3
#define DOUBT_CALM    NS_PER_S
/* doubt_step is to be called at least this often. Who comes later than twice that was asleep, and
 * knows nothing of the time between. */
#define DOUBT_TICK (500 * NS_PER_MS)

enum doubt_kind { DOUBT_GOOD, DOUBT_LATE, DOUBT_LOCAL, DOUBT_NEVER, DOUBT_KIND_N };

struct doubt_counts {
	uint32_t n[DOUBT_KIND_N];
};

struct doubt { /* {0} is fresh, and trusted */
	struct doubt_counts buckets[DOUBT_BUCKETS];
	int64_t slot; /* now / DOUBT_BUCKET, of the newest bucket */
	mono_ns stepped;
	bool others; /* there were others than NEVER */
	bool degraded;
	mono_ns bad_at;  /* degraded: the last moment that said so */
	mono_ns trusted; /* failures of probes started before are not counted */
};

/* By how much a probe may start late: the larger of 50 ms and a quarter of its interval. */
dur_ns doubt_late_limit(dur_ns interval);

/* A probe has ended. `now` is when that was noticed; it must not go backwards between calls
 * (asserted). */
void doubt_count(struct doubt *d, mono_ns now, enum doubt_kind kind);

enum doubt_change { DOUBT_SAME, DOUBT_DEGRADED, DOUBT_RECOVERED };

/* Judge: after each batch of doubt_count, and each DOUBT_TICK. When the verdict changes,
 * *ret tells what it was made from. O(DOUBT_BUCKETS). */
enum doubt_change doubt_step(struct doubt *d, mono_ns now, struct doubt_counts *ret);

/* Does a failure of a probe started then count? */
static inline bool doubt_believes(const struct doubt *d, mono_ns started)
{
	return !d->degraded && started >= d->trusted;
}
