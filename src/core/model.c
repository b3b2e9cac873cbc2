/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

static const char *const hc_type_names[HC_TYPE_N] = {
	[HC_ICMP] = "icmp",
	[HC_TCP] = "tcp",
	[HC_HTTP] = "http",
	[HC_HTTPS] = "https",
};

const char *hc_type_name(enum hc_type t)
{
	assert(t < HC_TYPE_N);
	return hc_type_names[t];
}

const char *vip_proto_name(uint8_t p)
{
	switch (p) {
	case PROTO_TCP:
		return "tcp";
	case PROTO_UDP:
		return "udp";
	case PROTO_ANY:
		return "any";
	default:
		return "?";
	}
}

struct healthcheck *healthcheck_new(void)
{
	struct healthcheck *hc = XNEW(struct healthcheck);

	atomic_init(&hc->refs, 1);
	return hc;
}

struct healthcheck *healthcheck_ref(struct healthcheck *hc)
{
	int was = atomic_fetch_add_explicit(&hc->refs, 1, memory_order_relaxed);

	assert(was > 0);
	return hc;
}

void healthcheck_unref(struct healthcheck *hc)
{
	int was;

	if (!hc)
		return;
	/* the last one must see everything the others did with the object before it frees it */
	was = atomic_fetch_sub_explicit(&hc->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	free(hc->name);
	free(hc->path);
	free(hc->host);
	free(hc->response_code);
	free(hc->regexp);
	free(hc->server_name);
	free(hc);
}

static bool same_schedule(const struct healthcheck *a, const struct healthcheck *b)
{
	return a->interval == b->interval && a->fast_interval == b->fast_interval &&
	       a->down_interval == b->down_interval && a->timeout == b->timeout &&
	       a->rise == b->rise && a->fall == b->fall;
}

static bool same_target(const struct healthcheck *a, const struct healthcheck *b)
{
	return a->type == b->type && a->port == b->port && addr_eq(&a->src4, &b->src4) &&
	       addr_eq(&a->src6, &b->src6) && a->reuse_connection == b->reuse_connection;
}

/* response_code as written, not the set it makes: who reads the settings back sees the new text. */
static bool same_http(const struct healthcheck *a, const struct healthcheck *b)
{
	return str_eq(a->path, b->path) && str_eq(a->host, b->host) &&
	       str_eq(a->response_code, b->response_code) && str_eq(a->regexp, b->regexp);
}

static bool same_tls(const struct healthcheck *a, const struct healthcheck *b)
{
	return a->ssl == b->ssl && str_eq(a->server_name, b->server_name) &&
	       a->insecure_skip_verify == b->insecure_skip_verify;
}

bool healthcheck_same(const struct healthcheck *a, const struct healthcheck *b)
{
	return a == b ||
	       (same_schedule(a, b) && same_target(a, b) && same_http(a, b) && same_tls(a, b));
}

struct config *config_new(void)
{
	return XNEW(struct config);
}

static void frontend_conf_done(struct frontend_conf *f)
{
	for (size_t i = 0; i < f->n_pools; i++) {
		free(f->pools[i].name);
		free(f->pools[i].members);
	}
	free(f->pools);
	free(f->name);
	free(f->description);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_checks; i++)
		healthcheck_unref(c->checks[i]);
	for (size_t i = 0; i < c->n_backends; i++) {
		free(c->backends[i].name);
		healthcheck_unref(c->backends[i].check);
	}
	for (size_t i = 0; i < c->n_frontends; i++)
		frontend_conf_done(&c->frontends[i]);
	free(c->checks);
	free(c->backends);
	free(c->frontends);
	free(c->netns);
	free(c);
}

static int cmp_check(const void *name, const void *elem)
{
	const struct healthcheck *const *hc = elem;

	return strcmp(name, (*hc)->name);
}

static int cmp_frontend(const void *name, const void *elem)
{
	return strcmp(name, ((const struct frontend_conf *)elem)->name);
}

static long find(const char *name, const void *base, size_t n, size_t size,
		 int (*cmp)(const void *, const void *))
{
	const char *hit = n ? bsearch(name, base, n, size, cmp) : NULL;

	return hit ? (hit - (const char *)base) / (long)size : -1;
}

long config_find_check(const struct config *c, const char *name)
{
	return find(name, c->checks, c->n_checks, sizeof *c->checks, cmp_check);
}

long config_find_frontend(const struct config *c, const char *name)
{
	return find(name, c->frontends, c->n_frontends, sizeof *c->frontends, cmp_frontend);
}
