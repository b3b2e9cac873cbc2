/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/vec.h"

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

/* Positions are 1-based: the children of i are 2i and 2i+1. */
static void place(struct heap *h, size_t pos, struct heap_node *n)
{
	h->v[pos - 1] = n;
	n->pos = pos;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
	size_t pos = n->pos;

	while (pos > 1 && before(n, h->v[pos / 2 - 1])) {
		place(h, pos, h->v[pos / 2 - 1]);
		pos /= 2;
	}
	place(h, pos, n);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
	size_t pos = n->pos;

	while (2 * pos <= h->n) {
		size_t child = 2 * pos;

		if (child < h->n && before(h->v[child], h->v[child - 1]))
			child++;
		if (!before(h->v[child - 1], n))
			break;
		place(h, pos, h->v[child - 1]);
		pos = child;
	}
	place(h, pos, n);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t at)
{
	n->at = at;
	n->seq = h->next_seq++;
	if (!n->pos) {
		h->v = vec_grow_(h->v, sizeof *h->v, &h->cap, h->n + 1);
		place(h, ++h->n, n);
	}
	assert(h->v[n->pos - 1] == n);
	sift_up(h, n);
	sift_down(h, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;
	size_t pos = n->pos;

	if (!pos)
		return;
	assert(pos <= h->n && h->v[pos - 1] == n);
	last = h->v[--h->n];
	n->pos = 0;
	if (last == n)
		return;
	place(h, pos, last);
	sift_up(h, last);
	sift_down(h, last);
}

struct heap_node *heap_min(const struct heap *h)
{
	return h->n ? h->v[0] : NULL;
}

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i]->pos = 0;
	free(h->v);
	*h = (struct heap){ 0 };
}
