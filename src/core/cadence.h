/* SPDX-License-Identifier: Apache-2.0 */
/* core/cadence.h - when to probe next (pure: time and randomness are parameters). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "core/health.h"

/* Which of a check's three intervals is in force. */
enum pace { PACE_FAST, PACE_NORMAL, PACE_DOWN, PACE_N };

/* UNKNOWN, or a counter strictly between 0 and max: fast. UP at max: normal. DOWN at 0: down. A
 * counter at an end that does not fit the state (after a reload moved the boundary): fast. */
enum pace cadence_pace(const struct health *h, const struct health_params *p);

struct cadence_intervals {
	dur_ns of[PACE_N];
};

/* Next start = previous start + interval x (1 +- 10 %), `random` spread evenly over that range;
 * never before `now`: missed cycles are not caught up. */
mono_ns cadence_next(const struct cadence_intervals *iv, enum pace pace, mono_ns prev_start,
		     mono_ns now, uint64_t random);

/* Start of the i-th of n new targets, spread evenly over [now, now + span). n > 0, i < n. */
mono_ns cadence_spread(mono_ns now, dur_ns span, size_t i, size_t n);
