/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsync/lbmirror.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "vpp/wire.h"

/* How old a read may be that answers a question. */
#define FRESH (1 * NS_PER_S)

/* The API's u16 reads 0 for 65536 (and for larger tables, which are not ours). */
#define TABLE_LEN_OF_ZERO 65536u

/* What `show lb vips verbose` takes for a VIP and for an AS (format_lb_vip_detailed in VPP's lb.c):
 * more than IPv6 addresses and counts of ten digits do. Deleted ones are listed until they are
 * collected. */
#define TEXT_PER_VIP 400
#define TEXT_PER_AS  96

void lbmirror_clear(struct lbmirror *m)
{
	plan_state_done(&m->vips);
	vec_clear(&m->text);
	m->valid = m->known = m->conf_known = false;
	m->text_stale = true;
	m->text_failed = false;
}

void lbmirror_distrust(struct lbmirror *m)
{
	m->valid = false;
}

void lbmirror_done(struct lbmirror *m)
{
	lbmirror_clear(m);
	lbtext_done(&m->text);
}

void lbmirror_apply(struct lbmirror *m, const struct plan_call *c)
{
	plan_apply(&m->vips, c);
	m->touched = true;
	if (c->op != PLAN_VIP_ADD && c->op != PLAN_VIP_DEL)
		return;
	m->text_stale = true;
	m->text_failed = false;
}

bool lbmirror_fresh(const struct lbmirror *m, mono_ns now)
{
	return m->valid && !m->touched && now - m->read_at < FRESH;
}

/* ---- reading */

void lbread_done(struct lbread *r)
{
	plan_state_done(&r->vips);
	*r = (struct lbread){ 0 };
}

void lbread_conf(struct lbread *r, const struct vpp_lb_conf_get_reply *c)
{
	r->conf_known = true;
	r->conf = (struct vpp_lb_conf){ .ip4_src_address = c->ip4_src_address,
					.ip6_src_address = c->ip6_src_address,
					.sticky_buckets_per_core = c->sticky_buckets_per_core,
					.flow_timeout = c->flow_timeout };
}

/* VPP tells a VIP inside ::/96 as an IPv4 one. With a length that no IPv4 prefix has it is certain,
 * and told back as it was made, or it could never be removed. */
static struct vip_key key_of_row(const struct prefix *pfx, uint8_t proto, uint16_t port)
{
	static const struct addr zero4 = { .family = ADDR_IP4 };
	struct vip_key k = { .prefix = *pfx, .proto = proto, .port = port };

	if (addr_eq(&pfx->addr, &zero4) && pfx->len > 32 && pfx->len < 96)
		k.prefix.addr.family = ADDR_IP6;
	return k;
}

void lbread_vip(struct lbread *r, const struct vpp_lb_vip_details *d)
{
	struct plan_state *s = &r->vips;
	const uint8_t encap = (uint8_t)MIN(d->encap, UINT8_MAX);

	s->vips = vec_grow_(s->vips, sizeof *s->vips, &s->cap_vips, s->n_vips + 1);
	s->vips[s->n_vips++] = (struct plan_vip){
		.key = key_of_row(&d->pfx, d->protocol, d->port),
		.encap = encap,
		.sticky = STICKY_UNKNOWN,
		.table_len = d->flow_table_length,
	};
}

void lbread_vips_end(struct lbread *r)
{
	plan_state_sort(&r->vips);
	r->last_vip = 0;
}

static struct plan_vip *vip_of_row(struct lbread *r, const struct vip_key *key)
{
	struct plan_state *s = &r->vips;
	struct plan_vip *v;

	if (r->last_vip < s->n_vips && vip_key_cmp(&s->vips[r->last_vip].key, key) == 0)
		return &s->vips[r->last_vip];
	v = plan_state_find(s, key);
	if (v)
		r->last_vip = (size_t)(v - s->vips);
	return v;
}

void lbread_as(struct lbread *r, const struct vpp_lb_as_v2_details *d)
{
	struct vip_key key = key_of_row(&d->pfx, d->protocol, d->port);
	struct plan_vip *v = d->flags & VPP_AS_USED ? vip_of_row(r, &key) : NULL;

	r->n_as++;
	if (!v)
		return;
	v->as = vec_grow_(v->as, sizeof *v->as, &v->cap_as, v->n_as + 1);
	v->as[v->n_as++] = (struct plan_as){ .addr = d->as_address,
					     .weight = d->weight,
					     .buckets = d->num_buckets };
}

/* Is it, as far as the dump can tell, the VIP that we knew? */
static bool same_vip(const struct plan_vip *read, const struct plan_vip *known)
{
	return vip_key_cmp(&read->key, &known->key) == 0 && read->encap == known->encap &&
	       (uint16_t)read->table_len == (uint16_t)known->table_len;
}

bool lbread_end(struct lbread *r, const struct lbmirror *m)
{
	plan_state_sort(&r->vips);
	if (m->text_stale || r->vips.n_vips != m->vips.n_vips)
		return true;
	for (size_t i = 0; i < r->vips.n_vips; i++) {
		if (!same_vip(&r->vips.vips[i], &m->vips.vips[i]))
			return true;
	}
	return false;
}

static bool text_fits(size_t n_vips, size_t n_as)
{
	return n_vips * TEXT_PER_VIP + n_as * TEXT_PER_AS <= WIRE_FRAME_MAX;
}

bool lbread_text_fits(const struct lbread *r)
{
	return text_fits(r->vips.n_vips, r->n_as);
}

bool lbmirror_text_fits(const struct lbmirror *m)
{
	size_t n_as = 0;

	for (size_t i = 0; i < m->vips.n_vips; i++)
		n_as += m->vips.vips[i].n_as;
	return text_fits(m->vips.n_vips, n_as);
}

/* ---- taking over */

void lbmirror_take_text(struct lbmirror *m, const char *text, size_t n)
{
	lbtext_parse(text, n, &m->text);
	m->text_stale = m->text_failed = false;
}

void lbmirror_no_text(struct lbmirror *m)
{
	m->text_failed = true;
}

bool lbmirror_wants_text(const struct lbmirror *m)
{
	return m->text_stale && !m->text_failed;
}

/* Complete a VIP that was read with what the dump does not tell. */
static void complete(struct plan_vip *v, const struct lbmirror *m)
{
	const struct plan_vip *known = plan_state_find(&m->vips, &v->key);
	const struct lbtext_vip *t = m->text_stale ? NULL : lbtext_find(&m->text, &v->key);

	if (t) {
		v->sticky = t->sticky ? STICKY_YES : STICKY_NO;
		if ((uint16_t)t->table_len == (uint16_t)v->table_len && t->table_len != 0)
			v->table_len = t->table_len;
	} else if (known && same_vip(v, known)) {
		v->sticky = known->sticky;
		v->table_len = known->table_len;
	}
	if (v->table_len == 0)
		v->table_len = TABLE_LEN_OF_ZERO;
}

void lbmirror_complete(const struct lbmirror *m, struct lbread *r)
{
	for (size_t i = 0; i < r->vips.n_vips; i++)
		complete(&r->vips.vips[i], m);
}

void lbmirror_take_read(struct lbmirror *m, struct lbread *r, mono_ns now)
{
	plan_state_done(&m->vips);
	m->vips = r->vips;
	m->conf = r->conf;
	m->conf_known = r->conf_known;
	m->valid = m->known = true;
	m->touched = false;
	m->read_at = now;
	*r = (struct lbread){ 0 };
}
