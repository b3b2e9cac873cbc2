/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of the stats segment against one that a real VPP left, against damaged copies of it,
 * and against small ones made here. */
#include <errno.h>
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
#include "segment.h"
#include "vpp/stats.h"

#define N_VIPS 4 /* in the recorded pool, the placeholder included */

static uint8_t *recorded;
static size_t recorded_size;
static char *expected;

/* ---- the recorded figures: a JSON text, of which this takes what it needs */

static const char *after(const char *text, const char *key)
{
	char quoted[64];
	const char *p;

	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	p = strstr(text, quoted);
	assert_non_null(p);
	return p + strlen(quoted);
}

static uint64_t number_of(const char *text, const char *key)
{
	return strtoull(after(text, key), NULL, 10);
}

/* Sum of element i of every row of [[...], [...]]. */
static uint64_t sum_of(const char *key, unsigned i)
{
	const char *p = after(expected, key);
	uint64_t total = 0;
	unsigned depth = 0, at = 0, rows = 0;

	do {
		p += strspn(p, " \n");
		if (*p == '[') {
			depth++;
			at = 0;
		} else if (*p == ']') {
			depth--;
			rows++;
		} else if (*p == ',') {
			at++;
		} else {
			char *end;
			uint64_t v = strtoull(p, &end, 10);

			assert_ptr_not_equal(end, p);
			if (at == i)
				total += v;
			p = end - 1;
		}
		p++;
	} while (depth > 0);
	assert_int_equal(rows, 3); /* main thread, a worker, and the outer list */
	return total;
}

static struct vpp_stats_mem memory(const void *p, size_t n)
{
	return (struct vpp_stats_mem){ .map = p, .fd = -1, .size = n };
}

static const char *const prefixes[N_VIPS] = { NULL, "192.0.2.80/32", "2001:db8:1::80/128",
					      "192.0.2.90/32" };

/* What to ask for, by pool index. */
static void ask(struct vpp_stats_vip v[static N_VIPS])
{
	for (uint32_t i = 0; i < N_VIPS; i++) {
		v[i] = (struct vpp_stats_vip){ .index = i };
		if (!prefixes[i])
			continue;
		v[i].route_known = true;
		v[i].route_index = (uint32_t)number_of(after(expected, prefixes[i]), "stats_index");
	}
}

static void test_recorded(void **state)
{
	struct vpp_stats_mem m = memory(recorded, recorded_size);
	struct vpp_stats_vip v[N_VIPS];
	struct vpp_stats_figures f[N_VIPS];
	struct err e = { 0 };
	uint64_t boot;

	ask(v);
	assert_int_equal(vpp_stats_read(&m, v, N_VIPS, f, &boot, &e), 0);
	assert_int_equal(boot, number_of(expected, "/sys/boottime"));
	for (unsigned i = 0; i < N_VIPS; i++) {
		assert_int_equal(f[i].next, sum_of("packet from existing sessions", i));
		assert_int_equal(f[i].first, sum_of("first session packet", i));
		assert_int_equal(f[i].untracked, sum_of("untracked packet", i));
		assert_int_equal(f[i].no_server, sum_of("no server configured", i));
		if (!prefixes[i])
			continue;
		assert_int_equal(f[i].route_packets,
				 number_of(after(expected, prefixes[i]), "packets"));
		assert_int_equal(f[i].route_bytes,
				 number_of(after(expected, prefixes[i]), "bytes"));
	}
	assert_int_equal(f[1].next, 180);
	assert_int_equal(f[2].first, 12);
	assert_int_equal(f[3].no_server, 3);
	assert_int_equal(f[1].route_bytes, 13380);
}

/* Through a descriptor it is the same. */
static void test_recorded_file(void **state)
{
	struct vpp_stats_mem m = memory(recorded, recorded_size);
	struct vpp_stats_vip v[N_VIPS];
	struct vpp_stats_figures f[N_VIPS], g[N_VIPS];
	struct err e;
	uint64_t boot;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(recorded, 1, recorded_size, file), recorded_size);
	assert_int_equal(fflush(file), 0);
	ask(v);
	assert_int_equal(vpp_stats_read(&m, v, N_VIPS, f, &boot, &e), 0);
	m = (struct vpp_stats_mem){ .fd = fileno(file), .size = recorded_size };
	assert_int_equal(vpp_stats_read(&m, v, N_VIPS, g, &boot, &e), 0);
	assert_memory_equal(f, g, sizeof f);
	/* It lost its second half, and then everything, behind our back. */
	assert_int_equal(ftruncate(fileno(file), 65536), 0);
	assert_int_equal(vpp_stats_read(&m, v, N_VIPS, g, &boot, &e), -EBADMSG);
	assert_int_equal(ftruncate(fileno(file), 0), 0);
	assert_int_equal(vpp_stats_read(&m, v, N_VIPS, g, &boot, &e), -EBADMSG);
	fclose(file);
}

/* Indices that VPP does not count yet. */
static void test_beyond(void **state)
{
	struct vpp_stats_mem m = memory(recorded, recorded_size);
	const struct vpp_stats_vip v[] = {
		{ .index = 4, .route_known = true, .route_index = 56 },
		{ .index = UINT32_MAX, .route_known = true, .route_index = UINT32_MAX }
	};
	const struct vpp_stats_figures zero = { 0 };
	struct vpp_stats_figures f[2];
	struct err e;
	uint64_t boot;

	memset(f, 0xff, sizeof f);
	assert_int_equal(vpp_stats_read(&m, v, 2, f, &boot, &e), 0);
	assert_memory_equal(&f[0], &zero, sizeof zero);
	assert_memory_equal(&f[1], &zero, sizeof zero);
}

/* ---- damage */

/* Offsets of words that matter in the recording: the header, the entries that are looked for, their
 * vectors and the counters. */
static size_t find_interesting(size_t *ret, size_t max)
{
	uint64_t base, dir;
	size_t n = 0;
	uint32_t len;

	memcpy(&base, recorded + 8, 8);
	memcpy(&dir, recorded + 32, 8);
	dir -= base;
	memcpy(&len, recorded + dir - 8, 4);
	for (size_t i = 0; i < 5; i++)
		ret[n++] = i * 8;
	ret[n++] = dir - 8;
	for (uint32_t i = 0; i < len; i++) {
		size_t at = dir + i * 144;
		uint64_t value, thread;
		uint32_t type;

		memcpy(&type, recorded + at, 4);
		memcpy(&value, recorded + at + 8, 8);
		if ((type != 2 && type != 3) || n + 10 > max)
			continue;
		if (recorded[at + 16] == '/' && strcmp((char *)recorded + at + 16, "/net/route/to"))
			continue;
		ret[n++] = at;
		ret[n++] = at + 8;
		ret[n++] = at + 16;
		value -= base;
		ret[n++] = value - 8;
		for (unsigned t = 0; t < 2; t++) {
			ret[n++] = value + t * 8;
			memcpy(&thread, recorded + value + t * 8, 8);
			ret[n++] = thread - base - 8;
		}
	}
	return n;
}

static uint64_t odd_value(struct rng *r, uint64_t old)
{
	switch (rng_below(r, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - rng_below(r, 64);
	case 2:
		return old + rng_below(r, 64);
	case 3:
		return old - rng_below(r, 64);
	case 4:
		return old ^ (UINT64_C(1) << rng_below(r, 64));
	case 5:
		return old + recorded_size - rng_below(r, 128);
	case 6:
		return old & UINT64_C(0xffffffff00000000);
	default:
		return rng_u64(r);
	}
}

/* A private copy with nothing readable behind its end. Each damaged copy is read to an end:
 * figures, or a refusal that leaves the result alone. */
static void test_damaged(void **state)
{
	enum { ROUNDS = 20000, INTERESTING = 256 };
	size_t where[INTERESTING], n = find_interesting(where, INTERESTING), refused = 0;
	struct segment s = segment_new(recorded_size);
	struct vpp_stats_vip v[N_VIPS];
	struct rng r;

	assert_true(n > 40);
	memcpy(s.p, recorded, recorded_size);
	ask(v);
	rng_init(&r, 20261120);
	for (int i = 0; i < ROUNDS; i++) {
		struct vpp_stats_mem m = memory(s.p, s.size);
		struct vpp_stats_figures f[N_VIPS] = { { .first = 4711 } };
		size_t changed[3], k = 1 + rng_below(&r, 3);
		struct err e = { 0 };
		uint64_t boot = 4711;
		int result;

		for (size_t j = 0; j < k; j++) {
			uint64_t word;

			changed[j] = rng_below(&r, 8) ? where[rng_below(&r, (uint32_t)n)]
						      : rng_below(&r, 1 << 20) & ~7u;
			memcpy(&word, s.p + changed[j], 8);
			word = odd_value(&r, word);
			memcpy(s.p + changed[j], &word, 8);
		}
		result = vpp_stats_read(&m, v, N_VIPS, f, &boot, &e);
		if (result < 0) {
			refused++;
			assert_true(result == -EBADMSG || result == -EAGAIN ||
				    result == -EPROTONOSUPPORT);
			assert_true(e.msg[0] != '\0');
			assert_int_equal(boot, 4711);
			assert_int_equal(f[0].first, 4711);
		}
		for (size_t j = 0; j < k; j++)
			memcpy(s.p + changed[j], recorded + changed[j], 8);
	}
	assert_memory_equal(s.p, recorded, recorded_size);
	assert_in_range(refused, ROUNDS / 20, ROUNDS - ROUNDS / 20);
	segment_free(&s);
}

/* Cut off anywhere: the pointers lead beyond the end. */
static void test_cut(void **state)
{
	struct vpp_stats_vip v[N_VIPS];
	struct vpp_stats_figures f[N_VIPS];
	struct err e;
	uint64_t boot;

	ask(v);
	for (size_t size = 0; size < 600000; size += size < 64 ? 8 : 4096) {
		struct segment s = segment_new(size);
		struct vpp_stats_mem m = memory(s.p, s.size);

		memcpy(s.p, recorded, size);
		assert_int_equal(vpp_stats_read(&m, v, N_VIPS, f, &boot, &e), -EBADMSG);
		segment_free(&s);
	}
}

/* ---- small segments */

static void expect_broken(const struct segment *s, const char *what)
{
	struct vpp_stats_mem m = memory(s->p, s->size);
	const struct vpp_stats_vip v = { .index = 1 };
	struct vpp_stats_figures f;
	struct err e;
	uint64_t boot;

	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, what));
}

static void test_states(void **state)
{
	struct segment s = segment_new(65536);
	struct vpp_stats_mem m = memory(s.p, s.size);
	const struct vpp_stats_vip v = { .index = 1 };
	struct vpp_stats_figures f;
	struct err e;
	uint64_t boot;

	/* Empty: no directory yet, which is no error. */
	segment_header(&s, 2, 0);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), 0);
	assert_int_equal(boot, 0);
	/* Under way, and of another time. */
	segment_header(&s, 2, 1);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EAGAIN);
	segment_header(&s, 3, 0);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EPROTONOSUPPORT);
	assert_non_null(strstr(e.msg, "version 3"));
	segment_free(&s);
}

/* A directory of one counter, of one thread, for two VIPs. */
struct one_counter {
	uint64_t dir, threads, counts;
};

static struct one_counter segment_one_counter(struct segment *s)
{
	struct one_counter c;

	segment_header(s, 2, 0);
	c.dir = segment_vector(s, 1, 144);
	c.threads = segment_vector(s, 1, 8);
	c.counts = segment_vector(s, 2, 8);
	segment_entry(s, c.dir, 0, 2, "untracked packet", c.threads);
	segment_pointer(s, c.threads, 0, c.counts);
	segment_set_directory(s, c.dir);
	return c;
}

static void test_lengths(void **state)
{
	struct segment s = segment_new(8 << 20);
	struct one_counter c = segment_one_counter(&s);
	uint64_t dir = c.dir, threads = c.threads, counts = c.counts;

	/* One more than fits behind each. */
	segment_set_length(&s, dir, (uint32_t)((s.size - dir) / 144 + 1));
	expect_broken(&s, "directory");
	segment_set_length(&s, dir, 1);
	segment_set_length(&s, threads, (uint32_t)((s.size - threads) / 8 + 1));
	expect_broken(&s, "untracked packet");
	segment_set_length(&s, threads, 1025);
	expect_broken(&s, "threads");
	segment_set_length(&s, threads, 1);
	segment_set_length(&s, counts, UINT32_MAX);
	expect_broken(&s, "untracked packet");
	segment_set_length(&s, counts, 2);
	segment_pointer(&s, threads, 0, counts + 4); /* not aligned */
	expect_broken(&s, "untracked packet");
	segment_pointer(&s, threads, 0, 4); /* no room for its length */
	expect_broken(&s, "untracked packet");
	segment_pointer(&s, threads, 0, UINT64_MAX - 7); /* below the base */
	expect_broken(&s, "untracked packet");
	segment_free(&s);
}

/* A name alone is not enough, and the first of two counts. */
static void test_types(void **state)
{
	struct segment s = segment_new(65536);
	struct vpp_stats_mem m = memory(s.p, s.size);
	const struct vpp_stats_vip v = { .index = 1 };
	struct vpp_stats_figures f;
	uint64_t dir, boot;
	struct err e;

	segment_header(&s, 2, 0);
	dir = segment_vector(&s, 4, 144);
	segment_entry(&s, dir, 0, 9, "untracked packet", 0xdead0000);
	segment_entry(&s, dir, 1, 1, "/sys/boottime", s.base + 77);
	segment_entry(&s, dir, 2, 1, "/sys/boottime", s.base + 88);
	segment_entry(&s, dir, 3, 5, "first session packet", 0xdead0000);
	segment_set_directory(&s, dir);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), 0);
	assert_int_equal(boot, s.base + 77);
	assert_int_equal(f.untracked, 0);
	segment_free(&s);
}

/* A directory longer than any VPP's: told before half a gigabyte of it is walked. The file has
 * nothing but its head. */
static void test_endless(void **state)
{
	enum { ENTRIES = (1 << 22) + 1, DIR = 64 };
	struct segment s = segment_new(4096);
	struct vpp_stats_mem m = { .size = DIR + (uint64_t)ENTRIES * 144 };
	FILE *file = tmpfile();
	struct err e;
	uint64_t boot;

	assert_non_null(file);
	segment_header(&s, 2, 0);
	segment_set_directory(&s, DIR);
	segment_set_length(&s, DIR, ENTRIES);
	assert_int_equal(fwrite(s.p, 1, s.size, file), s.size);
	assert_int_equal(fflush(file), 0);
	m.fd = fileno(file);
	assert_int_equal(vpp_stats_read(&m, NULL, 0, NULL, &boot, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "no end"));
	fclose(file);
	segment_free(&s);
}

/* The file loses its end while it is read: what is missing is named. */
static void test_shrunk(void **state)
{
	struct segment s = segment_new(65536);
	const struct vpp_stats_vip v = { .index = 1 };
	struct vpp_stats_mem m = { .size = s.size };
	struct vpp_stats_figures f;
	struct one_counter c = segment_one_counter(&s);
	FILE *file = tmpfile();
	uint64_t boot;
	struct err e;

	assert_non_null(file);
	assert_int_equal(fwrite(s.p, 1, s.size, file), s.size);
	assert_int_equal(fflush(file), 0);
	m.fd = fileno(file);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), 0);
	assert_int_equal(ftruncate(m.fd, (off_t)c.counts + 8), 0);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "a counter"));
	assert_int_equal(ftruncate(m.fd, (off_t)c.threads), 0);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "untracked packet"));
	assert_int_equal(ftruncate(m.fd, (off_t)c.dir + 100), 0);
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "the directory"));
	fclose(file);
	/* One that cannot be read at all says why. */
	m.fd = -1;
	assert_int_equal(vpp_stats_read(&m, &v, 1, &f, &boot, &e), -EBADF);
	assert_non_null(strstr(e.msg, "no header"));
	segment_free(&s);
}

static int load(void **state)
{
	FILE *p = popen("gzip -dc " TEST_DATA "/vpp/stats-segment.bin.gz", "r");
	FILE *j = fopen(TEST_DATA "/vpp/stats-segment.expected.json", "r");
	size_t max = 64u << 20;

	assert_non_null(p);
	assert_non_null(j);
	recorded = xmalloc(max);
	recorded_size = fread(recorded, 1, max, p);
	assert_int_equal(pclose(p), 0);
	assert_int_equal(recorded_size, 32u << 20);
	expected = xcalloc(1, 65536);
	assert_true(fread(expected, 1, 65535, j) > 100);
	fclose(j);
	return 0;
}

static int unload(void **state)
{
	free(recorded);
	free(expected);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded), cmocka_unit_test(test_recorded_file),
		cmocka_unit_test(test_beyond),   cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_cut),      cmocka_unit_test(test_states),
		cmocka_unit_test(test_lengths),  cmocka_unit_test(test_types),
		cmocka_unit_test(test_endless),  cmocka_unit_test(test_shrunk),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
