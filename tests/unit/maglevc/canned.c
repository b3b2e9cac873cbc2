/* SPDX-License-Identifier: Apache-2.0 */
#include "canned.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/dur.h"
#include "base/json.h"
#include "maglev.pb-c.h"
#include "rpc/json.h"
#include "rpc/stream.h"

#define AGO(S) (CANNED_NOW - (S)*NS_PER_S)

static void note(struct canned *cn, const struct rpc_call *c, const ProtobufCMessage *request)
{
	struct json j;

	str_add(&cn->requests, strrchr(rpc_call_method(c)->path, '/') + 1);
	str_add_c(&cn->requests, ' ');
	json_init(&j, &cn->requests);
	rpc_json_message(&j, request, false);
	str_add_c(&cn->requests, '\n');
}

static void get_version(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__VersionInfo v = MAGLEV__VERSION_INFO__INIT;
	char version[] = "2.0.0", commit[] = "1a2b3c4", date[] = "2026-11-01T12:00:00Z";

	note(ctx, c, request);
	v.version = version;
	v.commit = commit;
	v.build_date = date;
	v.started_unix_ns = AGO(3 * 86400 + 4 * 3600);
	rpc_call_reply(c, &v.base);
}

/* ---- frontends */

struct member {
	const char *name;
	int weight, effective;
	const char *state;
	bool enabled;
	uint32_t buckets;
};

static void member_fill(Maglev__PoolBackendInfo *b, const struct member *m)
{
	maglev__pool_backend_info__init(b);
	b->name = xstrdup(m->name);
	b->weight = m->weight;
	b->effective_weight = m->effective;
	b->state = xstrdup(m->state);
	b->enabled = m->enabled;
	b->buckets = m->buckets;
}

static Maglev__PoolInfo *pool_new(const char *name, const struct member *members, size_t n)
{
	Maglev__PoolInfo *p = XNEW(Maglev__PoolInfo);

	maglev__pool_info__init(p);
	p->name = xstrdup(name);
	p->n_backends = n;
	p->backends = xcalloc(n, sizeof *p->backends);
	for (size_t i = 0; i < n; i++) {
		p->backends[i] = XNEW(Maglev__PoolBackendInfo);
		member_fill(p->backends[i], &members[i]);
	}
	return p;
}

static Maglev__FrontendInfo *frontend_new(const char *name, const char *address,
					  const char *protocol, uint32_t port, const char *state)
{
	Maglev__FrontendInfo *f = XNEW(Maglev__FrontendInfo);

	maglev__frontend_info__init(f);
	f->name = xstrdup(name);
	f->address = xstrdup(address);
	f->protocol = xstrdup(protocol);
	f->port = port;
	f->state = xstrdup(state);
	f->active_pool = xstrdup("primary");
	f->description = xstrdup("");
	f->flow_table_length = 1024;
	f->released = true;
	return f;
}

static void pools_set(Maglev__FrontendInfo *f, size_t n, Maglev__PoolInfo *a, Maglev__PoolInfo *b)
{
	f->n_pools = n;
	f->pools = xcalloc(2, sizeof *f->pools);
	f->pools[0] = a;
	f->pools[1] = b;
}

static Maglev__FrontendInfo *web(void)
{
	static const struct member primary[] = {
		{ "web-a", 100, 100, "up", true, 474 },
		{ "web-b", 70, 70, "up", true, 550 },
		{ "web-c", 40, 0, "disabled", false, 0 },
		{ "web-d-with-a-longer-name", 5, 0, "down", true, 0 },
	};
	static const struct member fallback[] = {
		/* wide characters, and an attempt on the terminal */
		{ "\xe5\x8f\xb0\xe5\x8c\x97", 100, 0, "up", true, 0 },
		{ "evil\x1b[2J", 100, 0, "unknown", true, 0 },
	};
	Maglev__FrontendInfo *f = frontend_new("web", "192.0.2.1", "tcp", 80, "up");

	free(f->description);
	f->description = xstrdup("public web \xe2\x80\xae site");
	f->flush_on_down = true;
	pools_set(f, 2, pool_new("primary", primary, ARRAY_LEN(primary)),
		  pool_new("fallback", fallback, ARRAY_LEN(fallback)));
	return f;
}

static Maglev__FrontendInfo *every(void)
{
	static const struct member primary[] = {
		{ "dns-1", 100, 0, "unknown", true, 0 },
	};
	Maglev__FrontendInfo *f = frontend_new("every-port", "2001:db8:0:1::80", "", 0, "unknown");

	f->src_ip_sticky = true;
	f->flow_table_length = 65536;
	f->released = false;
	pools_set(f, 1, pool_new("primary", primary, 1), NULL);
	return f;
}

static void list_frontends(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__ListFrontendsResponse *r = XNEW(Maglev__ListFrontendsResponse);

	note(ctx, c, request);
	maglev__list_frontends_response__init(r);
	r->n_frontends = 2;
	r->frontends = xcalloc(2, sizeof *r->frontends);
	r->frontends[0] = every();
	r->frontends[1] = web();
	rpc_call_reply(c, &r->base);
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void get_frontend(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	const char *name = ((const Maglev__GetFrontendRequest *)request)->name;
	Maglev__FrontendInfo *f = NULL;

	note(ctx, c, request);
	if (strcmp(name, "web") == 0)
		f = web();
	else if (strcmp(name, "every-port") == 0)
		f = every();
	if (!f) {
		rpc_call_fail(c, RPC_NOT_FOUND, "frontend \"%s\" not found", name);
		return;
	}
	rpc_call_reply(c, &f->base);
	protobuf_c_message_free_unpacked(&f->base, NULL);
}

static void set_weight(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__FrontendInfo *f = web();

	note(ctx, c, request);
	rpc_call_reply(c, &f->base);
	protobuf_c_message_free_unpacked(&f->base, NULL);
}

/* ---- backends */

static Maglev__TransitionRecord *transition_new(const char *from, const char *to, wall_ns at,
						const char *code, const char *detail)
{
	Maglev__TransitionRecord *t = XNEW(Maglev__TransitionRecord);

	maglev__transition_record__init(t);
	t->from = xstrdup(from);
	t->to = xstrdup(to);
	t->at_unix_ns = at;
	t->code = xstrdup(code);
	t->detail = xstrdup(detail);
	return t;
}

static Maglev__ProbeRecord *probe_new(const char *outcome, const char *code, const char *detail)
{
	Maglev__ProbeRecord *p = XNEW(Maglev__ProbeRecord);

	maglev__probe_record__init(p);
	p->outcome = xstrdup(outcome);
	p->code = xstrdup(code);
	p->detail = xstrdup(detail);
	p->at_unix_ns = CANNED_NOW - 850 * NS_PER_MS;
	p->duration_ns = 1234567;
	return p;
}

static Maglev__BackendInfo *backend_new(const char *name, const char *address, const char *state,
					const char *check)
{
	Maglev__BackendInfo *b = XNEW(Maglev__BackendInfo);

	maglev__backend_info__init(b);
	b->name = xstrdup(name);
	b->address = xstrdup(address);
	b->state = xstrdup(state);
	b->healthcheck = xstrdup(check);
	b->enabled = strcmp(state, "disabled") != 0;
	b->since_unix_ns = AGO(312);
	b->counter_max = 4;
	b->counter = strcmp(state, "up") == 0 ? 4 : 0;
	b->n_frontend_names = 1;
	b->frontend_names = xcalloc(1, sizeof *b->frontend_names);
	b->frontend_names[0] = xstrdup("web");
	return b;
}

static Maglev__BackendInfo *web_a(void)
{
	Maglev__BackendInfo *b = backend_new("web-a", "198.51.100.1", "up", "http-check");

	b->last_probe = probe_new("pass", "L7OK", "200 OK");
	b->cert_not_after_unix_ns = CANNED_NOW + 12 * 86400 * NS_PER_S;
	b->n_transitions = 2;
	b->transitions = xcalloc(2, sizeof *b->transitions);
	b->transitions[0] = transition_new("down", "up", AGO(312), "L7OK", "200 OK");
	b->transitions[1] = transition_new("up", "down", AGO(4000), "L7STS",
					   "503 Service\tUnavailable");
	return b;
}

static void list_backends(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__ListBackendsResponse *r = XNEW(Maglev__ListBackendsResponse);

	note(ctx, c, request);
	maglev__list_backends_response__init(r);
	r->n_backends = 5;
	r->backends = xcalloc(5, sizeof *r->backends);
	r->backends[0] = backend_new("static", "2001:db8::5", "up", "");
	r->backends[0]->last_probe = probe_new("pass", "STATIC", "");
	r->backends[1] = web_a();
	r->backends[2] = backend_new("web-b", "198.51.100.2", "down", "http-check");
	r->backends[2]->last_probe = probe_new("fail", "L4TOUT", "");
	r->backends[3] = backend_new("web-c", "198.51.100.3", "disabled", "http-check");
	r->backends[4] = backend_new("\xe5\x8f\xb0\xe5\x8c\x97", "198.51.100.4", "unknown", "icmp");
	r->backends[4]->since_unix_ns = 0;
	rpc_call_reply(c, &r->base);
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void get_backend(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	const char *name = ((const Maglev__GetBackendRequest *)request)->name;
	Maglev__BackendInfo *b;

	note(ctx, c, request);
	if (strcmp(name, "web-a") != 0 && strcmp(name, "static") != 0) {
		rpc_call_fail(c, RPC_NOT_FOUND, "backend \"%s\" not found", name);
		return;
	}
	b = name[0] == 'w' ? web_a() : backend_new("static", "2001:db8::5", "up", "");
	rpc_call_reply(c, &b->base);
	protobuf_c_message_free_unpacked(&b->base, NULL);
}

/* Pause gives paused, and so on; resuming what is disabled is refused. */
static void set_backend(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	const char *name = ((const Maglev__BackendRequest *)request)->name;
	Maglev__BackendInfo *b;

	note(ctx, c, request);
	if (strcmp(name, "web-c") == 0) {
		rpc_call_fail(c, RPC_FAILED_PRECONDITION, "backend \"web-c\" is disabled");
		return;
	}
	b = backend_new(name, "198.51.100.1", rpc_call_method(c)->data, "http-check");
	rpc_call_reply(c, &b->base);
	protobuf_c_message_free_unpacked(&b->base, NULL);
}

/* ---- health checks */

static Maglev__HealthCheckInfo *check_new(const char *name, const char *type, uint32_t port)
{
	Maglev__HealthCheckInfo *h = XNEW(Maglev__HealthCheckInfo);

	maglev__health_check_info__init(h);
	h->name = xstrdup(name);
	h->type = xstrdup(type);
	h->port = port;
	h->interval_ns = 2 * NS_PER_S;
	h->fast_interval_ns = 500 * NS_PER_MS;
	h->timeout_ns = NS_PER_S;
	h->rise = 2;
	h->fall = 3;
	h->probe_ipv4_src = xstrdup("");
	h->probe_ipv6_src = xstrdup("2001:db8::1");
	return h;
}

static Maglev__HealthCheckInfo *http_check(void)
{
	Maglev__HealthCheckInfo *h = check_new("http-check", "http", 8080);

	h->down_interval_ns = 90 * NS_PER_S;
	h->reuse_connection = true;
	h->http = XNEW(Maglev__HTTPParams);
	maglev__httpparams__init(h->http);
	h->http->path = xstrdup("/healthz");
	h->http->response_code = xstrdup("200-299,304");
	h->http->response_regexp = xstrdup("^ok\\s");
	return h;
}

static Maglev__HealthCheckInfo *tls_check(void)
{
	Maglev__HealthCheckInfo *h = check_new("tls", "tcp", 443);

	h->tcp = XNEW(Maglev__TCPParams);
	maglev__tcpparams__init(h->tcp);
	h->tcp->ssl = true;
	h->tcp->server_name = xstrdup("www.example.org");
	return h;
}

static void list_checks(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__ListHealthChecksResponse *r = XNEW(Maglev__ListHealthChecksResponse);

	note(ctx, c, request);
	maglev__list_health_checks_response__init(r);
	r->n_healthchecks = 3;
	r->healthchecks = xcalloc(3, sizeof *r->healthchecks);
	r->healthchecks[0] = http_check();
	r->healthchecks[1] = check_new("ping", "icmp", 0);
	r->healthchecks[2] = tls_check();
	rpc_call_reply(c, &r->base);
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void get_check(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	const char *name = ((const Maglev__GetHealthCheckRequest *)request)->name;
	Maglev__HealthCheckInfo *h = strcmp(name, "tls") == 0 ? tls_check() : http_check();

	note(ctx, c, request);
	rpc_call_reply(c, &h->base);
	protobuf_c_message_free_unpacked(&h->base, NULL);
}

/* ---- VPP */

static Maglev__VPPLBAS *as_new(const char *address, uint32_t weight, uint32_t buckets,
			       const char *name)
{
	Maglev__VPPLBAS *as = XNEW(Maglev__VPPLBAS);

	maglev__vpplbas__init(as);
	as->address = xstrdup(address);
	as->weight = weight;
	as->num_buckets = buckets;
	as->backend_name = xstrdup(name);
	return as;
}

static Maglev__VPPLBVIP *vip_new(const char *prefix, const char *protocol, uint32_t port,
				 const char *name, size_t n_as)
{
	Maglev__VPPLBVIP *v = XNEW(Maglev__VPPLBVIP);

	maglev__vpplbvip__init(v);
	v->prefix = xstrdup(prefix);
	v->protocol = xstrdup(protocol);
	v->port = port;
	v->encap = xstrdup("gre4");
	v->flow_table_length = 1024;
	v->frontend_name = xstrdup(name);
	v->n_application_servers = n_as;
	v->application_servers = xcalloc(n_as, sizeof *v->application_servers);
	return v;
}

static void get_lb_state(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__VPPLBState *s = XNEW(Maglev__VPPLBState);
	Maglev__VPPLBVIP *v;

	note(ctx, c, request);
	maglev__vpplbstate__init(s);
	s->conf = XNEW(Maglev__VPPLBConf);
	maglev__vpplbconf__init(s->conf);
	s->conf->ipv4_src_address = xstrdup("192.0.2.254");
	s->conf->ipv6_src_address = xstrdup("2001:db8::fe");
	s->conf->sticky_buckets_per_core = 65536;
	s->conf->flow_timeout = 40;
	s->n_vips = 2;
	s->vips = xcalloc(2, sizeof *s->vips);
	s->vips[0] = v = vip_new("192.0.2.1/32", "tcp", 80, "web", 4);
	v->application_servers[0] = as_new("198.51.100.1", 100, 474, "web-a");
	v->application_servers[1] = as_new("198.51.100.2", 70, 350, "web-b");
	v->application_servers[2] = as_new("198.51.100.3", 0, 0, "web-c");
	v->application_servers[3] = as_new("203.0.113.200", 40, 200, "");
	s->vips[1] = v = vip_new("2001:db8::1/128", "any", 0, "", 0);
	v->src_ip_sticky = true;
	rpc_call_reply(c, &s->base);
	protobuf_c_message_free_unpacked(&s->base, NULL);
}

static void get_vpp_info(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__VPPInfo m = MAGLEV__VPPINFO__INIT;
	static char version[] = "26.10-release", date[] = "2026-11-01T12:00:00",
		    directory[] = "/build";

	note(ctx, c, request);
	m.version = version;
	m.build_date = date;
	m.build_directory = directory;
	m.pid = 4711;
	m.boottime_ns = CANNED_NOW - 3600 * NS_PER_S;
	m.connecttime_ns = CANNED_NOW - 90 * NS_PER_S;
	rpc_call_reply(c, &m.base);
}

static void get_lb_counters(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__VPPLBCounters m = MAGLEV__VPPLBCOUNTERS__INIT;
	Maglev__VIPCounters web = MAGLEV__VIPCOUNTERS__INIT, any = MAGLEV__VIPCOUNTERS__INIT;
	Maglev__VIPCounters *vips[] = { &web, &any };
	static char prefix4[] = "192.0.2.1/32", prefix6[] = "2001:db8::1/128", tcp[] = "tcp",
		    all[] = "any", name[] = "web";

	note(ctx, c, request);
	web.prefix = prefix4;
	web.protocol = tcp;
	web.port = 80;
	web.frontend_name = name;
	web.first_packets = 30;
	web.next_packets = 180;
	web.route_packets = 210;
	web.route_bytes = UINT64_MAX;
	any.prefix = prefix6;
	any.protocol = all;
	any.untracked_packets = 1;
	any.no_server_packets = 3;
	m.at_unix_ns = CANNED_NOW - NS_PER_S;
	m.vips = vips;
	m.n_vips = ARRAY_LEN(vips);
	rpc_call_reply(c, &m.base);
}

static void sync_lb_state(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	const char *name = ((const Maglev__SyncVPPLBStateRequest *)request)->frontend_name;
	Maglev__SyncVPPLBStateResponse r = MAGLEV__SYNC_VPPLBSTATE_RESPONSE__INIT;

	note(ctx, c, request);
	if (strcmp(name, "warm") == 0) {
		rpc_call_fail(c, RPC_FAILED_PRECONDITION, "warming up");
		return;
	}
	r.vip_added = *name ? 0 : 1;
	r.as_added = 12;
	r.as_weight_updated = 3;
	r.errors = strcmp(name, "refused") == 0 ? 2 : 0;
	rpc_call_reply(c, &r.base);
}

/* ---- configuration: a good one with warnings, and a bad one */

static void check_config(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__CheckConfigResponse r = MAGLEV__CHECK_CONFIG_RESPONSE__INIT;
	char warning[] = "maglev.yaml:3:5: backends.spare: not used by any frontend";
	char *warnings[] = { warning };

	note(ctx, c, request);
	r.ok = true;
	r.n_warnings = 1;
	r.warnings = warnings;
	rpc_call_reply(c, &r.base);
}

static void reload_config(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	Maglev__ReloadConfigResponse r = MAGLEV__RELOAD_CONFIG_RESPONSE__INIT;
	char errors[] = "maglev.yaml:41:17: frontends.www: no such backend\n"
			"maglev.yaml:52:3: frontends.api.port: 70000 is not within 0..65535";

	note(ctx, c, request);
	r.semantic_error = errors;
	rpc_call_reply(c, &r.base);
}

/* ---- events */

static void on_closed(void *ctx _unused_, struct rpc_stream *st _unused_) {}

static void send_backend(struct rpc_stream *st, const char *name, wall_ns at, const char *to)
{
	Maglev__Event event = MAGLEV__EVENT__INIT;
	Maglev__BackendEvent b = MAGLEV__BACKEND_EVENT__INIT;
	struct rpc_packed *p;

	b.transition = transition_new("down", to, at, "L7OK", "200 OK");
	b.backend_name = xstrdup(name);
	event.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	event.backend = &b;
	p = rpc_packed_one(&event.base);
	rpc_stream_send(st, p);
	rpc_packed_unref(p);
	free(b.backend_name);
	protobuf_c_message_free_unpacked(&b.transition->base, NULL);
}

static void send_log(struct rpc_stream *st)
{
	Maglev__Event event = MAGLEV__EVENT__INIT;
	Maglev__LogEvent l = MAGLEV__LOG_EVENT__INIT;
	Maglev__LogAttr attr = MAGLEV__LOG_ATTR__INIT, *attrs[] = { &attr };
	char level[] = "warn", msg[] = "backend-probe", key[] = "detail", value[] = "a\x1b[2Jb";
	struct rpc_packed *p;

	attr.key = key;
	attr.value = value;
	l.at_unix_ns = CANNED_NOW;
	l.level = level;
	l.msg = msg;
	l.n_attrs = 1;
	l.attrs = attrs;
	event.event_case = MAGLEV__EVENT__EVENT_LOG;
	event.log = &l;
	p = rpc_packed_one(&event.base);
	rpc_stream_send(st, p);
	rpc_packed_unref(p);
}

/* Three events, and the end. */
static void watch_events(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	static const struct rpc_stream_ops ops = { .closed = on_closed };
	struct rpc_stream *st;

	note(ctx, c, request);
	st = rpc_stream_open(c, &ops, ctx);
	send_backend(st, "web-a", 0, "down");
	send_log(st);
	send_backend(st, "\xe5\x8f\xb0\xe5\x8c\x97", CANNED_NOW, "up");
	rpc_stream_end(st, RPC_UNAVAILABLE, "shutting down");
}

const struct rpc_method canned_methods[] = {
	{ "/maglev.Maglev/WatchEvents", &maglev__watch_request__descriptor, watch_events, NULL,
	  .kind = RPC_SERVER_STREAM },
	{ "/maglev.Maglev/GetVersion", &maglev__get_version_request__descriptor, get_version,
	  NULL },
	{ "/maglev.Maglev/ListFrontends", &maglev__list_frontends_request__descriptor,
	  list_frontends, NULL },
	{ "/maglev.Maglev/GetFrontend", &maglev__get_frontend_request__descriptor, get_frontend,
	  NULL },
	{ "/maglev.Maglev/ListBackends", &maglev__list_backends_request__descriptor, list_backends,
	  NULL },
	{ "/maglev.Maglev/GetBackend", &maglev__get_backend_request__descriptor, get_backend,
	  NULL },
	{ "/maglev.Maglev/ListHealthChecks", &maglev__list_health_checks_request__descriptor,
	  list_checks, NULL },
	{ "/maglev.Maglev/GetHealthCheck", &maglev__get_health_check_request__descriptor, get_check,
	  NULL },
	{ "/maglev.Maglev/PauseBackend", &maglev__backend_request__descriptor, set_backend,
	  "paused" },
	{ "/maglev.Maglev/ResumeBackend", &maglev__backend_request__descriptor, set_backend,
	  "unknown" },
	{ "/maglev.Maglev/EnableBackend", &maglev__backend_request__descriptor, set_backend,
	  "unknown" },
	{ "/maglev.Maglev/DisableBackend", &maglev__backend_request__descriptor, set_backend,
	  "disabled" },
	{ "/maglev.Maglev/SetFrontendPoolBackendWeight", &maglev__set_weight_request__descriptor,
	  set_weight, NULL },
	{ "/maglev.Maglev/CheckConfig", &maglev__check_config_request__descriptor, check_config,
	  NULL },
	{ "/maglev.Maglev/ReloadConfig", &maglev__reload_config_request__descriptor, reload_config,
	  NULL },
	{ "/maglev.Maglev/GetVPPInfo", &maglev__get_vppinfo_request__descriptor, get_vpp_info,
	  NULL },
	{ "/maglev.Maglev/GetVPPLBCounters", &maglev__get_vpplbcounters_request__descriptor,
	  get_lb_counters, NULL },
	{ "/maglev.Maglev/GetVPPLBState", &maglev__get_vpplbstate_request__descriptor, get_lb_state,
	  NULL },
	{ "/maglev.Maglev/SyncVPPLBState", &maglev__sync_vpplbstate_request__descriptor,
	  sync_lb_state, NULL },
};
const size_t canned_n_methods = ARRAY_LEN(canned_methods);
