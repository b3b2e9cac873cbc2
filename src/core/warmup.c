/* SPDX-License-Identifier: Apache-2.0 */
#include "core/warmup.h"

#include <assert.h>

#include "base/alloc.h"

static const char *const phase_names[] = {
	[WARMUP_HOLD] = "hold",
	[WARMUP_RELEASE] = "release",
	[WARMUP_DONE] = "done",
};

const char *warmup_phase_name(enum warmup_phase p)
{
	return p < ARRAY_LEN(phase_names) ? phase_names[p] : "?";
}

void warmup_init(struct warmup *w, mono_ns started, dur_ns min, dur_ns max)
{
	*w = (struct warmup){ .started = started };
	warmup_configure(w, min, max);
	if (max == 0)
		w->phase = WARMUP_DONE;
}

void warmup_configure(struct warmup *w, dur_ns min, dur_ns max)
{
	assert(min >= 0 && max >= min);
	w->min = min;
	w->max = max;
}

bool warmup_step(struct warmup *w, mono_ns now, size_t n_held)
{
	enum warmup_phase before = w->phase;

	if (before == WARMUP_HOLD && now >= warmup_deadline(w))
		w->phase = WARMUP_RELEASE;
	else if (before == WARMUP_RELEASE && (n_held == 0 || now >= warmup_deadline(w)))
		w->phase = WARMUP_DONE;
	return w->phase != before;
}

bool warmup_may_release(const struct warmup *w, bool has_unknown)
{
	return w->phase == WARMUP_DONE || (w->phase == WARMUP_RELEASE && !has_unknown);
}

mono_ns warmup_deadline(const struct warmup *w)
{
	mono_ns at;

	if (w->phase == WARMUP_DONE)
		return INT64_MAX;
	if (__builtin_add_overflow(w->started, w->phase == WARMUP_HOLD ? w->min : w->max, &at))
		return INT64_MAX;
	return at;
}
