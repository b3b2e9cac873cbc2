/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "core/table.h"
#include "dies.h"

static struct addr addr_of(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), 0);
	return a;
}

/* ------------------------------------------------- a naive implementation, for any small case */

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

/* XXH64 of eight bytes, written out from the algorithm's specification. */
static uint64_t xxh64_of_u64(uint64_t v, uint64_t seed)
{
	const uint64_t p1 = 0x9E3779B185EBCA87u, p2 = 0xC2B2AE3D27D4EB4Fu, p3 = 0x165667B19E3779F9u,
		       p4 = 0x85EBCA77C2B2AE63u, p5 = 0x27D4EB2F165667C5u;
	uint64_t acc = seed + p5 + 8;

	acc ^= rotl(v * p2, 31) * p1;
	acc = rotl(acc, 27) * p1 + p4;
	acc = (acc ^ acc >> 33) * p2;
	acc = (acc ^ acc >> 29) * p3;
	return acc ^ acc >> 32;
}

struct entry {
	int as;
	unsigned replica;
	uint8_t bytes[16];
	uint32_t last, skip;
};

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->replica != y->replica)
		return x->replica < y->replica ? -1 : 1;
	return memcmp(x->bytes, y->bytes, 16);
}

static void entry_init(struct entry *e, const struct table_as *as, uint32_t mask)
{
	uint64_t u[2] = { 0, 0 }, h;

	memset(e->bytes, 0, 16);
	memcpy(e->bytes + (as->addr.family == ADDR_IP4 ? 12 : 0), as->addr.b,
	       as->addr.family == ADDR_IP4 ? 4 : 16);
	for (int i = 0; i < 16; i++)
		u[i / 8] |= (uint64_t)e->bytes[i] << (8 * (i % 8));
	h = xxh64_of_u64(u[0] ^ u[1] ^ e->replica, 0x9e3779b97f4a7c13u);
	e->skip = (uint32_t)((h & 0xffffffff) | 1) & mask;
	e->last = (uint32_t)(h >> 32) & mask;
}

static void naive_build(const struct table_as *as, size_t n, uint32_t len, int32_t *table)
{
	struct entry *e = xcalloc(n * 255 + 1, sizeof *e);
	size_t n_entries = 0;
	uint32_t done = 0;

	for (uint32_t b = 0; b < len; b++)
		table[b] = -1;
	for (size_t i = 0; i < n; i++)
		for (unsigned r = 0; r < as[i].weight; r++) {
			e[n_entries].as = (int)i;
			e[n_entries].replica = r;
			entry_init(&e[n_entries++], &as[i], len - 1);
		}
	qsort(e, n_entries, sizeof *e, entry_cmp);
	for (size_t i = 0; n_entries > 0 && done < len; i = (i + 1) % n_entries, done++) {
		while (table[e[i].last] != -1)
			e[i].last = (e[i].last + e[i].skip) & (len - 1);
		table[e[i].last] = e[i].as;
	}
	free(e);
}

static void check_against_naive(struct table_as *as, size_t n, uint32_t len)
{
	int32_t *want = xcalloc(len, sizeof *want), *got = xcalloc(len, sizeof *got);
	uint32_t *buckets = xcalloc(n, sizeof *buckets);

	naive_build(as, n, len, want);
	for (uint32_t b = 0; b < len; b++)
		if (want[b] >= 0)
			buckets[want[b]]++;
	table_build(as, n, len, got);
	assert_memory_equal(got, want, len * sizeof *want);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(as[i].buckets, buckets[i]);
	for (size_t i = 0; i < n; i++)
		as[i].buckets = 12345;
	table_build(as, n, len, NULL); /* the counts alone */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(as[i].buckets, buckets[i]);
	free(want);
	free(got);
	free(buckets);
}

static struct addr random_addr(struct rng *r, bool v6, unsigned salt)
{
	struct addr a = { .family = v6 ? ADDR_IP6 : ADDR_IP4 };

	a.b[0] = v6 ? 0x20 : 10;
	for (int i = 1; i < (v6 ? 16 : 3); i++)
		a.b[i] = (uint8_t)rng_below(r, v6 ? 256 : 3);
	a.b[v6 ? 15 : 3] = (uint8_t)salt; /* distinct */
	return a;
}

static void test_random_cases(void **state)
{
	struct table_as as[20];
	struct rng r;

	rng_init(&r, 5);
	for (int round = 0; round < 3000; round++) {
		size_t n = rng_below(&r, 20);
		bool v6 = rng_below(&r, 2);
		uint64_t heavy = rng_below(&r, 4);

		for (size_t i = 0; i < n; i++) {
			as[i].addr = random_addr(&r, v6, (unsigned)(i * 37 % 256));
			as[i].weight = (uint8_t)rng_below(&r, heavy == 0   ? 256
							      : heavy == 1 ? 2
									   : 101);
		}
		check_against_naive(as, n, 1u << rng_below(&r, 12));
	}
}

static void test_order_of_addition_does_not_matter(void **state)
{
	struct table_as a[] = { { addr_of("10.0.0.2"), 30, 0 },
				{ addr_of("10.0.0.10"), 70, 0 },
				{ addr_of("10.0.0.3"), 0, 0 } };
	struct table_as b[] = { a[2], a[1], a[0] };

	table_build(a, 3, 256, NULL);
	table_build(b, 3, 256, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(a[i].buckets, b[2 - i].buckets);
}

static void test_empty(void **state)
{
	struct table_as as[] = { { addr_of("10.0.0.2"), 0, 9 }, { addr_of("10.0.0.3"), 0, 9 } };
	int32_t table[64];

	table_build(as, 2, 64, table);
	for (int i = 0; i < 64; i++)
		assert_int_equal(table[i], -1);
	assert_int_equal(as[0].buckets + as[1].buckets, 0);
	table_build(NULL, 0, 64, table);
	assert_int_equal(table[63], -1);
}

static void test_lengths_at_the_ends(void **state)
{
	struct table_as as[] = { { addr_of("10.0.0.2"), 255, 0 }, { addr_of("10.0.0.3"), 1, 0 } };

	check_against_naive(as, 2, 1);
	check_against_naive(as, 2, 2);
	check_against_naive(as, 2, TABLE_LEN_MAX);
}

/* ------------------------------------------------------------------ figures seen on a real VPP */

static void test_three_servers(void **state)
{
	struct table_as as[] = { { addr_of("198.51.100.10"), 100, 0 },
				 { addr_of("198.51.100.11"), 70, 0 },
				 { addr_of("198.51.100.12"), 40, 0 } };

	table_build(as, 3, 1024, NULL);
	assert_int_equal(as[0].buckets, 474);
	assert_int_equal(as[1].buckets, 350);
	assert_int_equal(as[2].buckets, 200);
}

/* More weight than buckets: the large weights are cut, 0.72 where 0.5 is asked for. */
static void test_distortion(void **state)
{
	struct table_as as[15];

	for (unsigned i = 0; i < 15; i++) {
		char text[ADDR_STRLEN];

		snprintf(text, sizeof text, "198.51.100.%u", 10 + i);
		as[i] = (struct table_as){ addr_of(text), i == 4 ? 50 : 100, 0 };
	}
	table_build(as, 15, 1024, NULL);
	for (unsigned i = 0; i < 15; i++) {
		if (i == 4)
			assert_int_equal(as[i].buckets, 50);
		else
			assert_in_range(as[i].buckets, 69, 70);
	}
}

/* The recorded conversation with a real VPP: one JSON object a line; `frame_hex` is a 16-byte
 * header and the payload. Every AS row that VPP dumped tells how many buckets it had. */

#define MAX_ROWS 16
#define KEY_SIZE 21 /* prefix (family, 16 bytes, length), protocol, port */

struct seen_vip {
	uint8_t key[KEY_SIZE];
	uint32_t len;
};

struct seen_as {
	uint8_t key[KEY_SIZE];
	struct table_as as;
	uint32_t buckets;
	bool used;
};

struct transcript {
	struct seen_vip vips[MAX_ROWS]; /* of the latest VIP dump */
	struct seen_as rows[MAX_ROWS];  /* of the AS dump being read */
	size_t n_vips, n_rows;
	size_t n_checked;
};

static uint32_t be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Payload of one line; returns its length. */
static size_t payload(const char *line, uint8_t *out, size_t size)
{
	const char *hex = strstr(line, "\"frame_hex\": \"");
	size_t n = 0;
	unsigned byte;

	assert_non_null(hex);
	hex += strlen("\"frame_hex\": \"") + 2 * 16;
	while (n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static void see_vip(struct transcript *t, const uint8_t *p)
{
	struct seen_vip *v = &t->vips[t->n_vips++];
	uint32_t len = be(p + 6 + KEY_SIZE + 4 + 1 + 4 + 2, 2);

	assert_true(t->n_vips <= MAX_ROWS);
	memcpy(v->key, p + 6, KEY_SIZE);
	v->len = len ? len : 65536; /* a u16 on the wire */
}

static void see_as(struct transcript *t, const uint8_t *p)
{
	struct seen_as *r = &t->rows[t->n_rows++];
	const uint8_t *q = p + 6 + KEY_SIZE;

	assert_true(t->n_rows <= MAX_ROWS);
	memcpy(r->key, p + 6, KEY_SIZE);
	r->as = (struct table_as){ .addr.family = q[0] ? ADDR_IP6 : ADDR_IP4, .weight = q[22] };
	memcpy(r->as.addr.b, q + 1, q[0] ? 16 : 4);
	r->used = q[17] & 1;
	r->buckets = be(q + 23, 4);
}

static void check_vip(struct transcript *t, const struct seen_vip *v)
{
	struct table_as as[MAX_ROWS];
	uint32_t want[MAX_ROWS];
	size_t n = 0;

	for (size_t i = 0; i < t->n_rows; i++) {
		if (memcmp(t->rows[i].key, v->key, KEY_SIZE) != 0)
			continue;
		if (!t->rows[i].used) {
			assert_int_equal(t->rows[i].buckets, 0);
			continue;
		}
		want[n] = t->rows[i].buckets;
		as[n++] = t->rows[i].as;
	}
	table_build(as, n, v->len, NULL);
	for (size_t i = 0; i < n; i++, t->n_checked++)
		assert_int_equal(as[i].buckets, want[i]);
}

static void read_line(struct transcript *t, const char *line)
{
	uint8_t p[64];
	size_t len = payload(line, p, sizeof p);

	if (strstr(line, "\"lb_vip_dump_")) {
		t->n_vips = 0;
	} else if (strstr(line, "\"lb_vip_details_")) {
		assert_int_equal(len, 40);
		see_vip(t, p);
	} else if (strstr(line, "\"lb_as_v2_details_")) {
		assert_int_equal(len, 54);
		see_as(t, p);
	} else if (strstr(line, "\"control_ping_reply_")) {
		for (size_t i = 0; t->n_rows > 0 && i < t->n_vips; i++)
			check_vip(t, &t->vips[i]);
		t->n_rows = 0;
	}
}

static void test_transcript(void **state)
{
	FILE *f = fopen(TEST_DATA "/vpp/api-transcript.jsonl", "r");
	struct transcript t = { 0 };
	char *line = NULL;
	size_t size = 0;

	assert_non_null(f);
	while (getline(&line, &size, f) > 0)
		read_line(&t, line);
	free(line);
	fclose(f);
	assert_int_equal(t.n_checked, 23); /* rows with the used bit, over all dumps */
}

static void test_programmer_errors(void **state)
{
	struct table_as as[1] = { { addr_of("10.0.0.2"), 1, 0 } };

	assert_dies(table_build(as, 1, 0, NULL));
	assert_dies(table_build(as, 1, 3, NULL));
	assert_dies(table_build(as, 1, 2 * TABLE_LEN_MAX, NULL));
	assert_dies(table_build(as, (size_t)INT32_MAX + 1, 64, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_cases),
		cmocka_unit_test(test_order_of_addition_does_not_matter),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_lengths_at_the_ends),
		cmocka_unit_test(test_three_servers),
		cmocka_unit_test(test_distortion),
		cmocka_unit_test(test_transcript),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
