/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/fleet.c - what happens to backends.
 *
 * Everything that can change a backend (a probe's outcome, an operator, a reload) ends in
 * fleet_transition, which is the only place that records, reports and passes on a change of state:
 * history, log, observer, then each frontend that has it. The decisions themselves are core/'s.
 *
 * Generations come from one counter for the whole fleet and are never used twice, so that a result
 * under way when its target was changed, stopped, or its number handed to another backend, is
 * recognised as old. */
#include "maglevd/fleet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "loop/loop.h"

/* ---- the container */

static int by_backend_name(const void *a, const void *b)
{
	return strcmp((*(struct backend *const *)a)->name, (*(struct backend *const *)b)->name);
}

static int by_frontend_name(const void *a, const void *b)
{
	return strcmp((*(struct frontend *const *)a)->name, (*(struct frontend *const *)b)->name);
}

void fleet_resort(struct fleet *f)
{
	size_t n = 0, it = 0;

	f->layout++;
	f->sorted = xreallocarray(f->sorted, f->backends.n, sizeof(struct backend *));
	for (struct backend *b; (b = map_next(&f->backends, &it));)
		f->sorted[n++] = b;
	qsort(f->sorted, n, sizeof(struct backend *), by_backend_name);

	n = it = 0;
	f->frontends_sorted = xreallocarray(f->frontends_sorted, f->frontends.n,
					    sizeof(struct frontend *));
	for (struct frontend *fe; (fe = map_next(&f->frontends, &it));)
		f->frontends_sorted[n++] = fe;
	qsort(f->frontends_sorted, n, sizeof(struct frontend *), by_frontend_name);
}

struct fleet *fleet_new(struct config *config)
{
	struct fleet *f = XNEW(struct fleet);

	f->config = config;
	for (size_t i = 0; i < config->n_backends; i++)
		fleet_backend_add(f, &config->backends[i]);
	for (size_t i = 0; i < config->n_frontends; i++)
		fleet_frontend_add(f, &config->frontends[i]);
	fleet_resort(f);
	return f;
}

dur_ns fleet_spread_span(const struct backend *b)
{
	return b->conf->check ? b->conf->check->fast_interval : 0;
}

void fleet_start(struct fleet *f, mono_ns now)
{
	size_t n = f->backends.n;

	for (size_t i = 0; i < n; i++) {
		struct backend *b = f->sorted[i];

		if (health_probed(b->health.state))
			fleet_probe_start(f, b, cadence_spread(now, fleet_spread_span(b), i, n));
	}
	for (size_t i = 0; f->lbsync && i < f->frontends.n; i++)
		lbsync_add(f->lbsync, &f->frontends_sorted[i]->sync);
}

static void backend_free(struct backend *b)
{
	for (size_t i = 0; i < b->history.n; i++)
		free(b->history.v[i].detail);
	vec_done(&b->history);
	vec_done(&b->in);
	free(b->last.detail);
	free(b->name);
	free(b);
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->frontends.n; i++) {
		free(f->frontends_sorted[i]->members);
		free(f->frontends_sorted[i]->by_addr);
		free(f->frontends_sorted[i]->name);
		free(f->frontends_sorted[i]);
	}
	for (size_t i = 0; i < f->backends.n; i++)
		backend_free(f->sorted[i]);
	free(f->sorted);
	free(f->frontends_sorted);
	map_done(&f->backends);
	map_done(&f->frontends);
	vec_done(&f->slots);
	vec_done(&f->free_ids);
	vec_done(&f->scratch_members);
	vec_done(&f->scratch_verdicts);
	config_free(f->config);
	free(f);
}

struct backend *fleet_backend(const struct fleet *f, const char *name)
{
	return map_get_z(&f->backends, name);
}

struct frontend *fleet_frontend(const struct fleet *f, const char *name)
{
	return map_get_z(&f->frontends, name);
}

size_t fleet_n_probed(const struct fleet *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->config->n_backends; i++)
		n += f->config->backends[i].check != NULL;
	return n;
}

struct backend *fleet_backend_add(struct fleet *f, const struct backend_conf *conf)
{
	struct backend *b = XNEW(struct backend);

	b->name = xstrdup(conf->name);
	b->conf = conf;
	b->enabled = conf->enabled;
	b->since = loop_wall();

	const struct health_params p = backend_params(b);

	health_init(&b->health, &p, conf->enabled);
	if (f->free_ids.n) {
		b->id = f->free_ids.v[--f->free_ids.n];
		f->slots.v[b->id] = b;
	} else {
		b->id = (uint32_t)f->slots.n;
		vec_push(&f->slots, b);
	}
	b->generation = ++f->next_generation;
	(void)map_put_z(&f->backends, b->name, b);
	return b;
}

void fleet_backend_remove(struct fleet *f, struct backend *b)
{
	assert(b->in.n == 0); /* its frontends were rebuilt or removed before */
	fleet_probe_stop(f, b);
	f->slots.v[b->id] = NULL;
	vec_push(&f->free_ids, b->id);
	(void)map_del_z(&f->backends, b->name);
	backend_free(b);
}

const char *backend_type_name(const struct backend *b)
{
	return b->conf->check ? hc_type_name(b->conf->check->type) : "static";
}

/* ---- probing */

void fleet_probe_start(struct fleet *f, struct backend *b, mono_ns first)
{
	const struct health_params p = backend_params(b);

	b->generation = ++f->next_generation;
	b->pace = cadence_pace(&b->health, &p);
	if (!f->engine)
		return;

	const struct probe_target t = { .id = b->id,
					.generation = b->generation,
					.addr = b->conf->addr,
					.check = b->conf->check,
					.pace = b->pace,
					.first_start = first };

	probe_engine_put(f->engine, &t);
}

void fleet_probe_stop(struct fleet *f, struct backend *b)
{
	b->generation = ++f->next_generation;
	if (f->engine)
		probe_engine_remove(f->engine, b->id);
}

static void update_pace(struct fleet *f, struct backend *b)
{
	const struct health_params p = backend_params(b);
	enum pace pace = cadence_pace(&b->health, &p);

	if (pace == b->pace)
		return;
	b->pace = pace;
	if (f->engine)
		probe_engine_pace(f->engine, b->id, b->generation, pace);
}

/* ---- transitions */

/* Failures mostly repeat the same words; keep the old copy then. */
static void set_detail(char **detail, const char *text)
{
	if (*detail && strcmp(*detail, text) == 0)
		return;
	free(*detail);
	*detail = *text ? xstrdup(text) : NULL;
}

static const struct transition *history_push(struct fleet *f, struct backend *b,
					     const struct transition *t)
{
	size_t limit = (size_t)f->config->transition_history;
	struct transition *slot;

	if (b->history.n < limit) {
		if (b->history.n == b->history.cap)
			vec_fit(&b->history, MIN(MAX(2 * b->history.n, 1), limit));
		vec_push(&b->history, *t);
		return &b->history.v[b->history.n - 1];
	}
	slot = &b->history.v[b->history_next];
	b->history_next = (b->history_next + 1) % limit;
	free(slot->detail);
	*slot = *t;
	return slot;
}

const struct transition *backend_history(const struct backend *b, size_t i)
{
	size_t n = b->history.n;

	if (i >= n)
		return NULL;
	/* While the ring is not full the oldest stands at 0 and history_next is 0, too. */
	return &b->history.v[(b->history_next + n - 1 - i) % n];
}

void backend_history_trim(struct backend *b, size_t limit)
{
	VEC(struct transition) kept = { 0 };
	size_t n = MIN(b->history.n, limit);

	for (size_t i = n; i-- > 0;) /* oldest first */
		vec_push(&kept, *backend_history(b, i));
	for (size_t i = n; i < b->history.n; i++)
		free(backend_history(b, i)->detail);
	free(b->history.v);
	b->history.v = kept.v;
	b->history.n = kept.n;
	b->history.cap = kept.cap;
	b->history_next = 0;
}

static bool is_flushing(const struct frontend *fe, const struct health_change *c)
{
	if (c->to == HEALTH_DISABLED)
		return true;
	return c->to == HEALTH_DOWN && c->from != HEALTH_UNKNOWN && fe->conf->flush_on_down;
}

static void tell_frontend(struct fleet *f, const struct membership *in,
			  const struct health_change *c)
{
	struct member *m = &in->frontend->members[in->member];
	bool lost = c->from == HEALTH_UP && c->to == HEALTH_DOWN && m->verdict.weight > 0;

	if (is_flushing(in->frontend, c))
		m->flush_health = true;
	else if (c->to == HEALTH_UP || c->to == HEALTH_UNKNOWN)
		m->flush_health = false; /* it was never sent, and is no longer wanted */
	fleet_evaluate(f, in->frontend, lost ? SYNC_URGENT : SYNC_NOW);
}

void fleet_transition(struct fleet *f, struct backend *b, const struct health_change *c,
		      enum code code, const char *detail)
{
	if (!c->changed)
		return;

	const struct transition t = { .from = c->from,
				      .to = c->to,
				      .code = code,
				      .detail = *detail ? xstrdup(detail) : NULL,
				      .at = loop_wall() };
	const struct transition *kept = history_push(f, b, &t);

	b->since = t.at;
	counters_transition(&b->counters, c->from, c->to);
	log_info("backend-transition", L_STR("backend", b->name), L_ADDR("address", &b->conf->addr),
		 L_STR("from", health_state_name(c->from)), L_STR("to", health_state_name(c->to)),
		 L_STR("code", code_name(code)), L_STR("detail", detail));
	if (f->observer.backend)
		f->observer.backend(f->observer.ctx, b, kept);
	for (size_t i = 0; i < b->in.n; i++)
		tell_frontend(f, &b->in.v[i], c);
}

static void remember_probe(struct backend *b, const struct probe_result *r)
{
	b->last.any = true;
	b->last.code = r->code;
	b->last.at = r->at;
	b->last.duration = r->duration;
	set_detail(&b->last.detail, r->detail);
	if (r->cert_not_after)
		b->cert_not_after = r->cert_not_after;
}

static void warn_inconclusive(struct fleet *f, const struct backend *b,
			      const struct probe_result *r, mono_ns now)
{
	uint64_t suppressed;

	if (warn_limit_pass(&f->inconclusive, r->detail, now, &suppressed))
		log_warn("probe-inconclusive", L_STR("backend", b->name),
			 L_STR("type", backend_type_name(b)), L_STR("code", code_name(r->code)),
			 L_STR("detail", r->detail), L_UINT("suppressed", suppressed));
}

/* The backend of a result, NULL when it is none of the present ones' or of an older probing. */
static struct backend *backend_of(const struct fleet *f, const struct probe_result *r)
{
	struct backend *b = r->id < f->slots.n ? f->slots.v[r->id] : NULL;

	return b && b->generation == r->generation ? b : NULL;
}

static void take_result(struct fleet *f, const struct probe_result *r, mono_ns now)
{
	struct backend *b = backend_of(f, r);

	if (!b)
		return;
	if (r->started_only) {
		log_debug("probe-start", L_STR("backend", b->name),
			  L_STR("type", backend_type_name(b)));
		return;
	}

	enum outcome outcome = code_outcome(r->code);
	const struct health_params p = backend_params(b);

	log_debug("probe-done", L_STR("backend", b->name), L_STR("type", backend_type_name(b)),
		  L_STR("outcome", outcome_name(outcome)), L_STR("code", code_name(r->code)),
		  L_STR("detail", r->detail), L_INT("duration_ns", r->duration));
	remember_probe(b, r);

	bool ignored = outcome == OUTCOME_FAIL && !doubt_believes(&f->doubt, r->started);

	counters_probe(&b->counters, r->code, ignored ? OUTCOME_INCONCLUSIVE : outcome,
		       r->duration);
	if (outcome == OUTCOME_INCONCLUSIVE) {
		warn_inconclusive(f, b, r, now);
		return;
	}
	if (ignored) {
		f->failures_ignored++;
		return;
	}
	b->judged = true;

	const struct health_change c = health_step(&b->health, &p, outcome);

	update_pace(f, b);
	fleet_transition(f, b, &c, r->code, r->detail);
}

/* ---- doubt about ourselves */

static dur_ns interval_of(const struct backend *b)
{
	const struct healthcheck *c = b->conf->check;

	switch (b->pace) {
	case PACE_NORMAL:
		return c->interval;
	case PACE_DOWN:
		return c->down_interval;
	case PACE_FAST:
	case PACE_N:
		break;
	}
	return c->fast_interval;
}

/* What a probe says about us: nothing when it has only begun, or never leaves the process. */
static void count_result(struct fleet *f, const struct probe_result *r, mono_ns now)
{
	const struct backend *b = backend_of(f, r);
	enum doubt_kind kind = DOUBT_GOOD;

	if (!b || r->started_only || !b->conf->check)
		return;
	counters_lateness(&f->lateness, r->lateness);
	if (code_outcome(r->code) == OUTCOME_INCONCLUSIVE)
		kind = b->judged ? DOUBT_LOCAL : DOUBT_NEVER;
	else if (r->lateness > doubt_late_limit(interval_of(b)))
		kind = DOUBT_LATE;
	doubt_count(&f->doubt, now, kind);
}

static void doubt_begins(struct fleet *f, const struct doubt_counts *c, mono_ns now)
{
	f->degraded_since = now;
	f->ignored_before = f->failures_ignored;
	log_warn("checker-degraded", L_UINT("late", c->n[DOUBT_LATE]),
		 L_UINT("local", c->n[DOUBT_LOCAL] + c->n[DOUBT_NEVER]),
		 L_UINT("good", c->n[DOUBT_GOOD]),
		 L_STR("detail", "most of our probes start late or end in our own trouble: "
				 "failures are not counted until that is over"));
}

static void doubt_ends(struct fleet *f, const struct doubt_counts *c, mono_ns now)
{
	log_info("checker-recovered", L_UINT("late", c->n[DOUBT_LATE]),
		 L_UINT("local", c->n[DOUBT_LOCAL] + c->n[DOUBT_NEVER]),
		 L_UINT("good", c->n[DOUBT_GOOD]), L_INT("duration_ns", now - f->degraded_since),
		 L_UINT("failures_ignored", f->failures_ignored - f->ignored_before));
}

void fleet_tick(struct fleet *f, mono_ns now)
{
	struct doubt_counts c;

	switch (doubt_step(&f->doubt, now, &c)) {
	case DOUBT_DEGRADED:
		doubt_begins(f, &c, now);
		break;
	case DOUBT_RECOVERED:
		doubt_ends(f, &c, now);
		break;
	case DOUBT_SAME:
		break;
	}
}

/* The backends of a batch lie anywhere in memory: fetch what the results touch all at once, rather
 * than wait for one after another. */
static void fetch_backends(const struct fleet *f, const struct probe_result *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].id < f->slots.n)
			__builtin_prefetch(f->slots.v[r[i].id]);
	for (size_t i = 0; i < n; i++) {
		const struct backend *b = backend_of(f, &r[i]);

		if (!b)
			continue;
		__builtin_prefetch(b->conf);
		__builtin_prefetch(&b->last, 1);
		__builtin_prefetch(b->last.detail);
		__builtin_prefetch(&b->counters.probes[r[i].code], 1);
		__builtin_prefetch(&b->counters.duration_ns, 1);
	}
}

void fleet_results(struct fleet *f, const struct probe_result *r, size_t n, mono_ns now)
{
	fetch_backends(f, r, n);
	for (size_t i = 0; i < n; i++)
		count_result(f, &r[i], now);
	fleet_tick(f, now);
	for (size_t i = 0; i < n; i++)
		take_result(f, &r[i], now);
}

/* ---- operators */

static enum code action_code(enum health_action a)
{
	static const enum code codes[ACTION_N] = {
		[ACTION_PAUSE] = CODE_PAUSED,     [ACTION_RESUME] = CODE_RESUMED,
		[ACTION_DISABLE] = CODE_DISABLED, [ACTION_ENABLE] = CODE_ENABLED,
		[ACTION_REMOVE] = CODE_REMOVED,
	};

	return codes[a];
}

int fleet_act(struct fleet *f, struct backend *b, enum health_action a, mono_ns now, struct err *e)
{
	const struct health_params p = backend_params(b);
	struct health_change c;

	if (health_act(&b->health, &p, a, &c) < 0)
		return err_set(e, -EPERM, "backend \"%s\" is %s", b->name,
			       health_state_name(b->health.state));
	if (a == ACTION_DISABLE || a == ACTION_ENABLE)
		b->enabled = a == ACTION_ENABLE;
	if (!c.changed)
		return 0;
	if (health_probed(c.to))
		fleet_probe_start(f, b, now);
	else
		fleet_probe_stop(f, b);
	fleet_transition(f, b, &c, action_code(a), "");
	return 0;
}
