/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/results.c - what the results of probes say, of backends and of ourselves.
 *
 * A batch is counted for and against ourselves first (core/doubt.h): while most of our own probes
 * start late or end in trouble of ours, failures are remembered and counted, and change nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "maglevd/fleet.h"

/* The backend of a result, NULL when it is none of the present ones' or of an older probing. */
static struct backend *backend_of(const struct fleet *f, const struct probe_result *r)
{
	struct backend *b = r->id < f->slots.n ? f->slots.v[r->id] : NULL;

	return b && b->generation == r->generation ? b : NULL;
}

/* ---- of a backend */

/* Failures mostly repeat the same words; keep the old copy then. */
static void set_detail(char **detail, const char *text)
{
	if (*detail && strcmp(*detail, text) == 0)
		return;
	free(*detail);
	*detail = *text ? xstrdup(text) : NULL;
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

/* ---- of ourselves */

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

/* ---- a batch */

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
