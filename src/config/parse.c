/* SPDX-License-Identifier: Apache-2.0 */
/* config/parse.c - nodes to a draft, by the tables of schema.c.
 *
 * What fails here is a parse error: a shape that is not the file's shape. The first one ends it.
 * Values out of bounds and names of nothing pass: they are check.c's, which reports them all. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "config/draft.h"
#include "config/value.h"

/* What stands at `n` as a mapping; null, or nothing there (NULL), is an empty one. NULL: neither,
 * and reported. */
static const struct node *as_mapping(struct reporter *r, const struct node *n, const struct path *p)
{
	static const struct schema_row row = { .type = VALUE_MAP };
	static const struct node empty = { .kind = NODE_MAP };
	struct value v;

	if (!n)
		return &empty;
	if (value_parse(r, &row, n, p, &v) < 0)
		return NULL;
	return v.at ? n : &empty;
}

/* Fill one value per row, from the mapping or by default. Unknown keys are errors. */
static int parse_rows(struct reporter *r, const struct schema *s, const struct node *n,
		      const struct path *p, struct value *ret)
{
	const struct node *map = as_mapping(r, n, p);

	if (!map)
		return -EINVAL;
	for (size_t i = 0; i < s->n; i++)
		ret[i] = value_default(&s->rows[i]);
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = node_key(map, i);
		struct path kp = PATH_KEY(p, key->text);
		long row = schema_find(s, key->text);

		if (row < 0)
			return report_parse(r, key, &kp, "unknown key");
		if (value_parse(r, &s->rows[row], node_value(map, i), &kp, &ret[row]) < 0)
			return -EINVAL;
	}
	return 0;
}

/* Keys that this kind of probe does not have. Of a type that is no type nothing is known. */
static int check_param_keys(struct reporter *r, const struct draft_check *c, const struct path *p)
{
	const struct value *type = &c->v[CHECK_TYPE];

	if (!type->at || type->i < 0)
		return 0;
	for (size_t i = 0; i < PARAM_N; i++) {
		const struct schema_row *row = &schema_param.rows[i];
		const struct node *map = c->v[CHECK_PARAMS].at;

		for (size_t k = 0; k < map->n; k++) {
			const struct node *key = node_key(map, k);
			struct path kp = PATH_KEY(p, key->text);

			if (strcmp(key->text, row->key) == 0 && !(row->types >> type->i & 1))
				return report_parse(r, key, &kp, "not a parameter of type %s",
						    hc_type_name((enum hc_type)type->i));
		}
	}
	return 0;
}

static int parse_check(struct draft *d, struct reporter *r, const struct node *name,
		       const struct node *n, const struct path *p)
{
	struct draft_check *c = vec_add(&d->checks);
	struct path pp = PATH_KEY(p, "params");

	c->name = name;
	if (parse_rows(r, &schema_check, n, p, c->v) < 0)
		return -EINVAL;
	if (parse_rows(r, &schema_param, c->v[CHECK_PARAMS].at, &pp, c->params) < 0)
		return -EINVAL;
	if (!c->v[CHECK_PARAMS].at)
		return 0;
	return check_param_keys(r, c, &pp);
}

static int parse_backend(struct draft *d, struct reporter *r, const struct node *name,
			 const struct node *n, const struct path *p)
{
	struct draft_backend *b = vec_add(&d->backends);

	b->name = name;
	return parse_rows(r, &schema_backend, n, p, b->v);
}

static int parse_members(struct draft_pool *pool, struct reporter *r, const struct path *p)
{
	const struct node *map = pool->v[POOL_BACKENDS].at;
	struct path bp = PATH_KEY(p, "backends");

	for (size_t i = 0; map && i < map->n; i++) {
		struct draft_member *m = vec_add(&pool->members);
		struct path mp;

		m->name = node_key(map, i);
		m->backend = -1;
		mp = PATH_KEY(&bp, m->name->text);
		if (parse_rows(r, &schema_member, node_value(map, i), &mp, m->v) < 0)
			return -EINVAL;
	}
	return 0;
}

static int parse_frontend(struct draft *d, struct reporter *r, const struct node *name,
			  const struct node *n, const struct path *p)
{
	struct draft_frontend *f = vec_add(&d->frontends);
	struct path lp = PATH_KEY(p, "pools");
	const struct node *list;

	f->name = name;
	if (parse_rows(r, &schema_frontend, n, p, f->v) < 0)
		return -EINVAL;
	list = f->v[FRONTEND_POOLS].at;
	for (size_t i = 0; list && i < list->n; i++) {
		struct draft_pool *pool = vec_add(&f->pools);
		struct path pp = PATH_ITEM(&lp, i);

		pool->at = list->items[i];
		if (parse_rows(r, &schema_pool, pool->at, &pp, pool->v) < 0 ||
		    parse_members(pool, r, &pp) < 0)
			return -EINVAL;
	}
	return 0;
}

typedef int parse_item_fn(struct draft *d, struct reporter *r, const struct node *name,
			  const struct node *n, const struct path *p);

/* A section of things by name; absent or null is empty. */
static int parse_section(struct draft *d, struct reporter *r, enum top_key key, parse_item_fn *item)
{
	const struct node *map = d->top[key].at;
	struct path sp = PATH_TOP(schema_top.rows[key].key);

	for (size_t i = 0; map && i < map->n; i++) {
		const struct node *name = node_key(map, i);
		struct path ip = PATH_KEY(&sp, name->text);

		if (item(d, r, name, node_value(map, i), &ip) < 0)
			return -EINVAL;
	}
	return 0;
}

/* The sections whose keys are fixed. */
static int parse_settings(struct draft *d, struct reporter *r)
{
	const struct value *checker = &d->top[TOP_HEALTHCHECKER], *vpp = &d->top[TOP_VPP];
	struct path cp = PATH_TOP("healthchecker"), vp = PATH_TOP("vpp"), lp = PATH_KEY(&vp, "lb");

	if (parse_rows(r, &schema_checker, checker->at, &cp, d->checker) < 0)
		return -EINVAL;
	if (parse_rows(r, &schema_vpp, vpp->at, &vp, d->vpp) < 0)
		return -EINVAL;
	d->has_lb = d->vpp[VPP_LB].at != NULL;
	d->lb_at = d->has_lb ? d->vpp[VPP_LB].at : vpp->at ? vpp->at : d->root;
	return parse_rows(r, &schema_lb, d->vpp[VPP_LB].at, &lp, d->lb);
}

/* The one top-level key. */
static int parse_root(struct draft *d, struct reporter *r, const struct node *root)
{
	const struct node *map = as_mapping(r, root, &PATH_TOP("maglev"));

	if (!map)
		return -EINVAL;
	for (size_t i = 0; i < map->n; i++) {
		const struct node *key = node_key(map, i);

		if (strcmp(key->text, "maglev") != 0)
			return report_parse(r, key, &PATH_TOP(key->text),
					    "unknown key: the one top-level key is 'maglev'");
		d->root = node_value(map, i);
	}
	if (!d->root)
		return report_parse(r, root, &PATH_TOP("maglev"), "this top-level key is missing");
	return 0;
}

int draft_parse(struct draft *d, struct reporter *r, const struct node *root)
{
	if (parse_root(d, r, root) < 0 ||
	    parse_rows(r, &schema_top, d->root, &PATH_TOP("maglev"), d->top) < 0 ||
	    parse_settings(d, r) < 0 || parse_section(d, r, TOP_HEALTHCHECKS, parse_check) < 0 ||
	    parse_section(d, r, TOP_BACKENDS, parse_backend) < 0 ||
	    parse_section(d, r, TOP_FRONTENDS, parse_frontend) < 0)
		return -EINVAL;
	return 0;
}
