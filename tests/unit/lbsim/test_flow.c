/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sticky flows, and a random walk beside a naive one. */
#include "lbsim/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

#define TIMEOUT 40

static int setup(void **state)
{
	*state = flow_table_new(8);
	return 0;
}

static int teardown(void **state)
{
	flow_table_free(*state);
	return 0;
}

static struct flow_key key(uint32_t hash, uint32_t vip)
{
	return (struct flow_key){ .hash = hash, .vip = vip };
}

/* Look up, and put there when it is not; the AS it has then, 0 when there was no room. */
static uint32_t touch(struct flow_table *t, struct flow_key k, uint32_t as, uint32_t now)
{
	struct flow_found f = flow_get(t, k, now, TIMEOUT);
	if (f.as)
		return f.as;
	if (f.free_slot < 0)
		return 0;
	flow_put(t, k, f.free_slot, as, now + TIMEOUT);
	return as;
}

static void test_a_flow_stays_while_it_lives(void **state)
{
	struct flow_table *t = *state;
	assert_int_equal(touch(t, key(5, 1), 7, 0), 7);
	assert_int_equal(touch(t, key(5, 1), 8, TIMEOUT - 1), 7); /* and lives on */
	assert_int_equal(touch(t, key(5, 1), 8, 2 * TIMEOUT - 2), 7);
	assert_int_equal(touch(t, key(5, 1), 8, 3 * TIMEOUT - 2), 8); /* idle for its time */
	assert_int_equal(flow_used(t, 3 * TIMEOUT - 2), 1);
	assert_int_equal(flow_used(t, 4 * TIMEOUT - 2), 0);
}

static void test_flows_differ_by_hash_and_vip(void **state)
{
	struct flow_table *t = *state;
	touch(t, key(5, 1), 7, 0);
	touch(t, key(5, 2), 8, 0);
	touch(t, key(5 + 8, 1), 9, 0); /* the same bucket */
	assert_int_equal(touch(t, key(5, 1), 1, 0), 7);
	assert_int_equal(touch(t, key(5, 2), 1, 0), 8);
	assert_int_equal(touch(t, key(13, 1), 1, 0), 9);
}

static void test_a_bucket_holds_four(void **state)
{
	struct flow_table *t = *state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(touch(t, key(3 + 8 * i, 1), i + 1, i), i + 1);
	assert_int_equal(touch(t, key(3 + 8 * 4, 1), 5, 10), 0);
	assert_int_equal(touch(t, key(4, 1), 5, 10), 5); /* another bucket has room */
	/* The first expires, and gives its place; what it named is told. */
	struct flow_found f = flow_get(t, key(35, 1), TIMEOUT, TIMEOUT);
	assert_int_equal(f.as, 0);
	assert_int_equal(f.free_slot, 0);
	assert_int_equal(flow_put(t, key(35, 1), f.free_slot, 5, 2 * TIMEOUT), 1);
}

static void test_a_flow_without_a_server_is_found_first(void **state)
{
	struct flow_table *t = *state;
	flow_put(t, key(1, 1), 0, 0, TIMEOUT);
	/* Each further packet takes a slot, whatever it is given, until there is none. */
	for (int i = 1; i < 4; i++) {
		struct flow_found f = flow_get(t, key(1, 1), 0, TIMEOUT);
		assert_int_equal(f.as, 0);
		assert_int_equal(f.free_slot, i);
		flow_put(t, key(1, 1), f.free_slot, 9, TIMEOUT);
	}
	assert_int_equal(flow_get(t, key(1, 1), TIMEOUT - 1, TIMEOUT).free_slot, -1);
	/* The others were not asked for and have expired; the first one lives on. */
	assert_int_equal(flow_get(t, key(1, 1), TIMEOUT, TIMEOUT).as, 0);
	assert_int_equal(flow_used(t, TIMEOUT), 1);
}

static void test_flush(void **state)
{
	struct flow_table *t = *state;
	touch(t, key(1, 1), 7, 0);
	touch(t, key(2, 1), 7, 0);
	touch(t, key(3, 1), 8, 0);
	touch(t, key(4, 2), 7, 0);
	assert_int_equal(flow_flush(t, 1, 7), 2);
	assert_int_equal(flow_used(t, 0), 4); /* their places are taken all the same */
	assert_int_equal(flow_get(t, key(1, 1), 0, TIMEOUT).as, 0);
	assert_int_equal(flow_get(t, key(3, 1), 0, TIMEOUT).as, 8);
	assert_int_equal(flow_get(t, key(4, 2), 0, TIMEOUT).as, 7);
	assert_int_equal(flow_flush(t, 1, FLOW_ANY_AS), 1);
	assert_int_equal(flow_flush(t, 1, FLOW_ANY_AS), 0);
	assert_int_equal(flow_flush(t, 2, FLOW_ANY_AS), 1);
}

/* ---- a random walk beside a list of flows */

#define BUCKETS 16
#define N_HASH  200
#define N_VIP   3

struct naive { /* the entries of one bucket, in their places */
	struct {
		uint32_t hash, vip, as, expires;
		bool taken;
	} slot[4];
};

static int naive_get(struct naive *b, struct flow_key k, uint32_t now, struct flow_found *ret)
{
	int found = -1;
	ret->free_slot = -1;
	for (int i = 0; i < 4; i++) {
		bool alive = b->slot[i].taken && b->slot[i].expires > now;
		if (!alive && ret->free_slot < 0)
			ret->free_slot = i;
		if (alive && found < 0 && b->slot[i].hash == k.hash && b->slot[i].vip == k.vip)
			found = i;
	}
	ret->as = found < 0 ? 0 : b->slot[found].as;
	if (found >= 0)
		b->slot[found].expires = now + TIMEOUT;
	return found;
}

static uint32_t naive_flush(struct naive *n, uint32_t vip, uint32_t as)
{
	uint32_t count = 0;
	for (int b = 0; b < BUCKETS; b++)
		for (int i = 0; i < 4; i++) {
			bool hit = n[b].slot[i].taken && n[b].slot[i].vip == vip &&
				   (as == FLOW_ANY_AS || n[b].slot[i].as == as);
			count += hit;
			if (hit) {
				n[b].slot[i].vip = UINT32_MAX;
				n[b].slot[i].as = 0;
			}
		}
	return count;
}

static uint32_t naive_used(const struct naive *n, uint32_t now)
{
	uint32_t count = 0;
	for (int b = 0; b < BUCKETS; b++)
		for (int i = 0; i < 4; i++)
			count += n[b].slot[i].taken && n[b].slot[i].expires > now;
	return count;
}

static void walk_packet(struct flow_table *t, struct naive *n, struct rng *r, uint32_t now)
{
	const struct flow_key k = key((uint32_t)rng_u64(r) % N_HASH,
				      1 + (uint32_t)rng_u64(r) % N_VIP);
	struct naive *b = &n[k.hash % BUCKETS];
	struct flow_found want, got = flow_get(t, k, now, TIMEOUT);
	uint32_t as = (uint32_t)(rng_u64(r) % 4); /* 0: no server */
	naive_get(b, k, now, &want);
	assert_int_equal(got.as, want.as);
	assert_int_equal(got.free_slot, want.free_slot);
	if (got.as || got.free_slot < 0)
		return;
	int i = got.free_slot;
	assert_int_equal(flow_put(t, k, i, as, now + TIMEOUT), b->slot[i].as);
	b->slot[i].hash = k.hash;
	b->slot[i].vip = k.vip;
	b->slot[i].as = as;
	b->slot[i].expires = now + TIMEOUT;
	b->slot[i].taken = true;
}

static void test_random_walk(void **state)
{
	struct flow_table *t = flow_table_new(BUCKETS);
	struct naive n[BUCKETS] = { 0 };
	struct rng r;
	uint32_t now = 0;
	rng_init(&r, 42);
	for (int step = 0; step < 200000; step++) {
		now += rng_u64(&r) % 8 == 0 ? (uint32_t)(rng_u64(&r) % 20) : 0;
		if (rng_u64(&r) % 500 == 0) {
			uint32_t vip = 1 + (uint32_t)(rng_u64(&r) % N_VIP);
			uint32_t as = (uint32_t)(rng_u64(&r) % 5);
			as = as == 4 ? FLOW_ANY_AS : as;
			assert_int_equal(flow_flush(t, vip, as), naive_flush(n, vip, as));
		}
		walk_packet(t, n, &r, now);
		if (step % 100 == 0)
			assert_int_equal(flow_used(t, now), naive_used(n, now));
	}
	flow_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_flow_stays_while_it_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flows_differ_by_hash_and_vip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_bucket_holds_four, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_flow_without_a_server_is_found_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
		cmocka_unit_test(test_random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
