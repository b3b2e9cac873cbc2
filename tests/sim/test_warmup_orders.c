/* SPDX-License-Identifier: Apache-2.0 */
/* The warm-up over every order of what can happen in it: first results, the two delays, a reload,
 * connections that break, a VPP that restarts empty, operators, backends that get no verdict.
 *
 * maglevd's fleet, lbsync and the simulator of VPP are the real ones, in simulated time; the probe
 * engine alone is not there: the test says what the probes found. Each order is lived through from
 * the start, before a VPP that an earlier maglevd has programmed. After each event VPP must have
 * what a naive model, written down from the rules alone, says; and at no moment, between two calls
 * either, is an AS set to 0 or removed whose backend is healthy or was never judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "lbsim/server.h"
#include "loop/loop.h"
#include "maglevd/desired.h"
#include "maglevd/fleet.h"
#include "maglevd/reload.h"

#define MIN_DELAY (100 * NS_PER_S)
#define MAX_DELAY (200 * NS_PER_S)
/* Between two events: longer than it takes to be connected again. */
#define STEP       (7 * NS_PER_S)
#define EVENTS_MAX 8

enum { A, B, N, N_BACKENDS };
enum { WWW, MIXED, LATE, N_FRONTENDS }; /* LATE comes with the reload */

static const char *const backend_names[N_BACKENDS] = { "a", "b", "n" };
static const char *const backend_addrs[N_BACKENDS] = { "198.51.100.1", "198.51.100.2",
						       "198.51.100.3" };
static const char *const frontend_addrs[N_FRONTENDS] = { "192.0.2.1", "192.0.2.2", "192.0.2.3" };
static const bool members[N_FRONTENDS][N_BACKENDS] = {
	[WWW] = { [A] = true, [B] = true },
	[MIXED] = { [B] = true, [N] = true },
	[LATE] = { [A] = true },
};
static const char stale_addr[] = "192.0.2.99";

/* What the file says, and what VPP has when this maglevd starts. */
#define FILE_WEIGHT     100
#define RELOADED_WEIGHT 40 /* of a in www */
#define SET_WEIGHT      30 /* of b in mixed, by an operator */
static const int left_behind[N_BACKENDS] = { [A] = 80, [B] = 70, [N] = 60 };

#define HEAD                                                                                       \
	"maglev:\n"                                                                                \
	"  vpp: { lb: { ipv4-src-address: 192.0.2.250, ipv6-src-address: '2001:db8::1',\n"         \
	"               startup-min-delay: 100s, startup-max-delay: 200s,\n"                       \
	"               sync-interval: 30s } }\n"                                                  \
	"  healthchecks:\n"                                                                        \
	"    web: { type: http, port: 80, interval: 2s, rise: 2, fall: 2 }\n"                      \
	"  backends:\n"                                                                            \
	"    a: { address: 198.51.100.1, healthcheck: web }\n"                                     \
	"    b: { address: 198.51.100.2, healthcheck: web }\n"                                     \
	"    n: { address: 198.51.100.3, healthcheck: web }\n"                                     \
	"  frontends:\n"                                                                           \
	"    mixed: { address: 192.0.2.2, protocol: tcp, port: 80,\n"                              \
	"             pools: [ { name: p, backends: { b: {}, n: {} } } ] }\n"
static const char file_before[] = HEAD
	"    www: { address: 192.0.2.1, protocol: tcp, port: 80,\n"
	"           pools: [ { name: p, backends: { a: {}, b: {} } } ] }\n";
static const char file_after[] = HEAD
	"    www: { address: 192.0.2.1, protocol: tcp, port: 80,\n"
	"           pools: [ { name: p, backends: { a: { weight: 40 }, b: {} } } ] }\n"
	"    late: { address: 192.0.2.3, protocol: tcp, port: 80,\n"
	"            pools: [ { name: p, backends: { a: {} } } ] }\n";

enum event {
	A_PASSES,
	B_PASSES,
	B_FAILS,
	N_PASSES,
	N_INCONCLUSIVE,
	MIN_PASSES,
	MAX_PASSES,
	RELOAD,
	DROP,    /* the connection breaks */
	RESTART, /* VPP comes back empty */
	DISABLE_A,
	DISABLE_N,
	ENABLE_N,
	PAUSE_B,
	SET_B,
	EVENT_N
};
static const char *const event_names[EVENT_N] = {
	"a passes",  "b passes",  "b fails",  "n passes", "n is inconclusive",
	"min",       "max",       "reload",   "drop",     "restart",
	"disable a", "disable n", "enable n", "pause b",  "set weight of b",
};

/* ---- the model */

enum judged { UNKNOWN, UP, DOWN, OFF }; /* OFF: paused or disabled */

struct model {
	enum judged state[N_BACKENDS];
	bool ever_judged[N_BACKENDS];
	int weight[N_FRONTENDS][N_BACKENDS];
	bool exists[N_FRONTENDS], released[N_FRONTENDS];
	bool held, done;       /* before min; after the warm-up */
	bool due[N_FRONTENDS]; /* to be written, if it is released */
	/* VPP */
	bool present[N_FRONTENDS], stale;
	int vpp[N_FRONTENDS][N_BACKENDS];
};

static void model_init(struct model *m)
{
	*m = (struct model){ .held = true, .stale = true };
	for (int f = 0; f < N_FRONTENDS; f++) {
		m->exists[f] = m->present[f] = f != LATE;
		for (int b = 0; b < N_BACKENDS; b++) {
			m->weight[f][b] = FILE_WEIGHT;
			m->vpp[f][b] = f != LATE ? left_behind[b] : 0;
		}
	}
}

static bool model_has_unknown(const struct model *m, int f)
{
	for (int b = 0; b < N_BACKENDS; b++)
		if (members[f][b] && m->state[b] == UNKNOWN)
			return true;
	return false;
}

static void model_write(struct model *m, int f)
{
	for (int b = 0; b < N_BACKENDS; b++) {
		if (m->state[b] == UNKNOWN && !m->ever_judged[b])
			m->vpp[f][b] = m->present[f] ? m->vpp[f][b] : 0;
		else
			m->vpp[f][b] = m->state[b] == UP ? m->weight[f][b] : 0;
	}
	m->present[f] = true;
}

/* Something about this backend changed; N_BACKENDS: about all. */
static void model_touch(struct model *m, int b)
{
	for (int f = 0; f < N_FRONTENDS; f++)
		m->due[f] |= m->exists[f] && (b == N_BACKENDS || members[f][b]);
}

static void model_release(struct model *m, int f)
{
	m->due[f] |= !m->released[f];
	m->released[f] = true;
}

/* What follows from what happened. */
static void model_settle(struct model *m)
{
	bool all = true;

	for (int f = 0; f < N_FRONTENDS; f++) {
		if (m->exists[f] && !m->held && (m->done || !model_has_unknown(m, f)))
			model_release(m, f);
		all &= !m->exists[f] || m->released[f];
	}
	if (all && !m->done)
		model_touch(m, N_BACKENDS);
	m->done |= all;
	for (int f = 0; f < N_FRONTENDS; f++) {
		if (m->released[f] && m->due[f])
			model_write(m, f);
		m->due[f] = false;
	}
	if (m->done)
		m->stale = false;
}

static void model_set(struct model *m, int b, enum judged state)
{
	m->state[b] = state;
	model_touch(m, b);
}

static void model_judge(struct model *m, int b, enum judged verdict)
{
	if (m->state[b] == OFF)
		return; /* it is not probed */
	m->ever_judged[b] = true;
	model_set(m, b, verdict);
}

static void model_event(struct model *m, enum event e)
{
	switch (e) {
	case A_PASSES:
		return model_judge(m, A, UP);
	case B_PASSES:
		return model_judge(m, B, UP);
	case B_FAILS:
		return model_judge(m, B, DOWN);
	case N_PASSES:
		return model_judge(m, N, UP);
	case MIN_PASSES:
		m->held = false;
		return;
	case MAX_PASSES:
		m->held = false;
		m->done = true;
		return model_touch(m, N_BACKENDS);
	case RELOAD: /* released frontends wait with the others for the full sync */
		m->weight[WWW][A] = RELOADED_WEIGHT;
		m->weight[MIXED][B] = FILE_WEIGHT;
		m->exists[LATE] = true;
		if (m->done)
			model_touch(m, N_BACKENDS);
		return;
	case RESTART:
		m->stale = false;
		memset(m->present, 0, sizeof m->present);
		return model_touch(m, N_BACKENDS);
	case DROP:
		return model_touch(m, N_BACKENDS);
	case DISABLE_A:
		return model_set(m, A, OFF);
	case DISABLE_N:
		return model_set(m, N, OFF);
	case ENABLE_N:
		return model_set(m, N, UNKNOWN);
	case PAUSE_B:
		return model_set(m, B, OFF);
	case SET_B:
		m->weight[MIXED][B] = SET_WEIGHT;
		m->due[MIXED] = true;
		return;
	case N_INCONCLUSIVE:
	case EVENT_N:
		return;
	}
}

/* ---- the real thing */

struct world {
	char dir[64], path[96];
	struct loop *loop;
	struct server *sim;
	uint64_t seed; /* of the message ids, others with each VPP */
	struct fleet *fleet;
	struct lbsync *s;
	mono_ns started;
	struct model model;
	enum event order[EVENTS_MAX];
	size_t n, at; /* events in order; the one that happens */
	size_t n_orders;
};

/* The probe engine is not there. */
void probe_engine_put(struct probe_engine *e, const struct probe_target *t) {}
void probe_engine_remove(struct probe_engine *e, uint32_t id) {}
void probe_engine_pace(struct probe_engine *e, uint32_t id, uint32_t generation, enum pace pace) {}
void probe_engine_set_netns(struct probe_engine *e, const char *netns) {}

static _Noreturn void wrong(const struct world *w, const char *what, const char *which)
{
	struct str s = { 0 };

	for (size_t i = 0; i <= w->at && i < w->n; i++)
		str_addf(&s, "%s%s", i ? ", " : "", event_names[w->order[i]]);
	fail_msg("%s %s after: %s", what, which, str_z(&s));
	abort();
}

static struct lb_key key_of(const char *addr)
{
	struct prefix p = { .len = 32 };

	assert_int_equal(addr_parse(addr, &p.addr), 0);
	return lb_key(&p, PROTO_TCP, 80);
}

static struct ip46 ip_of(const char *addr)
{
	struct addr a;

	assert_int_equal(addr_parse(addr, &a), 0);
	return ip46_from_addr(&a);
}

static void on_died(void *ctx, const char *why)
{
	fail_msg("VPP died: %s", why);
}

static void sim_start(struct world *w)
{
	const struct server_options o = { .path = w->path,
					  .gc_interval = 60 * NS_PER_S,
					  .api = { .version = "26.10-test",
						   .build_date = "",
						   .pid = 1,
						   .seed = ++w->seed,
						   .died = on_died } };
	struct err e = { 0 };

	w->sim = server_new(w->loop, &o, &e);
	if (!w->sim)
		fail_msg("%s", e.msg);
}

/* What an earlier maglevd left in VPP, and a VIP that is in no file any more. */
static void leave_behind(struct lbplugin *p)
{
	struct lb_vip_args v = { .encap = ENCAP_GRE4, .new_length = 1024 };

	for (int f = WWW; f <= MIXED; f++) {
		v.key = key_of(frontend_addrs[f]);
		assert_int_equal(lbplugin_vip_add(p, &v, 1, NULL), 0);
		for (int b = 0; b < N_BACKENDS; b++) {
			struct ip46 as = ip_of(backend_addrs[b]);

			if (members[f][b])
				assert_int_equal(lbplugin_as_add(p, &v.key, &as,
								 (uint8_t)left_behind[b], false, 1),
						 0);
		}
	}
	v.key = key_of(stale_addr);
	assert_int_equal(lbplugin_vip_add(p, &v, 1, NULL), 0);
}

static struct config *load(const char *text)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;

	if (config_load_text("test.yaml", text, strlen(text), &c, &rep) != CONFIG_OK)
		fail_msg("%s", rep.parse_error ? rep.parse_error : rep.semantic[0]);
	config_report_done(&rep);
	return c;
}

static void probed(struct world *w, int b, enum code code)
{
	const struct backend *x = fleet_backend(w->fleet, backend_names[b]);
	const struct probe_result r = { .id = x->id,
					/* One that is not probed sends nothing; this is the late
					 * result of a probe that was under way. */
					.generation = x->generation -
						      !health_probed(x->health.state),
					.code = code,
					.started = loop_clock() };

	fleet_results(w->fleet, &r, 1, loop_clock());
}

static void act(struct world *w, int b, enum health_action a)
{
	/* Refused where there is nothing to enable, or to pause in what is disabled. */
	(void)fleet_act(w->fleet, fleet_backend(w->fleet, backend_names[b]), a, loop_clock(), NULL);
}

static void turn_until(struct world *w, mono_ns t)
{
	while (loop_clock() < t)
		loop_turn(w->loop, t - loop_clock());
}

static void happen(struct world *w, enum event e)
{
	struct err err = { 0 };

	switch (e) {
	case A_PASSES:
		return probed(w, A, CODE_L7OK);
	case B_PASSES:
		return probed(w, B, CODE_L7OK);
	case B_FAILS:
		return probed(w, B, CODE_L4CON);
	case N_PASSES:
		return probed(w, N, CODE_L7OK);
	case N_INCONCLUSIVE:
		return probed(w, N, CODE_LOCAL);
	case MIN_PASSES:
		return turn_until(w, w->started + MIN_DELAY);
	case MAX_PASSES:
		return turn_until(w, w->started + MAX_DELAY);
	case RELOAD:
		(void)reload_apply(w->fleet, load(file_after), loop_clock());
		return;
	case DROP:
		assert_int_equal(server_drop(w->sim), 1);
		return;
	case RESTART:
		server_free(w->sim);
		return sim_start(w);
	case DISABLE_A:
		return act(w, A, ACTION_DISABLE);
	case DISABLE_N:
		return act(w, N, ACTION_DISABLE);
	case ENABLE_N:
		return act(w, N, ACTION_ENABLE);
	case PAUSE_B:
		return act(w, B, ACTION_PAUSE);
	case SET_B:
		assert_int_equal(fleet_set_weight(w->fleet, fleet_frontend(w->fleet, "mixed"), "p",
						  "b", SET_WEIGHT, false, &err),
				 0);
		return;
	case EVENT_N:
		break;
	}
	abort();
}

/* ---- what must hold between two calls */

static const struct log_attr *attr(const struct log_attr *a, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].key, key) == 0)
			return &a[i];
	return NULL;
}

static void text_of(const struct log_attr *a, char *ret, size_t size)
{
	struct str s = { 0 };

	log_attr_text(a, &s);
	snprintf(ret, size, "%s", str_z(&s));
	str_done(&s);
}

/* May this one lose its weight? Only who was judged and is not up, or was switched off. */
static bool may_lose(const struct world *w, const char *addr)
{
	for (int b = 0; b < N_BACKENDS; b++)
		if (strcmp(addr, backend_addrs[b]) == 0)
			return w->model.state[b] != UP &&
			       (w->model.state[b] != UNKNOWN || w->model.ever_judged[b]);
	return false;
}

static void look_at_loss(const struct world *w, const char *msg, const struct log_attr *a, size_t n)
{
	char addr[64], to[16] = "0";
	const struct log_attr *weight = attr(a, n, "to");

	if (weight)
		text_of(weight, to, sizeof to);
	text_of(attr(a, n, "address"), addr, sizeof addr);
	if (strcmp(to, "0") == 0 && !may_lose(w, addr))
		wrong(w, msg, addr);
}

/* Every call that VPP carried out has its record. */
static void watch(void *ctx, enum log_level l, wall_ns at, const char *msg,
		  const struct log_attr *a, size_t n)
{
	const struct world *w = ctx;
	char vip[64] = "";

	if (strcmp(msg, "vpp-lb-sync-error") == 0 || strcmp(msg, "vpp-lb-drift") == 0)
		wrong(w, "unexpected", msg);
	if (!str_prefix(msg, "vpp-lb-sync-") || !attr(a, n, "vip"))
		return;
	text_of(attr(a, n, "vip"), vip, sizeof vip);
	if (w->model.held)
		wrong(w, msg, "before the minimum");
	if (strcmp(msg, "vpp-lb-sync-vip-removed") == 0 && strcmp(vip, stale_addr) != 0)
		wrong(w, "removed", vip);
	if (strcmp(msg, "vpp-lb-sync-vip-removed") == 0 && !w->model.done)
		wrong(w, "removed too early", vip);
	if (strcmp(msg, "vpp-lb-sync-as-weight-updated") == 0 ||
	    strcmp(msg, "vpp-lb-sync-as-removed") == 0)
		look_at_loss(w, msg, a, n);
}

/* ---- VPP against the model */

static bool vip_there(struct world *w, const char *addr, uint32_t *ret)
{
	struct lb_key k = key_of(addr);

	*ret = lbplugin_vip_of(&server_api(w->sim)->plugin, &k);
	return *ret != 0; /* the placeholder */
}

/* -1: none */
static int vpp_weight(struct world *w, uint32_t vip, int b)
{
	struct lbplugin *p = &server_api(w->sim)->plugin;
	struct ip46 a = ip_of(backend_addrs[b]);
	uint32_t as;

	if (lbplugin_find_as(p, vip, &a, &as) || !p->ases.v[as].used)
		return -1;
	return p->ases.v[as].weight;
}

static void compare(struct world *w)
{
	const struct model *m = &w->model;
	uint32_t vip;

	for (int f = 0; f < N_FRONTENDS; f++) {
		if (vip_there(w, frontend_addrs[f], &vip) != m->present[f])
			wrong(w, m->present[f] ? "missing" : "there", frontend_addrs[f]);
		for (int b = 0; m->present[f] && b < N_BACKENDS; b++) {
			int want = members[f][b] ? m->vpp[f][b] : -1;

			if (vpp_weight(w, vip, b) != want)
				wrong(w, frontend_addrs[f], backend_names[b]);
		}
	}
	if (vip_there(w, stale_addr, &vip) != m->stale)
		wrong(w, m->stale ? "removed" : "there", stale_addr);
	if (!lbsync_connected(w->s))
		wrong(w, "not", "connected");
}

/* ---- one order */

static void world_open(struct world *w)
{
	const struct lbsync_opts o = { .loop = w->loop,
				       .api_path = w->path,
				       .started = loop_clock() };
	struct lbsync_opts with = o;

	sim_start(w);
	leave_behind(&server_api(w->sim)->plugin);
	model_init(&w->model);
	w->fleet = fleet_new(load(file_before));
	with.source = desired_source(w->fleet);
	w->started = o.started;
	w->s = lbsync_new(&with);
	w->fleet->lbsync = w->s;
	fleet_start(w->fleet, loop_clock());
	turn_until(w, loop_clock() + STEP);
}

static void world_close(struct world *w)
{
	lbsync_free(w->s);
	w->fleet->lbsync = NULL;
	fleet_free(w->fleet);
	server_free(w->sim);
}

static void live_through(struct world *w)
{
	w->at = 0;
	world_open(w);
	for (w->at = 0; w->at < w->n; w->at++) {
		/* The model first, as it says what the records may tell; time's two events are
		 * seen by the watch from the moment they are due. */
		model_event(&w->model, w->order[w->at]);
		model_settle(&w->model);
		happen(w, w->order[w->at]);
		turn_until(w, loop_clock() + STEP);
		compare(w);
	}
	world_close(w);
	w->n_orders++;
}

/* Can e come behind the first `n` of the order? */
static bool may_follow(const struct world *w, size_t n, enum event e)
{
	enum event first = e == MAX_PASSES ? MIN_PASSES : e == ENABLE_N ? DISABLE_N : EVENT_N;

	for (size_t i = 0; i < n; i++)
		if (w->order[i] == first)
			return true;
	return first == EVENT_N;
}

/* Every order of the events in the set `left`, behind the first `n`. */
static void all_orders(struct world *w, size_t n, unsigned left)
{
	if (left == 0) {
		w->n = n;
		live_through(w);
		return;
	}
	for (enum event e = 0; e < EVENT_N; e++) {
		if (!(left & 1u << e) || !may_follow(w, n, e))
			continue;
		w->order[n] = e;
		all_orders(w, n + 1, left & ~(1u << e));
	}
}

/* ---- */

static int setup(void **state)
{
	struct world *w = XNEW(struct world);

	strcpy(w->dir, "/tmp/maglev-test-orders-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/api.sock", w->dir);
	w->loop = loop_new();
	log_set_tap(LVL_INFO, watch, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	log_set_tap(LVL_OFF, NULL, NULL);
	loop_free(w->loop);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

#define E(NAME) (1u << (NAME))

static void orders(void **state, unsigned events, size_t n_orders)
{
	struct world *w = *state;

	all_orders(w, 0, events | E(MIN_PASSES) | E(MAX_PASSES));
	assert_int_equal(w->n_orders, n_orders);
}

static void test_all_judged(void **state)
{
	orders(state, E(A_PASSES) | E(B_PASSES) | E(N_PASSES) | E(RELOAD) | E(DROP), 2520);
}

static void test_one_dead_one_never_judged(void **state)
{
	orders(state, E(A_PASSES) | E(B_FAILS) | E(N_INCONCLUSIVE) | E(RELOAD) | E(RESTART), 2520);
}

static void test_operators(void **state)
{
	orders(state, E(A_PASSES) | E(B_PASSES) | E(DISABLE_A) | E(DISABLE_N) | E(SET_B), 2520);
}

static void test_switched_off_and_on(void **state)
{
	orders(state, E(A_PASSES) | E(PAUSE_B) | E(DISABLE_N) | E(ENABLE_N) | E(N_PASSES), 1260);
}

static void test_operator_and_reload_and_vpp(void **state)
{
	orders(state, E(B_PASSES) | E(DISABLE_N) | E(SET_B) | E(RELOAD) | E(RESTART), 2520);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_dead_one_never_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_operators, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switched_off_and_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_operator_and_reload_and_vpp, setup, teardown),
	};

	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
