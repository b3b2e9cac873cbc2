/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_info.c - our structs as the messages of the API. */
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "maglevd/service_internal.h"

/* A message of this type in the arena, initialised as protobuf-c wants it. */
#define PB_NEW(A, T, PREFIX)                                                                       \
	({                                                                                         \
		T *pb_new_ = ARENA_NEW((A), T);                                                    \
		PREFIX##__init(pb_new_);                                                           \
		pb_new_;                                                                           \
	})

static char *addr_text(struct arena *a, const struct addr *addr)
{
	char buf[ADDR_STRLEN];

	return arena_strdup(a, addr_format(addr, buf));
}

static char *opt_addr_text(struct arena *a, const struct addr *addr)
{
	return addr->family ? addr_text(a, addr) : pb_str("");
}

/* ---- backends */

static Maglev__TransitionRecord *transition_record(struct arena *a, const struct transition *t)
{
	Maglev__TransitionRecord *m = ARENA_NEW(a, Maglev__TransitionRecord);

	*m = pb_transition(t);
	return m;
}

static Maglev__ProbeRecord *probe_record(struct arena *a, const struct backend *b)
{
	Maglev__ProbeRecord *m = PB_NEW(a, Maglev__ProbeRecord, maglev__probe_record);

	m->outcome = pb_str(outcome_name(code_outcome(b->last.code)));
	m->code = pb_str(code_name(b->last.code));
	m->detail = pb_str(b->last.detail);
	m->at_unix_ns = b->last.at;
	m->duration_ns = b->last.duration;
	return m;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_frontend_names(struct arena *a, Maglev__BackendInfo *m, const struct backend *b)
{
	m->n_frontend_names = b->in.n;
	m->frontend_names = ARENA_ARRAY(a, b->in.n, char *);
	for (size_t i = 0; i < b->in.n; i++)
		m->frontend_names[i] = b->in.v[i].frontend->name;
	qsort(m->frontend_names, b->in.n, sizeof(char *), by_text);
}

Maglev__BackendInfo *info_backend(struct arena *a, const struct backend *b)
{
	Maglev__BackendInfo *m = PB_NEW(a, Maglev__BackendInfo, maglev__backend_info);

	m->name = b->name;
	m->address = addr_text(a, &b->conf->addr);
	m->state = pb_str(health_state_name(b->health.state));
	m->enabled = b->enabled;
	m->healthcheck = pb_str(b->conf->check ? b->conf->check->name : "");
	m->counter = b->health.counter;
	m->counter_max = healthcheck_counter_max(b->conf->check);
	m->since_unix_ns = b->since;
	m->cert_not_after_unix_ns = b->cert_not_after;
	if (b->last.any)
		m->last_probe = probe_record(a, b);
	m->n_transitions = b->history.n;
	m->transitions = ARENA_ARRAY(a, b->history.n, Maglev__TransitionRecord *);
	for (size_t i = 0; i < b->history.n; i++)
		m->transitions[i] = transition_record(a, backend_history(b, i));
	add_frontend_names(a, m, b);
	return m;
}

/* ---- frontends */

static Maglev__PoolBackendInfo *pool_backend(struct arena *a, const struct member *mb)
{
	Maglev__PoolBackendInfo *m = PB_NEW(a, Maglev__PoolBackendInfo, maglev__pool_backend_info);

	m->name = mb->backend->name;
	m->weight = mb->weight;
	m->effective_weight = mb->verdict.weight;
	m->state = pb_str(health_state_name(mb->backend->health.state));
	m->enabled = mb->backend->enabled;
	m->buckets = mb->buckets;
	return m;
}

/* `next` walks the members, which stand in pool order. */
static Maglev__PoolInfo *pool_info(struct arena *a, const struct frontend *fe, size_t pool,
				   size_t *next)
{
	const struct pool_conf *conf = &fe->conf->pools[pool];
	Maglev__PoolInfo *m = PB_NEW(a, Maglev__PoolInfo, maglev__pool_info);

	m->name = conf->name;
	m->n_backends = conf->n_members;
	m->backends = ARENA_ARRAY(a, conf->n_members, Maglev__PoolBackendInfo *);
	for (size_t i = 0; i < conf->n_members; i++)
		m->backends[i] = pool_backend(a, &fe->members[(*next)++]);
	return m;
}

Maglev__FrontendInfo *info_frontend(struct arena *a, struct frontend *fe, bool released)
{
	Maglev__FrontendInfo *m = PB_NEW(a, Maglev__FrontendInfo, maglev__frontend_info);
	const struct frontend_conf *conf = fe->conf;
	size_t next = 0;

	frontend_buckets(fe);
	m->name = fe->name;
	m->address = addr_text(a, &conf->addr);
	m->protocol = pb_str(conf->port ? vip_proto_name(conf->proto) : "");
	m->port = conf->port;
	m->description = conf->description;
	m->src_ip_sticky = conf->src_ip_sticky;
	m->flush_on_down = conf->flush_on_down;
	m->state = pb_str(frontend_state_name(fe->state));
	m->active_pool = conf->pools[fe->active_pool].name;
	m->flow_table_length = conf->flow_table_length;
	m->released = released;
	m->n_pools = conf->n_pools;
	m->pools = ARENA_ARRAY(a, conf->n_pools, Maglev__PoolInfo *);
	for (size_t i = 0; i < conf->n_pools; i++)
		m->pools[i] = pool_info(a, fe, i, &next);
	return m;
}

/* ---- health checks */

static Maglev__HTTPParams *http_params(struct arena *a, const struct healthcheck *hc)
{
	Maglev__HTTPParams *m = PB_NEW(a, Maglev__HTTPParams, maglev__httpparams);

	m->path = pb_str(hc->path);
	m->host = pb_str(hc->host);
	m->response_code = pb_str(hc->response_code);
	m->response_regexp = pb_str(hc->regexp);
	m->server_name = pb_str(hc->server_name);
	m->insecure_skip_verify = hc->insecure_skip_verify;
	return m;
}

static Maglev__TCPParams *tcp_params(struct arena *a, const struct healthcheck *hc)
{
	Maglev__TCPParams *m = PB_NEW(a, Maglev__TCPParams, maglev__tcpparams);

	m->ssl = hc->ssl;
	m->server_name = pb_str(hc->server_name);
	m->insecure_skip_verify = hc->insecure_skip_verify;
	return m;
}

Maglev__HealthCheckInfo *info_healthcheck(struct arena *a, const struct healthcheck *hc)
{
	Maglev__HealthCheckInfo *m = PB_NEW(a, Maglev__HealthCheckInfo, maglev__health_check_info);

	m->name = hc->name;
	m->type = pb_str(hc_type_name(hc->type));
	m->port = hc->port;
	m->interval_ns = hc->interval;
	m->fast_interval_ns = hc->fast_interval;
	m->down_interval_ns = hc->down_interval;
	m->timeout_ns = hc->timeout;
	m->rise = hc->rise;
	m->fall = hc->fall;
	m->probe_ipv4_src = opt_addr_text(a, &hc->src4);
	m->probe_ipv6_src = opt_addr_text(a, &hc->src6);
	m->reuse_connection = hc->reuse_connection;
	if (hc->type == HC_HTTP || hc->type == HC_HTTPS)
		m->http = http_params(a, hc);
	else if (hc->type == HC_TCP)
		m->tcp = tcp_params(a, hc);
	return m;
}

/* ---- VPP */

static int by_key(const void *a, const void *b)
{
	return vip_key_cmp(&(*(struct frontend *const *)a)->sync.key,
			   &(*(struct frontend *const *)b)->sync.key);
}

/* Frontends in key order, so that VPP's rows find theirs by search. */
static struct frontend **frontends_by_key(struct arena *a, const struct fleet *f)
{
	struct frontend **v = ARENA_ARRAY(a, f->frontends.n, struct frontend *);

	memcpy(v, f->frontends_sorted, f->frontends.n * sizeof(*v));
	qsort(v, f->frontends.n, sizeof(*v), by_key);
	return v;
}

static const struct frontend *find_by_key(struct frontend **v, size_t n, const struct vip_key *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = vip_key_cmp(key, &v[mid]->sync.key);

		if (c == 0)
			return v[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static const char *backend_name_at(const struct frontend *fe, const struct addr *addr)
{
	const struct member *m = fe ? frontend_member_at(fe, addr) : NULL;

	return m ? m->backend->name : "";
}

static Maglev__VPPLBAS *vpp_as(struct arena *a, const struct frontend *fe, const struct plan_as *as)
{
	Maglev__VPPLBAS *m = PB_NEW(a, Maglev__VPPLBAS, maglev__vpplbas);

	m->address = addr_text(a, &as->addr);
	m->weight = as->weight;
	m->num_buckets = as->buckets;
	m->backend_name = pb_str(backend_name_at(fe, &as->addr));
	return m;
}

static Maglev__VPPLBVIP *vpp_vip(struct arena *a, const struct frontend *fe,
				 const struct plan_vip *v)
{
	Maglev__VPPLBVIP *m = PB_NEW(a, Maglev__VPPLBVIP, maglev__vpplbvip);
	char prefix[PREFIX_STRLEN];

	m->prefix = arena_strdup(a, prefix_format(&v->key.prefix, prefix));
	m->protocol = pb_str(vip_proto_name(v->key.proto));
	m->port = v->key.port;
	m->encap = pb_str(plan_encap_name(v->encap));
	m->flow_table_length = v->table_len;
	m->src_ip_sticky = v->sticky == STICKY_YES;
	m->frontend_name = pb_str(fe ? fe->name : "");
	m->n_application_servers = v->n_as;
	m->application_servers = ARENA_ARRAY(a, v->n_as, Maglev__VPPLBAS *);
	for (size_t i = 0; i < v->n_as; i++)
		m->application_servers[i] = vpp_as(a, fe, &v->as[i]);
	return m;
}

static Maglev__VPPLBConf *vpp_conf(struct arena *a, const struct vpp_lb_conf *conf)
{
	Maglev__VPPLBConf *m = PB_NEW(a, Maglev__VPPLBConf, maglev__vpplbconf);

	m->ipv4_src_address = addr_text(a, &conf->ip4_src_address);
	m->ipv6_src_address = addr_text(a, &conf->ip6_src_address);
	m->sticky_buckets_per_core = conf->sticky_buckets_per_core;
	m->flow_timeout = conf->flow_timeout;
	return m;
}

Maglev__VPPLBState *info_vpp_state(struct arena *a, const struct fleet *f,
				   const struct plan_state *st, const struct vpp_lb_conf *conf)
{
	struct frontend **by = frontends_by_key(a, f);
	Maglev__VPPLBState *m = PB_NEW(a, Maglev__VPPLBState, maglev__vpplbstate);

	m->conf = vpp_conf(a, conf);
	m->n_vips = st->n_vips;
	m->vips = ARENA_ARRAY(a, st->n_vips, Maglev__VPPLBVIP *);
	for (size_t i = 0; i < st->n_vips; i++)
		m->vips[i] = vpp_vip(a, find_by_key(by, f->frontends.n, &st->vips[i].key),
				     &st->vips[i]);
	return m;
}

static Maglev__VIPCounters *vip_counters(struct arena *a, const struct frontend *fe,
					 const struct lbcounters_vip *v)
{
	Maglev__VIPCounters *m = PB_NEW(a, Maglev__VIPCounters, maglev__vipcounters);
	char prefix[PREFIX_STRLEN];

	m->prefix = arena_strdup(a, prefix_format(&v->key.prefix, prefix));
	m->protocol = pb_str(vip_proto_name(v->key.proto));
	m->port = v->key.port;
	m->frontend_name = pb_str(fe ? fe->name : "");
	m->first_packets = v->figures.first;
	m->next_packets = v->figures.next;
	m->untracked_packets = v->figures.untracked;
	m->no_server_packets = v->figures.no_server;
	m->route_packets = v->figures.route_packets;
	m->route_bytes = v->figures.route_bytes;
	return m;
}

Maglev__VPPLBCounters *info_vpp_counters(struct arena *a, const struct fleet *f,
					 const struct lbcounters_vip *v, size_t n, wall_ns at)
{
	struct frontend **by = frontends_by_key(a, f);
	Maglev__VPPLBCounters *m = PB_NEW(a, Maglev__VPPLBCounters, maglev__vpplbcounters);

	m->at_unix_ns = at;
	m->n_vips = n;
	m->vips = ARENA_ARRAY(a, n, Maglev__VIPCounters *);
	for (size_t i = 0; i < n; i++)
		m->vips[i] = vip_counters(a, find_by_key(by, f->frontends.n, &v[i].key), &v[i]);
	return m;
}
