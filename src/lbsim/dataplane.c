/* SPDX-License-Identifier: Apache-2.0 */
/* One trap of the plugin's is here on purpose. A packet that finds no server leaves an entry that
 * names AS 0. While that entry lives, its flow finds "no AS", takes a further slot of the bucket
 * with each packet, and when all are taken it is untracked: it goes wherever the new-flow table
 * points at that moment, also long after servers came. */
#include "lbsim/dataplane.h"

#include <assert.h>

#define AS_NONE 0

/* The VIP of the route that the packet matches; NULL entry: no VIP's. */
static const struct fib_entry *find_vip(const struct lbplugin *p, const struct packet *pkt,
					uint32_t *ret_vip)
{
	const struct fib_key to = fib_key(&pkt->dst, 128, pkt->is_ip4);
	const struct fib_entry *e = fib_longest(&p->fib, &to);
	struct lb_key k;

	if (!e || !e->vip)
		return NULL;
	k = (struct lb_key){ .prefix = e->key.addr,
			     .plen = e->key.plen,
			     .protocol = pkt->protocol,
			     .port = pkt->dst_port };
	*ret_vip = lbplugin_vip_of(p, &k);
	return e;
}

/* Where a flow goes that the sticky table does not know. */
static uint32_t new_flow_as(const struct lb_vip *v, uint32_t hash)
{
	return v->table ? v->table[hash & (v->new_length - 1)] : AS_NONE;
}

static void remember(struct lbplugin *p, struct flow_key k, int slot, uint32_t as, uint32_t now)
{
	uint32_t before = flow_put(p->sticky, k, slot, as, now + p->conf.flow_timeout);

	if (before != AS_NONE)
		p->ases.v[before].flows--;
	if (as != AS_NONE)
		p->ases.v[as].flows++;
}

/* The AS for a packet, and what counts it. */
static uint32_t pick(struct lbplugin *p, uint32_t vip, uint32_t hash, uint32_t now,
		     enum lb_counter *ret_counter)
{
	const struct flow_key k = { .hash = hash, .vip = vip };
	struct flow_table *t = lbplugin_sticky(p);
	struct flow_found f = { .free_slot = -1 };
	uint32_t as;

	if (t)
		f = flow_get(t, k, now, p->conf.flow_timeout);
	if (f.as != AS_NONE) {
		*ret_counter = LB_COUNTER_NEXT;
		return f.as;
	}
	as = new_flow_as(&p->vips.v[vip], hash);
	if (f.free_slot < 0) {
		*ret_counter = LB_COUNTER_UNTRACKED;
		return as;
	}
	*ret_counter = as == AS_NONE ? LB_COUNTER_NO_SERVER : LB_COUNTER_FIRST;
	remember(p, k, f.free_slot, as, now);
	return as;
}

static bool is_gre(enum lb_vip_type t)
{
	return t == LB_IP4_GRE4 || t == LB_IP4_GRE6 || t == LB_IP6_GRE4 || t == LB_IP6_GRE6;
}

struct dataplane_verdict dataplane_packet(struct lbplugin *p, const struct packet *pkt,
					  uint32_t now)
{
	struct dataplane_verdict v = { .fate = DATAPLANE_NO_VIP };
	const struct fib_entry *route = find_vip(p, pkt, &v.vip);
	struct lb_vip *vip;

	assert(p->forwards);
	if (!route)
		return v;
	vip = &p->vips.v[v.vip];
	v.as = pick(p, v.vip, packet_hash(pkt, vip->src_ip_sticky), now, &v.counter);
	vip->counters[v.counter]++;
	fib_count(&p->fib, &route->key, 1, pkt->len);
	if (v.as == AS_NONE)
		v.fate = DATAPLANE_NO_SERVER;
	else
		v.fate = is_gre(vip->type) ? DATAPLANE_SEND : DATAPLANE_OTHER_ENCAP;
	return v;
}
