/* SPDX-License-Identifier: Apache-2.0 */
/* The warm-up: which frontends VPP may be told of yet. core/warmup.h decides; here the clock, the
 * releases and the records are. */
#include "base/log.h"
#include "lbsync/internal.h"

bool lbsync_warm(const struct lbsync *s)
{
	return s->warmup.phase == WARMUP_DONE;
}

static void step(struct lbsync *s);

static void on_deadline(void *ctx, struct timer *t)
{
	step(ctx);
}

static void arm(struct lbsync *s)
{
	mono_ns at = warmup_deadline(&s->warmup);

	if (at == INT64_MAX)
		timer_cancel(s->o.loop, &s->warm);
	else
		timer_set(s->o.loop, &s->warm, at, on_deadline, s);
}

/* VIPs of its prefix may have been put off for its sake. */
static void mark_neighbours(struct lbsync *s, const struct lbsync_vip *v)
{
	size_t n;
	struct lbsync_vip **p = lbsync_find_prefix(s, &v->key.prefix, &n);

	for (size_t i = 0; i < n; i++) {
		if (p[i]->released)
			lbsync_mark_dirty(s, p[i], 0);
	}
}

static void release(struct lbsync *s, struct lbsync_vip *v)
{
	v->released = true;
	s->n_held--;
	if (lbsync_warm(s))
		return; /* a full sync follows, or will when it is asked for */
	log_info("vpp-lb-warmup", L_STR("phase", warmup_phase_name(s->warmup.phase)),
		 L_STR("frontend", s->o.source.name(s->o.source.ctx, v)));
	mark_neighbours(s, v);
	lbsync_schedule(s);
}

static void look(struct lbsync *s, struct lbsync_vip *v)
{
	bool unknown = s->warmup.phase == WARMUP_RELEASE &&
		       s->o.source.has_unknown(s->o.source.ctx, v);

	if (!v->released && warmup_may_release(&s->warmup, unknown))
		release(s, v);
}

static void look_at_all(struct lbsync *s)
{
	list_foreach (&s->all, n) {
		look(s, CONTAINER_OF(n, struct lbsync_vip, all));
	}
}

static void entered(struct lbsync *s)
{
	size_t held = s->n_held;

	look_at_all(s);
	if (!lbsync_warm(s))
		return;
	log_info("vpp-lb-warmup", L_STR("phase", warmup_phase_name(s->warmup.phase)),
		 L_UINT("unreleased", held));
	lbsync_want_full(s, "warmup");
}

static void step(struct lbsync *s)
{
	while (warmup_step(&s->warmup, loop_clock(), s->n_held))
		entered(s);
	arm(s);
}

void lbsync_warmup_look(struct lbsync *s, struct lbsync_vip *v)
{
	look(s, v);
	if (!lbsync_warm(s))
		step(s);
}

void lbsync_warmup_start(struct lbsync *s)
{
	struct vpp_conf c;

	s->o.source.vpp_conf(s->o.source.ctx, &c);
	warmup_init(&s->warmup, s->o.started, c.startup_min_delay, c.startup_max_delay);
	if (lbsync_warm(s))
		return;
	log_info("vpp-lb-warmup", L_STR("phase", warmup_phase_name(s->warmup.phase)));
	arm(s);
}

void lbsync_warmup_add(struct lbsync *s, struct lbsync_vip *v)
{
	v->released = lbsync_warm(s);
	if (!v->released)
		s->n_held++;
}

/* Frontends come and go one by one in a reload: whether the last unreleased one is gone is seen
 * when that is over. */
void lbsync_warmup_forget(struct lbsync *s, struct lbsync_vip *v)
{
	if (v->released)
		return;
	s->n_held--;
	timer_set(s->o.loop, &s->warm, loop_clock(), on_deadline, s);
}

void lbsync_warmup_reloaded(struct lbsync *s)
{
	struct vpp_conf c;

	s->o.source.vpp_conf(s->o.source.ctx, &c);
	warmup_configure(&s->warmup, c.startup_min_delay, c.startup_max_delay);
	look_at_all(s);
	step(s);
}
