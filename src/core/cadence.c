/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cadence.h"

#include <assert.h>

enum pace cadence_pace(const struct health *h, const struct health_params *p)
{
	if (h->state == HEALTH_UP && h->counter == health_counter_max(p))
		return PACE_NORMAL;
	if (h->state == HEALTH_DOWN && h->counter == 0)
		return PACE_DOWN;
	return PACE_FAST;
}

/* a * b / 2^64, for a fraction b of a. */
static dur_ns scale(dur_ns a, uint64_t b)
{
	return (dur_ns)((unsigned __int128)(uint64_t)a * b >> 64);
}

static mono_ns add_saturated(mono_ns at, dur_ns d)
{
	mono_ns sum;

	return __builtin_add_overflow(at, d, &sum) ? INT64_MAX : sum;
}

mono_ns cadence_next(const struct cadence_intervals *iv, enum pace pace, mono_ns prev_start,
		     mono_ns now, uint64_t random)
{
	dur_ns interval, tenth;
	mono_ns next;

	assert(pace < PACE_N);
	interval = iv->of[pace];
	assert(interval >= 0);
	tenth = interval / 10;
	next = add_saturated(prev_start, interval - tenth);
	next = add_saturated(next, scale(2 * tenth + 1, random));
	return next > now ? next : now;
}

mono_ns cadence_spread(mono_ns now, dur_ns span, size_t i, size_t n)
{
	assert(i < n && span >= 0);
	return add_saturated(now, (dur_ns)((unsigned __int128)(uint64_t)span * i / n));
}
