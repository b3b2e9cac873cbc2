/* SPDX-License-Identifier: Apache-2.0 */
/* config/check_frontend.c - rules of frontends: of one, among its backends, and between two.
 *
 * VPP is the reason for most: it keys a VIP by (prefix, protocol, port), an application server of
 * it by address, wants one encapsulation, hence one family of backends, per prefix, and refuses a
 * VIP for all ports beside one for a single port.
 *
 * All is linear in the file: the backends a frontend has are found by stamps, frontends with the
 * same address through a map, and each is compared with the first of them alone (the first whose
 * family is known, where families are compared). */
#include <string.h>

#include "base/alloc.h"
#include "config/draft.h"

/* Which frontend a backend (or an address) was last seen in, and where. */
struct stamp {
	size_t frontend; /* index + 1 */
	size_t pool;
	const struct node *at;
	const char *name;
};

/* What VPP keys a VIP by; bytes, without padding. */
struct vip {
	uint8_t addr[17];
	uint8_t proto;
	uint8_t port[2];
};

struct checker {
	struct draft *d;
	struct reporter *r;
	struct stamp *by_backend, *by_addr; /* per backend */
	struct vip *vips;                   /* per frontend */
	struct map first_of_addr, first_of_vip, first_of_family;
};

static struct path frontend_path(const struct draft_frontend *f)
{
	static const struct path section = { .key = "frontends" };

	return PATH_KEY(&section, f->name->text);
}

/* Report at `at` that something of this frontend is the same as, or at odds with, another place. */
static void clash_in_pool(struct checker *c, const struct draft_frontend *f, const struct node *at,
			  const struct path *p, const char *what, const struct stamp *other)
{
	struct path fp = frontend_path(f), lp = PATH_KEY(&fp, "pools");
	struct path ip = PATH_ITEM(&lp, other->pool), bp = PATH_KEY(&ip, "backends");
	struct path op = PATH_KEY(&bp, other->name);

	report_semantic_pair(c->r, at, p, what, &(struct place){ .at = other->at, .path = &op });
}

/* A backend stands once in a frontend, and no two of a frontend have one address. */
static void check_twice(struct checker *c, const struct draft_frontend *f, size_t pool,
			const struct draft_member *m, const struct path *p)
{
	const struct draft_backend *b = &c->d->backends.v[m->backend];
	struct stamp *by_backend = &c->by_backend[m->backend], *by_addr = &c->by_addr[b->same_addr];
	size_t id = (size_t)(f - c->d->frontends.v) + 1;

	if (by_backend->frontend == id) {
		clash_in_pool(c, f, m->name, p,
			      "stands in another pool of this frontend too:", by_backend);
		return;
	}
	if (by_addr->frontend == id)
		clash_in_pool(c, f, m->name, p, "has the same address as", by_addr);
	else
		*by_addr = (struct stamp){ id, pool, m->name, m->name->text };
	*by_backend = (struct stamp){ id, pool, m->name, m->name->text };
}

/* All backends of a frontend are of one family: that of the first whose address is known. */
static void check_family(struct checker *c, struct draft_frontend *f, struct stamp *first,
			 const struct draft_member *m, const struct path *p)
{
	const struct value *addr = &c->d->backends.v[m->backend].v[BACKEND_ADDRESS];

	if (!value_good(addr) || addr->addr.family == f->family)
		return;
	if (f->family)
		clash_in_pool(c, f, m->name, p, "is of another address family than", first);
	else
		f->family = addr->addr.family;
}

static void check_members(struct checker *c, struct draft_frontend *f, size_t index,
			  const struct path *p, struct stamp *first)
{
	struct draft_pool *pool = &f->pools.v[index];
	struct path bp = PATH_KEY(p, "backends");

	for (size_t i = 0; i < pool->members.n; i++) {
		struct draft_member *m = &pool->members.v[i];
		struct path mp = PATH_KEY(&bp, m->name->text);

		draft_check_values(c->r, &schema_member, m->v, m->name, &mp);
		m->backend = draft_find_backend(c->d, m->name->text);
		if (m->backend < 0) {
			report_semantic(c->r, m->name, &mp, "no such backend");
			continue;
		}
		c->d->backends.v[m->backend].used = true;
		check_twice(c, f, index, m, &mp);
		if (!f->family)
			*first = (struct stamp){ 0, index, m->name, m->name->text };
		check_family(c, f, first, m, &mp);
	}
}

/* The names of a frontend's pools differ. There are few pools: a map for the odd file with many. */
static void check_pool_name(struct checker *c, struct draft_frontend *f, size_t index,
			    struct map *names, const struct path *p)
{
	const struct value *name = &f->pools.v[index].v[POOL_NAME];
	struct path np = PATH_KEY(p, "name");
	struct path fp = frontend_path(f), lp = PATH_KEY(&fp, "pools"), op, onp;
	const struct draft_pool *other;

	if (!value_good(name))
		return;
	other = map_get_z(names, name->s);
	if (!other) {
		map_put_z(names, name->s, &f->pools.v[index]);
		return;
	}
	op = PATH_ITEM(&lp, (size_t)(other - f->pools.v));
	onp = PATH_KEY(&op, "name");
	report_semantic_pair(c->r, name->at, &np, "the same name as",
			     &(struct place){ .at = other->v[POOL_NAME].at, .path = &onp });
}

static void check_pools(struct checker *c, struct draft_frontend *f, const struct path *p)
{
	struct path lp = PATH_KEY(p, "pools");
	struct map names = { 0 };
	struct stamp first = { 0 };

	if (f->v[FRONTEND_POOLS].at && !f->pools.n)
		report_semantic(c->r, f->v[FRONTEND_POOLS].at, &lp, "needs at least one pool");
	for (size_t i = 0; i < f->pools.n; i++) {
		struct draft_pool *pool = &f->pools.v[i];
		struct path ip = PATH_ITEM(&lp, i), bp = PATH_KEY(&ip, "backends");

		draft_check_values(c->r, &schema_pool, pool->v, pool->at, &ip);
		check_pool_name(c, f, i, &names, &ip);
		if (pool->v[POOL_BACKENDS].at && !pool->members.n)
			report_semantic(c->r, pool->v[POOL_BACKENDS].at, &bp,
					"needs at least one backend");
		check_members(c, f, i, &ip, &first);
	}
	map_done(&names);
}

/* Protocol and port come together or not at all. True when they do. */
static bool check_proto_port(struct checker *c, const struct draft_frontend *f,
			     const struct path *p)
{
	const struct value *proto = &f->v[FRONTEND_PROTOCOL], *port = &f->v[FRONTEND_PORT];
	struct path rp = PATH_KEY(p, "protocol"), op = PATH_KEY(p, "port");

	if (proto->bad || port->bad)
		return false;
	if (port->i && !proto->at)
		report_semantic(c->r, f->name, &rp, "is required when port is set");
	else if (proto->at && !port->i)
		report_semantic(c->r, port->at ? port->at : f->name, &op,
				"is required when protocol is set");
	else
		return true;
	return false;
}

static struct vip vip_of(const struct draft_frontend *f)
{
	const struct value *proto = &f->v[FRONTEND_PROTOCOL];
	int64_t port = f->v[FRONTEND_PORT].i;
	struct vip v = { .proto = proto->at ? schema_proto(proto->i) : PROTO_ANY,
			 .port = { (uint8_t)(port >> 8), (uint8_t)port } };

	v.addr[0] = f->v[FRONTEND_ADDRESS].addr.family;
	memcpy(v.addr + 1, f->v[FRONTEND_ADDRESS].addr.b, 16);
	return v;
}

/* Report that `key` of this frontend, at `at`, is at odds with another frontend. */
static void clash(struct checker *c, const struct draft_frontend *f, enum frontend_key key,
		  const char *what, const struct draft_frontend *other)
{
	struct path fp = frontend_path(f), op = frontend_path(other);
	struct path kp = PATH_KEY(&fp, schema_frontend.rows[key].key);

	report_semantic_pair(c->r, f->v[key].at, &kp, what,
			     &(struct place){ .at = other->name, .path = &op });
}

/* Two frontends of one address that are not the same VIP. */
static void check_same_addr(struct checker *c, const struct draft_frontend *f,
			    const struct draft_frontend *other)
{
	const struct draft_frontend *all = c->d->frontends.v;
	bool any = c->vips[f - all].proto == PROTO_ANY;

	if (any != (c->vips[other - all].proto == PROTO_ANY))
		clash(c, f, FRONTEND_ADDRESS,
		      any ? "all ports, beside a single port of the same address:"
			  : "a single port, beside all ports of the same address:",
		      other);
}

/* Frontends of one address have backends of one family, whatever their protocols and ports. */
static void check_same_family(struct checker *c, struct draft_frontend *f)
{
	const struct addr *addr = &f->v[FRONTEND_ADDRESS].addr;
	const struct draft_frontend *other;

	if (!f->family)
		return;
	other = map_get(&c->first_of_family, addr, sizeof *addr);
	if (!other)
		map_put(&c->first_of_family, addr, sizeof *addr, f);
	else if (f->family != other->family)
		clash(c, f, FRONTEND_POOLS,
		      "backends of another address family than a frontend of the same address:",
		      other);
}

/* Against the frontends before this one. */
static void check_against_others(struct checker *c, struct draft_frontend *f)
{
	struct vip *v = &c->vips[f - c->d->frontends.v];
	const struct draft_frontend *other;

	*v = vip_of(f);
	other = map_get(&c->first_of_vip, v, sizeof *v);
	if (other) {
		clash(c, f, FRONTEND_ADDRESS, "the same address, protocol and port as", other);
		return;
	}
	map_put(&c->first_of_vip, v, sizeof *v, f);
	other = map_get(&c->first_of_addr, v->addr, sizeof v->addr);
	if (other)
		check_same_addr(c, f, other);
	else
		map_put(&c->first_of_addr, v->addr, sizeof v->addr, f);
}

static void check_frontend(struct checker *c, struct draft_frontend *f)
{
	struct path p = frontend_path(f);
	bool known;

	draft_check_name(c->r, f->name, &p);
	draft_check_values(c->r, &schema_frontend, f->v, f->name, &p);
	known = check_proto_port(c, f, &p);
	check_pools(c, f, &p);
	if (!value_good(&f->v[FRONTEND_ADDRESS]))
		return;
	if (known)
		check_against_others(c, f);
	check_same_family(c, f);
}

void draft_check_frontends(struct draft *d, struct reporter *r)
{
	struct checker c = {
		.d = d,
		.r = r,
		.by_backend = xcalloc(d->backends.n, sizeof *c.by_backend),
		.by_addr = xcalloc(d->backends.n, sizeof *c.by_addr),
		.vips = xcalloc(d->frontends.n, sizeof *c.vips),
	};

	for (size_t i = 0; i < d->frontends.n; i++)
		check_frontend(&c, &d->frontends.v[i]);
	free(c.by_backend);
	free(c.by_addr);
	free(c.vips);
	map_done(&c.first_of_addr);
	map_done(&c.first_of_vip);
	map_done(&c.first_of_family);
}
