/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/backend.c - what happens to backends: their probing, their transitions and what follows,
 * what operators ask for.
 *
 * Everything that can change a backend (a probe's outcome, an operator, a reload) ends in
 * fleet_transition, which is the only place that records, reports and passes on a change of state:
 * history, log, observer, then each frontend that has it. The decisions themselves are core/'s.
 *
 * Generations come from one counter for the whole fleet and are never used twice, so that a result
 * under way when its target was changed, stopped, or its number handed to another backend, is
 * recognised as old. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "loop/loop.h"
#include "maglevd/fleet.h"

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

void backend_free(struct backend *b)
{
	for (size_t i = 0; i < b->history.n; i++)
		free(b->history.v[i].detail);
	vec_done(&b->history);
	vec_done(&b->in);
	free(b->last.detail);
	free(b->name);
	free(b);
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

dur_ns fleet_spread_span(const struct backend *b)
{
	return b->conf->check ? b->conf->check->fast_interval : 0;
}

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

/* ---- transitions */

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
