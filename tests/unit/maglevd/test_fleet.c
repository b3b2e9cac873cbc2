/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the fleet when things happen: results, operators, reloads. The engine and lbsync
 * are fakes that write down what they are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "config/config.h"
#include "fakes.h"
#include "maglevd/desired.h"
#include "maglevd/fleet.h"
#include "maglevd/reload.h"

/* Never dereferenced by the fakes. */
#define ENGINE ((struct probe_engine *)(uintptr_t)16)
#define LBSYNC ((struct lbsync *)(uintptr_t)16)

#define HEAD                                                                                       \
	"maglev:\n"                                                                                \
	"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"
#define WEB_CHECK                                                                                  \
	"  healthchecks:\n"                                                                        \
	"    web: { type: http, port: 80, interval: 2s, fast-interval: 500ms, rise: 2, fall: 3 "   \
	"}\n"

static const char base_yaml[] = HEAD WEB_CHECK
	"  backends:\n"
	"    a: { address: 198.51.100.10, healthcheck: web }\n"
	"    b: { address: 198.51.100.9, healthcheck: web }\n"
	"    c: { address: 198.51.100.12, healthcheck: web }\n"
	"    sorry: { address: 198.51.100.99 }\n"
	"  frontends:\n"
	"    www:\n"
	"      address: 203.0.113.80\n"
	"      protocol: tcp\n"
	"      port: 80\n"
	"      pools:\n"
	"        - { name: primary, backends: { a: {}, b: { weight: 50 } } }\n"
	"        - { name: fallback, backends: { c: {} } }\n";

static struct config *load(const char *text)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;
	enum config_class class = config_load_text("test.yaml", text, strlen(text), &c, &rep);

	if (class != CONFIG_OK)
		fail_msg("%s", rep.parse_error ? rep.parse_error : rep.semantic[0]);
	config_report_done(&rep);
	return c;
}

static struct fleet *fleet_of(const char *text)
{
	struct fleet *f = fleet_new(load(text));

	f->engine = ENGINE;
	f->lbsync = LBSYNC;
	fakes_clear();
	fleet_start(f, 1000);
	return f;
}

static void end(struct fleet *f)
{
	fleet_free(f);
	fakes_done();
}

static void result(struct fleet *f, const char *name, enum code code)
{
	const struct backend *b = fleet_backend(f, name);
	struct probe_result r = { .id = b->id, .generation = b->generation, .code = code };

	(void)strcpy(r.detail, code == CODE_L7OK ? "" : "detail");
	fleet_results(f, &r, 1, 0);
}

static void results(struct fleet *f, const char *name, enum code code, int n)
{
	while (n--)
		result(f, name, code);
}

static enum health_state state(struct fleet *f, const char *name)
{
	return fleet_backend(f, name)->health.state;
}

static const struct member *member(struct fleet *f, const char *fe, const char *name)
{
	const struct frontend *x = fleet_frontend(f, fe);

	for (size_t i = 0; i < x->n_members; i++)
		if (strcmp(x->members[i].backend->name, name) == 0)
			return &x->members[i];
	return NULL;
}

static int weight(struct fleet *f, const char *fe, const char *name)
{
	return member(f, fe, name)->verdict.weight;
}

/* The wish for one AS, as lbsync would hear it. */
static struct plan_as wish(struct fleet *f, const char *fe, const char *name)
{
	struct lbsync_source s = desired_source(f);
	struct plan_as found = { 0 };
	struct plan_vip v;

	s.desired(s.ctx, &fleet_frontend(f, fe)->sync, &v);
	for (size_t i = 0; i < v.n_as; i++)
		if (addr_eq(&v.as[i].addr, &fleet_backend(f, name)->conf->addr))
			found = v.as[i];
	plan_vip_done(&v);
	assert_int_not_equal(found.addr.family, ADDR_NONE);
	return found;
}

static void all_up(struct fleet *f)
{
	result(f, "a", CODE_L7OK);
	result(f, "b", CODE_L7OK);
	result(f, "c", CODE_L7OK);
}

/* ---- start */

static void start_puts_everything_once(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);

	assert_int_equal(fakes_count(FAKE_PUT), 4);
	assert_int_equal(fakes.n_added, 1);
	assert_int_equal(fleet_n_probed(f), 3);
	/* Spread over the fast interval in name order; a static backend at once. */
	assert_int_equal(fakes.engine.v[0].target.first_start, 1000);
	assert_int_equal(fakes.engine.v[1].target.first_start, 1000 + 125 * NS_PER_MS);
	assert_int_equal(fakes.engine.v[2].target.first_start, 1000 + 250 * NS_PER_MS);
	assert_null(fakes.engine.v[3].target.check);
	assert_int_equal(fakes.engine.v[3].target.first_start, 1000);
	assert_int_equal(fleet_frontend(f, "www")->state, FRONTEND_UNKNOWN);
	end(f);
}

static void disabled_from_the_file_is_not_probed(void **state_)
{
	struct fleet *f = fleet_of(
		HEAD WEB_CHECK
		"  backends:\n"
		"    a: { address: 198.51.100.10, healthcheck: web, enabled: false }\n");

	assert_int_equal(fakes_count(FAKE_PUT), 0);
	assert_int_equal(state(f, "a"), HEALTH_DISABLED);
	assert_false(fleet_backend(f, "a")->enabled);
	end(f);
}

/* ---- results */

static void first_verdict_decides_and_is_passed_on(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);

	fakes_clear();
	result(f, "a", CODE_L7OK);
	assert_int_equal(state(f, "a"), HEALTH_UP);
	assert_int_equal(weight(f, "www", "a"), 100);
	assert_int_equal(fleet_frontend(f, "www")->state, FRONTEND_UP);
	assert_int_equal(fakes.changed.n, 1);
	assert_int_equal(fakes_count(FAKE_PACE), 1);
	assert_int_equal(fakes.engine.v[0].target.pace, PACE_NORMAL);

	const struct transition *t = backend_history(fleet_backend(f, "a"), 0);

	assert_int_equal(t->from, HEALTH_UNKNOWN);
	assert_int_equal(t->to, HEALTH_UP);
	assert_int_equal(t->code, CODE_L7OK);
	assert_null(backend_history(fleet_backend(f, "a"), 1));

	/* Nothing new: nobody is told anything. */
	fakes_clear();
	results(f, "a", CODE_L7OK, 5);
	assert_int_equal(fakes.changed.n + fakes.engine.n, 0);
	end(f);
}

static void old_generation_is_dropped(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	const struct backend *b = fleet_backend(f, "a");
	struct probe_result r = { .id = b->id, .generation = b->generation, .code = CODE_L7OK };
	struct err e;

	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_PAUSE, 0, &e), 0);
	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_RESUME, 0, &e), 0);
	fleet_results(f, &r, 1, 0);
	assert_int_equal(state(f, "a"), HEALTH_UNKNOWN);
	r.id = 4711; /* no such target */
	fleet_results(f, &r, 1, 0);
	end(f);
}

static void inconclusive_moves_nothing(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);

	all_up(f);
	results(f, "a", CODE_L7TOUT, 2);

	int counter = fleet_backend(f, "a")->health.counter;

	fakes_clear();
	results(f, "a", CODE_LOCAL, 50);
	assert_int_equal(fleet_backend(f, "a")->health.counter, counter);
	assert_int_equal(state(f, "a"), HEALTH_UP);
	assert_int_equal(fakes.changed.n, 0);
	assert_int_equal(fleet_backend(f, "a")->last.code, CODE_LOCAL);
	end(f);
}

static void history_is_a_bounded_ring(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	const struct backend *b = fleet_backend(f, "a");

	for (int i = 0; i < 4; i++) {
		results(f, "a", CODE_L7OK, 2);
		results(f, "a", CODE_L7STS, 3);
	}
	assert_int_equal(b->history.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(backend_history(b, i)->to, i % 2 ? HEALTH_UP : HEALTH_DOWN);
	assert_null(backend_history(b, 5));
	assert_string_equal(backend_history(b, 0)->detail, "detail");
	end(f);
}

/* ---- doubt */

static struct probe_result late_result(struct fleet *f, const char *name, enum code code,
				       mono_ns started, dur_ns lateness)
{
	const struct backend *b = fleet_backend(f, name);

	return (struct probe_result){ .id = b->id,
				      .generation = b->generation,
				      .code = code,
				      .started = started,
				      .lateness = lateness };
}

/* Stopped for half a minute: everything starts late at once, and much of it fails. */
static void late_failures_are_not_counted(void **state_)
{
	const char *const names[] = { "a", "b", "c" };
	mono_ns now = 100 * NS_PER_S;
	struct probe_result r[12];
	struct fleet *f = fleet_of(base_yaml);

	all_up(f);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = late_result(f, names[i % 3], CODE_L4CON, now, 30 * NS_PER_S);
	fakes_clear();
	fleet_results(f, r, ARRAY_LEN(r), now);
	assert_true(fleet_degraded(f));
	assert_int_equal(f->failures_ignored, ARRAY_LEN(r));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(state(f, names[i]), HEALTH_UP);
		assert_int_equal(fleet_backend(f, names[i])->health.counter, 4);
	}
	assert_int_equal(fakes.changed.n + fakes.engine.n, 0);

	/* Good ones in time, until it has caught up. */
	for (int i = 0; i < 40; i++) {
		now += 100 * NS_PER_MS;
		r[0] = late_result(f, "a", CODE_L7OK, now, NS_PER_MS);
		fleet_results(f, r, 1, now);
		fleet_tick(f, now);
	}
	assert_false(fleet_degraded(f));

	/* A failure of a probe from before that is still not counted, one from now is. */
	r[0] = late_result(f, "b", CODE_L7TOUT, 101 * NS_PER_S, 0);
	fleet_results(f, r, 1, now);
	assert_int_equal(fleet_backend(f, "b")->health.counter, 4);
	r[0] = late_result(f, "b", CODE_L7TOUT, now, 0);
	fleet_results(f, r, 1, now);
	assert_int_equal(fleet_backend(f, "b")->health.counter, 3);
	end(f);
}

static void passes_count_in_doubt(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct probe_result r[12];

	result(f, "c", CODE_L7OK);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = late_result(f, "c", CODE_LOCAL, 0, 0);
	fleet_results(f, r, ARRAY_LEN(r), NS_PER_S);
	assert_true(fleet_degraded(f));
	r[0] = late_result(f, "a", CODE_L7OK, NS_PER_S, 0);
	fleet_results(f, r, 1, NS_PER_S);
	assert_int_equal(state(f, "a"), HEALTH_UP);
	/* and a first failure leaves a backend unknown, and unjudged */
	r[0] = late_result(f, "b", CODE_L4CON, NS_PER_S, 0);
	fleet_results(f, r, 1, NS_PER_S);
	assert_int_equal(state(f, "b"), HEALTH_UNKNOWN);
	assert_true(wish(f, "www", "b").keep);
	end(f);
}

/* Lateness is measured by the interval in force: 2 s when settled, 500 ms when not. */
static void late_goes_by_the_pace(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct probe_result r[12];

	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = late_result(f, "sorry", CODE_STATIC, 0, NS_PER_S);
	fleet_results(f, r, ARRAY_LEN(r), 0); /* never leaves the process: says nothing */
	all_up(f);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = late_result(f, "a", CODE_L7OK, 0, 500 * NS_PER_MS);
	fleet_results(f, r, ARRAY_LEN(r), 0);
	assert_false(fleet_degraded(f));
	result(f, "b", CODE_L4CON);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = late_result(f, "b", CODE_L4CON, NS_PER_S, 126 * NS_PER_MS);
	fleet_results(f, r, ARRAY_LEN(r), 3 * NS_PER_S);
	assert_true(fleet_degraded(f));
	end(f);
}

/* ---- failover and flush */

static void primary_dies_and_returns(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct frontend *fe = fleet_frontend(f, "www");

	all_up(f);
	assert_int_equal(weight(f, "www", "c"), 0); /* standby */
	fakes_clear();
	results(f, "a", CODE_L4CON, 3);
	assert_int_equal(fakes.n_urgent, 1);
	assert_int_equal(weight(f, "www", "c"), 0);
	results(f, "b", CODE_L4CON, 3);
	assert_int_equal(fe->active_pool, 1);
	assert_int_equal(weight(f, "www", "c"), 100);
	assert_int_equal(fe->state, FRONTEND_UP);

	results(f, "b", CODE_L7OK, 2);
	assert_int_equal(fe->active_pool, 0);
	assert_int_equal(weight(f, "www", "b"), 50);
	assert_int_equal(weight(f, "www", "c"), 0);
	assert_false(member(f, "www", "c")->verdict.flush); /* drained */
	assert_false(wish(f, "www", "c").flush_now);
	end(f);
}

static void flush_wishes(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct lbsync_source s = desired_source(f);
	struct frontend *fe = fleet_frontend(f, "www");
	struct err e;

	/* unknown -> down: lowering flushes, but there is nothing to flush by itself. */
	result(f, "a", CODE_L4CON);
	assert_false(wish(f, "www", "a").flush_now);
	assert_true(wish(f, "www", "a").flush_on_zero);
	assert_true(wish(f, "www", "a").dead);

	/* up -> down: once, until VPP acknowledges. */
	results(f, "a", CODE_L7OK, 2);
	assert_false(wish(f, "www", "a").flush_on_zero);
	results(f, "a", CODE_L4CON, 3);
	assert_true(wish(f, "www", "a").flush_now);
	s.flushed(s.ctx, &fe->sync, &fleet_backend(f, "a")->conf->addr);
	assert_false(wish(f, "www", "a").flush_now);

	/* A wish that was never carried out dies with its reason. */
	results(f, "a", CODE_L7OK, 2);
	results(f, "a", CODE_L4CON, 3);
	results(f, "a", CODE_L7OK, 2);
	assert_false(wish(f, "www", "a").flush_now);

	/* A drained standby that is disabled is flushed though its weight stays 0. */
	result(f, "b", CODE_L7OK);
	result(f, "c", CODE_L7OK);
	assert_int_equal(fleet_act(f, fleet_backend(f, "c"), ACTION_DISABLE, 0, &e), 0);
	assert_true(wish(f, "www", "c").flush_now);
	assert_int_equal(wish(f, "www", "c").weight, 0);

	/* Paused: drained. */
	assert_int_equal(fleet_act(f, fleet_backend(f, "b"), ACTION_PAUSE, 0, &e), 0);
	assert_false(wish(f, "www", "b").flush_on_zero);
	assert_false(wish(f, "www", "b").flush_now);
	end(f);
}

static void no_flush_on_down_when_switched_off(void **state_)
{
	struct str text = { 0 };
	struct fleet *f;
	struct err e;

	str_add(&text, base_yaml);
	str_add(&text, "      flush-on-down: false\n");
	f = fleet_of(str_z(&text));
	all_up(f);
	results(f, "a", CODE_L4CON, 3);
	assert_false(wish(f, "www", "a").flush_now);
	assert_false(wish(f, "www", "a").flush_on_zero);
	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_DISABLE, 0, &e), 0);
	assert_true(wish(f, "www", "a").flush_now); /* disabling flushes in any case */
	end(f);
	str_done(&text);
}

static void unjudged_keeps_what_vpp_has(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);

	assert_true(wish(f, "www", "a").keep);
	results(f, "a", CODE_LOCAL, 2);
	assert_true(wish(f, "www", "a").keep);
	result(f, "a", CODE_L4CON);
	assert_false(wish(f, "www", "a").keep);

	/* Once judged it is known, even when it starts over. */
	struct err e;

	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_DISABLE, 0, &e), 0);
	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_ENABLE, 0, &e), 0);
	assert_int_equal(state(f, "a"), HEALTH_UNKNOWN);
	assert_false(wish(f, "www", "a").keep);
	end(f);
}

static void desired_vip_is_sorted_and_complete(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct lbsync_source s = desired_source(f);
	struct plan_vip v;
	struct vpp_conf conf;

	assert_true(s.has_unknown(s.ctx, &fleet_frontend(f, "www")->sync));
	all_up(f);
	assert_false(s.has_unknown(s.ctx, &fleet_frontend(f, "www")->sync));
	assert_string_equal(s.name(s.ctx, &fleet_frontend(f, "www")->sync), "www");
	s.vpp_conf(s.ctx, &conf);
	assert_int_equal(conf.sync_interval, 30 * NS_PER_S);
	s.desired(s.ctx, &fleet_frontend(f, "www")->sync, &v);
	assert_int_equal(v.key.proto, PROTO_TCP);
	assert_int_equal(v.key.port, 80);
	assert_int_equal(v.key.prefix.len, 32);
	assert_int_equal(v.encap, ENCAP_GRE4);
	assert_int_equal(v.sticky, STICKY_NO);
	assert_int_equal(v.table_len, 1024);
	assert_int_equal(v.n_as, 3);
	assert_int_equal(v.as[0].weight, 50); /* .9 before .10: by number, not by text */
	assert_int_equal(v.as[1].weight, 100);
	assert_int_equal(v.as[2].weight, 0);
	plan_vip_done(&v);
	end(f);
}

static void buckets_follow_effective_weights(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct frontend *fe = fleet_frontend(f, "www");

	all_up(f);
	frontend_buckets(fe);
	assert_int_equal(member(f, "www", "a")->buckets + member(f, "www", "b")->buckets, 1024);
	assert_true(member(f, "www", "a")->buckets > member(f, "www", "b")->buckets);
	results(f, "a", CODE_L4CON, 3);
	frontend_buckets(fe);
	assert_int_equal(member(f, "www", "a")->buckets, 0);
	assert_int_equal(member(f, "www", "b")->buckets, 1024);
	end(f);
}

/* ---- operators */

static void pause_and_resume(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct backend *b = fleet_backend(f, "a");
	struct err e;

	all_up(f);
	fakes_clear();
	assert_int_equal(fleet_act(f, b, ACTION_PAUSE, 5, &e), 0);
	assert_int_equal(b->health.state, HEALTH_PAUSED);
	assert_int_equal(weight(f, "www", "a"), 0);
	assert_int_equal(fakes_count(FAKE_REMOVE), 1);
	assert_int_equal(backend_history(b, 0)->code, CODE_PAUSED);

	fakes_clear();
	assert_int_equal(fleet_act(f, b, ACTION_PAUSE, 5, &e), 0); /* already so */
	assert_int_equal(fakes.engine.n + fakes.changed.n, 0);

	assert_int_equal(fleet_act(f, b, ACTION_RESUME, 7, &e), 0);
	assert_int_equal(b->health.state, HEALTH_UNKNOWN);
	assert_int_equal(fakes_count(FAKE_PUT), 1);
	assert_int_equal(fakes.engine.v[0].target.first_start, 7);
	fakes_clear();
	assert_int_equal(fleet_act(f, b, ACTION_RESUME, 7, &e), 0); /* no second probe loop */
	assert_int_equal(fakes.engine.n, 0);
	assert_true(b->enabled);
	end(f);
}

static void disable_and_enable(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct backend *b = fleet_backend(f, "a");
	struct err e;

	assert_int_equal(fleet_act(f, b, ACTION_DISABLE, 0, &e), 0);
	assert_false(b->enabled);
	assert_int_equal(fleet_act(f, b, ACTION_PAUSE, 0, &e), -EPERM);
	assert_string_equal(e.msg, "backend \"a\" is disabled");
	assert_int_equal(fleet_act(f, b, ACTION_RESUME, 0, &e), -EPERM);
	assert_int_equal(fleet_act(f, b, ACTION_DISABLE, 0, &e), 0);
	assert_int_equal(b->history.n, 1);
	assert_int_equal(fleet_act(f, b, ACTION_ENABLE, 0, &e), 0);
	assert_true(b->enabled);
	assert_int_equal(b->health.state, HEALTH_UNKNOWN);
	assert_int_equal(backend_history(b, 0)->code, CODE_ENABLED);
	end(f);
}

static void weights_at_run_time(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct frontend *fe = fleet_frontend(f, "www");
	struct err e;

	all_up(f);
	fakes_clear();
	assert_int_equal(fleet_set_weight(f, fe, "primary", "a", 30, false, &e), 0);
	assert_int_equal(weight(f, "www", "a"), 30);
	assert_int_equal(fakes.changed.n, 1);
	assert_false(wish(f, "www", "a").flush_now);
	assert_int_equal(fleet_set_weight(f, fe, "primary", "a", 30, true, &e), 0);
	assert_true(wish(f, "www", "a").flush_now);

	assert_int_equal(fleet_set_weight(f, fe, "primary", "a", 101, false, &e), -ERANGE);
	assert_int_equal(fleet_set_weight(f, fe, "primary", "a", -1, false, &e), -ERANGE);
	assert_int_equal(fleet_set_weight(f, fe, "nope", "a", 1, false, &e), -ENOENT);
	assert_string_equal(e.msg, "pool \"nope\" not found in frontend \"www\"");
	assert_int_equal(fleet_set_weight(f, fe, "primary", "c", 1, false, &e), -ENOENT);
	assert_int_equal(weight(f, "www", "a"), 30);

	/* Weight 0 for all of the primary makes the next pool the active one. */
	assert_int_equal(fleet_set_weight(f, fe, "primary", "a", 0, false, &e), 0);
	assert_int_equal(fleet_set_weight(f, fe, "primary", "b", 0, false, &e), 0);
	assert_int_equal(fe->active_pool, 1);
	end(f);
}

/* ---- reload */

static void reload_without_change_touches_nothing(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct backend *b = fleet_backend(f, "a");
	struct reload_counts n;

	all_up(f);
	results(f, "a", CODE_L7STS, 2); /* in the middle of falling */

	struct backend before = *b;

	fakes_clear();
	n = reload_apply(f, load(base_yaml), 0);
	assert_int_equal(n.kept, 4);
	assert_int_equal(n.added + n.removed + n.changed, 0);
	assert_int_equal(fakes.engine.n, 0);
	assert_int_equal(fakes.n_reloaded, 1);
	assert_int_equal(fakes.n_added + fakes.n_forgotten, 0);
	assert_int_equal(b->generation, before.generation);
	assert_int_equal(b->health.counter, before.health.counter);
	assert_int_equal(b->history.n, before.history.n);
	assert_int_equal(b->since, before.since);
	end(f);
}

/* Up before the sync that follows the reload, so that a VIP whose servers all move is never without
 * one. The engine goes on from there. */
static void reload_finds_static_backends_up(void **state_)
{
#define STATIC_YAML(BACKENDS, MEMBERS)                                                             \
	HEAD "  backends: { " BACKENDS " }\n"                                                      \
	     "  frontends: { www: { address: 203.0.113.80, protocol: tcp, port: 80,\n"             \
	     "    pools: [ { name: p, backends: { " MEMBERS " } } ] } }\n"
	struct fleet *f = fleet_of(STATIC_YAML("s: { address: 198.51.100.1 }", "s: {}"));

	result(f, "s", CODE_STATIC);
	fakes_clear();
	(void)reload_apply(f,
			   load(STATIC_YAML("s: { address: 198.51.100.2 }, "
					    "t: { address: 198.51.100.3 }, "
					    "off: { address: 198.51.100.4, enabled: false }",
					    "s: {}, t: {}, off: {}")),
			   99);
	for (const char *const *n = (const char *const[]){ "s", "t", NULL }; *n; n++) {
		assert_int_equal(state(f, *n), HEALTH_UP);
		assert_int_equal(wish(f, "www", *n).weight, 100);
		assert_int_equal(backend_history(fleet_backend(f, *n), 0)->code, CODE_STATIC);
	}
	assert_int_equal(state(f, "off"), HEALTH_DISABLED);
	assert_int_equal(fakes_count(FAKE_PUT), 2);
	for (size_t i = 0; i < fakes.engine.n; i++)
		if (fakes.engine.v[i].op == FAKE_PUT)
			assert_int_equal(fakes.engine.v[i].target.first_start,
					 99 + PROBE_STATIC_INTERVAL);
	end(f);
}

static const char changed_yaml[] = HEAD
	"  healthchecks:\n"
	"    web: { type: http, port: 80, interval: 2s, fast-interval: 500ms, timeout: 1s }\n"
	"  backends:\n"
	"    a: { address: 198.51.100.10, healthcheck: web }\n"
	"    b: { address: 198.51.100.11, healthcheck: web }\n"
	"    d: { address: 198.51.100.13, healthcheck: web }\n"
	"    sorry: { address: 198.51.100.99, enabled: false }\n"
	"  frontends:\n"
	"    www:\n"
	"      address: 203.0.113.80\n"
	"      protocol: tcp\n"
	"      port: 80\n"
	"      pools:\n"
	"        - { name: primary, backends: { a: { weight: 70 }, b: {} } }\n"
	"    new: { address: 203.0.113.81, pools: [ { name: p, backends: { d: {} } } ] }\n";

static void reload_changes_only_what_changed(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct reload_counts n;
	struct err e;

	all_up(f);
	result(f, "sorry", CODE_STATIC);
	assert_int_equal(
		fleet_set_weight(f, fleet_frontend(f, "www"), "primary", "a", 5, false, &e), 0);

	uint32_t old_generation = fleet_backend(f, "a")->generation;

	fakes_clear();
	n = reload_apply(f, load(changed_yaml), 99);
	assert_int_equal(n.added, 1);   /* d */
	assert_int_equal(n.removed, 1); /* c */
	assert_null(fleet_backend(f, "c"));

	/* Another timeout: stays up with its weight, at the boundary, probed at once. */
	assert_int_equal(state(f, "a"), HEALTH_UP);
	assert_int_equal(fleet_backend(f, "a")->health.counter, 2);
	assert_int_equal(weight(f, "www", "a"), 70); /* the file's weight again */
	assert_int_not_equal(fleet_backend(f, "a")->generation, old_generation);
	result(f, "a", CODE_L4TOUT); /* its verdict decides */
	assert_int_equal(state(f, "a"), HEALTH_DOWN);

	/* Another address: starts over, history kept. */
	assert_int_equal(state(f, "b"), HEALTH_UNKNOWN);
	assert_true(wish(f, "www", "b").keep);
	assert_int_equal(fleet_backend(f, "b")->history.n, 2);
	assert_int_equal(backend_history(fleet_backend(f, "b"), 0)->code, CODE_RELOAD);

	assert_int_equal(state(f, "sorry"), HEALTH_DISABLED);
	assert_int_equal(state(f, "d"), HEALTH_UNKNOWN);
	assert_int_equal(fleet_frontend(f, "new")->n_members, 1);
	assert_int_equal(fleet_frontend(f, "new")->sync.key.proto, PROTO_ANY);
	assert_int_equal(fakes.n_added, 1);
	assert_int_equal(fleet_frontend(f, "www")->n_members, 2);

	/* And back. */
	(void)reload_apply(f, load(base_yaml), 99);
	assert_null(fleet_frontend(f, "new"));
	assert_int_equal(fakes.n_forgotten, 1);
	assert_int_equal(state(f, "sorry"), HEALTH_UNKNOWN);
	end(f);
}

static void reload_keeps_operators_decisions(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct err e;

	all_up(f);
	assert_int_equal(fleet_act(f, fleet_backend(f, "a"), ACTION_PAUSE, 0, &e), 0);
	assert_int_equal(fleet_act(f, fleet_backend(f, "b"), ACTION_DISABLE, 0, &e), 0);
	fakes_clear();
	(void)reload_apply(f, load(changed_yaml), 0); /* a rechecked, b at another address */
	assert_int_equal(state(f, "a"), HEALTH_PAUSED);
	assert_int_equal(state(f, "b"), HEALTH_DISABLED); /* `enabled` did not change in the file */
	for (size_t i = 0; i < fakes.engine.n; i++)
		if (fakes.engine.v[i].op == FAKE_PUT)
			assert_int_equal(fakes.engine.v[i].target.id, fleet_backend(f, "d")->id);
	end(f);
}

static void reload_keeps_flush_wishes(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);

	all_up(f);
	results(f, "a", CODE_L4CON, 3);
	assert_true(wish(f, "www", "a").flush_now);
	(void)reload_apply(f, load(base_yaml), 0);
	assert_true(wish(f, "www", "a").flush_now);
	end(f);
}

static void reload_moves_a_frontend(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	_cleanup_free_ char *text = xstrdup(base_yaml);

	memcpy(strstr(text, "203.0.113.80"), "203.0.113.99", 12);
	all_up(f);
	fakes_clear();
	(void)reload_apply(f, load(text), 0);
	assert_int_equal(fakes.n_forgotten, 1);
	assert_int_equal(fakes.n_added, 1);
	assert_int_equal(weight(f, "www", "a"), 100);
	end(f);
}

static void reload_trims_and_moves_threads(void **state_)
{
	struct fleet *f = fleet_of(base_yaml);
	struct str text = { 0 };

	for (int i = 0; i < 4; i++) {
		results(f, "a", CODE_L7OK, 2);
		results(f, "a", CODE_L7STS, 3);
	}
	str_add(&text, base_yaml);
	str_add(&text, "  healthchecker: { transition-history: 2, netns: dataplane }\n");
	fakes_clear();
	(void)reload_apply(f, load(str_z(&text)), 0);
	assert_int_equal(fakes_count(FAKE_NETNS), 1);
	assert_int_equal(fakes.engine.n, 1);
	assert_int_equal(fleet_backend(f, "a")->history.n, 2);
	assert_int_equal(backend_history(fleet_backend(f, "a"), 0)->to, HEALTH_DOWN);
	assert_int_equal(backend_history(fleet_backend(f, "a"), 1)->to, HEALTH_UP);
	results(f, "a", CODE_L7OK, 2);
	assert_int_equal(backend_history(fleet_backend(f, "a"), 0)->to, HEALTH_UP);
	assert_int_equal(backend_history(fleet_backend(f, "a"), 1)->to, HEALTH_DOWN);
	assert_null(backend_history(fleet_backend(f, "a"), 2));
	str_done(&text);
	end(f);
}

/* A reload that changes the history's length and, of a backend whose history is full, the address:
 * what the reload itself records goes to the end. */
static void reload_records_in_a_history_of_new_length(int length, size_t n)
{
	struct fleet *f = fleet_of(base_yaml);
	const struct backend *a = fleet_backend(f, "a");
	struct str text = { 0 };

	for (int i = 0; i < 4; i++) {
		results(f, "a", CODE_L7OK, 2);
		results(f, "a", CODE_L7STS, 3);
	}
	str_add(&text, base_yaml);
	memcpy(strstr(text.p, "198.51.100.10"), "198.51.100.11", 13);
	str_addf(&text, "  healthchecker: { transition-history: %d }\n", length);
	(void)reload_apply(f, load(str_z(&text)), 0);
	assert_int_equal(a->history.n, n);
	assert_int_equal(backend_history(a, 0)->code, CODE_RELOAD);
	for (size_t i = 1; i < n; i++)
		assert_int_equal(backend_history(a, i)->to, i % 2 ? HEALTH_DOWN : HEALTH_UP);
	assert_null(backend_history(a, n));
	str_done(&text);
	end(f);
}

static void reload_records_in_a_shorter_history(void **state_)
{
	reload_records_in_a_history_of_new_length(3, 3);
}

static void reload_records_in_a_longer_history(void **state_)
{
	reload_records_in_a_history_of_new_length(20, 6);
}

/* One of many changed: one message to the engine. */
static void reload_of_many_touches_one(void **state_)
{
	enum { N = 10000 };
	struct str text[2] = { { 0 }, { 0 } };
	struct fleet *f;
	struct reload_counts n;

	for (int v = 0; v < 2; v++) {
		str_add(&text[v], HEAD WEB_CHECK "  backends:\n");
		for (int i = 0; i < N; i++)
			str_addf(&text[v], "    b%d: { address: 198.18.%d.%d, healthcheck: web }\n",
				 i, i / 250, i % 250 + (i == 77 && v ? 251 - 77 : 1));
	}
	f = fleet_of(str_z(&text[0]));
	fakes_clear();
	n = reload_apply(f, load(str_z(&text[1])), 0);
	assert_int_equal(n.changed, 1);
	assert_int_equal(n.kept, N - 1);
	assert_int_equal(fakes.engine.n, 1);
	assert_int_equal(fakes.engine.v[0].target.id, fleet_backend(f, "b77")->id);
	end(f);
	str_done(&text[0]);
	str_done(&text[1]);
}

/* ---- anything, in any order */

static char *random_yaml(struct rng *r)
{
	struct str s = { 0 };
	bool in_pool[8] = { false };

	str_add(&s, HEAD "  healthchecks:\n");
	for (int i = 0; i < 2; i++)
		str_addf(&s, "    h%d: { type: tcp, port: 80, rise: %u, fall: %u, interval: 1s }\n",
			 i, 1 + (unsigned)rng_below(r, 3), 1 + (unsigned)rng_below(r, 3));
	str_add(&s, "  backends:\n    always: { address: 10.9.9.9 }\n");
	for (unsigned i = 0; i < 8; i++) {
		if (rng_below(r, 4) == 0)
			continue;
		in_pool[i] = true;
		str_addf(&s, "    b%u: { address: 10.0.%u.%u%s%s }\n", i, i,
			 1 + (unsigned)rng_below(r, 2),
			 rng_below(r, 5) ? ", healthcheck: h1" : ", healthcheck: h0",
			 rng_below(r, 6) ? "" : ", enabled: false");
	}
	str_add(&s, "  frontends:\n");
	for (unsigned fe = 0; fe < 3; fe++) {
		str_addf(&s,
			 "    f%u:\n      address: 203.0.113.%u\n      pools:\n"
			 "        - { name: last, backends: { always: {} } }\n",
			 fe, 10 * fe + (unsigned)rng_below(r, 2));
		for (unsigned p = 0; p < 2; p++) {
			struct str members = { 0 };

			for (unsigned i = p * 4; i < p * 4 + 4; i++)
				if (in_pool[i] && rng_below(r, 3))
					str_addf(&members, "b%u: { weight: %u }, ", i,
						 (unsigned)rng_below(r, 101));
			if (members.len)
				str_addf(&s, "        - { name: p%u, backends: { %s } }\n", p,
					 str_z(&members));
			str_done(&members);
		}
	}
	return str_take(&s);
}

static void check_invariants(struct fleet *f)
{
	for (size_t i = 0; i < f->backends.n; i++) {
		const struct backend *b = f->backends_sorted[i];

		assert_ptr_equal(f->slots.v[b->id], b);
		assert_string_equal(b->name, f->config->backends[i].name);
		assert_ptr_equal(b->conf, &f->config->backends[i]);
		for (size_t k = 0; k < b->in.n; k++)
			assert_ptr_equal(b->in.v[k].frontend->members[b->in.v[k].member].backend,
					 b);
		for (size_t k = 0; k < b->in.n; k++)
			assert_int_equal(b->in.v[k].frontend->members[b->in.v[k].member].place, k);
	}
	for (size_t i = 0; i < f->frontends.n; i++) {
		const struct frontend *fe = f->frontends_sorted[i];
		bool any = false;

		assert_ptr_equal(fe->conf, &f->config->frontends[i]);
		for (size_t k = 0; k < fe->n_members; k++) {
			const struct member *m = &fe->members[k];
			bool serves = m->backend->health.state == HEALTH_UP &&
				      m->pool == fe->active_pool;

			assert_int_equal(m->verdict.weight, serves ? m->weight : 0);
			any |= m->verdict.weight > 0;
		}
		assert_int_equal(fe->state == FRONTEND_UP, any);
	}
}

static void random_step(struct fleet *f, struct rng *r)
{
	static const enum code codes[] = { CODE_L4OK, CODE_L4CON, CODE_LOCAL };
	struct backend *b = f->backends_sorted[rng_below(r, f->backends.n)];
	struct frontend *fe = f->frontends_sorted[rng_below(r, f->frontends.n)];
	_cleanup_free_ char *yaml = NULL;
	struct err e;

	switch (rng_below(r, 16)) {
	case 0:
		yaml = random_yaml(r);
		(void)reload_apply(f, load(yaml), 0);
		break;
	case 1:
		(void)fleet_act(f, b, (enum health_action)rng_below(r, ACTION_REMOVE), 0, &e);
		break;
	case 2: {
		const struct member *m = &fe->members[rng_below(r, fe->n_members)];

		assert_int_equal(fleet_set_weight(f, fe, fe->conf->pools[m->pool].name,
						  m->backend->name, (int)rng_below(r, 101),
						  rng_below(r, 2), &e),
				 0);
		break;
	}
	default:
		result(f, b->name, codes[rng_below(r, 3)]);
	}
}

static void random_life(void **state_)
{
	struct rng r;
	struct fleet *f;
	char *yaml;

	rng_init(&r, 4711);
	yaml = random_yaml(&r);
	f = fleet_of(yaml);
	free(yaml);
	for (int i = 0; i < 5000; i++) {
		random_step(f, &r);
		check_invariants(f);
		fakes_clear();
	}
	end(f);
}

/* ---- warnings about ourselves */

static void warnings_are_limited_per_reason(void **state_)
{
	struct warn_limit w = { 0 };
	uint64_t suppressed = 99;
	char reason[32];

	assert_true(warn_limit_pass(&w, "no descriptors", 0, &suppressed));
	assert_int_equal(suppressed, 0);
	for (int i = 0; i < 7; i++)
		assert_false(warn_limit_pass(&w, "no descriptors", i * NS_PER_S, &suppressed));
	assert_true(warn_limit_pass(&w, "no buffers", 1, &suppressed));
	assert_true(warn_limit_pass(&w, "no descriptors", WARN_LIMIT_PERIOD, &suppressed));
	assert_int_equal(suppressed, 7);
	/* A flood of different reasons is bounded, too: the longest silent one makes room. */
	for (int i = 0; i < 100; i++) {
		(void)snprintf(reason, sizeof(reason), "reason %d", i);
		assert_true(warn_limit_pass(&w, reason, WARN_LIMIT_PERIOD + 1, &suppressed));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_puts_everything_once),
		cmocka_unit_test(disabled_from_the_file_is_not_probed),
		cmocka_unit_test(first_verdict_decides_and_is_passed_on),
		cmocka_unit_test(old_generation_is_dropped),
		cmocka_unit_test(inconclusive_moves_nothing),
		cmocka_unit_test(history_is_a_bounded_ring),
		cmocka_unit_test(late_failures_are_not_counted),
		cmocka_unit_test(passes_count_in_doubt),
		cmocka_unit_test(late_goes_by_the_pace),
		cmocka_unit_test(primary_dies_and_returns),
		cmocka_unit_test(flush_wishes),
		cmocka_unit_test(no_flush_on_down_when_switched_off),
		cmocka_unit_test(unjudged_keeps_what_vpp_has),
		cmocka_unit_test(desired_vip_is_sorted_and_complete),
		cmocka_unit_test(buckets_follow_effective_weights),
		cmocka_unit_test(pause_and_resume),
		cmocka_unit_test(disable_and_enable),
		cmocka_unit_test(weights_at_run_time),
		cmocka_unit_test(reload_without_change_touches_nothing),
		cmocka_unit_test(reload_changes_only_what_changed),
		cmocka_unit_test(reload_keeps_operators_decisions),
		cmocka_unit_test(reload_keeps_flush_wishes),
		cmocka_unit_test(reload_finds_static_backends_up),
		cmocka_unit_test(reload_moves_a_frontend),
		cmocka_unit_test(reload_trims_and_moves_threads),
		cmocka_unit_test(reload_records_in_a_shorter_history),
		cmocka_unit_test(reload_records_in_a_longer_history),
		cmocka_unit_test(reload_of_many_touches_one),
		cmocka_unit_test(random_life),
		cmocka_unit_test(warnings_are_limited_per_reason),
	};

	log_set_level(LVL_OFF);
	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
