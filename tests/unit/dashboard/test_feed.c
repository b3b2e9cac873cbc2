/* SPDX-License-Identifier: Apache-2.0 */
/* What a maglevd tells, into the store and out to the readers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "dashboard/feed.h"
#include "dashboard/render.h"

#define S NS_PER_S

struct bed {
	struct store store;
	struct broker broker;
	struct feed feed;
	struct broker_reader reader;
	struct feed_now now;
	char text[1 << 18];
};

static char *z(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* What has been published since the last time. */
static const char *news(struct bed *b)
{
	size_t n = broker_reader_take(&b->broker, &b->reader, b->now.mono, b->text,
				      sizeof b->text - 1);

	b->text[n] = '\0';
	return b->text;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static unsigned wants(struct bed *b)
{
	unsigned w = b->feed.wants;

	b->feed.wants = 0;
	return w;
}

/* ---- messages */

struct fixture {
	Maglev__PoolBackendInfo members[2];
	Maglev__PoolBackendInfo *member_ptrs[2];
	Maglev__PoolInfo pool;
	Maglev__PoolInfo *pools[1];
	Maglev__FrontendInfo info;
};

static void fill_frontend(struct fixture *f, const char *name, const char *state, int effective)
{
	maglev__frontend_info__init(&f->info);
	maglev__pool_info__init(&f->pool);
	for (int i = 0; i < 2; i++) {
		maglev__pool_backend_info__init(&f->members[i]);
		f->members[i].name = z(i ? "b" : "a");
		f->members[i].weight = 100;
		f->members[i].effective_weight = effective;
		f->member_ptrs[i] = &f->members[i];
	}
	f->pool.name = z("primary");
	f->pool.n_backends = 2;
	f->pool.backends = f->member_ptrs;
	f->pools[0] = &f->pool;
	f->info.name = z(name);
	f->info.state = z(state);
	f->info.n_pools = 1;
	f->info.pools = f->pools;
}

static void load_frontends_in(struct bed *b, const char *const *names, size_t n, const char *state,
			      int effective)
{
	struct fixture *f = xcalloc(n, sizeof *f);
	Maglev__FrontendInfo **v = xcalloc(n, sizeof(*v));
	Maglev__ListFrontendsResponse m = MAGLEV__LIST_FRONTENDS_RESPONSE__INIT;

	for (size_t i = 0; i < n; i++) {
		fill_frontend(&f[i], names[i], state, effective);
		v[i] = &f[i].info;
	}
	m.n_frontends = n;
	m.frontends = v;
	feed_frontends(&b->feed, b->now, &m);
	free(v);
	free(f);
}

static void load_frontends(struct bed *b, const char *const *names, size_t n, int effective)
{
	load_frontends_in(b, names, n, "up", effective);
}

static char *www[] = { (char *)(uintptr_t) "www" };

/* With the transition that led there (NULL: there was none). */
static void load_backend_of(struct bed *b, const char *name, const char *state, wall_ns since,
			    Maglev__TransitionRecord *t)
{
	Maglev__ListBackendsResponse m = MAGLEV__LIST_BACKENDS_RESPONSE__INIT;
	Maglev__BackendInfo info = MAGLEV__BACKEND_INFO__INIT, *v[] = { &info };

	info.name = z(name);
	info.address = z("10.0.0.1");
	info.state = z(state);
	info.enabled = true;
	info.counter_max = 4;
	info.since_unix_ns = since;
	info.n_frontend_names = 1;
	info.frontend_names = www;
	info.n_transitions = t ? 1 : 0;
	info.transitions = &t;
	m.n_backends = 1;
	m.backends = v;
	feed_backends(&b->feed, &m);
}

static void load_backend(struct bed *b, const char *name, const char *state, wall_ns since)
{
	load_backend_of(b, name, state, since, NULL);
}

/* A whole refresh: backend a, and frontend www with that effective weight. */
static void refresh(struct bed *b, const char *state, wall_ns since, int effective)
{
	static const char *const names[] = { "www" };
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT;

	t.to = z(state);
	t.at_unix_ns = since;
	load_backend_of(b, "a", state, since, &t);
	load_frontends(b, names, 1, effective);
	feed_refreshed(&b->feed, b->now);
}

static void transition(struct bed *b, const char *name, const char *from, const char *to)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__BackendEvent e = MAGLEV__BACKEND_EVENT__INIT;
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT;

	t.from = z(from);
	t.to = z(to);
	t.code = z("L7OK");
	t.detail = z("why");
	t.at_unix_ns = b->now.wall;
	e.backend_name = z(name);
	e.transition = &t;
	m.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	m.backend = &e;
	feed_event(&b->feed, b->now, &m);
}

static void frontend_event(struct bed *b, const char *name, const char *from, const char *to)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__FrontendEvent e = MAGLEV__FRONTEND_EVENT__INIT;
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT;

	t.from = z(from);
	t.to = z(to);
	e.frontend_name = z(name);
	e.transition = &t;
	m.event_case = MAGLEV__EVENT__EVENT_FRONTEND;
	m.frontend = &e;
	feed_event(&b->feed, b->now, &m);
}

/* A record with up to two attributes. */
static void record(struct bed *b, const char *level, const char *msg, const char *k1,
		   const char *v1, const char *k2, const char *v2)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__LogEvent e = MAGLEV__LOG_EVENT__INIT;
	Maglev__LogAttr a[2] = { MAGLEV__LOG_ATTR__INIT, MAGLEV__LOG_ATTR__INIT };
	Maglev__LogAttr *v[] = { &a[0], &a[1] };

	a[0].key = z(k1);
	a[0].value = z(v1);
	a[1].key = z(k2);
	a[1].value = z(v2);
	e.level = z(level);
	e.msg = z(msg);
	e.n_attrs = k1 ? k2 ? 2 : 1 : 0;
	e.attrs = v;
	m.event_case = MAGLEV__EVENT__EVENT_LOG;
	m.log = &e;
	feed_event(&b->feed, b->now, &m);
}

static const char *const one_name[] = { "www" };

/* Connected, loaded: frontend www, backend a up since 50 s; nothing unread. */
static int setup(void **state)
{
	struct bed *b = XNEW(struct bed);

	b->now = (struct feed_now){ 100 * S, 100 * S };
	store_init(&b->store, "m", "host:1", b->now.wall);
	broker_init(&b->broker, 1);
	feed_init(&b->feed, &b->store, &b->broker);
	feed_status(&b->feed, b->now, true, "");
	load_frontends(b, one_name, 1, 100);
	load_backend(b, "a", "up", 50 * S);
	feed_refreshed(&b->feed, b->now);
	broker_reader_init(&b->broker, &b->reader, LVL_DEBUG, NULL, b->now.mono);
	(void)news(b);
	b->feed.wants = 0;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	broker_reader_done(&b->reader);
	feed_done(&b->feed);
	store_done(&b->store);
	broker_done(&b->broker);
	free(b);
	return 0;
}

/* ---- tests */

static void a_transition(void **state)
{
	struct bed *b = *state;
	const Maglev__BackendInfo *a;

	transition(b, "a", "up", "down");
	assert_int_equal(wants(b), FEED_FRONTENDS | FEED_LB);
	assert_string_equal(feed_take_dirty(&b->feed), "www");
	assert_null(feed_take_dirty(&b->feed));
	assert_string_equal(news(b), "id: 1-3\nevent: backend\ndata: {\"maglevd\":\"m\","
				     "\"backend\":\"a\",\"from\":\"up\",\"to\":\"down\","
				     "\"at_ms\":100000,\"code\":\"L7OK\",\"detail\":\"why\","
				     "\"enabled\":true}\n\n");
	a = store_backend(catalog_get(&b->store.backends, "a"));
	assert_string_equal(a->state, "down");
	assert_int_equal(a->n_transitions, 1);
	assert_true(a->since_unix_ns == 100 * S);
	transition(b, "a", "down", "disabled");
	assert_int_equal(a->enabled, false);
	transition(b, "a", "disabled", "unknown");
	assert_int_equal(a->enabled, true);
	assert_string_equal(a->transitions[0]->from, "disabled");
	assert_int_equal(count(news(b), "event: backend"), 2);
}

/* The replay at a subscription is no transition. */
static void synthetic_events(void **state)
{
	struct bed *b = *state;

	transition(b, "a", "up", "up");
	assert_int_equal(wants(b), 0);
	transition(b, "a", "down", "down"); /* but it tells that we missed something */
	assert_int_equal(wants(b), FEED_REFRESH);
	transition(b, "new", "up", "up");
	assert_int_equal(wants(b), FEED_REFRESH);
	assert_string_equal(news(b), "");
	/* of frontends they set the state */
	frontend_event(b, "www", "up", "up");
	assert_string_equal(news(b), "");
	frontend_event(b, "www", "down", "down");
	assert_int_equal(count(news(b), "\"frontend\":\"www\",\"from\":\"up\",\"to\":\"down\""), 1);
	assert_int_equal(wants(b), 0);
	frontend_event(b, "www", "down", "up");
	assert_int_equal(wants(b), FEED_FRONTENDS);
}

static void a_history_is_bounded(void **state)
{
	struct bed *b = *state;

	for (int i = 0; i < 500; i++) {
		b->now.wall += S;
		transition(b, "a", "up", "down");
		b->now.wall += S;
		transition(b, "a", "down", "up");
	}
	assert_in_range(store_backend(catalog_get(&b->store.backends, "a"))->n_transitions, 50,
			100);
}

/* A list that was written before an event that has come already. */
static void an_older_list(void **state)
{
	struct bed *b = *state;

	b->now.wall = 200 * S;
	transition(b, "a", "up", "down");
	(void)news(b);
	load_backend(b, "a", "up", 50 * S);
	feed_refreshed(&b->feed, b->now);
	assert_string_equal(store_backend(catalog_get(&b->store.backends, "a"))->state, "down");
	assert_string_equal(news(b), "");
	/* a newer one counts */
	load_backend(b, "a", "paused", 300 * S);
	assert_string_equal(store_backend(catalog_get(&b->store.backends, "a"))->state, "paused");
}

/* A list that has overtaken the event of a transition: the event tells it, and the frontend's is
 * not held back for a state that all would have to fetch. */
static void a_list_ahead(void **state)
{
	struct bed *b = *state;
	const Maglev__BackendInfo *a;

	b->now.wall = 120 * S;
	feed_asked(&b->feed);
	refresh(b, "down", 120 * S, 0);
	assert_int_equal(count(news(b), "event: "), 1);
	assert_int_equal(count(b->text, "event: frontend"), 1);
	assert_int_equal(count(b->text, "\"effective_weight\":0"), 2);
	transition(b, "a", "up", "down");
	assert_int_equal(count(news(b), "event: backend"), 1);
	a = store_backend(catalog_get(&b->store.backends, "a"));
	assert_string_equal(a->state, "down");
	assert_int_equal(a->n_transitions, 1); /* of which there was one */
	feed_asked(&b->feed);
	refresh(b, "down", 120 * S, 0);
	assert_string_equal(news(b), "");
}

/* No event came until the next list. */
static void a_list_alone(void **state)
{
	struct bed *b = *state;

	refresh(b, "down", 120 * S, 100);
	assert_string_equal(news(b), "");
	feed_asked(&b->feed);
	refresh(b, "down", 120 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
	assert_int_equal(count(b->text, "the backends are others"), 1);
	refresh(b, "down", 120 * S, 100);
	assert_string_equal(news(b), "");
	/* with another reason to begin anew, all is told */
	b->feed.resync = "another";
	refresh(b, "up", 130 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
	refresh(b, "up", 130 * S, 100);
	assert_string_equal(news(b), "");
}

/* The stream, open again, tells another state than was known: what the lists say that are asked for
 * from then on is told by no event. */
static void a_list_of_what_was_missed(void **state)
{
	struct bed *b = *state;

	transition(b, "a", "down", "down");
	assert_int_equal(wants(b), FEED_REFRESH);
	refresh(b, "down", 120 * S, 100); /* was under way: not yet */
	assert_string_equal(news(b), "");
	feed_asked(&b->feed);
	refresh(b, "paused", 130 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
	/* later ones are as ever */
	feed_asked(&b->feed);
	refresh(b, "up", 140 * S, 100);
	assert_string_equal(news(b), "");
	/* a reload changes states without events; a list from before it has used its resync up */
	record(b, "info", "config-reload-done", "result", "ok", NULL, NULL);
	refresh(b, "up", 140 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
	feed_asked(&b->feed);
	refresh(b, "disabled", 150 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
}

static void lists_that_change(void **state)
{
	static const char *const two[] = { "new", "www" };
	struct bed *b = *state;

	load_frontends(b, one_name, 1, 100);
	feed_refreshed(&b->feed, b->now);
	assert_string_equal(news(b), "");
	load_frontends(b, one_name, 1, 50); /* other weights: an event of its own */
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: frontend"), 1);
	assert_int_equal(count(b->text, "\"from\":\"up\",\"to\":\"up\""), 1);
	load_frontends_in(b, one_name, 1, "down", 50); /* another state, and its event too late */
	feed_refreshed(&b->feed, b->now);
	frontend_event(b, "www", "up", "down");
	assert_int_equal(count(news(b), "event: frontend"), 1);
	assert_int_equal(count(b->text, "\"from\":\"up\",\"to\":\"down\""), 1);
	load_frontends(b, two, 2, 50); /* others: all begin anew */
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: "), 1);
	assert_int_equal(count(b->text, "event: resync"), 1);
	load_backend(b, "b", "up", 50 * S);
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: resync"), 1);
	assert_null(catalog_get(&b->store.backends, "a"));
}

static void many_at_once(void **state)
{
	struct bed *b = *state;
	const char *names[FEED_SINGLY_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		names[i] = xasprintf("fe%03zu", i);
	load_frontends(b, names, ARRAY_LEN(names), 1);
	feed_refreshed(&b->feed, b->now);
	(void)news(b);
	load_frontends(b, names, ARRAY_LEN(names), 2);
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: "), 1);
	assert_int_equal(count(b->text, "event: resync"), 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		free(z(names[i]));
}

static void single_answers(void **state)
{
	struct bed *b = *state;
	struct fixture f;

	fill_frontend(&f, "www", "down", 0);
	feed_frontend(&b->feed, b->now, &f.info);
	assert_int_equal(count(news(b), "\"from\":\"up\",\"to\":\"down\""), 1);
	assert_int_equal(count(b->text, "\"effective_weight\":0"), 2);
	feed_frontend(&b->feed, b->now, &f.info);
	assert_string_equal(news(b), "");
	fill_frontend(&f, "gone", "down", 0);
	feed_frontend(&b->feed, b->now, &f.info);
	assert_string_equal(news(b), "");
}

static void the_connection(void **state)
{
	struct bed *b = *state;

	feed_status(&b->feed, b->now, true, "");
	assert_string_equal(news(b), "");
	b->now.wall = 200 * S;
	feed_status(&b->feed, b->now, false, "refused");
	assert_int_equal(count(news(b), "event: maglevd-status"), 1);
	assert_int_equal(count(b->text, "\"connected\":false,\"last_error\":\"refused\","
					"\"since_ms\":200000"),
			 1);
	b->now.wall = 300 * S;
	feed_status(&b->feed, b->now, false, "no route");
	assert_int_equal(count(news(b), "\"since_ms\":200000"), 1);
	assert_int_equal(wants(b), 0);
	feed_status(&b->feed, b->now, true, "");
	assert_int_equal(wants(b), FEED_REFRESH);
	(void)news(b);
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: resync"), 1);
}

static void records(void **state)
{
	struct bed *b = *state;

	record(b, "info", "hello <b>", "k", "v\"", "k", "w");
	assert_string_equal(news(b), "id: 1-3\nevent: log\ndata: {\"maglevd\":\"m\",\"at_ms\":0,"
				     "\"level\":\"info\",\"msg\":\"hello <b>\","
				     "\"attrs\":[[\"k\",\"v\\\"\"],[\"k\",\"w\"]]}\n\n");
	/* folded */
	record(b, "debug", "probe-start", "backend", "a", NULL, NULL);
	record(b, "debug", "vpp-api-send", "message", "x", NULL, NULL);
	record(b, "debug", "vpp-api-recv-multi", "message", "x", NULL, NULL);
	assert_string_equal(news(b), "");
	feed_beat(&b->feed, b->now);
	assert_int_equal(count(news(b), "\"in_flight\":[\"a\"]"), 1);
	assert_int_equal(count(b->text, "\"vpp_sent\":1,\"vpp_received\":1"), 1);
	transition(b, "a", "up", "paused"); /* its probe will not end */
	(void)news(b);
	feed_beat(&b->feed, b->now);
	assert_int_equal(count(news(b), "\"in_flight\":[]"), 1);
}

static void records_with_consequences(void **state)
{
	struct bed *b = *state;

	(void)wants(b);
	record(b, "info", "vpp-connect", NULL, NULL, NULL, NULL);
	assert_int_equal(wants(b), FEED_VPP | FEED_LB);
	record(b, "info", "vpp-lb-sync-done", NULL, NULL, NULL, NULL);
	assert_int_equal(wants(b), FEED_LB);
	record(b, "debug", "vpp-lb-sync-done", NULL, NULL, NULL, NULL);
	assert_int_equal(wants(b), 0);
	record(b, "info", "grpc-admin", "result", "OK", "method", "SetFrontendPoolBackendWeight");
	assert_int_equal(wants(b), FEED_LB); /* no target: nothing to mark */
	record(b, "warn", "grpc-admin", "result", "PERMISSION_DENIED", "method", "ReloadConfig");
	assert_int_equal(wants(b), 0);
	record(b, "info", "vpp-lb-warmup", NULL, NULL, NULL, NULL);
	assert_int_equal(wants(b), FEED_FRONTENDS);
	feed_asked(&b->feed);
	record(b, "info", "config-reload-done", "result", "ok", NULL, NULL);
	assert_int_equal(wants(b), FEED_REFRESH | FEED_LB);
	(void)news(b);
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "\"reason\":\"configuration reloaded\""), 1);
}

static void vpp(void **state)
{
	struct bed *b = *state;
	Maglev__VPPInfo info = MAGLEV__VPPINFO__INIT;
	Maglev__VPPLBState lb = MAGLEV__VPPLBSTATE__INIT;
	Maglev__VPPLBVIP v1 = MAGLEV__VPPLBVIP__INIT, v2 = MAGLEV__VPPLBVIP__INIT;
	Maglev__VPPLBVIP *vips[] = { &v1, &v2 };

	info.version = z("26.10");
	feed_vpp(&b->feed, b->now, &info, "");
	assert_int_equal(wants(b), FEED_LB);
	assert_int_equal(count(news(b), "\"connected\":true,\"error\":\"\",\"version\":\"26.10\""),
			 1);
	feed_vpp(&b->feed, b->now, &info, "");
	assert_string_equal(news(b), "");

	v1.prefix = z("10.0.0.1/32");
	v2.prefix = z("10.0.0.1/32");
	v1.protocol = v2.protocol = z("tcp");
	v1.port = 80;
	v2.port = 443;
	lb.n_vips = 2;
	lb.vips = vips;
	feed_lb(&b->feed, b->now, &lb);
	assert_int_equal(count(news(b), "\"prefix\""), 2);
	feed_lb(&b->feed, b->now, &lb); /* read, nothing new: told all the same */
	assert_int_equal(count(news(b), "\"vips\":[],\"removed\":[]"), 1);
	v2.src_ip_sticky = true;
	feed_lb(&b->feed, b->now, &lb);
	assert_int_equal(count(news(b), "\"port\":443"), 1);
	assert_int_equal(count(b->text, "\"port\":80"), 0);
	lb.n_vips = 1;
	feed_lb(&b->feed, b->now, &lb);
	assert_int_equal(count(news(b), "\"vips\":[],\"removed\":[{\"prefix\":\"10.0.0.1/32\","
					"\"protocol\":\"tcp\",\"port\":443}]"),
			 1);

	record(b, "warn", "vpp-disconnect", "reason", "it is gone", NULL, NULL);
	assert_int_equal(count(news(b), "event: vpp-status"), 1);
	assert_int_equal(count(b->text, "\"connected\":false,\"error\":\"it is gone\""), 1);
	assert_null(b->store.lb);
}

/* A probe that was seen to begin and to end: how long it took, and its code. */
static void probes(void **state)
{
	struct bed *b = *state;
	Maglev__LogAttr a[3] = { MAGLEV__LOG_ATTR__INIT, MAGLEV__LOG_ATTR__INIT,
				 MAGLEV__LOG_ATTR__INIT };
	Maglev__LogAttr *v[] = { &a[0], &a[1], &a[2] };
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__LogEvent e = MAGLEV__LOG_EVENT__INIT;

	record(b, "debug", "probe-start", "backend", "a", NULL, NULL);
	a[0].key = z("backend"), a[0].value = z("a");
	a[1].key = z("code"), a[1].value = z("L7OK");
	a[2].key = z("duration_ns"), a[2].value = z("2500000");
	e.level = z("debug");
	e.msg = z("probe-done");
	e.n_attrs = 3;
	e.attrs = v;
	m.event_case = MAGLEV__EVENT__EVENT_LOG;
	m.log = &e;
	feed_event(&b->feed, b->now, &m);
	assert_string_equal(news(b), "");
	feed_beat(&b->feed, b->now);
	assert_int_equal(count(news(b), "\"in_flight\":[]"), 1);
	assert_int_equal(count(b->text, "L7OK"), 1);
	/* when the stream is cut, ends are not told: none is in flight any more */
	record(b, "debug", "probe-start", "backend", "a", NULL, NULL);
	feed_stream_cut(&b->feed);
	feed_beat(&b->feed, b->now);
	assert_int_equal(count(news(b), "\"in_flight\":[\"a\"]"), 0);
}

/* A single answer counts unless it is older; a state that no event has told yet is left to that. */
static void a_backend_told(void **state)
{
	struct bed *b = *state;
	Maglev__BackendInfo m = MAGLEV__BACKEND_INFO__INIT;

	m.name = z("a");
	m.state = z("up");
	m.counter = 7;
	m.since_unix_ns = 40 * S;
	feed_backend(&b->feed, &m);
	assert_int_equal(store_backend(catalog_get(&b->store.backends, "a"))->counter, 0);
	m.since_unix_ns = 50 * S;
	feed_backend(&b->feed, &m);
	assert_int_equal(store_backend(catalog_get(&b->store.backends, "a"))->counter, 7);
	m.state = z("down");
	m.since_unix_ns = 60 * S;
	feed_backend(&b->feed, &m);
	assert_string_equal(store_backend(catalog_get(&b->store.backends, "a"))->state, "up");
	m.name = z("unheard-of");
	feed_backend(&b->feed, &m);
	assert_null(catalog_get(&b->store.backends, "unheard-of"));
	assert_string_equal(news(b), "");
}

static void version_and_checks(void **state)
{
	struct bed *b = *state;
	Maglev__VersionInfo version = MAGLEV__VERSION_INFO__INIT;
	Maglev__HealthCheckInfo h = MAGLEV__HEALTH_CHECK_INFO__INIT, *all[] = { &h };
	Maglev__ListHealthChecksResponse checks = MAGLEV__LIST_HEALTH_CHECKS_RESPONSE__INIT;

	version.version = z("1.0");
	feed_version(&b->feed, &version);
	version.version = z("1.1"); /* upgraded */
	feed_version(&b->feed, &version);
	assert_string_equal(b->store.version->version, "1.1");
	h.name = z("http");
	h.rise = 2;
	checks.n_healthchecks = 1;
	checks.healthchecks = all;
	feed_healthchecks(&b->feed, &checks); /* the first: nobody has seen others */
	feed_healthchecks(&b->feed, &checks);
	feed_refreshed(&b->feed, b->now);
	assert_string_equal(news(b), "");
	h.rise = 3;
	feed_healthchecks(&b->feed, &checks);
	feed_refreshed(&b->feed, b->now);
	assert_int_equal(count(news(b), "event: resync"), 1);
	assert_int_equal(count(b->text, "the health checks are others"), 1);
	assert_int_equal(b->store.healthchecks->healthchecks[0]->rise, 3);
}

static void counters(void **state)
{
	struct bed *b = *state;
	Maglev__VIPCounters vip = MAGLEV__VIPCOUNTERS__INIT, *vips[] = { &vip };
	Maglev__VPPLBCounters m = MAGLEV__VPPLBCOUNTERS__INIT;

	vip.prefix = z("10.0.0.1/32");
	vip.first_packets = 9;
	m.n_vips = 1;
	m.vips = vips;
	feed_counters(&b->feed, b->now, &m);
	assert_int_equal(count(news(b), "event: counters"), 1);
	assert_int_equal(count(b->text, "\"first_packets\":9"), 1);
	assert_int_equal(b->store.counters->vips[0]->first_packets, 9);
}

/* Nothing is said of a maglevd that has told nothing yet. */
static void before_the_first_list(void **state)
{
	struct bed *b = *state;

	b->store.loaded = false;
	transition(b, "a", "up", "down");
	frontend_event(b, "www", "up", "down");
	assert_string_equal(news(b), "");
	assert_int_equal(wants(b), FEED_REFRESH); /* the first may have been written before */
	feed_asked(&b->feed);
	refresh(b, "down", 120 * S, 100);
	assert_int_equal(count(news(b), "event: resync"), 1);
	b->store.loaded = false;
	transition(b, "a", "up", "up");
	assert_int_equal(wants(b), 0);
}

static void a_target_with_slashes(void **state)
{
	static const char *const names[] = { "a/b", "www" };
	struct bed *b = *state;

	load_frontends(b, names, 2, 100);
	feed_refreshed(&b->feed, b->now);
	Maglev__LogAttr a[3] = { MAGLEV__LOG_ATTR__INIT, MAGLEV__LOG_ATTR__INIT,
				 MAGLEV__LOG_ATTR__INIT };
	Maglev__LogAttr *v[] = { &a[0], &a[1], &a[2] };
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__LogEvent e = MAGLEV__LOG_EVENT__INIT;

	a[0].key = z("method"), a[0].value = z("SetFrontendPoolBackendWeight");
	a[1].key = z("result"), a[1].value = z("OK");
	a[2].key = z("target"), a[2].value = z("a/b/primary/x weight 5");
	e.msg = z("grpc-admin");
	e.level = z("info");
	e.n_attrs = 3;
	e.attrs = v;
	m.event_case = MAGLEV__EVENT__EVENT_LOG;
	m.log = &e;
	feed_event(&b->feed, b->now, &m);
	assert_string_equal(feed_take_dirty(&b->feed), "a/b");
	assert_null(feed_take_dirty(&b->feed));
}

/* What is written reads as it should, names with HTML and quotes in them too. */
static void the_state(void **state)
{
	struct bed *b = *state;
	_cleanup_(str_done) struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	render_state(&j, &b->store, "1-2");
	assert_ptr_equal(strstr(str_z(&out), "{\"event_id\":\"1-2\",\"name\":\"m\","
					     "\"address\":\"host:1\",\"connected\":true,"),
			 str_z(&out));
	assert_non_null(strstr(str_z(&out), "\"lb\":null,\"counters\":null}"));
	assert_non_null(strstr(str_z(&out), "\"last_transition\":null,\"last_probe\":null,"
					    "\"frontends\":[\"www\"]"));
}

#define TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_transition),
		TEST(synthetic_events),
		TEST(a_history_is_bounded),
		TEST(an_older_list),
		TEST(a_list_ahead),
		TEST(a_list_alone),
		TEST(a_list_of_what_was_missed),
		TEST(lists_that_change),
		TEST(many_at_once),
		TEST(single_answers),
		TEST(the_connection),
		TEST(records),
		TEST(records_with_consequences),
		TEST(probes),
		TEST(a_backend_told),
		TEST(version_and_checks),
		TEST(counters),
		TEST(vpp),
		TEST(before_the_first_list),
		TEST(a_target_with_slashes),
		TEST(the_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
