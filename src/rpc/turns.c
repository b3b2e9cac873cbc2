/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/turns.h"

#include "base/alloc.h"

/* Enough to keep gRPC's thread busy: a message is handed over in some microseconds. */
#define AT_A_TIME 8
#define LOOK      (5 * NS_PER_MS)
/* A reader at a distance takes what its window lets through, then waits for an answer. */
#define STALL (50 * NS_PER_MS)

static void next(void *ctx);

static void turn_end(struct rpc_turns *ts, struct rpc_turn *t)
{
	list_remove(&t->node);
	if (!t->running)
		return;
	t->running = false;
	ts->n_running--;
	if (!list_empty(&ts->waiting))
		loop_defer_set(ts->loop, &ts->next, next, ts);
}

static void look(void *ctx, struct timer *timer)
{
	struct rpc_turns *ts = ctx;
	mono_ns now = loop_now(ts->loop);

	list_foreach (&ts->running, node) {
		struct rpc_turn *t = CONTAINER_OF(node, struct rpc_turn, node);
		size_t left = ts->ops->left(t);

		if (left != t->left)
			t->moved_at = now;
		t->left = left;
		if (left == 0 || t->moved_at + STALL <= now)
			turn_end(ts, t);
	}
	if (ts->n_running > 0)
		timer_set(ts->loop, timer, now + LOOK, look, ts);
}

static void next(void *ctx)
{
	struct rpc_turns *ts = ctx;

	while (ts->n_running < AT_A_TIME && !list_empty(&ts->waiting)) {
		struct rpc_turn *t = CONTAINER_OF(ts->waiting.next, struct rpc_turn, node);

		list_remove(&t->node);
		list_add_tail(&ts->running, &t->node);
		t->running = true;
		ts->n_running++;
		t->left = 0;
		t->moved_at = loop_now(ts->loop);
		ts->ops->begin(t); /* which may be the end of it */
	}
	if (ts->n_running > 0 && !timer_armed(&ts->look))
		timer_set(ts->loop, &ts->look, loop_now(ts->loop) + LOOK, look, ts);
}

void rpc_turns_await(struct rpc_turns *ts, struct rpc_turn *t)
{
	list_add_tail(&ts->waiting, &t->node);
	loop_defer_set(ts->loop, &ts->next, next, ts);
}

void rpc_turns_leave(struct rpc_turns *ts, struct rpc_turn *t)
{
	turn_end(ts, t);
}

void rpc_turns_init(struct rpc_turns *ts, struct loop *l, const struct rpc_turns_ops *ops)
{
	*ts = (struct rpc_turns){ .loop = l, .ops = ops };
	list_init(&ts->waiting);
	list_init(&ts->running);
}

void rpc_turns_done(struct rpc_turns *ts)
{
	timer_cancel(ts->loop, &ts->look);
	loop_defer_cancel(&ts->next);
}
