/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told what: a real server and client on one loop, and a fleet to which things happen. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "fakes.h"
#include "maglevd/events.h"
#include "maglevd/reload.h"
#include "rpc/asyncclient.h"

static const char two_yaml[] =
	"maglev:\n"
	"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"
	"  healthchecks: { web: { type: tcp, port: 80, interval: 2s, rise: 1, fall: 1 } }\n"
	"  backends:\n"
	"    a: { address: 198.51.100.10, healthcheck: web }\n"
	"    b: { address: 198.51.100.9, healthcheck: web }\n"
	"  frontends:\n"
	"    www:\n"
	"      { address: 203.0.113.80, protocol: tcp, port: 80,\n"
	"        pools: [ { name: p, backends: { a: {}, b: {} } } ] }\n";
static const char three_yaml[] =
	"maglev:\n"
	"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"
	"  healthchecks: { web: { type: tcp, port: 80, interval: 2s, rise: 1, fall: 1 } }\n"
	"  backends:\n"
	"    a: { address: 198.51.100.10, healthcheck: web }\n"
	"    c: { address: 198.51.100.11, healthcheck: web }\n"
	"  frontends:\n"
	"    www:\n"
	"      { address: 203.0.113.80, protocol: tcp, port: 80,\n"
	"        pools: [ { name: p, backends: { a: {}, c: {} } } ] }\n";

struct bed {
	struct loop *loop;
	struct fleet *fleet;
	struct events *events;
	struct rpc_server *server;
	struct rpc_async *client;
	int n_traces;
	bool traced; /* at the last of them */
};

static struct config *load(const char *text)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;

	assert_int_equal(config_load_text("test.yaml", text, strlen(text), &c, &rep), CONFIG_OK);
	config_report_done(&rep);
	return c;
}

static void on_trace(void *ctx)
{
	struct bed *b = ctx;

	b->n_traces++;
	b->traced = log_enabled(LVL_DEBUG);
}

static void on_watch(void *ctx, struct rpc_call *call, const ProtobufCMessage *request)
{
	struct bed *b = ctx;

	events_subscribe(b->events, call, (const Maglev__WatchRequest *)request);
}

static const struct rpc_method method = { .path = "/maglev.Maglev/WatchEvents",
					  .request = &maglev__watch_request__descriptor,
					  .fn = on_watch,
					  .kind = RPC_SERVER_STREAM };

static void bed_start(struct bed *b)
{
	struct err e = { 0 };
	char target[32];

	memset(b, 0, sizeof *b);
	log_set_level(LVL_OFF);
	b->loop = loop_new();
	b->fleet = fleet_new(load(two_yaml));
	b->fleet->engine = (struct probe_engine *)(uintptr_t)16; /* the fakes do not look at it */
	fleet_start(b->fleet, 1000);
	b->events = events_new(&(struct events_opts){
		.loop = b->loop, .fleet = b->fleet, .trace = on_trace, .ctx = b });
	b->server = rpc_server_new(&(struct rpc_server_opts){ .loop = b->loop,
							      .addr = "127.0.0.1:0",
							      .methods = &method,
							      .n_methods = 1,
							      .ctx = b },
				   &e);
	assert_string_equal(e.msg, "");
	(void)snprintf(target, sizeof target, "127.0.0.1:%d", rpc_server_port(b->server));
	b->client = rpc_async_new(
		&(struct rpc_async_opts){ .loop = b->loop, .server = { .server = target } }, &e);
	assert_string_equal(e.msg, "");
}

static void bed_end(struct bed *b)
{
	rpc_async_free(b->client);
	rpc_server_free(b->server);
	assert_false(log_enabled(LVL_ERROR));
	events_free(b->events);
	fleet_free(b->fleet);
	loop_free(b->loop);
	fakes_done();
	log_set_level(LVL_INFO);
}

/* What a subscriber saw, a line an event. */
struct seen {
	struct str text;
	int n, ended;
	char why[256];
};

static void on_event(void *ctx, const ProtobufCMessage *m)
{
	struct seen *s = ctx;
	const Maglev__Event *e = (const Maglev__Event *)m;

	s->n++;
	if (e->event_case == MAGLEV__EVENT__EVENT_BACKEND)
		str_addf(&s->text, "%s %s>%s%s %s\n", e->backend->backend_name,
			 e->backend->transition->from, e->backend->transition->to,
			 e->backend->transition->at_unix_ns ? "" : " (replay)",
			 e->backend->transition->code);
	else if (e->event_case == MAGLEV__EVENT__EVENT_FRONTEND)
		str_addf(&s->text, "%s %s>%s\n", e->frontend->frontend_name,
			 e->frontend->transition->from, e->frontend->transition->to);
	else if (e->event_case == MAGLEV__EVENT__EVENT_LOG)
		str_addf(&s->text, "%s %s %s=%s\n", e->log->level, e->log->msg,
			 e->log->n_attrs ? e->log->attrs[0]->key : "",
			 e->log->n_attrs ? e->log->attrs[0]->value : "");
}

static void on_ended(void *ctx, enum rpc_status status _unused_, const char *text)
{
	struct seen *s = ctx;

	s->ended++;
	(void)snprintf(s->why, sizeof s->why, "%s", text);
}

static const struct rpc_watch_ops ops = { .message = on_event, .ended = on_ended };

/* "log", "backend", "frontend", any of them; level NULL: unset. */
static struct rpc_watch *watch(struct bed *b, struct seen *s, const char *kinds, const char *level)
{
	Maglev__WatchRequest r = MAGLEV__WATCH_REQUEST__INIT;
	_cleanup_free_ char *l = xstrdup(level ? level : "");

	r.log = strstr(kinds, "log") != NULL;
	r.backend = strstr(kinds, "backend") != NULL;
	r.frontend = strstr(kinds, "frontend") != NULL;
	r.log_level = l;
	return rpc_async_watch(b->client,
			       &(struct rpc_watch_request){ .path = method.path,
							    .request = &r.base,
							    .response = &maglev__event__descriptor,
							    .ops = &ops,
							    .ctx = s });
}

#define UNTIL(B, COND)                                                                             \
	while (!(COND))                                                                            \
	loop_turn((B)->loop, NS_PER_S)

static void result(struct bed *b, const char *name, enum code code)
{
	const struct backend *be = fleet_backend(b->fleet, name);
	struct probe_result r = { .id = be->id, .generation = be->generation, .code = code };

	fleet_results(b->fleet, &r, 1, 2000);
}

static void test_kinds(void **state _unused_)
{
	struct bed b;
	struct seen all = { 0 }, backends = { 0 }, frontends = { 0 }, warnings = { 0 };

	bed_start(&b);
	(void)watch(&b, &warnings, "log", "warn");
	UNTIL(&b, log_enabled(LVL_WARN));
	(void)watch(&b, &all, "", NULL);
	(void)watch(&b, &backends, "backend", NULL);
	(void)watch(&b, &frontends, "frontend", NULL);
	UNTIL(&b, all.n == 3 && backends.n == 2 && frontends.n == 1);
	result(&b, "a", CODE_L4OK);
	log_warn("mind", L_INT("gap", 7));
	UNTIL(&b, all.n == 8 && backends.n == 3 && frontends.n == 2 && warnings.n == 1);
	assert_string_equal(str_z(&all.text), "a unknown>unknown (replay) \n"
					      "b unknown>unknown (replay) \n"
					      "www unknown>unknown\n"
					      "info backend-transition backend=a\n"
					      "a unknown>up L4OK\n"
					      "info frontend-transition frontend=www\n"
					      "www unknown>up\n"
					      "warn mind gap=7\n");
	assert_string_equal(str_z(&warnings.text), "warn mind gap=7\n");
	str_done(&all.text);
	str_done(&backends.text);
	str_done(&frontends.text);
	str_done(&warnings.text);
	bed_end(&b);
}

/* The state told first is the one at the subscription, after changes and reloads, too. */
static void test_replay_is_the_present(void **state _unused_)
{
	struct bed b;
	struct seen early = { 0 }, late = { 0 }, last = { 0 };

	bed_start(&b);
	(void)watch(&b, &early, "backend frontend", NULL);
	UNTIL(&b, early.n == 3);
	result(&b, "a", CODE_L4CON);
	(void)watch(&b, &late, "backend frontend", NULL);
	UNTIL(&b, late.n == 3);
	assert_string_equal(str_z(&late.text), "a down>down (replay) L4CON\n"
					       "b unknown>unknown (replay) \n"
					       "www down>down\n");
	(void)reload_apply(b.fleet, load(three_yaml), 3000);
	events_reloaded(b.events);
	(void)watch(&b, &last, "backend", NULL);
	UNTIL(&b, last.n == 2 && late.n == 4);
	assert_string_equal(str_z(&last.text), "a down>down (replay) L4CON\n"
					       "c unknown>unknown (replay) \n");
	assert_non_null(strstr(str_z(&late.text), "b unknown>removed removed\n"));
	str_done(&early.text);
	str_done(&late.text);
	str_done(&last.text);
	bed_end(&b);
}

/* Nobody there: not even a level check passes. One at debug: what is traced is asked for, as long
 * as he is there. */
static void test_cost(void **state _unused_)
{
	struct bed b;
	struct seen s = { 0 };
	struct rpc_watch *w;

	bed_start(&b);
	assert_false(log_enabled(LVL_ERROR));
	w = watch(&b, &s, "log", "debug");
	UNTIL(&b, log_enabled(LVL_DEBUG));
	assert_int_equal(b.n_traces, 1);
	assert_true(b.traced);
	rpc_watch_cancel(w);
	UNTIL(&b, !log_enabled(LVL_ERROR));
	assert_int_equal(b.n_traces, 2);
	assert_false(b.traced);
	bed_end(&b);
}

static void *log_elsewhere(void *arg _unused_)
{
	for (int i = 0; i < 100; i++)
		log_info("elsewhere", L_INT("i", i));
	return NULL;
}

/* Records of other threads come as well, in their order. */
static void test_other_threads(void **state _unused_)
{
	struct bed b;
	struct seen s = { 0 };
	_cleanup_(str_done) struct str want = { 0 };
	pthread_t t;

	bed_start(&b);
	(void)watch(&b, &s, "log", "");
	UNTIL(&b, log_enabled(LVL_INFO));
	assert_int_equal(pthread_create(&t, NULL, log_elsewhere, NULL), 0);
	UNTIL(&b, s.n == 100);
	pthread_join(t, NULL);
	for (int i = 0; i < 100; i++)
		str_addf(&want, "info elsewhere i=%d\n", i);
	assert_string_equal(str_z(&s.text), str_z(&want));
	assert_int_equal(pthread_create(&t, NULL, log_elsewhere, NULL), 0);
	pthread_join(t, NULL); /* and these are on their way when it ends */
	str_done(&s.text);
	bed_end(&b);
}

static void test_refused_and_stopped(void **state _unused_)
{
	struct bed b;
	struct seen bad = { 0 }, good = { 0 };
	struct rpc_watch *w;

	bed_start(&b);
	w = watch(&b, &bad, "log", "loud");
	(void)watch(&b, &good, "frontend", NULL);
	UNTIL(&b, bad.ended == 1 && good.n == 1);
	assert_string_equal(bad.why, "unknown log level \"loud\": debug, info, warn, error");
	rpc_watch_cancel(w);
	events_stop(b.events);
	UNTIL(&b, good.ended == 1);
	assert_string_equal(good.why, "shutting down");
	str_done(&good.text);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_replay_is_the_present),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_other_threads),
		cmocka_unit_test(test_refused_and_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
