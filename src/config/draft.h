/* SPDX-License-Identifier: Apache-2.0 */
/* config/draft.h - the file as typed values that still know where they stand.
 *
 * parse.c makes it from nodes (the shape is right, defaults are in), check.c marks what breaks a
 * rule and resolves names, build.c turns a draft without errors into a struct config. Everything is
 * in file order. Strings and nodes live in the arena of the YAML tree. Internal to config/. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "config/report.h"
#include "config/schema.h"

struct value {
	const struct node *at; /* where it is written; NULL: not (or null), the default holds */
	bool bad;              /* breaks a rule: no further rule looks at it */
	bool scoped;           /* VALUE_ADDR: written with a scope, which no address may have */
	union {
		int64_t i;     /* VALUE_INT (saturated), VALUE_DUR, VALUE_ENUM (-1: no such word) */
		bool b;        /* VALUE_BOOL */
		const char *s; /* VALUE_STR; NULL without a value and a default */
		struct addr addr; /* VALUE_ADDR */
	};
};

/* Written, and breaking no rule so far? */
static inline bool value_good(const struct value *v)
{
	return v->at && !v->bad;
}

struct draft_check {
	const struct node *name;
	struct value v[CHECK_N], params[PARAM_N];
	struct code_set codes;  /* set by check.c */
	bool used;              /* by a backend */
	struct healthcheck *hc; /* build.c; borrowed */
};

struct draft_backend {
	const struct node *name;
	struct value v[BACKEND_N];
	struct draft_check *check; /* resolved; NULL: static, or unknown */
	bool used;                 /* by a frontend */
	uint32_t same_addr;        /* index of the first backend with this address */
	uint32_t rank;             /* build.c: index in name order */
};

struct draft_member {
	const struct node *name;
	struct value v[MEMBER_N];
	long backend; /* index into draft.backends; -1: no such */
};

struct draft_pool {
	const struct node *at;
	struct value v[POOL_N];
	VEC(struct draft_member) members;
};

struct draft_frontend {
	const struct node *name;
	struct value v[FRONTEND_N];
	VEC(struct draft_pool) pools;
	uint8_t family; /* of its backends; ADDR_NONE when none is known */
};

struct draft {
	const struct node *root;  /* of "maglev" */
	const struct node *lb_at; /* where vpp.lb would be looked for */
	bool has_lb;
	struct value top[TOP_N], checker[CHECKER_N], vpp[VPP_N], lb[LB_N];
	VEC(struct draft_check) checks;
	VEC(struct draft_backend) backends;
	VEC(struct draft_frontend) frontends;
	struct map check_by_name, backend_by_name; /* elements of the lists above */
};

/* The two sections that others name things of. NULL or -1 when there is none. */
struct draft_check *draft_find_check(const struct draft *d, const char *name);
long draft_find_backend(const struct draft *d, const char *name);
void draft_done(struct draft *d);

/* parse.c: nodes to values. 0, or -EINVAL with the report's parse error set; `d` is zeroed before
 * and wants draft_done in any case. */
int draft_parse(struct draft *d, struct reporter *r, const struct node *root);

/* check.c, check_frontend.c: every rule, in the order healthchecker, healthchecks, backends,
 * frontends, vpp. Fills in what is derived (codes, resolved names, families). */
void draft_check_all(struct draft *d, struct reporter *r);
void draft_check_frontends(struct draft *d, struct reporter *r);
/* The rules of single values, and required keys (said at `owner`); marks the bad ones. */
void draft_check_values(struct reporter *r, const struct schema *s, struct value *v,
			const struct node *owner, const struct path *p);
void draft_check_name(struct reporter *r, const struct node *name, const struct path *p);

/* lint.c: warnings about a draft without errors. */
void draft_lint(const struct draft *d, struct reporter *r);
/* lint_weights.c: weights of this frontend that its flow table cannot honour. */
void draft_lint_weights(const struct draft *d, const struct draft_frontend *f, struct reporter *r);

/* build.c: a draft without errors as a config the caller owns. */
struct config *draft_build(struct draft *d);
