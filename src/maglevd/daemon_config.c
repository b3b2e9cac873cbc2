/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/daemon_config.c - the configuration file: read at the start; checked and put in force
 * while running.
 *
 * The loader's thread reads and checks; what it made is put in force here, on the main loop, by
 * reload.c and those who have to know. Whatever fails on the way leaves all as it was. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "config/recreate.h"
#include "maglevd/daemon.h"
#include "maglevd/descriptors.h"
#include "maglevd/events.h"
#include "maglevd/notify.h"
#include "maglevd/reload.h"

/* ---- its records */

static void log_report(const struct config_report *rep, enum config_class class)
{
	if (class == CONFIG_PARSE_ERROR)
		log_error("config-error", L_STR("class", "parse"),
			  L_STR("detail", rep->parse_error));
	for (size_t i = 0; i < rep->n_semantic; i++)
		log_error("config-error", L_STR("class", "semantic"),
			  L_STR("detail", rep->semantic[i]));
	for (size_t i = 0; i < rep->n_warnings; i++)
		log_warn("config-warning", L_STR("detail", rep->warnings[i]));
}

static const char *class_name(enum config_class class)
{
	static const char *const names[] = { "ok", "parse error", "semantic error" };

	return names[class];
}

static void check_begins(const struct options *o)
{
	log_info("config-check-start", L_STR("file", o->config));
}

static void check_ends(const struct options *o, enum config_class class,
		       const struct config_report *rep)
{
	log_report(rep, class);
	log_at(class == CONFIG_OK ? LVL_INFO : LVL_ERROR, "config-check-done",
	       L_STR("file", o->config), L_STR("result", class_name(class)),
	       L_UINT("errors", rep->n_semantic + rep->n_suppressed + (rep->parse_error != NULL)),
	       L_UINT("warnings", rep->n_warnings));
}

enum config_class daemon_load(const struct options *o, struct config **ret,
			      struct config_report *rep)
{
	enum config_class class;

	check_begins(o);
	class = config_load(o->config, ret, rep);
	check_ends(o, class, rep);
	return class;
}

/* ---- while running */

/* A check or reload under way. */
struct job {
	struct daemon *daemon;
	loader_fn *done;
	void *ctx;
};

static void job_end(struct job *j, struct loaded *l)
{
	if (j->done)
		j->done(j->ctx, l);
	free(j);
}

static int job_start(const struct job *j, loader_fn *loaded, struct err *e)
{
	struct job *copy = xmemdup(j, sizeof(*j));
	int r = loader_load(j->daemon->loader, j->daemon->options->config, loaded, copy, e);

	if (r < 0)
		free(copy);
	else
		check_begins(j->daemon->options);
	return r;
}

static void put_in_force(struct daemon *d, struct config *config)
{
	mono_ns begin = loop_now_fresh(d->loop);
	struct reload_counts n = reload_apply(d->fleet, config, begin);

	events_reloaded(d->events);
	descriptors_reserve(fleet_n_probed(d->fleet), (int)d->options->probe_threads);
	d->reloads.good++;
	d->reloads.good_at = loop_wall();
	log_info("config-reload-done", L_STR("result", "ok"), L_UINT("added", n.added),
		 L_UINT("removed", n.removed), L_UINT("changed", n.changed), L_UINT("kept", n.kept),
		 L_INT("held_ns", loop_clock() - begin));
}

static void warn_recreated(const struct daemon *d, struct loaded *l)
{
	if (l->class == CONFIG_OK && d->lbsync)
		config_warn_recreated(d->fleet->config, l->config, &l->report);
}

static void on_checked(void *ctx, struct loaded *l)
{
	struct job *j = ctx;

	if (l) {
		warn_recreated(j->daemon, l);
		check_ends(j->daemon->options, l->class, &l->report);
	}
	job_end(j, l);
}

/* Stopping leaves VPP as it is, so nothing new is put in force then. */
static void on_reloaded(void *ctx, struct loaded *l)
{
	struct job *j = ctx;
	struct daemon *d = j->daemon;

	if (!l || d->stopping) {
		job_end(j, NULL);
		return;
	}
	warn_recreated(d, l);
	check_ends(d->options, l->class, &l->report);
	if (l->class == CONFIG_OK) {
		put_in_force(d, l->config);
		l->config = NULL;
	} else {
		d->reloads.bad++;
		log_error("config-reload-done", L_STR("result", class_name(l->class)),
			  L_STR("detail", "the running configuration stays"));
	}
	notify_ready();
	notify_status(d->fleet, d->lbsync);
	job_end(j, l);
}

int daemon_check(struct daemon *d, loader_fn *done, void *ctx, struct err *e)
{
	return job_start(&(struct job){ .daemon = d, .done = done, .ctx = ctx }, on_checked, e);
}

int daemon_reload(struct daemon *d, loader_fn *done, void *ctx, struct err *e)
{
	const struct job j = { .daemon = d, .done = done, .ctx = ctx };

	log_info("config-reload-start", L_STR("file", d->options->config));
	notify_reloading(loop_clock());
	if (job_start(&j, on_reloaded, e) == 0)
		return 0;
	d->reloads.bad++;
	log_error("config-reload-done", L_STR("result", "refused"), L_STR("detail", e->msg));
	notify_ready();
	return e->code;
}

/* ---- SIGHUP */

static void on_hup_done(void *ctx, struct loaded *l)
{
	struct daemon *d = ctx;

	d->hup_loading = false;
	if (l && d->hup_again)
		daemon_hup(d);
}

void daemon_hup(struct daemon *d)
{
	struct err e;

	d->hup_again = d->hup_loading;
	if (d->hup_loading)
		return;
	d->hup_loading = daemon_reload(d, on_hup_done, d, &e) == 0;
}
