/* SPDX-License-Identifier: Apache-2.0 */
/* A rack dies: 200 backends of 50 VIPs within 100 ms, and what that costs VPP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "syncbed.h"

#define N_VIPS   50
#define N_ASES   4
#define PORTIONS 20 /* in which they die, 5 ms apart */

static int setup(void **state)
{
	struct syncbed *b = XNEW(struct syncbed);

	bed_init(b, N_VIPS);
	for (int i = 0; i < N_VIPS; i++) {
		char vip[32];

		snprintf(vip, sizeof vip, "203.0.113.%d", 1 + i);
		fe_fill(&b->fes[i], vip, PROTO_TCP, 80, "198.51.100.", 1 + i * N_ASES, N_ASES);
		for (int k = 0; k < N_ASES; k++)
			b->fes[i].as[k].flush_on_zero = true;
	}
	bed_sim_start(b);
	bed_start(b);
	bed_settle(b);
	str_clear(&b->log);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct syncbed *b = *state;

	bed_done(b);
	free(b);
	return 0;
}

static void set(struct syncbed *b, int n, uint8_t weight)
{
	struct fe *f = &b->fes[n / N_ASES];

	f->as[n % N_ASES].weight = weight;
	f->as[n % N_ASES].dead = weight == 0;
	lbsync_changed(b->s, &f->sync, weight == 0);
}

/* ---- what the records say of the syncs, in order */

#define CALLS_MAX (N_VIPS * N_ASES)

struct sync {
	struct { /* its calls, by the words that name the VIP and the AS */
		char vip[64], as[64];
		bool death;
	} calls[CALLS_MAX];
	size_t n;
};

static void word(const char *line, const char *key, char *ret, size_t size)
{
	const char *p = strstr(line, key), *end;

	assert_non_null(p);
	end = p + strcspn(p, " \n");
	snprintf(ret, size, "%.*s", (int)(end - p), p);
}

static void add_call(struct sync *y, const char *line)
{
	char to[16];

	assert_true(y->n < CALLS_MAX);
	/* The test has each address in one VIP alone. */
	word(line, "vip=", y->calls[y->n].vip, sizeof y->calls[y->n].vip);
	word(line, "address=", y->calls[y->n].as, sizeof y->calls[y->n].as);
	word(line, "to=", to, sizeof to);
	y->calls[y->n++].death = strcmp(to, "to=0") == 0;
}

/* One call for an AS at most; a VIP's calls are together; those with a death go first. */
static void check_sync(const struct sync *y)
{
	bool deaths_over = false, here = false;

	for (size_t i = 0; i < y->n; i++) {
		bool first = i == 0 || strcmp(y->calls[i].vip, y->calls[i - 1].vip) != 0;

		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(y->calls[i].as, y->calls[k].as);
			if (first)
				assert_string_not_equal(y->calls[i].vip, y->calls[k].vip);
		}
		if (first && i > 0)
			deaths_over |= !here;
		here = y->calls[i].death || (here && !first);
		assert_false(here && deaths_over);
	}
}

/* Look through all of them; returns how many there were. */
static size_t check_syncs(struct syncbed *b)
{
	struct sync *y = XNEW(struct sync);
	size_t n = 0;

	for (char *line = b->log.p, *next; line < b->log.p + b->log.len; line = next) {
		next = line + strcspn(line, "\n") + 1;
		next[-1] = '\0';
		if (strstr(line, "vpp-lb-sync-start ")) {
			y->n = 0;
			n++;
		} else if (strstr(line, "vpp-lb-sync-as-weight-updated ")) {
			add_call(y, line);
		} else if (strstr(line, "vpp-lb-sync-done ")) {
			check_sync(y);
		}
	}
	free(y);
	str_clear(&b->log);
	return n;
}

static void test_rack_dies(void **state)
{
	struct syncbed *b = *state;
	uint64_t before = bed_writes(b), reads = bed_reads(b);
	mono_ns began = loop_clock();

	for (int p = 0; p < PORTIONS; p++) {
		/* Spread over the VIPs: each loses one backend in each of four portions. */
		for (int n = p; n < N_VIPS * N_ASES; n += PORTIONS)
			set(b, n, 0);
		while (loop_clock() < began + (p + 1) * 5 * NS_PER_MS)
			loop_turn(b->loop, NS_PER_MS);
	}
	bed_settle(b);
	bed_assert_equal(b);
	/* One call for each backend, planned against the mirror. */
	assert_int_equal(bed_writes(b) - before, N_VIPS * N_ASES);
	assert_int_equal(bed_reads(b), reads);
	/* At most one sync for each VIP, and one more for what came meanwhile. */
	assert_in_range(check_syncs(b), 1, N_VIPS + 1);
}

/* All at once, and an operator changes weights of every other VIP in the same moment: one sync,
 * those that lost somebody first. Then the same while a sync is under way: one more. */
static void test_deaths_go_first(void **state)
{
	struct syncbed *b = *state;
	uint64_t before = bed_writes(b);

	for (int n = 0; n < N_VIPS * N_ASES; n++)
		set(b, n, n / N_ASES % 2 ? 0 : 30);
	loop_turn(b->loop, 0); /* planned */
	for (int n = 0; n < N_VIPS * N_ASES; n++)
		set(b, n, n / N_ASES % 3 ? 40 : 0);
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_logged(b, "vpp-lb-sync-start vips=50 scope=vip calls=200\n"), 1);
	assert_int_equal(check_syncs(b), 2);
	assert_in_range(bed_writes(b) - before, N_VIPS * N_ASES, 2 * N_VIPS * N_ASES);
}

/* Some die in every turn of the loop, the rest are changed by hand, in random order. */
static void test_deaths_in_disorder(void **state)
{
	struct syncbed *b = *state;
	struct rng r;

	rng_init(&r, 20261120);
	for (int round = 0; round < 300; round++) {
		for (uint64_t k = rng_below(&r, 30); k > 0; k--)
			set(b, (int)rng_below(&r, N_VIPS * N_ASES),
			    (uint8_t)(rng_below(&r, 3) ? 1 + rng_below(&r, 100) : 0));
		loop_turn(b->loop, 0);
	}
	bed_settle(b);
	bed_assert_equal(b);
	/* One in flight at a time, and one that takes all that came meanwhile. */
	assert_in_range(check_syncs(b), 1, 300);
}

/* They flap while a sync is in flight: VPP is told where they ended, not of the way there. */
static void test_rack_flaps(void **state)
{
	struct syncbed *b = *state;
	uint64_t before = bed_writes(b);

	for (int round = 0; round < 9; round++) {
		for (int n = 0; n < N_VIPS * N_ASES; n++)
			set(b, n, round % 2 ? 100 : 0);
	}
	bed_settle(b);
	bed_assert_equal(b);
	assert_int_equal(bed_writes(b) - before, N_VIPS * N_ASES);
	assert_int_equal(check_syncs(b), 1);

	before = bed_writes(b);
	str_clear(&b->log);
	for (int n = 0; n < N_VIPS * N_ASES; n++)
		set(b, n, 50);
	loop_turn(b->loop, 0); /* under way */
	loop_turn(b->loop, 0);
	for (int round = 0; round < 9; round++) {
		for (int n = 0; n < N_VIPS * N_ASES; n++)
			set(b, n, round % 2 ? 50 : 7);
	}
	bed_settle(b);
	bed_assert_equal(b);
	assert_in_range(check_syncs(b), 1, 2);
	assert_in_range(bed_writes(b) - before, N_VIPS * N_ASES, 2 * N_VIPS * N_ASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rack_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rack_flaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaths_go_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaths_in_disorder, setup, teardown),
	};

	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
