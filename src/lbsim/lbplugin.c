/* SPDX-License-Identifier: Apache-2.0 */
/* The lb plugin, modelled.
 *
 * Life of an AS: add (or revive) -> used -> del -> removed, still in dumps, its sticky flows still
 * served -> collected by vip_gc once its VIP's turn has come (60 s), it has been removed for 10 s
 * and no flow refers to it -> its slot is free. Of a VIP: add -> used -> del -> removed, until the
 * timer finds it without ASes. vip_gc also runs inside each addition and deletion of an AS, at the
 * places where the plugin has it: in a deletion before the AS is marked, so a second deletion can
 * collect the very AS it is about.
 *
 * Comparisons of time are those of clib_u32_loop_gt, which calls equal times greater: "more than 60
 * seconds" begins at 60.
 *
 * The new-flow table itself is only kept when there is something to forward; else how many buckets
 * each AS has is all that the API and the CLI tell. */
#include "lbsim/lbplugin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/table.h"

enum { ENCAP_GRE4, ENCAP_GRE6, ENCAP_L3DSR, ENCAP_NAT4, ENCAP_NAT6 }; /* lb_types.api */

#define ALL_PROTOCOLS  255
#define STICKY_BUCKETS 1024
#define FLOW_TIMEOUT   40
#define AS_NONE        0 /* index of the placeholder */
#define VIP_NONE       0
#define DSCP_MASK      0x3f

const char *lb_vip_type_name(enum lb_vip_type t)
{
	static const char *const names[] = {
		[LB_IP6_GRE6] = "ip6-gre6",   [LB_IP6_GRE4] = "ip6-gre4",
		[LB_IP4_GRE6] = "ip4-gre6",   [LB_IP4_GRE4] = "ip4-gre4",
		[LB_IP4_L3DSR] = "ip4-l3dsr", [LB_IP4_NAT4] = "ip4-nat4",
		[LB_IP6_NAT6] = "ip6-nat6",
	};
	_Static_assert(ARRAY_LEN(names) == LB_TYPE_N, "a name for each type");
	assert(t < LB_TYPE_N);
	return names[t];
}

static bool is_ip4(enum lb_vip_type t)
{
	return t == LB_IP4_GRE6 || t == LB_IP4_GRE4 || t == LB_IP4_L3DSR || t == LB_IP4_NAT4;
}

bool lb_vip_type_encap_is_ip4(enum lb_vip_type t)
{
	return t == LB_IP6_GRE4 || t == LB_IP4_GRE4 || t == LB_IP4_L3DSR || t == LB_IP4_NAT4;
}

const char *lb_counter_name(enum lb_counter c)
{
	static const char *const names[] = {
		[LB_COUNTER_NEXT] = "packet from existing sessions",
		[LB_COUNTER_FIRST] = "first session packet",
		[LB_COUNTER_UNTRACKED] = "untracked packet",
		[LB_COUNTER_NO_SERVER] = "no server configured",
	};
	_Static_assert(ARRAY_LEN(names) == LB_COUNTER_N, "a name for each counter");
	assert(c < LB_COUNTER_N);
	return names[c];
}

struct lb_key lb_key(const struct prefix *pfx, uint8_t protocol, uint16_t port)
{
	struct lb_key k = {
		.prefix = ip46_from_addr(&pfx->addr),
		.plen = (uint8_t)(pfx->len + (pfx->addr.family == ADDR_IP4 ? 96 : 0)),
		.protocol = port ? protocol : ALL_PROTOCOLS,
		.port = port,
	};
	ip46_mask(&k.prefix, k.plen);
	return k;
}

/* ---- which VIP has a key */

struct vip_ref { /* in vip_by_key; heap */
	struct lb_key key;
	uint32_t index;
};
_Static_assert(sizeof(struct lb_key) == 20, "a key is hashed as bytes: no padding");

static void remember_key(struct lbplugin *p, uint32_t vip)
{
	struct vip_ref *ref = XNEW(struct vip_ref);
	ref->key = p->vips.v[vip].key;
	ref->index = vip;
	free(map_put(&p->vip_by_key, &ref->key, sizeof ref->key, ref));
}

static void forget_key(struct lbplugin *p, const struct lb_key *k)
{
	free(map_del(&p->vip_by_key, k, sizeof *k));
}

uint32_t lbplugin_vip_of(const struct lbplugin *p, const struct lb_key *k)
{
	struct lb_key all_ports = *k;
	all_ports.protocol = ALL_PROTOCOLS;
	all_ports.port = 0;
	const struct vip_ref *ref = map_get(&p->vip_by_key, &all_ports, sizeof all_ports);
	if (!ref)
		ref = map_get(&p->vip_by_key, k, sizeof *k);
	return ref ? ref->index : VIP_NONE;
}

/* ---- life */

static const struct ip46 all_ones = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

void lbplugin_init(struct lbplugin *p)
{
	*p = (struct lbplugin){
		.conf = { .ip6_src = all_ones,
			  .sticky_buckets = STICKY_BUCKETS,
			  .flow_timeout = FLOW_TIMEOUT },
	};
	memset(p->conf.ip4_src.b + 12, 0xff, 4);
	fib_init(&p->fib);
	uint32_t vip = slots_get(&p->vip_slots), as = slots_get(&p->as_slots);
	assert(vip == VIP_NONE && as == AS_NONE);
	(void)vip, (void)as;
	*vec_add(&p->vips) = (struct lb_vip){
		.key = { .prefix = all_ones, .protocol = ALL_PROTOCOLS }, .used = true
	};
	*vec_add(&p->ases) = (struct lb_as){ .addr = all_ones, .vip = UINT32_MAX };
}

static void vip_release_ases(struct lb_vip *v)
{
	slots_done(&v->as_slots);
	vec_done(&v->ases);
	free(v->table);
	v->table = NULL;
}

void lbplugin_done(struct lbplugin *p)
{
	for (size_t i = 0; i < p->vips.n; i++)
		vip_release_ases(&p->vips.v[i]);
	vec_done(&p->vips);
	vec_done(&p->ases);
	slots_done(&p->vip_slots);
	slots_done(&p->as_slots);
	fib_done(&p->fib);
	flow_table_free(p->sticky);
	size_t it = 0;
	struct vip_ref *ref;
	while ((ref = map_next(&p->vip_by_key, &it)))
		free(ref);
	map_done(&p->vip_by_key);
}

void lbplugin_forward(struct lbplugin *p)
{
	assert(slots_len(&p->vip_slots) == 1);
	p->forwards = true;
}

/* ---- finding */

enum match { SAME_PORT, OTHER_PORT, ALL_PORTS };

static bool matches(const struct lb_vip *v, const struct lb_key *k, enum match how)
{
	bool same = v->key.protocol == k->protocol && v->key.port == k->port;
	if (!v->used || v->key.plen != k->plen || !ip46_eq(&v->key.prefix, &k->prefix))
		return false;
	if (how == ALL_PORTS)
		return v->key.port == 0;
	return same == (how == SAME_PORT);
}

/* The first live VIP of the prefix that matches; 0 or -6. */
static int32_t find_vip(const struct lbplugin *p, const struct lb_key *k, enum match how,
			uint32_t *ret_index)
{
	slots_foreach(&p->vip_slots, i)
	{
		if (matches(&p->vips.v[i], k, how)) {
			*ret_index = i;
			return 0;
		}
	}
	return LB_ERR_NO_SUCH_ENTRY;
}

static bool has_vip(const struct lbplugin *p, const struct lb_key *k, enum match how)
{
	uint32_t unused;
	return find_vip(p, k, how, &unused) == 0;
}

int32_t lbplugin_find_as(const struct lbplugin *p, uint32_t vip, const struct ip46 *addr,
			 uint32_t *ret_index)
{
	const struct lb_vip *v = &p->vips.v[vip];
	slots_foreach(&v->as_slots, s)
	{
		if (ip46_eq(&p->ases.v[v->ases.v[s]].addr, addr)) {
			*ret_index = v->ases.v[s];
			return 0;
		}
	}
	return LB_ERR_NO_SUCH_ENTRY;
}

/* ---- time */

/* clib_u32_loop_gt */
static bool since(uint32_t now, uint32_t then)
{
	return now - then < 0x7fffffff;
}

/* ---- routes */

static struct fib_key vip_route(const struct lb_vip *v)
{
	return fib_key(&v->key.prefix, v->key.plen, is_ip4(v->type));
}

static struct fib_key as_route(const struct lb_vip *v, const struct lb_as *a)
{
	return fib_key(&a->addr, 128, lb_vip_type_encap_is_ip4(v->type));
}

/* ---- sticky flows */

/* Flushed entries stay in the table, at the placeholder. */
static void flush_as(struct lbplugin *p, uint32_t as)
{
	struct lb_as *a = &p->ases.v[as];
	if (p->sticky)
		(void)flow_flush(p->sticky, a->vip, as);
	p->ases.v[AS_NONE].flows += a->flows;
	a->flows = 0;
}

static void flush_all_of(struct lbplugin *p, uint32_t vip)
{
	slots_foreach(&p->vips.v[vip].as_slots, s)
	{
		struct lb_as *a = &p->ases.v[p->vips.v[vip].ases.v[s]];
		p->ases.v[AS_NONE].flows += a->flows;
		a->flows = 0;
	}
	if (p->sticky)
		(void)flow_flush(p->sticky, vip, FLOW_ANY_AS);
}

static void drop_sticky_table(struct lbplugin *p)
{
	for (size_t i = 0; i < p->ases.n; i++)
		p->ases.v[i].flows = 0;
	p->sticky_table = false;
	flow_table_free(p->sticky);
	p->sticky = NULL;
}

struct flow_table *lbplugin_sticky(struct lbplugin *p)
{
	uint32_t buckets = p->conf.sticky_buckets;
	if (!p->sticky && buckets > 0 && buckets <= FLOW_BUCKETS_MAX) {
		p->sticky = flow_table_new(buckets);
		p->sticky_table = true;
	}
	return p->sticky;
}

uint64_t lbplugin_sticky_used(const struct lbplugin *p, uint32_t now)
{
	uint64_t flows = 0;
	if (p->sticky)
		return flow_used(p->sticky, now);
	slots_foreach(&p->as_slots, i) flows += p->ases.v[i].flows;
	return flows;
}

void lbplugin_set_flows(struct lbplugin *p, uint32_t as, uint64_t flows)
{
	assert(slots_used(&p->as_slots, as) && as != AS_NONE && !p->forwards);
	p->ases.v[as].flows = flows;
	p->sticky_table = true;
}

void lbplugin_count(struct lbplugin *p, uint32_t vip, enum lb_counter kind, uint64_t packets,
		    uint64_t bytes)
{
	assert(slots_used(&p->vip_slots, vip) && vip != VIP_NONE);
	struct fib_key route = vip_route(&p->vips.v[vip]);
	p->vips.v[vip].counters[kind] += packets;
	fib_count(&p->fib, &route, packets, bytes);
}

/* ---- the table */

/* From indices into `who` (-1: nobody) to ASes. */
static void keep_table(struct lb_vip *v, const int32_t *built, const uint32_t *who)
{
	if (!v->table)
		v->table = xcalloc(v->new_length, sizeof *v->table);
	for (uint32_t b = 0; b < v->new_length; b++) {
		assert(built[b] < 0 || who);
		v->table[b] = built[b] < 0 ? AS_NONE : who[built[b]];
	}
}

static void update_table(struct lbplugin *p, struct lb_vip *v)
{
	VEC(struct table_as) t = { 0 };
	VEC(uint32_t) who = { 0 }; /* the AS of each entry of t */
	slots_foreach(&v->as_slots, s)
	{
		struct lb_as *a = &p->ases.v[v->ases.v[s]];
		a->buckets = 0;
		if (!a->used)
			continue;
		vec_push(&t, ((struct table_as){ .addr = ip46_to_addr(&a->addr),
						 .weight = a->weight }));
		vec_push(&who, v->ases.v[s]);
	}
	_cleanup_free_ int32_t *built = p->forwards ? xcalloc(v->new_length, sizeof *built) : NULL;
	table_build(t.v, t.n, v->new_length, built);
	for (size_t i = 0; i < who.n; i++)
		p->ases.v[who.v[i]].buckets = t.v[i].buckets;
	if (built)
		keep_table(v, built, who.v);
	vec_done(&who);
	vec_done(&t);
}

/* ---- garbage collection */

static void collect_as(struct lbplugin *p, struct lb_vip *v, uint32_t slot)
{
	uint32_t as = v->ases.v[slot];
	struct fib_key route = as_route(v, &p->ases.v[as]);
	fib_del_as(&p->fib, &route);
	slots_put(&v->as_slots, slot);
	slots_put(&p->as_slots, as);
}

static void vip_gc(struct lbplugin *p, struct lb_vip *v, uint32_t now)
{
	if (!since(now, v->last_gc + LB_GC_RUN))
		return;
	v->last_gc = now;
	slots_foreach(&v->as_slots, s)
	{
		const struct lb_as *a = &p->ases.v[v->ases.v[s]];
		if (!a->used && since(now, a->last_used + LB_GC_AS_WAIT) && a->flows == 0)
			collect_as(p, v, s);
	}
}

/* A VIP that has gone is put back after all were looked at, as in the plugin, so that of several
 * the one with the highest index is the first to be reused. */
void lbplugin_gc(struct lbplugin *p, uint32_t now)
{
	VEC(uint32_t) gone = { 0 };
	slots_foreach(&p->vip_slots, i)
	{
		struct lb_vip *v = &p->vips.v[i];
		vip_gc(p, v, now);
		if (!v->used && slots_count(&v->as_slots) == 0)
			vec_push(&gone, i);
	}
	for (size_t i = 0; i < gone.n; i++) {
		vip_release_ases(&p->vips.v[gone.v[i]]);
		slots_put(&p->vip_slots, gone.v[i]);
	}
	vec_done(&gone);
}

/* ---- lb_conf */

static bool power_of_two_or_0(uint32_t v)
{
	return (v & (v - 1)) == 0;
}

int32_t lbplugin_conf(struct lbplugin *p, const struct lb_conf *c)
{
	struct lb_conf new = *c;
	if (new.sticky_buckets == LB_CONF_KEEP)
		new.sticky_buckets = p->conf.sticky_buckets;
	if (new.flow_timeout == LB_CONF_KEEP)
		new.flow_timeout = p->conf.flow_timeout;
	if (!power_of_two_or_0(new.sticky_buckets))
		return LB_ERR_MEMORY_SIZE;
	if (new.sticky_buckets != p->conf.sticky_buckets)
		drop_sticky_table(p);
	p->conf = new;
	return 0;
}

/* ---- VIPs */

/* What is not listed becomes type 0, which is an IPv6 one: an IPv4 prefix is then refused for its
 * family, an IPv6 prefix gets GRE6. */
static enum lb_vip_type vip_type(const struct lb_vip_args *a)
{
	static const enum lb_vip_type ip4[] = {
		[ENCAP_GRE4] = LB_IP4_GRE4,
		[ENCAP_GRE6] = LB_IP4_GRE6,
		[ENCAP_L3DSR] = LB_IP4_L3DSR,
		[ENCAP_NAT4] = LB_IP4_NAT4,
	};
	static const enum lb_vip_type ip6[] = {
		[ENCAP_GRE4] = LB_IP6_GRE4,
		[ENCAP_GRE6] = LB_IP6_GRE6,
		[ENCAP_NAT6] = LB_IP6_NAT6,
	};
	if (ip46_prefix_is_ip4(&a->key.prefix, a->key.plen))
		return a->encap < ARRAY_LEN(ip4) ? ip4[a->encap] : LB_IP6_GRE6;
	return a->encap < ARRAY_LEN(ip6) ? ip6[a->encap] : LB_IP6_GRE6;
}

static int32_t vip_check(const struct lbplugin *p, const struct lb_vip_args *a,
			 enum lb_vip_type type)
{
	const struct lb_key *k = &a->key;
	uint32_t other;
	if (has_vip(p, k, SAME_PORT))
		return LB_ERR_EXISTS;
	if (k->port != 0 && has_vip(p, k, ALL_PORTS))
		return LB_ERR_EXISTS;
	if (k->port == 0 && has_vip(p, k, OTHER_PORT))
		return LB_ERR_EXISTS;
	if (k->port != 0 && find_vip(p, k, OTHER_PORT, &other) == 0 &&
	    p->vips.v[other].type != type)
		return LB_ERR_ARGUMENT;
	if (!power_of_two_or_0(a->new_length))
		return LB_ERR_MEMORY_SIZE;
	if (ip46_prefix_is_ip4(&k->prefix, k->plen) != is_ip4(type))
		return LB_ERR_ADDRESS_FAMILY;
	if (a->new_length == 0 || a->new_length > TABLE_LEN_MAX)
		return LB_DEATH;
	return slots_count(&p->vip_slots) >= LB_VIPS_MAX ? LB_DEATH : 0;
}

/* A free slot of an array, the array grown to it. */
#define SLOT_GET(SLOTS, ARRAY)                                                                     \
	({                                                                                         \
		uint32_t slot_i_ = slots_get(SLOTS);                                               \
		if (slot_i_ == (ARRAY)->n)                                                         \
			(void)vec_add(ARRAY);                                                      \
		slot_i_;                                                                           \
	})

/* Everything but what depends on the encapsulation, which a reused slot keeps. */
static void vip_fill(struct lb_vip *v, const struct lb_vip_args *a, enum lb_vip_type type)
{
	v->key = a->key;
	v->type = type;
	v->used = true;
	v->src_ip_sticky = a->src_ip_sticky;
	v->new_length = a->new_length;
	v->as_slots = (struct slots){ 0 };
	memset(&v->ases, 0, sizeof v->ases);
	memset(v->counters, 0, sizeof v->counters);
	if (type == LB_IP4_L3DSR) {
		v->dscp_or_srv_type = a->dscp & DSCP_MASK;
	} else if (type == LB_IP4_NAT4 || type == LB_IP6_NAT6) {
		/* The plugin takes the least byte of a number it has not swapped. */
		v->dscp_or_srv_type = (uint8_t)(a->srv_type >> 24);
		v->target_port = a->target_port;
	}
}

int32_t lbplugin_vip_add(struct lbplugin *p, const struct lb_vip_args *a, uint32_t now,
			 uint32_t *ret_index)
{
	enum lb_vip_type type = vip_type(a);
	int32_t r = vip_check(p, a, type);
	if (r)
		return r;
	bool first_of_prefix = a->key.port == 0 || !has_vip(p, &a->key, OTHER_PORT);
	uint32_t i = SLOT_GET(&p->vip_slots, &p->vips);
	struct lb_vip *v = &p->vips.v[i];
	vip_fill(v, a, type);
	v->last_gc = now;
	if (first_of_prefix) {
		struct fib_key route = vip_route(v);
		fib_add_vip(&p->fib, &route);
	}
	remember_key(p, i);
	if (ret_index)
		*ret_index = i;
	return 0;
}

int32_t lbplugin_vip_del(struct lbplugin *p, const struct lb_key *k, uint32_t now)
{
	uint32_t i;
	int32_t r = find_vip(p, k, SAME_PORT, &i);
	if (r)
		return r;
	struct lb_vip *v = &p->vips.v[i];
	VEC(uint32_t) ases = { 0 };
	slots_foreach(&v->as_slots, s) vec_push(&ases, v->ases.v[s]);
	if (ases.n > 0)
		vip_gc(p, v, now);
	for (size_t n = 0; n < ases.n;
	     n++) { /* those just collected too: the slots keep the time */
		p->ases.v[ases.v[n]].used = false;
		p->ases.v[ases.v[n]].last_used = now;
	}
	vec_done(&ases);
	update_table(p, v);
	v->used = false;
	forget_key(p, k);
	if (k->port == 0 || !has_vip(p, k, OTHER_PORT)) {
		struct fib_key route = vip_route(v);
		fib_del_vip(&p->fib, &route);
	}
	return 0;
}

/* ---- ASes */

static void as_revive(struct lbplugin *p, uint32_t as, uint8_t weight, bool flush)
{
	p->ases.v[as].used = true;
	p->ases.v[as].weight = weight;
	if (flush)
		flush_as(p, as);
}

static void as_create(struct lbplugin *p, uint32_t vip, const struct ip46 *addr, uint8_t weight)
{
	struct lb_vip *v = &p->vips.v[vip];
	uint32_t as = SLOT_GET(&p->as_slots, &p->ases);
	struct lb_as *a = &p->ases.v[as];
	*a = (struct lb_as){
		.addr = *addr,
		.vip = vip,
		.used = true,
		.weight = weight,
		.last_used = a->last_used,
	};
	struct fib_key route = as_route(v, a);
	a->dpo = fib_add_as(&p->fib, &route);
	uint32_t slot = SLOT_GET(&v->as_slots, &v->ases);
	v->ases.v[slot] = as;
}

int32_t lbplugin_as_add(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			uint8_t weight, bool flush, uint32_t now)
{
	uint32_t vip, as;
	int32_t r = find_vip(p, k, SAME_PORT, &vip);
	if (r)
		return r;
	struct lb_vip *v = &p->vips.v[vip];
	if (lbplugin_find_as(p, vip, addr, &as) == 0) {
		if (p->ases.v[as].used)
			return LB_ERR_EXISTS;
		as_revive(p, as, weight, flush);
	} else {
		if (ip46_is_ip4(addr) != lb_vip_type_encap_is_ip4(v->type))
			return LB_ERR_ADDRESS_FAMILY;
		if (slots_count(&p->as_slots) >= LB_ASES_MAX)
			return LB_DEATH;
		as_create(p, vip, addr, weight);
	}
	update_table(p, v);
	vip_gc(p, v, now);
	return 0;
}

int32_t lbplugin_as_del(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			bool flush, uint32_t now)
{
	uint32_t vip, as;
	int32_t r = find_vip(p, k, SAME_PORT, &vip);
	if (!r)
		r = lbplugin_find_as(p, vip, addr, &as);
	if (r)
		return r;
	vip_gc(p, &p->vips.v[vip], now);
	p->ases.v[as].used = false; /* perhaps just collected: its slot keeps the time */
	p->ases.v[as].last_used = now;
	if (flush)
		flush_as(p, as);
	update_table(p, &p->vips.v[vip]);
	return 0;
}

int32_t lbplugin_as_set_weight(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			       uint8_t weight, bool flush)
{
	uint32_t vip, as;
	int32_t r = find_vip(p, k, SAME_PORT, &vip);
	if (!r)
		r = lbplugin_find_as(p, vip, addr, &as);
	if (!r && !p->ases.v[as].used)
		r = LB_ERR_NO_SUCH_ENTRY;
	if (r)
		return r;
	p->ases.v[as].weight = weight;
	update_table(p, &p->vips.v[vip]);
	if (flush)
		flush_as(p, as);
	return 0;
}

int32_t lbplugin_flush_vip(struct lbplugin *p, const struct lb_key *k)
{
	uint32_t vip;
	if (find_vip(p, k, SAME_PORT, &vip) == 0) {
		flush_all_of(p, vip);
		return 0;
	}
	slots_foreach(&p->vip_slots, i)
	{
		if (i != VIP_NONE && p->vips.v[i].used) {
			flush_all_of(p, i);
			break;
		}
	}
	return 0;
}
