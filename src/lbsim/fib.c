/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/fib.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

struct fib_key fib_key(const struct ip46 *a, uint8_t plen, bool is_ip4)
{
	struct fib_key k = { .addr = *a, .plen = plen, .is_ip4 = is_ip4 };
	ip46_mask(&k.addr, plen);
	return k;
}

static struct fib_entry *find(const struct fib *f, const struct fib_key *k)
{
	return map_get(&f->by_key, k, sizeof *k);
}

static struct fib_entry *find_or_add(struct fib *f, const struct fib_key *k)
{
	struct fib_entry *e = find(f, k);
	if (e)
		return e;
	e = XNEW(struct fib_entry);
	e->key = *k;
	e->index = slots_get(&f->objects);
	map_put(&f->by_key, &e->key, sizeof e->key, e);
	return e;
}

static void release(struct fib *f, struct fib_entry *e)
{
	if (e->permanent || e->vip || e->ases > 0)
		return;
	slots_put(&f->objects, e->index);
	map_del(&f->by_key, &e->key, sizeof e->key);
	free(e);
}

/* VPP's own routes, in the order of their objects (as ip_route_lookup on a fresh VPP tells). */
void fib_init(struct fib *f)
{
	static const struct {
		const char *addr;
		uint8_t len;
	} own[] = {
		{ "0.0.0.0", 0 },   { "0.0.0.0", 32 },         { "240.0.0.0", 4 },
		{ "224.0.0.0", 4 }, { "255.255.255.255", 32 }, { "::", 0 },
		{ "fe80::", 10 },
	};
	*f = (struct fib){ 0 };
	uint32_t none = slots_get(&f->objects); /* object 0 is nobody's route */
	assert(none == 0);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct addr a;
		int r = addr_parse(own[i].addr, &a);
		assert(r == 0);
		bool is_ip4 = a.family == ADDR_IP4;
		struct ip46 ip = ip46_from_addr(&a);
		struct fib_key k = fib_key(&ip, (uint8_t)(own[i].len + (is_ip4 ? 96 : 0)), is_ip4);
		find_or_add(f, &k)->permanent = true;
		(void)r;
	}
	(void)none;
}

void fib_done(struct fib *f)
{
	size_t it = 0;
	struct fib_entry *e;
	while ((e = map_next(&f->by_key, &it)))
		free(e);
	map_done(&f->by_key);
	slots_done(&f->objects);
}

void fib_add_vip(struct fib *f, const struct fib_key *k)
{
	find_or_add(f, k)->vip = true;
	f->vip_changes++;
}

void fib_del_vip(struct fib *f, const struct fib_key *k)
{
	struct fib_entry *e = find(f, k);
	if (!e)
		return;
	e->vip = false;
	f->vip_changes++;
	release(f, e);
}

uint32_t fib_add_as(struct fib *f, const struct fib_key *k)
{
	struct fib_entry *e = find_or_add(f, k);
	e->ases++;
	return e->index;
}

void fib_del_as(struct fib *f, const struct fib_key *k)
{
	struct fib_entry *e = find(f, k);
	assert(e && e->ases > 0);
	e->ases--;
	release(f, e);
}

void fib_count(struct fib *f, const struct fib_key *k, uint64_t packets, uint64_t bytes)
{
	struct fib_entry *e = find(f, k);
	if (!e)
		return;
	e->packets += packets;
	e->bytes += bytes;
}

const struct fib_entry *fib_exact(const struct fib *f, const struct fib_key *k)
{
	return find(f, k);
}

/* The longest match with fewer than `below` bits. */
static const struct fib_entry *longest(const struct fib *f, const struct fib_key *k, unsigned below)
{
	unsigned least = k->is_ip4 ? 96 : 0;
	for (unsigned plen = below; plen-- > least;) {
		struct fib_key shorter = fib_key(&k->addr, (uint8_t)plen, k->is_ip4);
		const struct fib_entry *e = find(f, &shorter);
		if (e)
			return e;
	}
	return NULL;
}

const struct fib_entry *fib_longest(const struct fib *f, const struct fib_key *k)
{
	return longest(f, k, k->plen + 1u);
}

#define LINK_LOCAL_PLEN 10 /* no other of VPP's own has it */

bool fib_drops(const struct fib *f, const struct fib_entry *e)
{
	while (e && !e->vip && !e->permanent)
		e = longest(f, &e->key, e->key.plen);
	return e && !e->vip && e->key.plen != LINK_LOCAL_PLEN;
}
