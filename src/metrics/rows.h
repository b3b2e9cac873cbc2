/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/rows.h - samples collected one by one, to be written out later, by another thread.
 *
 * For the families with few samples. What they are given is copied. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "metrics/exposition.h"

struct metrics_row;
struct metrics_rows { /* {0} is empty; one thread at a time */
	VEC(struct metrics_row *) rows[METRICS_ID_N];
	struct arena mem;
};

/* `labels` as exposition_* has them; NULL for a family without labels. */
void metrics_rows_uint(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
		       uint64_t value);
void metrics_rows_ns(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
		     int64_t value);
void metrics_rows_histogram(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
			    const uint64_t *counts, uint64_t sum_ns);
/* Write those of one family, in the order they came in; exposition_family is its caller's. */
void metrics_rows_write(const struct metrics_rows *r, enum metrics_id id, struct exposition *x);
void metrics_rows_done(struct metrics_rows *r);
