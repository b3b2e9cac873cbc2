/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_model.h"

#include <assert.h>

struct lb_vip *lb_find(const struct lb *lb, const struct vip_key *key)
{
	for (size_t i = 0; i < lb->n; i++)
		if (lb->vips[i].used && vip_key_cmp(&lb->vips[i].key, key) == 0)
			return (struct lb_vip *)(uintptr_t)&lb->vips[i];
	return NULL;
}

/* In any slot, a removed one too. */
static struct lb_as *find_slot(const struct lb_vip *v, const struct addr *addr)
{
	for (size_t i = 0; i < v->n_as; i++)
		if (addr_eq(&v->as[i].addr, addr))
			return (struct lb_as *)(uintptr_t)&v->as[i];
	return NULL;
}

struct lb_as *lb_find_as(const struct lb_vip *v, const struct addr *addr)
{
	struct lb_as *as = find_slot(v, addr);

	return as && as->used ? as : NULL;
}

bool lb_serves(const struct lb_vip *v)
{
	for (size_t i = 0; i < v->n_as; i++)
		if (v->as[i].used && v->as[i].weight > 0)
			return true;
	return false;
}

/* Checked in the plugin's order. */
static int may_add(const struct lb *lb, const struct plan_call *c)
{
	bool v4 = c->key.prefix.addr.family == ADDR_IP4;

	if (lb_find(lb, &c->key))
		return LB_EXISTS;
	for (size_t i = 0; i < lb->n; i++) {
		const struct lb_vip *o = &lb->vips[i];

		if (!o->used || prefix_cmp(&o->key.prefix, &c->key.prefix) != 0)
			continue;
		if ((c->key.port == 0) != (o->key.port == 0))
			return LB_EXISTS;
		if (c->key.port != 0 && o->encap != c->encap)
			return LB_OTHER_ENCAP;
	}
	if (c->table_len == 0 || (c->table_len & (c->table_len - 1)) != 0)
		return LB_BAD_LENGTH;
	if ((c->encap == ENCAP_L3DSR || c->encap == ENCAP_NAT4) && !v4)
		return LB_WRONG_FAMILY;
	return c->encap == ENCAP_NAT6 && v4 ? LB_WRONG_FAMILY : LB_OK;
}

static int vip_add(struct lb *lb, const struct plan_call *c)
{
	int r = may_add(lb, c);

	if (r)
		return r;
	assert(lb->n < LB_MAX_VIPS);
	lb->vips[lb->n++] = (struct lb_vip){ .key = c->key,
					     .encap = c->encap,
					     .sticky = c->sticky,
					     .len = c->table_len,
					     .used = true };
	return LB_OK;
}

static int as_add(struct lb_vip *v, const struct plan_call *c)
{
	struct lb_as *as = find_slot(v, &c->as);
	bool v4 = v->encap == ENCAP_GRE4 || v->encap == ENCAP_L3DSR || v->encap == ENCAP_NAT4;

	if (as && as->used)
		return LB_EXISTS;
	if (!as && (c->as.family == ADDR_IP4) != v4)
		return LB_WRONG_FAMILY;
	if (!as) {
		assert(v->n_as < LB_MAX_AS);
		as = &v->as[v->n_as++];
	}
	*as = (struct lb_as){ c->as, c->weight, true };
	return LB_OK;
}

int lb_call(struct lb *lb, const struct plan_call *c)
{
	struct lb_vip *v = lb_find(lb, &c->key);
	struct lb_as *as = v ? find_slot(v, &c->as) : NULL;

	if (c->op == PLAN_VIP_ADD)
		return vip_add(lb, c);
	if (!v)
		return LB_NO_SUCH_ENTRY;
	if (c->op == PLAN_VIP_DEL) {
		v->used = false;
		return LB_OK;
	}
	if (c->op == PLAN_AS_ADD)
		return as_add(v, c);
	if (!as || (c->op == PLAN_AS_WEIGHT && !as->used))
		return LB_NO_SUCH_ENTRY;
	if (c->op == PLAN_AS_DEL)
		as->used = false;
	else
		as->weight = c->weight;
	return LB_OK;
}
