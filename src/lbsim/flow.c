/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/flow.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

/* VPP's clock for this table begins at 10000 (lb_hash_time_now), so that zeroed entries have
 * expired whatever the time. */
#define CLOCK_BASE 10000
#define NO_VIP     UINT32_MAX

struct bucket {
	uint32_t hash[FLOW_BUCKET_ENTRIES];
	uint32_t expires[FLOW_BUCKET_ENTRIES]; /* on the table's clock; its flow is dead then */
	uint32_t vip[FLOW_BUCKET_ENTRIES];
	uint32_t as[FLOW_BUCKET_ENTRIES];
};

struct flow_table {
	uint32_t mask;
	struct bucket buckets[];
};

struct flow_table *flow_table_new(uint32_t buckets)
{
	assert(buckets >= 1 && buckets <= FLOW_BUCKETS_MAX && (buckets & (buckets - 1)) == 0);
	struct flow_table *t = xcalloc(1, sizeof *t + buckets * sizeof t->buckets[0]);

	t->mask = buckets - 1;
	return t;
}

void flow_table_free(struct flow_table *t)
{
	free(t);
}

static struct bucket *bucket_of(struct flow_table *t, struct flow_key k)
{
	return &t->buckets[k.hash & t->mask];
}

/* The plugin compares signed numbers, four at once. */
static bool alive(const struct bucket *b, int i, uint32_t clock)
{
	return (int32_t)b->expires[i] > (int32_t)clock;
}

struct flow_found flow_get(struct flow_table *t, struct flow_key k, uint32_t now, uint32_t timeout)
{
	struct bucket *b = bucket_of(t, k);
	struct flow_found f = { .free_slot = -1 };
	uint32_t clock = now + CLOCK_BASE;
	int found = -1;

	for (int i = FLOW_BUCKET_ENTRIES - 1; i >= 0; i--) {
		if (!alive(b, i, clock))
			f.free_slot = i;
		else if (b->hash[i] == k.hash && b->vip[i] == k.vip)
			found = i;
	}
	if (found >= 0) {
		f.as = b->as[found];
		b->expires[found] = clock + timeout;
	}
	return f;
}

uint32_t flow_put(struct flow_table *t, struct flow_key k, int slot, uint32_t as, uint32_t expires)
{
	struct bucket *b = bucket_of(t, k);
	uint32_t before;

	assert(slot >= 0 && slot < FLOW_BUCKET_ENTRIES);
	before = b->as[slot];
	b->hash[slot] = k.hash;
	b->vip[slot] = k.vip;
	b->as[slot] = as;
	b->expires[slot] = expires + CLOCK_BASE;
	return before;
}

static uint32_t bucket_flush(struct bucket *b, uint32_t vip, uint32_t as)
{
	uint32_t n = 0;

	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		if (b->vip[i] != vip || (as != FLOW_ANY_AS && b->as[i] != as))
			continue;
		b->vip[i] = NO_VIP;
		b->as[i] = 0;
		n++;
	}
	return n;
}

uint32_t flow_flush(struct flow_table *t, uint32_t vip, uint32_t as)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= t->mask; i++)
		n += bucket_flush(&t->buckets[i], vip, as);
	return n;
}

uint32_t flow_used(const struct flow_table *t, uint32_t now)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= t->mask; i++)
		for (int e = 0; e < FLOW_BUCKET_ENTRIES; e++)
			n += alive(&t->buckets[i], e, now + CLOCK_BASE);
	return n;
}
