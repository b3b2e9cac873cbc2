/* SPDX-License-Identifier: Apache-2.0 */
/* config/lint.c - what is allowed and yet probably not meant. */
#include <stdlib.h>

#include "base/alloc.h"
#include "config/draft.h"

static struct path check_path(const struct draft_check *c)
{
	static const struct path section = { .key = "healthchecks" };

	return PATH_KEY(&section, c->name->text);
}

static struct path backend_path(const struct draft_backend *b)
{
	static const struct path section = { .key = "backends" };

	return PATH_KEY(&section, b->name->text);
}

static void lint_params(const struct draft_check *c, struct reporter *r, const struct path *p)
{
	static const enum param_key tls[] = { PARAM_SERVER_NAME, PARAM_INSECURE };
	struct path pp = PATH_KEY(p, "params");

	if (c->v[CHECK_TYPE].i != HC_HTTP)
		return;
	for (size_t i = 0; i < ARRAY_LEN(tls); i++) {
		struct path kp = PATH_KEY(&pp, schema_param.rows[tls[i]].key);

		if (c->params[tls[i]].at)
			report_warning(r, c->params[tls[i]].at, &kp,
				       "is ignored: a check of type http does no TLS");
	}
}

static void lint_check(const struct draft_check *c, struct reporter *r)
{
	const struct value *timeout = &c->v[CHECK_TIMEOUT];
	struct path p = check_path(c), tp = PATH_KEY(&p, "timeout");
	char t[DUR_STRLEN], i[DUR_STRLEN];

	if (!c->used)
		report_warning(r, c->name, &p, "no backend uses this health check");
	if (timeout->at && timeout->i > c->v[CHECK_INTERVAL].i)
		report_warning(r, timeout->at, &tp, "%s is longer than the interval, %s",
			       dur_format(timeout->i, t), dur_format(c->v[CHECK_INTERVAL].i, i));
	lint_params(c, r, &p);
}

/* What a probe is aimed at. All bytes count: zeroed before it is filled. */
struct aim {
	size_t addr; /* draft_backend.same_addr */
	const struct draft_check *check;
};

static void lint_probed_twice(const struct draft_backend *b, const struct draft_backend *first,
			      struct reporter *r)
{
	struct path p = backend_path(b), fp = backend_path(first);
	struct str other = { 0 };

	place_add(&other, r, &(struct place){ .at = first->name, .path = &fp });
	report_warning(r, b->name, &p, "the same address and health check as %s: probed twice",
		       other.p);
	str_done(&other);
}

static void lint_backends(const struct draft *d, struct reporter *r)
{
	struct aim *aims = xcalloc(d->backends.n, sizeof *aims);
	struct map seen = { 0 };

	for (size_t i = 0; i < d->backends.n; i++) {
		struct draft_backend *b = &d->backends.v[i], *first;
		struct path p = backend_path(b);

		if (!b->used)
			report_warning(r, b->name, &p, "no frontend uses this backend");
		if (!b->check)
			continue;
		aims[i].addr = b->same_addr;
		aims[i].check = b->check;
		first = map_get(&seen, &aims[i], sizeof aims[i]);
		if (first)
			lint_probed_twice(b, first, r);
		else
			map_put(&seen, &aims[i], sizeof aims[i], b);
	}
	map_done(&seen);
	free(aims);
}

static void lint_frontend(const struct draft_frontend *f, struct reporter *r)
{
	static const struct path section = { .key = "frontends" };
	struct path p = PATH_KEY(&section, f->name->text);

	for (size_t i = 0; i < f->pools.n; i++)
		for (size_t k = 0; k < f->pools.v[i].members.n; k++)
			if (f->pools.v[i].members.v[k].v[MEMBER_WEIGHT].i > 0)
				return;
	report_warning(r, f->name, &p, "every weight is 0: it never serves");
}

void draft_lint(const struct draft *d, struct reporter *r)
{
	for (size_t i = 0; i < d->checks.n; i++)
		lint_check(&d->checks.v[i], r);
	lint_backends(d, r);
	for (size_t i = 0; i < d->frontends.n; i++) {
		lint_frontend(&d->frontends.v[i], r);
		draft_lint_weights(d, &d->frontends.v[i], r);
	}
	report_finish(r);
}
