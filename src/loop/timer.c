/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: a heap by (deadline, insertion), fired once per turn.
 *
 * A turn fires the timers that were due when it began. One that a handler arms for the past waits
 * for the next turn, behind everything that is due already: a handler that re-arms itself at once
 * starves neither the descriptors nor the other timers. */
#include <assert.h>

#include "base/alloc.h"
#include "loop/internal.h"

void timer_set(struct loop *l, struct timer *t, mono_ns at, timer_fn *fn, void *ctx)
{
	assert(fn);
	t->fn = fn;
	t->ctx = ctx;
	heap_set(&l->timers, &t->node, l->firing ? MAX(at, l->now) : at);
}

void timer_cancel(struct loop *l, struct timer *t)
{
	heap_remove(&l->timers, &t->node);
}

mono_ns loop_next_timer(const struct loop *l)
{
	const struct heap_node *n = heap_min(&l->timers);

	return n ? n->at : INT64_MAX;
}

int loop_timers_fire_(struct loop *l)
{
	uint64_t limit = l->timers.next_seq;
	int fired = 0;

	l->firing = true;
	for (struct heap_node *n; (n = heap_min(&l->timers)) && n->at <= l->now; fired++) {
		struct timer *t = CONTAINER_OF(n, struct timer, node);

		if (n->seq >= limit)
			break;
		heap_remove(&l->timers, n);
		t->fn(t->ctx, t);
	}
	l->firing = false;
	return fired;
}
