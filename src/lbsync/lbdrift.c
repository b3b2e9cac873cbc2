/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsync/lbdrift.h"

#include <stdio.h>

#include "base/alloc.h"

#define TEXT_MAX 160

static const char *const kind_names[] = {
	[LBDRIFT_VIP_MISSING] = "vip_missing",
	[LBDRIFT_VIP_UNEXPECTED] = "vip_unexpected",
	[LBDRIFT_VIP_CHANGED] = "vip_changed",
	[LBDRIFT_AS_MISSING] = "as_missing",
	[LBDRIFT_AS_UNEXPECTED] = "as_unexpected",
	[LBDRIFT_AS_WEIGHT] = "as_weight",
	[LBDRIFT_CONF] = "conf",
};
_Static_assert(ARRAY_LEN(kind_names) == LBDRIFT_N, "a name for every kind");

const char *lbdrift_kind_name(enum lbdrift_kind k)
{
	return k < LBDRIFT_N ? kind_names[k] : "?";
}

struct walk {
	lbdrift_fn *fn;
	void *ctx;
	const struct vip_key *key;
};

static void tell(const struct walk *w, enum lbdrift_kind kind, const struct addr *as,
		 const char *expected, const char *found)
{
	const struct lbdrift d = { kind, w->key, as, expected, found };

	w->fn(w->ctx, &d);
}

/* ---- ASes */

static void tell_as(const struct walk *w, enum lbdrift_kind kind, const struct plan_as *expected,
		    const struct plan_as *found)
{
	char e[TEXT_MAX] = "absent", f[TEXT_MAX] = "absent";

	if (expected)
		snprintf(e, sizeof e, "weight %u", expected->weight);
	if (found)
		snprintf(f, sizeof f, "weight %u", found->weight);
	tell(w, kind, expected ? &expected->addr : &found->addr, e, f);
}

static void compare_ases(const struct walk *w, const struct plan_vip *expected,
			 const struct plan_vip *found)
{
	size_t i = 0, k = 0;

	while (i < expected->n_as || k < found->n_as) {
		const struct plan_as *e = i < expected->n_as ? &expected->as[i] : NULL;
		const struct plan_as *f = k < found->n_as ? &found->as[k] : NULL;
		int c = !e ? 1 : !f ? -1 : addr_cmp(&e->addr, &f->addr);

		if (c < 0)
			tell_as(w, LBDRIFT_AS_MISSING, e, NULL);
		else if (c > 0)
			tell_as(w, LBDRIFT_AS_UNEXPECTED, NULL, f);
		else if (e->weight != f->weight)
			tell_as(w, LBDRIFT_AS_WEIGHT, e, f);
		i += c <= 0;
		k += c >= 0;
	}
}

/* ---- VIPs */

static const char *vip_text(const struct plan_vip *v, char buf[static TEXT_MAX])
{
	static const char *const sticky[] = {
		[STICKY_NO] = "", [STICKY_YES] = ", src_ip_sticky", [STICKY_UNKNOWN] = ""
	};

	if (!v)
		return "absent";
	snprintf(buf, TEXT_MAX, "%s, flow table %u%s, %zu ASes", plan_encap_name(v->encap),
		 v->table_len, sticky[v->sticky], v->n_as);
	return buf;
}

static void tell_vip(const struct walk *w, enum lbdrift_kind kind, const struct plan_vip *expected,
		     const struct plan_vip *found)
{
	char e[TEXT_MAX], f[TEXT_MAX];

	tell(w, kind, NULL, vip_text(expected, e), vip_text(found, f));
}

static bool same_kind(const struct plan_vip *e, const struct plan_vip *f)
{
	bool unknown = e->sticky == STICKY_UNKNOWN || f->sticky == STICKY_UNKNOWN;

	return e->encap == f->encap && e->table_len == f->table_len &&
	       (unknown || e->sticky == f->sticky);
}

void lbdrift_compare(const struct plan_state *expected, const struct plan_state *found,
		     lbdrift_fn *fn, void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };
	size_t i = 0, k = 0;

	while (i < expected->n_vips || k < found->n_vips) {
		const struct plan_vip *e = i < expected->n_vips ? &expected->vips[i] : NULL;
		const struct plan_vip *f = k < found->n_vips ? &found->vips[k] : NULL;
		int c = !e ? 1 : !f ? -1 : vip_key_cmp(&e->key, &f->key);

		w.key = e && c <= 0 ? &e->key : &f->key;
		if (c < 0)
			tell_vip(&w, LBDRIFT_VIP_MISSING, e, NULL);
		else if (c > 0)
			tell_vip(&w, LBDRIFT_VIP_UNEXPECTED, NULL, f);
		else if (!same_kind(e, f))
			tell_vip(&w, LBDRIFT_VIP_CHANGED, e, f);
		if (c == 0)
			compare_ases(&w, e, f);
		i += c <= 0;
		k += c >= 0;
	}
}

/* ---- lb_conf */

static const char *conf_text(const struct vpp_lb_conf *c, char buf[static TEXT_MAX])
{
	char src4[ADDR_STRLEN], src6[ADDR_STRLEN];

	snprintf(buf, TEXT_MAX, "%s, %s, %u sticky buckets, timeout %us",
		 addr_format(&c->ip4_src_address, src4), addr_format(&c->ip6_src_address, src6),
		 c->sticky_buckets_per_core, c->flow_timeout);
	return buf;
}

bool lbdrift_conf_eq(const struct vpp_lb_conf *a, const struct vpp_lb_conf *b)
{
	return addr_eq(&a->ip4_src_address, &b->ip4_src_address) &&
	       addr_eq(&a->ip6_src_address, &b->ip6_src_address) &&
	       a->sticky_buckets_per_core == b->sticky_buckets_per_core &&
	       a->flow_timeout == b->flow_timeout;
}

void lbdrift_compare_conf(const struct vpp_lb_conf *expected, const struct vpp_lb_conf *found,
			  lbdrift_fn *fn, void *ctx)
{
	const struct walk w = { .fn = fn, .ctx = ctx };
	char e[TEXT_MAX], f[TEXT_MAX];

	if (lbdrift_conf_eq(expected, found))
		return;
	tell(&w, LBDRIFT_CONF, NULL, conf_text(expected, e), conf_text(found, f));
}
