/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/render.h"

void render_str(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_str(j, value);
}

void render_int(struct json *j, const char *key, int64_t value)
{
	json_key(j, key);
	json_i64(j, value);
}

void render_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_bool(j, value);
}

static void uint_(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	json_u64(j, value);
}

/* A moment, of nanoseconds. */
static void moment(struct json *j, const char *key, wall_ns at)
{
	render_int(j, key, at / NS_PER_MS);
}

/* A length of time, to the microsecond. */
static void length(struct json *j, const char *key, dur_ns d)
{
	dur_ns us = d / NS_PER_US;

	json_key(j, key);
	json_f64(j, (double)us / 1e3);
}

/* ---- frontends */

static void pool(struct json *j, const Maglev__PoolInfo *p)
{
	json_obj(j);
	render_str(j, "name", p->name);
	json_key(j, "backends");
	json_arr(j);
	for (size_t i = 0; i < p->n_backends; i++) {
		const Maglev__PoolBackendInfo *b = p->backends[i];

		json_obj(j);
		render_str(j, "name", b->name);
		render_int(j, "weight", b->weight);
		render_int(j, "effective_weight", b->effective_weight);
		uint_(j, "buckets", b->buckets);
		json_obj_end(j);
	}
	json_arr_end(j);
	json_obj_end(j);
}

void render_frontend(struct json *j, const Maglev__FrontendInfo *f)
{
	json_obj(j);
	render_str(j, "name", f->name);
	render_str(j, "description", f->description);
	render_str(j, "address", f->address);
	render_str(j, "protocol", f->protocol);
	uint_(j, "port", f->port);
	render_bool(j, "src_ip_sticky", f->src_ip_sticky);
	render_bool(j, "flush_on_down", f->flush_on_down);
	render_str(j, "state", f->state);
	render_str(j, "active_pool", f->active_pool);
	uint_(j, "flow_table_length", f->flow_table_length);
	render_bool(j, "released", f->released);
	json_key(j, "pools");
	json_arr(j);
	for (size_t i = 0; i < f->n_pools; i++)
		pool(j, f->pools[i]);
	json_arr_end(j);
	json_obj_end(j);
}

/* ---- backends */

void render_transition_fields(struct json *j, const Maglev__TransitionRecord *t)
{
	render_str(j, "from", t->from);
	render_str(j, "to", t->to);
	moment(j, "at_ms", t->at_unix_ns);
	render_str(j, "code", t->code);
	render_str(j, "detail", t->detail);
}

static void transition(struct json *j, const Maglev__TransitionRecord *t)
{
	json_obj(j);
	render_transition_fields(j, t);
	json_obj_end(j);
}

static void probe(struct json *j, const Maglev__ProbeRecord *p)
{
	json_key(j, "last_probe");
	if (!p) {
		json_null(j);
		return;
	}
	json_obj(j);
	render_str(j, "outcome", p->outcome);
	render_str(j, "code", p->code);
	render_str(j, "detail", p->detail);
	moment(j, "at_ms", p->at_unix_ns);
	length(j, "duration_ms", p->duration_ns);
	json_obj_end(j);
}

static void transitions(struct json *j, const Maglev__BackendInfo *b)
{
	json_key(j, "transitions");
	json_arr(j);
	for (size_t i = 0; i < b->n_transitions; i++)
		transition(j, b->transitions[i]);
	json_arr_end(j);
}

void render_backend(struct json *j, const Maglev__BackendInfo *b, bool history)
{
	json_obj(j);
	render_str(j, "name", b->name);
	render_str(j, "address", b->address);
	render_str(j, "state", b->state);
	render_bool(j, "enabled", b->enabled);
	render_str(j, "healthcheck", b->healthcheck);
	render_int(j, "counter", b->counter);
	render_int(j, "counter_max", b->counter_max);
	moment(j, "since_ms", b->since_unix_ns);
	json_key(j, "last_transition");
	if (b->n_transitions)
		transition(j, b->transitions[0]);
	else
		json_null(j);
	probe(j, b->last_probe);
	json_key(j, "frontends");
	json_arr(j);
	for (size_t i = 0; i < b->n_frontend_names; i++)
		json_str(j, b->frontend_names[i]);
	json_arr_end(j);
	moment(j, "cert_not_after_ms", b->cert_not_after_unix_ns);
	if (history)
		transitions(j, b);
	json_obj_end(j);
}

/* ---- health checks */

static void http_params(struct json *j, const Maglev__HTTPParams *p)
{
	json_key(j, "http");
	if (!p) {
		json_null(j);
		return;
	}
	json_obj(j);
	render_str(j, "path", p->path);
	render_str(j, "host", p->host);
	render_str(j, "response_code", p->response_code);
	render_str(j, "response_regexp", p->response_regexp);
	render_str(j, "server_name", p->server_name);
	render_bool(j, "insecure_skip_verify", p->insecure_skip_verify);
	json_obj_end(j);
}

static void tcp_params(struct json *j, const Maglev__TCPParams *p)
{
	json_key(j, "tcp");
	if (!p) {
		json_null(j);
		return;
	}
	json_obj(j);
	render_bool(j, "ssl", p->ssl);
	render_str(j, "server_name", p->server_name);
	render_bool(j, "insecure_skip_verify", p->insecure_skip_verify);
	json_obj_end(j);
}

static void healthcheck(struct json *j, const Maglev__HealthCheckInfo *h)
{
	json_obj(j);
	render_str(j, "name", h->name);
	render_str(j, "type", h->type);
	uint_(j, "port", h->port);
	length(j, "interval_ms", h->interval_ns);
	length(j, "fast_interval_ms", h->fast_interval_ns);
	length(j, "down_interval_ms", h->down_interval_ns);
	length(j, "timeout_ms", h->timeout_ns);
	render_int(j, "rise", h->rise);
	render_int(j, "fall", h->fall);
	render_str(j, "probe_ipv4_src", h->probe_ipv4_src);
	render_str(j, "probe_ipv6_src", h->probe_ipv6_src);
	http_params(j, h->http);
	tcp_params(j, h->tcp);
	json_obj_end(j);
}

/* ---- VPP */

void render_vpp_fields(struct json *j, const struct store *s)
{
	const Maglev__VPPInfo *v = s->vpp;

	render_bool(j, "connected", v != NULL);
	render_str(j, "error", v ? "" : s->vpp_error);
	render_str(j, "version", v ? v->version : "");
	render_str(j, "build_date", v ? v->build_date : "");
	uint_(j, "pid", v ? v->pid : 0);
	moment(j, "boot_ms", v ? v->boottime_ns : 0);
	moment(j, "connect_ms", v ? v->connecttime_ns : 0);
}

void render_lb_conf(struct json *j, const Maglev__VPPLBConf *c)
{
	if (!c) {
		json_null(j);
		return;
	}
	json_obj(j);
	render_str(j, "ipv4_src_address", c->ipv4_src_address);
	render_str(j, "ipv6_src_address", c->ipv6_src_address);
	uint_(j, "sticky_buckets_per_core", c->sticky_buckets_per_core);
	uint_(j, "flow_timeout_s", c->flow_timeout);
	json_obj_end(j);
}

static void application_server(struct json *j, const Maglev__VPPLBAS *as)
{
	json_obj(j);
	render_str(j, "address", as->address);
	uint_(j, "weight", as->weight);
	uint_(j, "buckets", as->num_buckets);
	render_str(j, "backend", as->backend_name);
	json_obj_end(j);
}

void render_lb_vip(struct json *j, const Maglev__VPPLBVIP *v)
{
	json_obj(j);
	render_str(j, "prefix", v->prefix);
	render_str(j, "protocol", v->protocol);
	uint_(j, "port", v->port);
	render_str(j, "encap", v->encap);
	uint_(j, "flow_table_length", v->flow_table_length);
	render_bool(j, "src_ip_sticky", v->src_ip_sticky);
	render_str(j, "frontend", v->frontend_name);
	json_key(j, "application_servers");
	json_arr(j);
	for (size_t i = 0; i < v->n_application_servers; i++)
		application_server(j, v->application_servers[i]);
	json_arr_end(j);
	json_obj_end(j);
}

static void lb(struct json *j, const struct store *s)
{
	json_key(j, "lb");
	if (!s->lb) {
		json_null(j);
		return;
	}
	json_obj(j);
	moment(j, "at_ms", s->lb_at);
	json_key(j, "conf");
	render_lb_conf(j, s->lb->conf);
	json_key(j, "vips");
	json_arr(j);
	for (size_t i = 0; i < s->lb->n_vips; i++)
		render_lb_vip(j, s->lb->vips[i]);
	json_arr_end(j);
	json_obj_end(j);
}

static void vip_counters(struct json *j, const Maglev__VIPCounters *v)
{
	json_obj(j);
	render_str(j, "prefix", v->prefix);
	render_str(j, "protocol", v->protocol);
	uint_(j, "port", v->port);
	render_str(j, "frontend", v->frontend_name);
	uint_(j, "first_packets", v->first_packets);
	uint_(j, "next_packets", v->next_packets);
	uint_(j, "untracked_packets", v->untracked_packets);
	uint_(j, "no_server_packets", v->no_server_packets);
	uint_(j, "route_packets", v->route_packets);
	uint_(j, "route_bytes", v->route_bytes);
	json_obj_end(j);
}

void render_counters_fields(struct json *j, const Maglev__VPPLBCounters *c)
{
	moment(j, "at_ms", c->at_unix_ns);
	json_key(j, "vips");
	json_arr(j);
	for (size_t i = 0; i < c->n_vips; i++)
		vip_counters(j, c->vips[i]);
	json_arr_end(j);
}

/* ---- a maglevd */

void render_status_fields(struct json *j, const struct store *s, const char *name_key)
{
	render_str(j, name_key, s->name);
	render_str(j, "address", s->address);
	render_bool(j, "connected", s->connected);
	render_str(j, "last_error", s->last_error);
	moment(j, "since_ms", s->since);
}

void render_status(struct json *j, const struct store *s)
{
	json_obj(j);
	render_status_fields(j, s, "name");
	json_obj_end(j);
}

static void daemon_version(struct json *j, const Maglev__VersionInfo *v)
{
	json_key(j, "daemon");
	if (!v) {
		json_null(j);
		return;
	}
	json_obj(j);
	render_str(j, "version", v->version);
	render_str(j, "commit", v->commit);
	render_str(j, "build_date", v->build_date);
	moment(j, "started_ms", v->started_unix_ns);
	json_obj_end(j);
}

static void lists(struct json *j, const struct store *s)
{
	json_key(j, "frontends");
	json_arr(j);
	for (size_t i = 0; i < s->frontends.all.n; i++)
		render_frontend(j, store_frontend(s->frontends.all.v[i]));
	json_arr_end(j);
	json_key(j, "backends");
	json_arr(j);
	for (size_t i = 0; i < s->backends.all.n; i++)
		render_backend(j, store_backend(s->backends.all.v[i]), /* history= */ false);
	json_arr_end(j);
	json_key(j, "healthchecks");
	json_arr(j);
	for (size_t i = 0; s->healthchecks && i < s->healthchecks->n_healthchecks; i++)
		healthcheck(j, s->healthchecks->healthchecks[i]);
	json_arr_end(j);
}

void render_state(struct json *j, const struct store *s, const char *event_id)
{
	json_obj(j);
	if (event_id)
		render_str(j, "event_id", event_id);
	render_status_fields(j, s, "name");
	render_bool(j, "loaded", s->loaded);
	moment(j, "refreshed_ms", s->refreshed);
	daemon_version(j, s->version);
	lists(j, s);
	json_key(j, "vpp");
	json_obj(j);
	render_vpp_fields(j, s);
	json_obj_end(j);
	lb(j, s);
	json_key(j, "counters");
	if (s->counters) {
		json_obj(j);
		render_counters_fields(j, s->counters);
		json_obj_end(j);
	} else {
		json_null(j);
	}
	json_obj_end(j);
}
