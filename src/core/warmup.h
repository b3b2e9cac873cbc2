/* SPDX-License-Identifier: Apache-2.0 */
/* core/warmup.h - a restart the dataplane does not notice (pure: time is a parameter).
 *
 *   HOLD ---startup-min-delay---> RELEASE ---all released, or startup-max-delay---> DONE
 *
 * At start every backend is unknown, which would mean weight 0 everywhere. So nothing is written
 * until min; from then on each frontend is released once none of its backends is unknown; when all
 * are, or at max, one full sync follows and normal life begins. One clock from process start;
 * reloads and VPP reconnects do not reset it; DONE is final. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/dur.h"

enum warmup_phase { WARMUP_HOLD, WARMUP_RELEASE, WARMUP_DONE };
const char *warmup_phase_name(enum warmup_phase p); /* "hold", "release", "done" */

struct warmup {
	mono_ns started;
	dur_ns min, max;
	enum warmup_phase phase;
};

/* Both delays 0: DONE from the start. */
void warmup_init(struct warmup *w, mono_ns started, dur_ns min, dur_ns max);
/* New delays after a reload: count from the same start; DONE stays DONE. */
void warmup_configure(struct warmup *w, dur_ns min, dur_ns max);

/* Move the phase on for this moment and this number of unreleased frontends. Returns true when the
 * phase changed (at most one step a call: call again until false). HOLD -> RELEASE at min; RELEASE
 * -> DONE at max or when n_held is 0. The caller, on entering RELEASE, releases every ready
 * frontend before the next call; on entering DONE it releases the rest and makes the full sync. */
bool warmup_step(struct warmup *w, mono_ns now, size_t n_held);

/* May a frontend be released in this phase, given that some backend of it is still unknown? */
bool warmup_may_release(const struct warmup *w, bool has_unknown);

/* When the phase changes at the latest; INT64_MAX when DONE. For arming a timer. */
mono_ns warmup_deadline(const struct warmup *w);
