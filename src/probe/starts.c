/* SPDX-License-Identifier: Apache-2.0 */
/* When each target's next probe starts.
 *
 * Targets that are due at the same moment wait in one list behind one timer. Starts keep to a grid
 * (worker.c), so that a thousand targets wait behind a few dozen timers: a start then costs a hash
 * lookup and a place in a list, where a timer of its own would have to sink through a heap of all
 * targets, a cache miss at each level.
 *
 * A slot lives from the first target put into it until its moment; when the last target leaves
 * before that, it stays, empty, and its timer finds nothing to do. */
#include <stdlib.h>

#include "base/alloc.h"
#include "probe/internal.h"

struct start_slot {
	mono_ns at; /* its key */
	struct list targets;
	struct timer timer;
	struct worker *w;
};

static void slot_free(struct start_slot *s)
{
	map_del(&s->w->starts, &s->at, sizeof s->at);
	free(s);
}

static void slot_due(void *ctx, struct timer *timer)
{
	struct start_slot *s = ctx;

	worker_touched(s->w);
	while (!list_empty(&s->targets)) {
		struct target *t = CONTAINER_OF(s->targets.next, struct target, wait);
		mono_ns not_before = worker_start(t);

		if (not_before) {
			timer_set(s->w->loop, timer, not_before, slot_due, s);
			return;
		}
	}
	slot_free(s);
}

static struct start_slot *slot_new(struct worker *w, mono_ns at)
{
	struct start_slot *s = XNEW(struct start_slot);

	s->at = at;
	s->w = w;
	list_init(&s->targets);
	map_put(&w->starts, &s->at, sizeof s->at, s);
	timer_set(w->loop, &s->timer, at, slot_due, s);
	return s;
}

void starts_put(struct target *t, mono_ns at)
{
	struct start_slot *s = map_get(&t->w->starts, &at, sizeof at);

	if (!s)
		s = slot_new(t->w, at);
	list_remove(&t->wait);
	list_add_tail(&s->targets, &t->wait);
}

void starts_remove(struct target *t)
{
	list_remove(&t->wait);
}

void starts_done(struct worker *w)
{
	size_t it = 0;

	for (struct start_slot *s; (s = map_next(&w->starts, &it));) {
		timer_cancel(w->loop, &s->timer);
		slot_free(s);
	}
	map_done(&w->starts);
}
