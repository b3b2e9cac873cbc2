/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/vips.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"

const char *const scheme_choice_names[] = { "auto", "http", "https", "tcp", NULL };

static const enum scheme chosen[] = {
	[CHOICE_HTTP] = SCHEME_HTTP,
	[CHOICE_HTTPS] = SCHEME_HTTPS,
	[CHOICE_TCP] = SCHEME_TCP,
};

const char *scheme_name(enum scheme s)
{
	static const char *const names[SCHEME_N] = { "-", "http", "https", "tcp" };

	assert(s < SCHEME_N);
	return names[s];
}

/* The first check behind the frontend that speaks one of two types; NULL when there is none. */
static const struct healthcheck *check_behind(const struct config *c, const struct frontend_conf *f,
					      bool tcp_too)
{
	for (size_t i = 0; i < f->n_pools; i++) {
		for (size_t k = 0; k < f->pools[i].n_members; k++) {
			const struct healthcheck *hc =
				c->backends[f->pools[i].members[k].backend].check;

			if (hc && (hc->type == HC_HTTP || hc->type == HC_HTTPS ||
				   (tcp_too && hc->type == HC_TCP)))
				return hc;
		}
	}
	return NULL;
}

static enum scheme scheme_of_check(const struct healthcheck *hc)
{
	if (!hc || hc->type == HC_TCP)
		return SCHEME_TCP;
	return hc->type == HC_HTTPS ? SCHEME_HTTPS : SCHEME_HTTP;
}

static enum scheme scheme_of_port(const struct config *c, const struct frontend_conf *f)
{
	switch (f->port) {
	case 443:
	case 8443:
		return SCHEME_HTTPS;
	case 80:
	case 8080:
		return SCHEME_HTTP;
	default:
		return scheme_of_check(check_behind(c, f, false));
	}
}

/* A VIP of all ports: any that its servers are known to serve will do. */
static void choose_for_all_ports(struct vip *v, const struct healthcheck *hc,
				 enum scheme_choice choice)
{
	static const uint16_t standard[] = { [CHOICE_HTTP] = 80, [CHOICE_HTTPS] = 443 };

	if (choice == CHOICE_AUTO)
		v->scheme = hc ? scheme_of_check(hc) : SCHEME_NONE;
	else
		v->scheme = hc || choice != CHOICE_TCP ? chosen[choice] : SCHEME_NONE;
	if (v->scheme == SCHEME_NONE)
		v->why_not = "not probed: all ports, and no check tells one";
	else
		v->probe_port = hc ? hc->port : standard[choice];
}

static void choose(struct vip *v, const struct config *c, const struct frontend_conf *f,
		   enum scheme_choice choice)
{
	v->probe_port = f->port;
	if (f->proto == PROTO_UDP)
		v->why_not = "not probed: udp";
	else if (f->port == 0)
		choose_for_all_ports(v, check_behind(c, f, true), choice);
	else
		v->scheme = choice == CHOICE_AUTO ? scheme_of_port(c, f) : chosen[choice];
}

static void endpoint_format(struct vip *v)
{
	uint16_t port = v->key.port ? v->key.port : v->probe_port;
	char text[ADDR_STRLEN];

	addr_format(&v->key.addr, text);
	if (port == 0)
		snprintf(v->endpoint, sizeof v->endpoint, "%s", text);
	else
		snprintf(v->endpoint, sizeof v->endpoint,
			 v->key.addr.family == ADDR_IP6 ? "[%s]:%u" : "%s:%u", text, port);
}

static struct vip_key key_of(const struct frontend_conf *f)
{
	struct vip_key key;

	memset(&key, 0, sizeof key); /* it is hashed with its padding */
	key.addr = f->addr;
	key.proto = f->proto;
	key.port = f->port;
	return key;
}

static struct vip *add(struct vips *v, const struct frontend_conf *f, const struct vip_key *key)
{
	struct vip *vip = vec_add(v);

	vip->name = xstrdup(f->name);
	memcpy(&vip->key, key, sizeof *key);
	return vip;
}

void vips_add(struct vips *v, const struct config *c, enum scheme_choice choice,
	      const struct filter *filter)
{
	struct map known = { 0 };

	vec_reserve(v, v->n + c->n_frontends); /* the keys stay where they are */
	for (size_t i = 0; i < v->n; i++)
		map_put(&known, &v->v[i].key, sizeof v->v[i].key, &v->v[i]);
	for (size_t i = 0; i < c->n_frontends; i++) {
		const struct frontend_conf *f = &c->frontends[i];
		struct vip_key key = key_of(f);
		struct vip *vip;

		if (!filter_matches(filter, f->name) || map_get(&known, &key, sizeof key))
			continue;
		vip = add(v, f, &key);
		map_put(&known, &vip->key, sizeof vip->key, vip);
		choose(vip, c, f, choice);
		endpoint_format(vip);
	}
	map_done(&known);
}

void vips_done(struct vips *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i].name);
	vec_done(v);
}

size_t vips_probed(const struct vips *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += v->v[i].scheme != SCHEME_NONE;
	return n;
}
