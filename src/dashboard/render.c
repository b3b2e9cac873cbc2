/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/render.h"

/* A moment, of nanoseconds. */
static void moment(struct json *j, const char *key, wall_ns at)
{
	json_field_i64(j, key, at / NS_PER_MS);
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
	json_field_str(j, "name", p->name);
	json_key(j, "backends");
	json_arr(j);
	for (size_t i = 0; i < p->n_backends; i++) {
		const Maglev__PoolBackendInfo *b = p->backends[i];

		json_obj(j);
		json_field_str(j, "name", b->name);
		json_field_i64(j, "weight", b->weight);
		json_field_i64(j, "effective_weight", b->effective_weight);
		json_field_u64(j, "buckets", b->buckets);
		json_obj_end(j);
	}
	json_arr_end(j);
	json_obj_end(j);
}

void render_frontend(struct json *j, const Maglev__FrontendInfo *f)
{
	json_obj(j);
	json_field_str(j, "name", f->name);
	json_field_str(j, "description", f->description);
	json_field_str(j, "address", f->address);
	json_field_str(j, "protocol", f->protocol);
	json_field_u64(j, "port", f->port);
	json_field_bool(j, "src_ip_sticky", f->src_ip_sticky);
	json_field_bool(j, "flush_on_down", f->flush_on_down);
	json_field_str(j, "state", f->state);
	json_field_str(j, "active_pool", f->active_pool);
	json_field_u64(j, "flow_table_length", f->flow_table_length);
	json_field_bool(j, "released", f->released);
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
	json_field_str(j, "from", t->from);
	json_field_str(j, "to", t->to);
	moment(j, "at_ms", t->at_unix_ns);
	json_field_str(j, "code", t->code);
	json_field_str(j, "detail", t->detail);
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
	json_field_str(j, "outcome", p->outcome);
	json_field_str(j, "code", p->code);
	json_field_str(j, "detail", p->detail);
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
	json_field_str(j, "name", b->name);
	json_field_str(j, "address", b->address);
	json_field_str(j, "state", b->state);
	json_field_bool(j, "enabled", b->enabled);
	json_field_str(j, "healthcheck", b->healthcheck);
	json_field_i64(j, "counter", b->counter);
	json_field_i64(j, "counter_max", b->counter_max);
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
	json_field_str(j, "path", p->path);
	json_field_str(j, "host", p->host);
	json_field_str(j, "response_code", p->response_code);
	json_field_str(j, "response_regexp", p->response_regexp);
	json_field_str(j, "server_name", p->server_name);
	json_field_bool(j, "insecure_skip_verify", p->insecure_skip_verify);
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
	json_field_bool(j, "ssl", p->ssl);
	json_field_str(j, "server_name", p->server_name);
	json_field_bool(j, "insecure_skip_verify", p->insecure_skip_verify);
	json_obj_end(j);
}

static void healthcheck(struct json *j, const Maglev__HealthCheckInfo *h)
{
	json_obj(j);
	json_field_str(j, "name", h->name);
	json_field_str(j, "type", h->type);
	json_field_u64(j, "port", h->port);
	length(j, "interval_ms", h->interval_ns);
	length(j, "fast_interval_ms", h->fast_interval_ns);
	length(j, "down_interval_ms", h->down_interval_ns);
	length(j, "timeout_ms", h->timeout_ns);
	json_field_i64(j, "rise", h->rise);
	json_field_i64(j, "fall", h->fall);
	json_field_str(j, "probe_ipv4_src", h->probe_ipv4_src);
	json_field_str(j, "probe_ipv6_src", h->probe_ipv6_src);
	http_params(j, h->http);
	tcp_params(j, h->tcp);
	json_obj_end(j);
}

/* ---- VPP */

void render_vpp_fields(struct json *j, const struct store *s)
{
	const Maglev__VPPInfo *v = s->vpp;

	json_field_bool(j, "connected", v != NULL);
	json_field_str(j, "error", v ? "" : s->vpp_error);
	json_field_str(j, "version", v ? v->version : "");
	json_field_str(j, "build_date", v ? v->build_date : "");
	json_field_u64(j, "pid", v ? v->pid : 0);
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
	json_field_str(j, "ipv4_src_address", c->ipv4_src_address);
	json_field_str(j, "ipv6_src_address", c->ipv6_src_address);
	json_field_u64(j, "sticky_buckets_per_core", c->sticky_buckets_per_core);
	json_field_u64(j, "flow_timeout_s", c->flow_timeout);
	json_obj_end(j);
}

static void application_server(struct json *j, const Maglev__VPPLBAS *as)
{
	json_obj(j);
	json_field_str(j, "address", as->address);
	json_field_u64(j, "weight", as->weight);
	json_field_u64(j, "buckets", as->num_buckets);
	json_field_str(j, "backend", as->backend_name);
	json_obj_end(j);
}

void render_lb_vip(struct json *j, const Maglev__VPPLBVIP *v)
{
	json_obj(j);
	json_field_str(j, "prefix", v->prefix);
	json_field_str(j, "protocol", v->protocol);
	json_field_u64(j, "port", v->port);
	json_field_str(j, "encap", v->encap);
	json_field_u64(j, "flow_table_length", v->flow_table_length);
	json_field_bool(j, "src_ip_sticky", v->src_ip_sticky);
	json_field_str(j, "frontend", v->frontend_name);
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
	json_field_str(j, "prefix", v->prefix);
	json_field_str(j, "protocol", v->protocol);
	json_field_u64(j, "port", v->port);
	json_field_str(j, "frontend", v->frontend_name);
	json_field_u64(j, "first_packets", v->first_packets);
	json_field_u64(j, "next_packets", v->next_packets);
	json_field_u64(j, "untracked_packets", v->untracked_packets);
	json_field_u64(j, "no_server_packets", v->no_server_packets);
	json_field_u64(j, "route_packets", v->route_packets);
	json_field_u64(j, "route_bytes", v->route_bytes);
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

void render_status_fields(struct json *j, const struct store *s)
{
	json_field_str(j, "address", s->address);
	json_field_bool(j, "connected", s->connected);
	json_field_str(j, "last_error", s->last_error);
	moment(j, "since_ms", s->since);
}

void render_status(struct json *j, const struct store *s)
{
	json_obj(j);
	json_field_str(j, "name", s->name);
	render_status_fields(j, s);
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
	json_field_str(j, "version", v->version);
	json_field_str(j, "commit", v->commit);
	json_field_str(j, "build_date", v->build_date);
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
		json_field_str(j, "event_id", event_id);
	json_field_str(j, "name", s->name);
	render_status_fields(j, s);
	json_field_bool(j, "loaded", s->loaded);
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
