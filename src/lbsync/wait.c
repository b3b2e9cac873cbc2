/* SPDX-License-Identifier: Apache-2.0 */
/* Those who asked for a sync or a read and wait for its end. A waiter leaves its queue before it
 * is answered, so that whatever its owner does then meets lbsync in good order. */
#include <errno.h>
#include <stdlib.h>

#include "lbsync/internal.h"

static struct lbsync_waiter *waiter(struct list *n)
{
	return CONTAINER_OF(n, struct lbsync_waiter, node);
}

struct lbsync_waiter *lbsync_wait_add(struct list *queue, void *ctx)
{
	struct lbsync_waiter *w = XNEW(struct lbsync_waiter);

	w->ctx = ctx;
	list_add_tail(queue, &w->node);
	return w;
}

/* Take it off its queue and answer it. */
static void answer(struct lbsync *s, struct lbsync_waiter *w, int status)
{
	const struct lbsync_waiter gone = *w;

	list_remove(&w->node);
	free(w);
	if (gone.done)
		gone.done(gone.ctx, status, &gone.counts);
	else if (status == 0)
		gone.state(gone.ctx, 0, &s->mirror.vips, &s->mirror.conf);
	else
		gone.state(gone.ctx, status, NULL, NULL);
}

void lbsync_wait_take(struct lbsync *s, bool full)
{
	list_foreach (&s->syncs, n) {
		struct lbsync_waiter *w = waiter(n);

		w->taken = full || (w->v && list_linked(&w->v->dirty));
	}
}

/* What a waiter for one frontend is told of: the calls for its VIP, and the re-creations that its
 * prefix demanded of others. */
static bool concerns(const struct lbsync_waiter *w, const struct plan_call *c)
{
	if (!w->v)
		return true;
	return vip_key_cmp(&w->v->key, &c->key) == 0 ||
	       (c->recreate && prefix_cmp(&w->v->key.prefix, &c->key.prefix) == 0);
}

void lbsync_wait_count(struct lbsync *s, const struct plan_call *c, enum lbsync_kind kind)
{
	list_foreach (&s->syncs, n) {
		struct lbsync_waiter *w = waiter(n);

		if (w->taken && concerns(w, c))
			w->counts.n[kind]++;
	}
}

/* Answer those of the queue that `pick` chooses. The queue is looked through from the start each
 * time, since an answer may change it. */
static void answer_some(struct lbsync *s, struct list *queue, int status,
			bool (*pick)(const struct lbsync_waiter *w, const void *arg),
			const void *arg)
{
	struct list *n = queue->next;

	while (n != queue) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): answer unlinks before it frees */
		if (!pick(waiter(n), arg)) {
			n = n->next;
			continue;
		}
		answer(s, waiter(n), status);
		n = queue->next;
	}
}

static bool any(const struct lbsync_waiter *w, const void *arg)
{
	return true;
}

static bool is_taken(const struct lbsync_waiter *w, const void *arg)
{
	return w->taken;
}

static bool waits_for(const struct lbsync_waiter *w, const void *v)
{
	return w->v == v;
}

void lbsync_wait_synced(struct lbsync *s)
{
	answer_some(s, &s->syncs, 0, is_taken, NULL);
}

void lbsync_wait_untake(struct lbsync *s)
{
	list_foreach (&s->syncs, n) {
		struct lbsync_waiter *w = waiter(n);

		/* Its own calls may all have been made: planned again, it is answered. */
		if (w->taken && w->v)
			lbsync_mark_dirty(s, w->v, 0);
		w->taken = false;
	}
}

void lbsync_wait_read(struct lbsync *s)
{
	answer_some(s, &s->reads, 0, any, NULL);
}

void lbsync_wait_lost(struct lbsync *s)
{
	answer_some(s, &s->syncs, -ENOTCONN, any, NULL);
	answer_some(s, &s->reads, -ENOTCONN, any, NULL);
}

void lbsync_wait_gone(struct lbsync *s, const struct lbsync_vip *v)
{
	answer_some(s, &s->syncs, -ENOENT, waits_for, v);
}

static void drop(struct list *queue, const void *ctx)
{
	list_foreach (queue, n) {
		if (ctx && waiter(n)->ctx != ctx)
			continue;
		list_remove(n);
		free(waiter(n));
	}
}

void lbsync_wait_drop(struct lbsync *s)
{
	drop(&s->syncs, NULL);
	drop(&s->reads, NULL);
}

void lbsync_abandon(struct lbsync *s, void *ctx)
{
	drop(&s->syncs, ctx);
	drop(&s->reads, ctx);
}
