/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/desired.h"

#include "base/alloc.h"

static struct frontend *frontend_of(const struct lbsync_vip *v)
{
	return (struct frontend *)((uintptr_t)v - offsetof(struct frontend, sync));
}

static struct plan_as desired_as(const struct member *m)
{
	enum health_state s = m->backend->health.state;

	return (struct plan_as){
		.addr = m->backend->conf->addr,
		.weight = (uint8_t)m->verdict.weight,
		.flush_on_zero = m->verdict.flush,
		.flush_now = m->flush_health || m->flush_operator,
		.keep = s == HEALTH_UNKNOWN && !m->backend->judged,
		.dead = s == HEALTH_DOWN,
	};
}

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	const struct frontend *fe = frontend_of(v);

	*ret = (struct plan_vip){
		.key = v->key,
		/* The outer header is of the backends' family, whatever the VIP's. */
		.encap = fe->conf->backend_family == ADDR_IP6 ? ENCAP_GRE6 : ENCAP_GRE4,
		.sticky = fe->conf->src_ip_sticky ? STICKY_YES : STICKY_NO,
		.table_len = fe->conf->flow_table_length,
		.as = xcalloc(fe->n_members, sizeof(struct plan_as)),
		.n_as = fe->n_members,
	};
	for (size_t i = 0; i < fe->n_members; i++)
		ret->as[i] = desired_as(&fe->members[fe->by_addr[i]]);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return frontend_of(v)->name;
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	const struct frontend *fe = frontend_of(v);

	for (size_t i = 0; i < fe->n_members; i++)
		if (fe->members[i].backend->health.state == HEALTH_UNKNOWN)
			return true;
	return false;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as)
{
	struct member *m = frontend_member_at(frontend_of(v), as);

	if (m)
		m->flush_health = m->flush_operator = false;
}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	const struct fleet *f = ctx;

	*ret = f->config->vpp;
}

struct lbsync_source desired_source(struct fleet *f)
{
	return (struct lbsync_source){ .ctx = f,
				       .desired = desired,
				       .name = name,
				       .has_unknown = has_unknown,
				       .flushed = flushed,
				       .vpp_conf = vpp_conf };
}
