/* SPDX-License-Identifier: Apache-2.0 */
/* base/heap.h - intrusive min-heap ordered by (at, seq).
 *
 * `seq` is given at insertion, so equal times come out in insertion order: timer order is
 * deterministic. O(log n) for add, remove, move. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node { /* embed; {0} means "not in a heap" */
	int64_t at;
	uint64_t seq;
	size_t pos; /* 1-based index in the heap, 0 when out */
};

/* What is compared stands in the array itself: the nodes lie scattered, and each would be a cache
 * miss. */
struct heap_slot {
	int64_t at;
	uint64_t seq;
	struct heap_node *node;
};

struct heap { /* {0} is empty */
	struct heap_slot *v;
	size_t n, cap;
	uint64_t next_seq;
};

/* Insert, or move when it is in already. */
void heap_set(struct heap *h, struct heap_node *n, int64_t at);
void heap_remove(struct heap *h, struct heap_node *n); /* no-op when it is out */
struct heap_node *heap_min(const struct heap *h);      /* NULL when empty; not removed */
static inline bool heap_has(const struct heap_node *n)
{
	return n->pos != 0;
}
void heap_done(struct heap *h); /* nodes are the caller's */
