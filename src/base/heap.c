/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/vec.h"

/* Children of a node. Four share few cache lines, and the tree is half as high as with two. */
#define ARITY 4

static bool before(const struct heap_slot *a, const struct heap_slot *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct heap *h, size_t i, const struct heap_slot *s)
{
	h->v[i] = *s;
	s->node->pos = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_slot s)
{
	while (i > 0 && before(&s, &h->v[(i - 1) / ARITY])) {
		place(h, i, &h->v[(i - 1) / ARITY]);
		i = (i - 1) / ARITY;
	}
	place(h, i, &s);
}

static size_t least_child(const struct heap *h, size_t i)
{
	size_t first = ARITY * i + 1, end = MIN(first + ARITY, h->n), least = first;

	for (size_t c = first + 1; c < end; c++)
		if (before(&h->v[c], &h->v[least]))
			least = c;
	return least;
}

static void sift_down(struct heap *h, size_t i, struct heap_slot s)
{
	while (ARITY * i + 1 < h->n) {
		size_t child = least_child(h, i);

		if (!before(&h->v[child], &s))
			break;
		place(h, i, &h->v[child]);
		i = child;
	}
	place(h, i, &s);
}

/* Put `s` where it belongs, beginning at the free place i. */
static void settle(struct heap *h, size_t i, struct heap_slot s)
{
	if (i > 0 && before(&s, &h->v[(i - 1) / ARITY]))
		sift_up(h, i, s);
	else
		sift_down(h, i, s);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t at)
{
	n->at = at;
	n->seq = h->next_seq++;
	if (!n->pos) {
		h->v = vec_grow_(h->v, sizeof *h->v, &h->cap, h->n + 1);
		n->pos = ++h->n;
	} else {
		assert(h->v[n->pos - 1].node == n);
	}
	settle(h, n->pos - 1, (struct heap_slot){ .at = at, .seq = n->seq, .node = n });
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_slot last;
	size_t pos = n->pos;

	if (!pos)
		return;
	assert(pos <= h->n && h->v[pos - 1].node == n);
	last = h->v[--h->n];
	n->pos = 0;
	if (last.node != n)
		settle(h, pos - 1, last);
}

struct heap_node *heap_min(const struct heap *h)
{
	return h->n ? h->v[0].node : NULL;
}

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i].node->pos = 0;
	free(h->v);
	*h = (struct heap){ 0 };
}
