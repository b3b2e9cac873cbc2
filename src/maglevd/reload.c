/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/reload.c - the order in which a new configuration takes effect:
 *
 *   new backends exist -> frontends are made anew (so that vanished backends are in none)
 *   -> vanished backends are reported and leave -> what changed about the others -> sync
 *
 * Until the end the old configuration is alive, because what is being replaced still points to it.
 */
#include "maglevd/reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/diff.h"
#include "loop/loop.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* What its probes are counted as; -1: static. */
static int probe_kind(const struct backend_conf *c)
{
	return c->check ? (int)c->check->type : -1;
}

static void enter_backends(struct fleet *f, const struct config_delta *d)
{
	for (size_t i = 0; i < d->n_backends; i++) {
		const struct backend_delta *bd = &d->backends[i];

		if (bd->new_index < 0)
			continue;

		const struct backend_conf *conf = &f->config->backends[bd->new_index];
		struct backend *b = fleet_backend(f, conf->name);

		if (!b) {
			(void)fleet_backend_add(f, conf);
			continue;
		}
		if (probe_kind(b->conf) != probe_kind(conf))
			counters_probe_clear(&b->counters);
		b->conf = conf;
	}
}

static bool same_key(const struct frontend *fe, const struct frontend_conf *conf)
{
	return addr_eq(&fe->sync.key.prefix.addr, &conf->addr) &&
	       fe->sync.key.proto == conf->proto && fe->sync.key.port == conf->port;
}

/* A frontend that moved to another VIP is another frontend to VPP. */
static void drop_frontends(struct fleet *f)
{
	size_t it = 0;

	for (struct frontend *fe; (fe = map_next(&f->frontends, &it));) {
		long i = config_find_frontend(f->config, fe->name);

		if (i < 0 || !same_key(fe, &f->config->frontends[i]))
			fleet_frontend_remove(f, fe);
	}
}

static void enter_frontends(struct fleet *f)
{
	for (size_t i = 0; i < f->config->n_frontends; i++) {
		const struct frontend_conf *conf = &f->config->frontends[i];
		struct frontend *fe = fleet_frontend(f, conf->name);

		if (fe) {
			fleet_frontend_rebuild(f, fe, conf);
			continue;
		}
		fe = fleet_frontend_add(f, conf);
		if (f->lbsync)
			lbsync_add(f->lbsync, &fe->sync);
	}
}

static void remove_backends(struct fleet *f, const struct config *old, const struct config_delta *d)
{
	for (size_t i = 0; i < d->n_backends; i++) {
		if (d->backends[i].change != BACKEND_REMOVED)
			continue;

		struct backend *b = fleet_backend(f, old->backends[d->backends[i].old_index].name);
		const struct health_params p = backend_params(b);
		struct health_change c;

		if (health_act(&b->health, &p, ACTION_REMOVE, &c) == 0)
			fleet_transition(f, b, &c, CODE_REMOVED, "");
		fleet_backend_remove(f, b);
	}
}

/* Another check, same server: whatever it was it stays until the next probe, which goes out at once
 * and decides. */
static void recheck(struct fleet *f, struct backend *b, mono_ns now)
{
	const struct health_params p = backend_params(b);

	health_recheck(&b->health, &p);
	if (!b->conf->check || (b->conf->check->type != HC_HTTPS && !b->conf->check->ssl))
		b->cert_not_after = 0;
	if (health_probed(b->health.state))
		fleet_probe_start(f, b, now);
}

/* Probe a backend that is unknown. A static one needs no probe to be up, and is at once: were its
 * pass left to a probe thread, the sync of this reload would find it unknown, and a VIP whose
 * servers all move would lose the old ones before the new ones have weight. Flows that come while
 * its table is empty stay without a server for as long as they live. */
static void start_unknown(struct fleet *f, struct backend *b, mono_ns first, mono_ns now)
{
	struct probe_result r = { .id = b->id,
				  .generation = b->generation,
				  .code = CODE_STATIC,
				  .detail = "no health check",
				  .at = loop_wall(),
				  .started = now };

	if (!health_probed(b->health.state))
		return;
	if (!b->conf->check) {
		fleet_results(f, &r, 1, now);
		first = now + PROBE_STATIC_INTERVAL;
	}
	fleet_probe_start(f, b, first);
}

/* Another server under the same name: nothing that was known of the old one holds. */
static void readdress(struct fleet *f, struct backend *b, mono_ns now)
{
	const struct health_params p = backend_params(b);
	const struct health_change c = health_restart(&b->health, &p);

	b->judged = false;
	b->cert_not_after = 0;
	free(b->last.detail);
	memset(&b->last, 0, sizeof(b->last));
	fleet_transition(f, b, &c, CODE_RELOAD, "address changed");
	start_unknown(f, b, now, now);
}

static void change_backend(struct fleet *f, struct backend *b, const struct backend_delta *d,
			   mono_ns now)
{
	if (d->change == BACKEND_RECHECKED)
		recheck(f, b, now);
	else if (d->change == BACKEND_READDRESSED)
		readdress(f, b, now);
	if (d->enabled_changed)
		(void)fleet_act(f, b, b->conf->enabled ? ACTION_ENABLE : ACTION_DISABLE, now,
				/* e= */ NULL);
}

static void change_backends(struct fleet *f, const struct config_delta *d, mono_ns now)
{
	size_t n_added = 0;

	for (size_t i = 0; i < d->n_backends; i++) {
		const struct backend_delta *bd = &d->backends[i];

		if (bd->new_index < 0)
			continue;

		struct backend *b = fleet_backend(f, f->config->backends[bd->new_index].name);

		if (bd->change != BACKEND_ADDED)
			change_backend(f, b, bd, now);
		else
			start_unknown(
				f, b,
				cadence_spread(now, fleet_spread_span(b), n_added++, d->n_added),
				now);
	}
}

static void trim_histories(struct fleet *f)
{
	for (size_t i = 0; i < f->backends.n; i++)
		backend_history_trim(f->backends_sorted[i], (size_t)f->config->transition_history);
}

static void apply_rest(struct fleet *f, const struct config *old)
{
	if (f->engine && !same_text(f->config->netns, old->netns))
		probe_engine_set_netns(f->engine, f->config->netns);
	for (size_t i = 0; i < f->frontends.n; i++)
		fleet_evaluate(f, f->frontends_sorted[i], SYNC_LATER);
}

struct reload_counts reload_apply(struct fleet *f, struct config *config, mono_ns now)
{
	struct config *old = f->config;
	struct config_delta d = { 0 };
	struct reload_counts counts;

	config_diff(old, config, &d);
	f->config = config;
	enter_backends(f, &d);
	drop_frontends(f);
	enter_frontends(f);
	remove_backends(f, old, &d);
	fleet_resort(f);
	/* A ring of the old length cannot be written to by the new one. */
	if (f->config->transition_history != old->transition_history)
		trim_histories(f);
	change_backends(f, &d, now);
	apply_rest(f, old);
	if (f->lbsync)
		lbsync_reloaded(f->lbsync);
	counts = (struct reload_counts){
		.added = d.n_added, .removed = d.n_removed, .changed = d.n_changed, .kept = d.n_kept
	};
	config_delta_done(&d);
	config_free(old);
	return counts;
}
