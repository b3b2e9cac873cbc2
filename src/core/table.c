/* SPDX-License-Identifier: Apache-2.0 */
/* VPP's new-flow table.
 *
 * Maglev with two peculiarities of the plugin: the length is a power of two (so that any odd skip
 * visits every bucket), and an AS of weight w stands in the race w times, each replica with a
 * permutation of its own. Replicas race in the order (replica, address): every AS gets its first
 * turn before any gets its second, whatever order the ASes were added in. When there are more
 * replicas than buckets the late ones get nothing, which is where weights are distorted; they are
 * not even made here.
 *
 * Filling M buckets takes about M ln M tries: the last ones are searched for the longest. */
#include "core/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"

#define HASH_SEED UINT64_C(0x9e3779b97f4a7c13) /* clib_xxhash() in VPP's vppinfra/xxhash.h */
#define EMPTY     (-1)

struct racer {
	int32_t as; /* index */
	uint32_t last, skip;
};

struct ranked {
	uint8_t key[16]; /* the address as VPP stores it */
	int32_t as;
};

static void vpp_bytes(const struct addr *a, uint8_t ret_key[16])
{
	memset(ret_key, 0, 16);
	if (a->family == ADDR_IP4)
		memcpy(ret_key + 12, a->b, 4);
	else
		memcpy(ret_key, a->b, 16);
}

static int ranked_cmp(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof x->key);
}

static uint64_t le64(const uint8_t b[8])
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | b[i];
	return v;
}

static struct racer racer_make(const struct ranked *r, unsigned replica, uint32_t mask)
{
	uint64_t seed = le64(r->key) ^ le64(r->key + 8) ^ replica, h;
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(seed >> (8 * i));
	h = XXH64(bytes, sizeof bytes, HASH_SEED);
	return (struct racer){
		.as = r->as,
		.skip = ((uint32_t)h | 1) & mask,
		.last = (uint32_t)(h >> 32) & mask,
	};
}

/* The ASes with weight, in address order. Returns how many. */
static size_t rank(const struct table_as *as, size_t n, struct ranked *ret)
{
	size_t n_ranked = 0;

	for (size_t i = 0; i < n; i++) {
		if (as[i].weight == 0)
			continue;
		vpp_bytes(&as[i].addr, ret[n_ranked].key);
		ret[n_ranked++].as = (int32_t)i;
	}
	qsort(ret, n_ranked, sizeof *ret, ranked_cmp);
	return n_ranked;
}

/* Line up the first `len` replicas. Returns how many there are, at most `len`. */
static size_t line_up(const struct table_as *as, size_t n, uint32_t len, struct racer *ret)
{
	_cleanup_free_ struct ranked *ranked = xcalloc(n, sizeof *ranked);
	size_t n_ranked = rank(as, n, ranked), n_racers = 0, before;
	unsigned replica = 0;

	do {
		before = n_racers;
		for (size_t i = 0; i < n_ranked && n_racers < len; i++)
			if (as[ranked[i].as].weight > replica)
				ret[n_racers++] = racer_make(&ranked[i], replica, len - 1);
		replica++;
	} while (n_racers > before);
	return n_racers;
}

/* Take the racer's next free bucket. There must be one. */
static uint32_t take(struct racer *r, const int32_t *table, uint32_t mask)
{
	while (table[r->last] != EMPTY)
		r->last = (r->last + r->skip) & mask;
	return r->last;
}

static void race(struct racer *racers, size_t n, int32_t *table, uint32_t len)
{
	uint32_t taken = 0;

	while (taken < len)
		for (size_t i = 0; i < n && taken < len; i++, taken++)
			table[take(&racers[i], table, len - 1)] = racers[i].as;
}

void table_build(struct table_as *as, size_t n, uint32_t len, int32_t *ret_table)
{
	assert(len >= 1 && len <= TABLE_LEN_MAX && (len & (len - 1)) == 0 && n <= INT32_MAX);

	_cleanup_free_ int32_t *own = ret_table ? NULL : xcalloc(len, sizeof *own);
	_cleanup_free_ struct racer *racers = xcalloc(len, sizeof *racers);
	int32_t *table = ret_table ? ret_table : own;
	size_t n_racers;

	memset(table, 0xff, len * sizeof *table); /* EMPTY everywhere */
	for (size_t i = 0; i < n; i++)
		as[i].buckets = 0;
	n_racers = line_up(as, n, len, racers);
	if (n_racers == 0)
		return;
	race(racers, n_racers, table, len);
	for (uint32_t b = 0; b < len; b++)
		as[table[b]].buckets++;
}
