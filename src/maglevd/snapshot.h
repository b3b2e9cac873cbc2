/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/snapshot.h - a compact copy of all that metrics tell, taken on the main loop, written out
 * on another thread.
 *
 * Taken in slices, between which the loop goes about its business; a reload in between starts it
 * over (each backend must be there once). Different backends may be some
 * milliseconds apart in it, which no scraper can tell. */
#pragma once

#include <stdbool.h>

#include "base/dur.h"
#include "metrics/http.h"
#include "metrics/rows.h"

struct fleet;
struct lbcounters_vip;
struct snapshot;

struct snapshot *snapshot_new(void);
/* Main loop: go on until everything of the fleet is there (true), or until about `until`
 * (loop_clock time; at least a little is done each time). */
bool snapshot_step(struct snapshot *s, const struct fleet *f, mono_ns until);
/* Main loop, when it is complete: what is counted elsewhere. Sorted by key; copied. */
void snapshot_vips(struct snapshot *s, const struct lbcounters_vip *v, size_t n);
struct metrics_rows *snapshot_rows(struct snapshot *s);
/* Complete: from here on it is read only, on any one thread at a time per position. Hands over the
 * reference that snapshot_new gave. */
struct metrics_content *snapshot_content(struct snapshot *s);
void snapshot_free(struct snapshot *s); /* one that was not handed over; NULL is fine */
