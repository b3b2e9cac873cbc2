/* SPDX-License-Identifier: Apache-2.0 */
/* A rack dies: 200 backends of 50 VIPs within 100 ms, and what that costs VPP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
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
	lbsync_changed(b->s, &f->sync, weight == 0);
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
	assert_in_range(bed_logged(b, "vpp-lb-sync-start "), 1, N_VIPS + 1);
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
	assert_int_equal(bed_logged(b, "vpp-lb-sync-start "), 1);

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
	assert_in_range(bed_logged(b, "vpp-lb-sync-start "), 1, 2);
	/* No AS twice in one of the two. */
	assert_in_range(bed_writes(b) - before, N_VIPS * N_ASES, 2 * N_VIPS * N_ASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rack_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rack_flaps, setup, teardown),
	};

	log_set_level(LVL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
