/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync: its life, its frontends, and which job comes next.
 *
 *            lbsync_changed, refusals          connect, drift, reload, request, warm-up's end
 *                     |                                        |
 *                 dirty VIPs                              full_wanted
 *                     |                                        |
 *                     +------------- next_job ----------------+
 *                                       |
 *           read.c: READ -> CONF -> run.c: PLAN -> answers -> mirror, log, waiters
 *
 * One job at a time. Whatever arrives meanwhile leaves a mark (a dirty VIP, full_wanted, a waiter)
 * and calls lbsync_schedule; when the job ends, next_job looks at all the marks at once. So changes
 * fold by themselves, and a plan is always made of the wishes of its own moment.
 *
 * The files: connect.c the connection, read.c reading and lb_conf, run.c carrying out plans, wait.c
 * those who wait for an end, warmup.c the warm-up, log.c the records, index.c frontends by key,
 * lbmirror.c what is known of VPP, lbdrift.c what another hand did to it, lbcounters.c what it
 * counts. */
#include "lbsync/lbsync.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lbsync/internal.h"

/* ---- requests */

void lbsync_send(struct lbsync *s, enum vpp_msg m, const void *body, vpp_answer_fn *fn, void *ctx)
{
	int r = vpp_client_send(s->client, m, body, fn, ctx);

	/* -ENOTCONN: it is being torn down, and our `down` comes. Its bounds are out of reach of a
	 * window of calls. */
	assert(r == 0 || r == -ENOTCONN);
}

/* ---- jobs */

static bool due(const struct lbsync_vip *v, mono_ns now)
{
	return v->retry_at <= now;
}

static bool any_due(const struct lbsync *s, mono_ns now)
{
	for (const struct list *n = s->dirty.next; n != &s->dirty; n = n->next) {
		const struct lbsync_vip *v = CONTAINER_OF((struct list *)(uintptr_t)n,
							  struct lbsync_vip, dirty);

		if (due(v, now))
			return true;
	}
	return false;
}

/* Urgent ones stand at the front. */
static bool urgent_due(const struct lbsync *s)
{
	return !list_empty(&s->dirty) &&
	       CONTAINER_OF(s->dirty.next, struct lbsync_vip, dirty)->urgent;
}

/* What to do next. A dead backend goes before a full sync, and any change before a reader, but not
 * twice in a row: nobody waits behind an endless row of changes. */
static unsigned choose(const struct lbsync *s)
{
	bool dirty = any_due(s, loop_clock());

	if (s->mirror.valid && urgent_due(s) && !s->last_was_dirty)
		return JOB_PLAN_DIRTY;
	if (s->full_wanted && lbsync_warm(s))
		return s->full_resumes && s->mirror.valid ? JOB_PLAN_FULL
							  : JOB_READ | JOB_CONF | JOB_PLAN_FULL;
	if (s->conf_wanted || !s->mirror.valid)
		return JOB_READ | JOB_CONF | (dirty ? JOB_PLAN_DIRTY : 0);
	if (dirty && (!s->last_was_dirty || list_empty(&s->reads)))
		return JOB_PLAN_DIRTY;
	if (!list_empty(&s->reads))
		return JOB_READ;
	return lbmirror_wants_text(&s->mirror) ? JOB_TEXT : JOB_NONE;
}

static void on_retry(void *ctx, struct timer *t)
{
	lbsync_schedule(ctx);
}

/* Wake up for the next VIP that is to be tried again. */
static void arm_retry(struct lbsync *s)
{
	mono_ns at = s->full_retry_at ? s->full_retry_at : INT64_MAX;

	list_foreach (&s->dirty, n) {
		at = MIN(at, CONTAINER_OF(n, struct lbsync_vip, dirty)->retry_at);
	}
	if (at == INT64_MAX)
		timer_cancel(s->o.loop, &s->retry);
	else
		timer_set(s->o.loop, &s->retry, at, on_retry, s);
}

static void plan_part(struct lbsync *s)
{
	s->last_was_dirty = false;
	if (s->job & JOB_PLAN_FULL) {
		s->full_reason = s->full_wanted;
		s->full_wanted = NULL;
		s->full_resumes = false;
		s->full_retry_at = 0;
		lbsync_run_full(s);
	} else if (s->job & JOB_PLAN_DIRTY) {
		s->last_was_dirty = true;
		lbsync_run_dirty(s);
	} else {
		lbsync_job_finished(s);
	}
}

static void start_job(struct lbsync *s, unsigned job)
{
	s->job = job;
	s->job_began = loop_clock();
	if (job & JOB_READ)
		lbsync_read_start(s);
	else if (job & JOB_TEXT)
		lbsync_text_start(s);
	else
		plan_part(s);
}

void lbsync_read_finished(struct lbsync *s)
{
	lbsync_wait_read(s);
	if (s->job & JOB_CONF) {
		s->conf_wanted = false;
		lbsync_conf_push(s);
	} else {
		plan_part(s);
	}
}

void lbsync_conf_finished(struct lbsync *s)
{
	plan_part(s);
}

static void arm_drift(struct lbsync *s);

void lbsync_job_finished(struct lbsync *s)
{
	if (s->job & JOB_PLAN_FULL)
		arm_drift(s);
	s->job = JOB_NONE;
	lbsync_schedule(s);
}

static void next_job(void *ctx)
{
	struct lbsync *s = ctx;
	unsigned job;

	if (!s->connected || s->job != JOB_NONE)
		return;
	if (s->full_retry_at && s->full_retry_at <= loop_clock()) {
		/* Not to be woken for it again: the warm-up may have to end first. */
		s->full_retry_at = 0;
		s->full_wanted = s->full_wanted ? s->full_wanted : "retry";
	}
	if (lbmirror_fresh(&s->mirror, loop_clock()))
		lbsync_wait_read(s);
	job = choose(s);
	if (job != JOB_NONE)
		start_job(s, job);
	else
		arm_retry(s);
}

void lbsync_schedule(struct lbsync *s)
{
	loop_defer_set(s->o.loop, &s->next, next_job, s);
}

/* ---- marks */

void lbsync_want_full(struct lbsync *s, const char *why)
{
	s->full_wanted = why;
	s->full_resumes = false;
	lbsync_schedule(s);
}

static dur_ns sync_interval(const struct lbsync *s)
{
	struct vpp_conf c;

	s->o.source.vpp_conf(s->o.source.ctx, &c);
	return c.sync_interval;
}

dur_ns lbsync_backoff(const struct lbsync *s, int failures)
{
	dur_ns d = NS_PER_S << MIN(MAX(failures, 1) - 1, 30);

	return MIN(d, sync_interval(s));
}

void lbsync_full_failed(struct lbsync *s)
{
	s->full_failures++;
	s->full_retry_at = loop_clock() + lbsync_backoff(s, s->full_failures);
}

void lbsync_mark_dirty(struct lbsync *s, struct lbsync_vip *v, mono_ns retry_at)
{
	if (list_linked(&v->dirty)) {
		v->retry_at = MIN(v->retry_at, retry_at);
		return;
	}
	v->retry_at = retry_at;
	list_add_tail(&s->dirty, &v->dirty);
}

static void mark_urgent(struct lbsync *s, struct lbsync_vip *v)
{
	v->urgent = true;
	list_remove(&v->dirty);
	list_add_tail(s->dirty.next, &v->dirty); /* = at the front */
	lbsync_run_cut(s);
}

static void on_drift(void *ctx, struct timer *t)
{
	struct lbsync *s = ctx;

	arm_drift(s);
	if (!lbsync_warm(s))
		lbsync_log_suppressed(s, "drift", NULL);
	else if (s->connected)
		lbsync_want_full(s, "drift");
}

static void arm_drift(struct lbsync *s)
{
	timer_set(s->o.loop, &s->drift, loop_clock() + sync_interval(s), on_drift, s);
}

/* ---- what the daemon says */

void lbsync_add(struct lbsync *s, struct lbsync_vip *v)
{
	v->urgent = false;
	v->failures = 0;
	v->retry_at = 0;
	list_init(&v->dirty);
	list_add_tail(&s->all, &v->all);
	lbsync_index_add(s, v);
	lbsync_warmup_add(s, v);
}

void lbsync_forget(struct lbsync *s, struct lbsync_vip *v)
{
	lbsync_index_remove(s, v);
	list_remove(&v->all);
	list_remove(&v->dirty);
	lbsync_warmup_forget(s, v);
	lbsync_wait_gone(s, v);
}

void lbsync_changed(struct lbsync *s, struct lbsync_vip *v, bool lost_dead)
{
	if (!v->released) {
		lbsync_warmup_look(s, v);
		if (!v->released)
			lbsync_log_suppressed(s, "change", v);
		return;
	}
	lbsync_mark_dirty(s, v, 0);
	if (lost_dead)
		mark_urgent(s, v);
	lbsync_schedule(s);
}

void lbsync_reloaded(struct lbsync *s)
{
	lbsync_warmup_reloaded(s);
	if (lbsync_warm(s)) {
		lbsync_want_full(s, "reload");
		return;
	}
	lbsync_log_suppressed(s, "reload", NULL);
	s->conf_wanted = true;
	lbsync_schedule(s);
}

int lbsync_request(struct lbsync *s, struct lbsync_vip *v, lbsync_done_fn *done, void *ctx,
		   struct err *e)
{
	struct lbsync_waiter *w;

	if (!s->connected)
		return err_set(e, -ENOTCONN, "VPP is not connected: %s", lbsync_why_down(s));
	if (v ? !v->released : !lbsync_warm(s))
		return err_set(e, -EAGAIN, "warming up");
	w = lbsync_wait_add(&s->syncs, ctx);
	w->v = v;
	w->done = done;
	if (v)
		lbsync_mark_dirty(s, v, 0);
	else
		lbsync_want_full(s, "request");
	lbsync_schedule(s);
	return 0;
}

int lbsync_read(struct lbsync *s, lbsync_state_fn *done, void *ctx, struct err *e)
{
	if (!s->connected)
		return err_set(e, -ENOTCONN, "VPP is not connected: %s", lbsync_why_down(s));
	lbsync_wait_add(&s->reads, ctx)->state = done;
	lbsync_schedule(s);
	return 0;
}

/* ---- for metrics and counters */

uint64_t lbsync_total(const struct lbsync *s, enum lbsync_scope scope, enum lbsync_kind kind)
{
	assert(scope < LBSYNC_SCOPE_N && kind < LBSYNC_KIND_N);
	return s->totals[scope][kind];
}

uint64_t lbsync_drift_total(const struct lbsync *s, enum lbdrift_kind k)
{
	assert(k < LBDRIFT_N);
	return s->drifts[k];
}

const struct vpp_client *lbsync_client(const struct lbsync *s)
{
	return s->client;
}

struct lbcounters *lbsync_counters(const struct lbsync *s)
{
	return s->counters;
}

/* ---- life */

struct lbsync *lbsync_new(const struct lbsync_opts *o)
{
	struct lbsync *s = XNEW(struct lbsync);
	const struct lbcounters_opts counters = { .loop = o->loop,
						  .path = o->stats_path ? o->stats_path : "",
						  .ctx = s,
						  .ready = lbsync_stats_settled };

	assert(o->api_path[0] != '\0');
	s->o = *o;
	s->api_path = xstrdup(o->api_path);
	s->counters = lbcounters_new(&counters);
	list_init(&s->all);
	list_init(&s->dirty);
	list_init(&s->syncs);
	list_init(&s->reads);
	lbmirror_clear(&s->mirror);
	lbsync_warmup_start(s);
	lbsync_connect_start(s);
	arm_drift(s);
	return s;
}

static void unlink_all(struct list *head)
{
	list_foreach (head, n) {
		list_remove(n);
	}
}

void lbsync_free(struct lbsync *s)
{
	if (!s)
		return;
	vpp_client_free(s->client);
	lbcounters_free(s->counters);
	lbsync_wait_drop(s);
	lbsync_run_abort(s);
	lbread_done(&s->read);
	lbmirror_done(&s->mirror);
	unlink_all(&s->all);
	unlink_all(&s->dirty);
	loop_defer_cancel(&s->next);
	timer_cancel(s->o.loop, &s->drift);
	timer_cancel(s->o.loop, &s->retry);
	timer_cancel(s->o.loop, &s->warm);
	vec_done(&s->by_key);
	free(s->api_path);
	free(s);
}
