/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a plan.
 *
 * Calls go out in the plan's order, up to LBSYNC_WINDOW of them unanswered; VPP takes them one
 * after the other, so nothing is gained by waiting in between. The exception is the deletion of a
 * VIP: the plugin unlocks its lock twice when several per-port VIPs of a prefix go, so each waits
 * for its answer before anything else is sent.
 *
 * An acknowledged call goes into the mirror, the log and the counts. A refused one is logged, the
 * rest goes on, and its VIP is tried again later. A refusal that says that VPP is not as the mirror
 * has it (no such entry, exists, other encapsulation) throws the mirror away.
 *
 * A long run is cut short when a backend dies meanwhile: what is in flight is awaited, and the
 * next plan, made of the newest wishes, begins with the VIP that lost it. The cut falls between two
 * prefixes, so that no re-creation is left half done, and not before a window of calls went out, so
 * that deaths in quick succession do not keep a long sync from ever ending. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "lbsync/internal.h"

static void on_answer(void *ctx, const struct vpp_answer *a);
static void finish(struct lbsync *s);

/* ---- sending */

static void send_vip(struct lbsync *s, const struct plan_call *c, void *slot)
{
	const struct plan_vip *have = plan_state_find(&s->mirror.vips, &c->key);
	bool del = c->op == PLAN_VIP_DEL;
	const struct vpp_lb_add_del_vip m = {
		.pfx = c->key.prefix,
		.protocol = c->key.proto,
		.port = c->key.port,
		.encap = del && have ? have->encap : c->encap,
		/* A deletion carries the real length too: 0 would be fatal if it were ever
		 * taken for an addition. */
		.new_flows_table_length = del ? (have && have->table_len ? have->table_len : 1024)
					      : c->table_len,
		.src_ip_sticky = !del && c->sticky,
		.is_del = del,
	};

	assert(m.new_flows_table_length != 0);
	lbsync_send(s, VPP_LB_ADD_DEL_VIP_V2, &m, on_answer, slot);
}

static void send_as(struct lbsync *s, const struct plan_call *c, void *slot)
{
	bool del = c->op == PLAN_AS_DEL;
	const struct vpp_lb_add_del_as m = { .pfx = c->key.prefix,
					     .protocol = c->key.proto,
					     .port = c->key.port,
					     .as_address = c->as,
					     .weight = del ? c->from_weight : c->weight,
					     .is_del = del,
					     /* An addition may revive an AS that somebody
					      * deleted, with the flows it had. */
					     .is_flush = c->flush };

	lbsync_send(s, VPP_LB_ADD_DEL_AS_V2, &m, on_answer, slot);
}

static void send_weight(struct lbsync *s, const struct plan_call *c, void *slot)
{
	const struct vpp_lb_as_set_weight m = { .pfx = c->key.prefix,
						.protocol = c->key.proto,
						.port = c->key.port,
						.as_address = c->as,
						.weight = c->weight,
						.is_flush = c->flush };

	lbsync_send(s, VPP_LB_AS_SET_WEIGHT, &m, on_answer, slot);
}

static void send_call(struct lbsync *s, const struct plan_call *c, void *slot)
{
	switch (c->op) {
	case PLAN_VIP_ADD:
	case PLAN_VIP_DEL:
		return send_vip(s, c, slot);
	case PLAN_AS_ADD:
	case PLAN_AS_DEL:
		return send_as(s, c, slot);
	case PLAN_AS_WEIGHT:
		return send_weight(s, c, slot);
	case PLAN_OP_N:
		break;
	}
	abort(); /* the planner made a call that does not exist */
}

/* Is it an AS of a VIP that could not be added? */
static bool hopeless(const struct lbrun *run, const struct plan_call *c)
{
	return run->lost_vip && vip_key_cmp(&run->lost, &c->key) == 0;
}

/* May the run end before call i? */
static bool cut_here(const struct lbrun *run, size_t i)
{
	return run->cut && i >= LBSYNC_WINDOW &&
	       prefix_cmp(&run->plan.calls[i - 1].key.prefix, &run->plan.calls[i].key.prefix) != 0;
}

/* Send what may be sent. The run is over when nothing is left or in flight. */
static void fill(struct lbsync *s)
{
	struct lbrun *run = &s->run;

	while (run->next < run->plan.n && run->in_flight < LBSYNC_WINDOW && !run->deleting) {
		const struct plan_call *c = &run->plan.calls[run->next];
		struct run_slot *slot = &run->slots[run->next];

		if (cut_here(run, run->next))
			break;
		run->next++;
		if (hopeless(run, c)) {
			slot->fate = CALL_SKIPPED;
			continue;
		}
		run->deleting = c->op == PLAN_VIP_DEL;
		run->in_flight++;
		send_call(s, c, slot);
	}
	if (run->in_flight == 0 && run->active)
		finish(s);
}

/* ---- answers */

static void tell_flushed(struct lbsync *s, const struct plan_call *c)
{
	const struct lbsync_vip *v = lbsync_find_key(s, &c->key);

	if (v && c->flush && c->op != PLAN_AS_DEL)
		s->o.source.flushed(s->o.source.ctx, v, &c->as);
}

static void count(struct lbsync *s, const struct plan_call *c, enum lbsync_kind kind)
{
	s->run.counts.n[kind]++;
	s->totals[s->run.scope][kind]++;
	lbsync_wait_count(s, c, kind);
}

static void accepted(struct lbsync *s, const struct plan_call *c)
{
	lbmirror_apply(&s->mirror, c);
	if (c->op == PLAN_VIP_ADD || c->op == PLAN_VIP_DEL)
		lbcounters_vip_changed(s->counters, &c->key);
	count(s, c, lbsync_kind_of(c->op));
	lbsync_log_call(c);
	tell_flushed(s, c);
}

static bool contradicts(int32_t retval)
{
	return retval == VPP_ERR_NO_SUCH_ENTRY || retval == VPP_ERR_ENCAP_DIFFERS ||
	       retval == VPP_ERR_EXISTS;
}

static void refused(struct lbsync *s, const struct plan_call *c, int32_t retval)
{
	struct lbrun *run = &s->run;
	bool explained = hopeless(run, c);

	count(s, c, LBSYNC_ERROR);
	if (explained) /* it was in flight when its VIP was refused: said already */
		return;
	lbsync_log_refused(c, retval);
	run->unexplained |= contradicts(retval);
	if (c->op == PLAN_VIP_ADD) {
		run->lost_vip = true;
		run->lost = c->key;
	}
}

static void on_answer(void *ctx, const struct vpp_answer *a)
{
	struct run_slot *slot = ctx;
	struct lbsync *s = slot->s;
	const struct plan_call *c;

	if (a->status < 0)
		return; /* the connection is gone: the run is aborted next */
	c = &s->run.plan.calls[slot - s->run.slots];
	s->run.in_flight--;
	if (c->op == PLAN_VIP_DEL)
		s->run.deleting = false;
	slot->fate = a->body->retval < 0 ? CALL_REFUSED : CALL_DONE;
	if (slot->fate == CALL_DONE)
		accepted(s, c);
	else
		refused(s, c, a->body->retval);
	fill(s);
}

/* ---- the end */

static void clear(struct lbrun *run)
{
	plan_done(&run->plan);
	plan_state_done(&run->desired);
	free(run->only);
	free(run->slots);
	*run = (struct lbrun){ 0 };
}

void lbsync_run_abort(struct lbsync *s)
{
	clear(&s->run);
}

void lbsync_run_cut(struct lbsync *s)
{
	if (s->run.active)
		s->run.cut = true;
}

/* The first failure of a VIP that the mirror was to blame for is tried again at once, after a read;
 * all others later and later. */
static mono_ns retry_at(const struct lbsync *s, int failures)
{
	if (failures == 1 && s->run.unexplained)
		return loop_clock();
	return loop_clock() + lbsync_backoff(s, failures);
}

/* A VIP one of whose calls was refused. One that is no frontend's (a stale one) is left to another
 * full sync. Returns whether it is a frontend's. */
static bool settle_failed(struct lbsync *s, const struct vip_key *key)
{
	struct lbsync_vip *v = lbsync_find_key(s, key);

	if (!v)
		return false;
	v->failures++;
	lbsync_mark_dirty(s, v, retry_at(s, v->failures));
	return true;
}

static int key_cmp(const void *a, const void *b)
{
	return vip_key_cmp(a, b);
}

struct keys {
	struct vip_key *v;
	size_t n, cap;
};

static void sort_distinct(struct keys *k)
{
	size_t kept = 0;

	if (k->n > 0)
		qsort(k->v, k->n, sizeof *k->v, key_cmp);
	for (size_t i = 0; i < k->n; i++) {
		if (kept == 0 || key_cmp(&k->v[kept - 1], &k->v[i]) != 0)
			k->v[kept++] = k->v[i];
	}
	k->n = kept;
}

static bool has_key(const struct keys *k, const struct vip_key *key)
{
	return k->n > 0 && bsearch(key, k->v, k->n, sizeof *key, key_cmp);
}

/* A VIP that failed before and did not now starts anew. */
static void settle_good(const struct keys *bad, struct lbsync_vip *v)
{
	if (v->failures > 0 && !has_key(bad, &v->key))
		v->failures = 0;
}

static void settle_all_good(struct lbsync *s, const struct keys *bad)
{
	const struct lbrun *run = &s->run;

	if (run->scope == LBSYNC_ALL) {
		list_foreach (&s->all, node) {
			settle_good(bad, CONTAINER_OF(node, struct lbsync_vip, all));
		}
		return;
	}
	for (size_t i = 0; i < run->n_only; i++) {
		struct lbsync_vip *v = lbsync_find_key(s, &run->only[i]);

		if (v)
			settle_good(bad, v);
	}
}

static void settle(struct lbsync *s)
{
	const struct lbrun *run = &s->run;
	struct keys bad = { 0 };
	bool stale_failed = false;

	for (size_t i = 0; i < run->next; i++) {
		if (run->slots[i].fate != CALL_DONE)
			vec_push(&bad, run->plan.calls[i].key);
	}
	sort_distinct(&bad);
	settle_all_good(s, &bad);
	for (size_t i = 0; i < bad.n; i++)
		stale_failed |= !settle_failed(s, &bad.v[i]);
	vec_done(&bad);
	if (stale_failed)
		lbsync_full_failed(s);
	else if (run->scope == LBSYNC_ALL && run->next == run->plan.n)
		s->full_failures = 0;
}

/* The calls not sent are planned again. */
static void resume_later(struct lbsync *s)
{
	const struct lbrun *run = &s->run;

	lbsync_wait_untake(s);
	if (run->scope == LBSYNC_ALL) {
		/* One that became due meanwhile (a reload) is owed its read, and lb_conf. */
		if (s->full_wanted)
			return;
		lbsync_want_full(s, s->full_reason);
		s->full_resumes = true;
		return;
	}
	for (size_t i = run->next; i < run->plan.n; i++) {
		struct lbsync_vip *v = lbsync_find_key(s, &run->plan.calls[i].key);

		if (v)
			lbsync_mark_dirty(s, v, 0);
	}
}

static void finish(struct lbsync *s)
{
	struct lbrun *run = &s->run;
	bool cut = run->next < run->plan.n;

	run->active = false;
	lbsync_log_done(s, run->plan.n > 0 ? LVL_INFO : LVL_DEBUG);
	settle(s);
	if (run->unexplained)
		lbmirror_distrust(&s->mirror);
	if (cut)
		resume_later(s);
	clear(run);
	if (!cut)
		lbsync_wait_synced(s);
	lbsync_job_finished(s);
}

/* ---- the beginning */

static void log_recreations(struct lbsync *s)
{
	for (size_t i = 0; i < s->run.plan.n; i++) {
		const struct plan_call *c = &s->run.plan.calls[i];
		const struct plan_vip *want, *have;

		if (c->op != PLAN_VIP_DEL || !c->recreate)
			continue;
		want = plan_state_find(&s->run.desired, &c->key);
		have = plan_state_find(&s->mirror.vips, &c->key);
		assert(want && have);
		lbsync_log_recreate(want, have);
	}
}

static void begin(struct lbsync *s)
{
	struct lbrun *run = &s->run;

	run->active = true;
	run->slots = xcalloc(run->plan.n, sizeof *run->slots);
	for (size_t i = 0; i < run->plan.n; i++)
		run->slots[i].s = s;
	lbsync_log_start(s, run->plan.n > 0 ? LVL_INFO : LVL_DEBUG);
	log_recreations(s);
	fill(s);
}

/* Append what is desired of this frontend. */
static void desire(struct lbsync *s, const struct lbsync_vip *v)
{
	struct plan_state *d = &s->run.desired;

	d->vips = vec_grow_(d->vips, sizeof *d->vips, &d->cap_vips, d->n_vips + 1);
	s->o.source.desired(s->o.source.ctx, v, &d->vips[d->n_vips]);
	d->vips[d->n_vips++].held = !v->released;
}

static void take_off_dirty(struct lbsync_vip *v)
{
	list_remove(&v->dirty);
	v->urgent = false;
}

/* Backends that keep VPP's weight for want of a verdict: said when their number changes. */
static void note_kept(struct lbsync *s)
{
	const struct plan_state *d = &s->run.desired;
	const struct plan_vip *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < d->n_vips; i++) {
		for (size_t k = 0; k < d->vips[i].n_as; k++) {
			if (!d->vips[i].as[k].keep)
				continue;
			n++;
			first = first ? first : &d->vips[i];
		}
	}
	if (n > 0 && n != s->n_kept)
		log_warn("vpp-lb-weight-kept", L_UINT("count", n),
			 L_ADDR("first_vip", &first->key.prefix.addr),
			 L_STR("reason", "no probe was conclusive yet: the weight in VPP stays"));
	s->n_kept = n;
}

void lbsync_run_full(struct lbsync *s)
{
	lbsync_wait_take(s, /* full= */ true);
	s->run.scope = LBSYNC_ALL;
	list_foreach (&s->all, n) {
		struct lbsync_vip *v = CONTAINER_OF(n, struct lbsync_vip, all);

		desire(s, v);
		take_off_dirty(v);
	}
	plan_state_sort(&s->run.desired);
	note_kept(s);
	plan_build(&s->run.desired, &s->mirror.vips, PLAN_FULL, NULL, 0, &s->run.plan);
	begin(s);
}

/* Take the dirty VIPs that are due. */
static struct keys take_due(struct lbsync *s)
{
	struct keys k = { 0 };
	mono_ns now = loop_clock();

	list_foreach (&s->dirty, n) {
		struct lbsync_vip *v = CONTAINER_OF(n, struct lbsync_vip, dirty);

		if (v->retry_at > now)
			continue;
		take_off_dirty(v);
		vec_push(&k, v->key);
	}
	sort_distinct(&k);
	return k;
}

void lbsync_run_dirty(struct lbsync *s)
{
	struct lbrun *run = &s->run;
	struct keys k;
	size_t n;

	lbsync_wait_take(s, /* full= */ false);
	k = take_due(s);
	run->scope = LBSYNC_VIP;
	run->only = k.v;
	run->n_only = k.n;
	for (size_t i = 0; i < k.n; i++) {
		struct lbsync_vip **v;

		if (i > 0 && prefix_cmp(&k.v[i - 1].prefix, &k.v[i].prefix) == 0)
			continue;
		v = lbsync_find_prefix(s, &k.v[i].prefix, &n);
		for (size_t p = 0; p < n; p++)
			desire(s, v[p]);
	}
	plan_state_sort(&run->desired);
	plan_build(&run->desired, &s->mirror.vips, PLAN_ONLY, k.v, k.n, &run->plan);
	begin(s);
}
