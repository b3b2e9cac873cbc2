/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/rows.h"

#include <string.h>

enum row_kind { ROW_UINT, ROW_NS, ROW_HISTOGRAM };

struct metrics_row {
	enum row_kind kind;
	const char *labels[METRICS_LABELS_MAX];
	union {
		uint64_t u;
		int64_t ns;
		struct {
			const uint64_t *counts;
			uint64_t sum_ns;
		} h;
	};
};

static struct metrics_row *add(struct metrics_rows *r, enum metrics_id id, enum row_kind kind,
			       const char *const *labels)
{
	struct metrics_row *row = ARENA_NEW(&r->mem, struct metrics_row);

	row->kind = kind;
	for (size_t i = 0; i < metrics_families[id].n_labels; i++)
		row->labels[i] = arena_strdup(&r->mem, labels[i]);
	vec_push(&r->rows[id], row);
	return row;
}

void metrics_rows_uint(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
		       uint64_t value)
{
	add(r, id, ROW_UINT, labels)->u = value;
}

void metrics_rows_ns(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
		     int64_t value)
{
	add(r, id, ROW_NS, labels)->ns = value;
}

void metrics_rows_histogram(struct metrics_rows *r, enum metrics_id id, const char *const *labels,
			    const uint64_t *counts, uint64_t sum_ns)
{
	struct metrics_row *row = add(r, id, ROW_HISTOGRAM, labels);
	size_t n = metrics_families[id].n_buckets + 1;
	uint64_t *copy = ARENA_ARRAY(&r->mem, n, uint64_t);

	memcpy(copy, counts, n * sizeof *copy);
	row->h.counts = copy;
	row->h.sum_ns = sum_ns;
}

static void write_row(const struct metrics_row *row, struct exposition *x)
{
	switch (row->kind) {
	case ROW_UINT:
		exposition_uint(x, row->labels, row->u);
		break;
	case ROW_NS:
		exposition_ns(x, row->labels, row->ns);
		break;
	case ROW_HISTOGRAM:
		exposition_histogram(x, row->labels, row->h.counts, row->h.sum_ns);
		break;
	}
}

void metrics_rows_write(const struct metrics_rows *r, enum metrics_id id, struct exposition *x)
{
	for (size_t i = 0; i < r->rows[id].n; i++)
		write_row(r->rows[id].v[i], x);
}

void metrics_rows_done(struct metrics_rows *r)
{
	for (size_t i = 0; i < METRICS_ID_N; i++)
		vec_done(&r->rows[i]);
	arena_done(&r->mem);
}
