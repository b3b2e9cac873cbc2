/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a sync, the names in them, and what its calls are counted as. */
#include <assert.h>

#include "lbsync/internal.h"

static const char *const scope_names[] = { [LBSYNC_ALL] = "all", [LBSYNC_VIP] = "vip" };
_Static_assert(ARRAY_LEN(scope_names) == LBSYNC_SCOPE_N, "a name for every scope");

const char *lbsync_scope_name(enum lbsync_scope s)
{
	return s < LBSYNC_SCOPE_N ? scope_names[s] : "?";
}

static const char *const kind_names[] = {
	[LBSYNC_VIP_ADDED] = "vip_added",
	[LBSYNC_VIP_REMOVED] = "vip_removed",
	[LBSYNC_AS_ADDED] = "as_added",
	[LBSYNC_AS_REMOVED] = "as_removed",
	[LBSYNC_AS_WEIGHT_UPDATED] = "as_weight_updated",
	[LBSYNC_ERROR] = "error",
};
_Static_assert(ARRAY_LEN(kind_names) == LBSYNC_KIND_N, "a name for every kind");

const char *lbsync_kind_name(enum lbsync_kind k)
{
	return k < LBSYNC_KIND_N ? kind_names[k] : "?";
}

static const struct {
	enum lbsync_kind kind;
	enum vpp_msg msg;
	const char *record;
} ops[] = {
	[PLAN_VIP_ADD] = { LBSYNC_VIP_ADDED, VPP_LB_ADD_DEL_VIP_V2, "vpp-lb-sync-vip-added" },
	[PLAN_VIP_DEL] = { LBSYNC_VIP_REMOVED, VPP_LB_ADD_DEL_VIP_V2, "vpp-lb-sync-vip-removed" },
	[PLAN_AS_ADD] = { LBSYNC_AS_ADDED, VPP_LB_ADD_DEL_AS_V2, "vpp-lb-sync-as-added" },
	[PLAN_AS_DEL] = { LBSYNC_AS_REMOVED, VPP_LB_ADD_DEL_AS_V2, "vpp-lb-sync-as-removed" },
	[PLAN_AS_WEIGHT] = { LBSYNC_AS_WEIGHT_UPDATED, VPP_LB_AS_SET_WEIGHT,
			     "vpp-lb-sync-as-weight-updated" },
};
_Static_assert(ARRAY_LEN(ops) == PLAN_OP_N, "a row for every call");

enum lbsync_kind lbsync_kind_of(enum plan_op op)
{
	return ops[op].kind;
}

/* ---- records of one call. The VIP goes by its bare address; a prefix that is not one host's (made
 * by somebody else) is named too. */

#define RECORD_MAX 12

struct record {
	struct log_attr a[RECORD_MAX];
	size_t n;
	char prefix[PREFIX_STRLEN];
};

static void add(struct record *r, struct log_attr a)
{
	assert(r->n < RECORD_MAX);
	r->a[r->n++] = a;
}

static void add_vip(struct record *r, const struct vip_key *k)
{
	r->n = 0;
	add(r, L_ADDR("vip", &k->prefix.addr));
	if (k->prefix.len != addr_bits(&k->prefix.addr))
		add(r, L_STR("prefix", prefix_format(&k->prefix, r->prefix)));
	add(r, L_STR("protocol", vip_proto_name(k->proto)));
	add(r, L_UINT("port", k->port));
}

static void write_record(enum log_level l, const char *msg, const struct record *r)
{
	log_write(l, msg, r->a, r->n);
}

void lbsync_log_call(const struct plan_call *c)
{
	struct record r;

	if (!log_enabled(LVL_INFO))
		return;
	add_vip(&r, &c->key);
	if (c->op == PLAN_VIP_ADD) {
		add(&r, L_STR("encap", plan_encap_name(c->encap)));
		add(&r, L_BOOL("src_ip_sticky", c->sticky));
		add(&r, L_UINT("flow_table_length", c->table_len));
	} else if (c->op != PLAN_VIP_DEL) {
		add(&r, L_ADDR("address", &c->as));
	}
	if (c->op == PLAN_AS_ADD)
		add(&r, L_UINT("weight", c->weight));
	if (c->op == PLAN_AS_WEIGHT) {
		add(&r, L_UINT("from", c->from_weight));
		add(&r, L_UINT("to", c->weight));
	}
	if (c->op == PLAN_AS_WEIGHT || c->op == PLAN_AS_DEL)
		add(&r, L_BOOL("flush", c->flush));
	write_record(LVL_INFO, ops[c->op].record, &r);
}

void lbsync_log_refused(const struct plan_call *c, int32_t retval)
{
	struct record r;

	if (!log_enabled(LVL_ERROR))
		return;
	add_vip(&r, &c->key);
	if (c->op != PLAN_VIP_ADD && c->op != PLAN_VIP_DEL)
		add(&r, L_ADDR("address", &c->as));
	add(&r, L_STR("call", vpp_msgs[ops[c->op].msg].name));
	add(&r, L_STR("op", plan_op_name(c->op)));
	add(&r, L_INT("retval", retval));
	add(&r, L_STR("error", vpp_retval_text(retval)));
	write_record(LVL_ERROR, "vpp-lb-sync-error", &r);
}

void lbsync_log_recreate(const struct plan_vip *want, const struct plan_vip *have)
{
	struct record r;

	if (!log_enabled(LVL_INFO))
		return;
	add_vip(&r, &want->key);
	if (want->encap != have->encap) {
		add(&r, L_STR("encap_from", plan_encap_name(have->encap)));
		add(&r, L_STR("encap_to", plan_encap_name(want->encap)));
	}
	if (have->sticky != STICKY_UNKNOWN && want->sticky != have->sticky)
		add(&r, L_BOOL("src_ip_sticky_to", want->sticky == STICKY_YES));
	if (want->table_len != have->table_len) {
		add(&r, L_UINT("flow_table_length_from", have->table_len));
		add(&r, L_UINT("flow_table_length_to", want->table_len));
	}
	write_record(LVL_INFO, "vpp-lb-sync-vip-recreate", &r);
}

void lbsync_log_drift(const struct lbdrift *d)
{
	struct record r = { 0 };

	if (!log_enabled(LVL_WARN))
		return;
	if (d->key)
		add_vip(&r, d->key);
	if (d->as)
		add(&r, L_ADDR("address", d->as));
	add(&r, L_STR("kind", lbdrift_kind_name(d->kind)));
	add(&r, L_STR("expected", d->expected));
	add(&r, L_STR("found", d->found));
	write_record(LVL_WARN, "vpp-lb-drift", &r);
}

/* ---- the frame around a run */

void lbsync_log_start(const struct lbsync *s, enum log_level l)
{
	const struct lbrun *run = &s->run;
	struct record r = { 0 };

	if (!log_enabled(l))
		return;
	if (run->n_only == 1) {
		const struct lbsync_vip *v = lbsync_find_key(s, &run->only[0]);

		add_vip(&r, &run->only[0]);
		if (v)
			add(&r, L_STR("frontend", s->o.source.name(s->o.source.ctx, v)));
	} else if (run->scope == LBSYNC_VIP) {
		add(&r, L_UINT("vips", run->n_only));
	}
	if (run->scope == LBSYNC_ALL)
		add(&r, L_STR("reason", s->full_reason));
	add(&r, L_STR("scope", lbsync_scope_name(run->scope)));
	add(&r, L_UINT("calls", run->plan.n));
	if (run->plan.n_deferred > 0)
		add(&r, L_UINT("deferred", run->plan.n_deferred));
	write_record(l, "vpp-lb-sync-start", &r);
}

void lbsync_log_done(const struct lbsync *s, enum log_level l)
{
	const struct lbsync_counts *c = &s->run.counts;

	log_at(l, "vpp-lb-sync-done", L_STR("scope", lbsync_scope_name(s->run.scope)),
	       L_UINT("vip_added", c->n[LBSYNC_VIP_ADDED]),
	       L_UINT("vip_removed", c->n[LBSYNC_VIP_REMOVED]),
	       L_UINT("as_added", c->n[LBSYNC_AS_ADDED]),
	       L_UINT("as_removed", c->n[LBSYNC_AS_REMOVED]),
	       L_UINT("as_weight_updated", c->n[LBSYNC_AS_WEIGHT_UPDATED]),
	       L_UINT("errors", c->n[LBSYNC_ERROR]),
	       L_BOOL("interrupted", s->run.next < s->run.plan.n),
	       L_INT("duration_ns", loop_clock() - s->job_began));
}

void lbsync_log_suppressed(const struct lbsync *s, const char *why, const struct lbsync_vip *v)
{
	const struct lbsync_source *src = &s->o.source;

	log_debug("vpp-lb-sync-suppressed", L_STR("reason", why),
		  L_STR("scope", lbsync_scope_name(v ? LBSYNC_VIP : LBSYNC_ALL)),
		  L_STR("phase", warmup_phase_name(s->warmup.phase)),
		  L_STR("frontend", v ? src->name(src->ctx, v) : ""));
}
