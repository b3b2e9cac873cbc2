/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/warn_limit.h - one warning per reason and period, with a count of those left out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"

#define WARN_LIMIT_PERIOD  (10 * NS_PER_S)
#define WARN_LIMIT_REASONS 16 /* remembered at once; the one silent for longest makes room */
#define WARN_REASON_MAX    64

struct warn_limit { /* {0} is fresh */
	struct warn_reason {
		char text[WARN_REASON_MAX]; /* the reason's beginning; "" when the place is free */
		mono_ns last;
		uint64_t suppressed;
	} reasons[WARN_LIMIT_REASONS];
};

/* Shall this one be logged now? When so, *ret_suppressed tells how many like it were left out since
 * the last. Time is a parameter. */
bool warn_limit_pass(struct warn_limit *w, const char *reason, mono_ns now,
		     uint64_t *ret_suppressed);
