/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "maglev.pb-c.h"

#define ENTRIES 8 /* there are five kinds of names, two of which depend on what stands before */

struct entry {
	enum arg_kind kind; /* ARG_NONE: empty */
	char *frontend, *pool;
	mono_ns at;
	VEC(char *) names;
	char *why;
};

struct name_cache {
	struct session *ss;
	struct entry entries[ENTRIES];
};

static void entry_done(struct entry *x)
{
	for (size_t i = 0; i < x->names.n; i++)
		free(x->names.v[i]);
	vec_done(&x->names);
	free(x->frontend);
	free(x->pool);
	free(x->why);
	*x = (struct entry){ 0 };
}

struct name_cache *name_cache_new(struct session *ss)
{
	struct name_cache *nc = XNEW(struct name_cache);

	nc->ss = ss;
	return nc;
}

void name_cache_clear(struct name_cache *nc)
{
	for (size_t i = 0; i < ENTRIES; i++)
		entry_done(&nc->entries[i]);
}

void name_cache_free(struct name_cache *nc)
{
	if (!nc)
		return;
	name_cache_clear(nc);
	free(nc);
}

/* ---- asking */

static void add(struct entry *x, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*v[i])
			vec_push(&x->names, xstrdup(v[i]));
}

static void add_backends(struct entry *x, const ProtobufCMessage *m)
{
	const Maglev__ListBackendsResponse *r = (const Maglev__ListBackendsResponse *)m;

	add(x, r->backend_names, r->n_backend_names);
}

static void add_frontends(struct entry *x, const ProtobufCMessage *m)
{
	const Maglev__ListFrontendsResponse *r = (const Maglev__ListFrontendsResponse *)m;

	add(x, r->frontend_names, r->n_frontend_names);
}

static void add_checks(struct entry *x, const ProtobufCMessage *m)
{
	const Maglev__ListHealthChecksResponse *r = (const Maglev__ListHealthChecksResponse *)m;

	add(x, r->healthcheck_names, r->n_healthcheck_names);
}

static void add_pools(struct entry *x, const ProtobufCMessage *m)
{
	const Maglev__FrontendInfo *f = (const Maglev__FrontendInfo *)m;

	for (size_t i = 0; i < f->n_pools; i++)
		add(x, &f->pools[i]->name, 1);
}

static void add_members(struct entry *x, const ProtobufCMessage *m)
{
	const Maglev__FrontendInfo *f = (const Maglev__FrontendInfo *)m;

	for (size_t i = 0; i < f->n_pools; i++) {
		const Maglev__PoolInfo *p = f->pools[i];
		for (size_t k = 0; str_eq(p->name, x->pool) && k < p->n_backends; k++)
			add(x, &p->backends[k]->name, 1);
	}
}

typedef void take_fn(struct entry *x, const ProtobufCMessage *m);

static void ask(struct name_cache *nc, struct entry *x, const struct session_question *q,
		take_fn *take)
{
	struct err e = { 0 };
	ProtobufCMessage *m = session_ask(nc->ss, q, &e);

	if (m) {
		take(x, m);
		protobuf_c_message_free_unpacked(m, NULL);
	} else {
		x->why = xstrdup(e.msg);
	}
}

static void ask_backends(struct name_cache *nc, struct entry *x)
{
	Maglev__ListBackendsRequest request = MAGLEV__LIST_BACKENDS_REQUEST__INIT;

	ask(nc, x,
	    &(struct session_question){ "/maglev.Maglev/ListBackends", &request.base,
					&maglev__list_backends_response__descriptor,
					NAMES_TIMEOUT },
	    add_backends);
}

static void ask_frontends(struct name_cache *nc, struct entry *x)
{
	Maglev__ListFrontendsRequest request = MAGLEV__LIST_FRONTENDS_REQUEST__INIT;

	ask(nc, x,
	    &(struct session_question){ "/maglev.Maglev/ListFrontends", &request.base,
					&maglev__list_frontends_response__descriptor,
					NAMES_TIMEOUT },
	    add_frontends);
}

static void ask_checks(struct name_cache *nc, struct entry *x)
{
	Maglev__ListHealthChecksRequest request = MAGLEV__LIST_HEALTH_CHECKS_REQUEST__INIT;

	ask(nc, x,
	    &(struct session_question){ "/maglev.Maglev/ListHealthChecks", &request.base,
					&maglev__list_health_checks_response__descriptor,
					NAMES_TIMEOUT },
	    add_checks);
}

/* Pools and their members are parts of a frontend. */
static void ask_frontend(struct name_cache *nc, struct entry *x)
{
	Maglev__GetFrontendRequest request = MAGLEV__GET_FRONTEND_REQUEST__INIT;

	request.name = x->frontend;
	ask(nc, x,
	    &(struct session_question){ "/maglev.Maglev/GetFrontend", &request.base,
					&maglev__frontend_info__descriptor, NAMES_TIMEOUT },
	    x->kind == ARG_POOL ? add_pools : add_members);
}

typedef void ask_fn(struct name_cache *nc, struct entry *x);

/* NULL: no names. */
static ask_fn *const ask_kind[] = {
	[ARG_NONE] = NULL,
	[ARG_FRONTEND] = ask_frontends,
	[ARG_BACKEND] = ask_backends,
	[ARG_CHECK] = ask_checks,
	[ARG_POOL] = ask_frontend,
	[ARG_MEMBER] = ask_frontend,
	[ARG_WEIGHT] = NULL,
	[ARG_COUNT] = NULL,
};

/* ---- keeping */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In name order, each once. */
static void entry_sort(struct entry *x)
{
	size_t n = 0;

	if (x->names.n > 0)
		qsort(x->names.v, x->names.n, sizeof *x->names.v, by_name);
	for (size_t i = 0; i < x->names.n; i++) {
		if (n > 0 && strcmp(x->names.v[n - 1], x->names.v[i]) == 0)
			free(x->names.v[i]);
		else
			x->names.v[n++] = x->names.v[i];
	}
	x->names.n = n;
}

static struct names entry_names(const struct entry *x)
{
	return (struct names){ x->names.v, x->names.n, x->why };
}

struct names name_cache_get(void *ctx, enum arg_kind kind, const struct command *so_far)
{
	struct name_cache *nc = ctx;
	bool inner = kind == ARG_POOL || kind == ARG_MEMBER;
	const char *frontend = inner && so_far->n_args > 0 ? so_far->args[0] : NULL;
	const char *pool = kind == ARG_MEMBER && so_far->n_args > 1 ? so_far->args[1] : NULL;
	mono_ns now = loop_clock();
	struct entry *oldest = &nc->entries[0];

	if (!ask_kind[kind] || (inner && !frontend))
		return (struct names){ 0 };
	for (struct entry *x = nc->entries; x < nc->entries + ENTRIES; x++) {
		if (x->kind == kind && str_eq(x->frontend, frontend) && str_eq(x->pool, pool) &&
		    now - x->at < NAMES_TTL)
			return entry_names(x);
		if (x->at < oldest->at)
			oldest = x;
	}
	entry_done(oldest);
	oldest->kind = kind;
	oldest->frontend = frontend ? xstrdup(frontend) : NULL;
	oldest->pool = pool ? xstrdup(pool) : NULL;
	ask_kind[kind](nc, oldest);
	oldest->at = loop_clock();
	entry_sort(oldest);
	return entry_names(oldest);
}
