/* SPDX-License-Identifier: Apache-2.0 */
/* What readings make of the model, on simulated time. */
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
#include "sample_vips.h"

#define S  NS_PER_S
#define MS NS_PER_MS

static struct vips vips;
static struct model *m;

static int setup(void **state)
{
	vips_many(&vips, 4, true); /* dns, mail, secure, web-000 … web-003, in this order */
	m = model_new(&vips, 0);
	return 0;
}

static int teardown(void **state)
{
	model_free(m);
	vips_done(&vips);
	return 0;
}

static void take(struct reading r)
{
	model_take(m, &r);
}

#define WEB 3 /* web-000 */

/* ---- every code is something */

static void test_codes(void **state)
{
	static const struct {
		enum code code;
		int status;
		const char *detail, *last;
		int kind; /* -1: none */
		bool verdict, ok;
	} rows[] = {
		{ CODE_L4OK, 0, "connected", "ok", -1, true, true },
		{ CODE_L6OK, 0, "TLS handshake done", "ok", -1, true, true },
		{ CODE_L7OK, 204, "HTTP status 204", "204", -1, true, true },
		{ CODE_L4TOUT, 0, "no connection within 2s", "timeout", ANOMALY_TIMEOUT, true,
		  false },
		{ CODE_L6TOUT, 0, "TLS handshake not done", "timeout", ANOMALY_TIMEOUT, true,
		  false },
		{ CODE_L7TOUT, 0, "no complete response", "timeout", ANOMALY_TIMEOUT, true, false },
		{ CODE_L4CON, 0, "connect: Connection refused", "refused", ANOMALY_NET_ERR, true,
		  false },
		{ CODE_L4CON, 0, "no response: Connection reset by peer", "reset", ANOMALY_NET_ERR,
		  true, false },
		{ CODE_L4CON, 0, "connect: No route to host", "no route", ANOMALY_NET_ERR, true,
		  false },
		{ CODE_L4CON, 0, "connect: whatever", "net", ANOMALY_NET_ERR, true, false },
		{ CODE_L6RSP, 0, "TLS: wrong version number", "tls", ANOMALY_NET_ERR, true, false },
		{ CODE_L7STS, 503, "HTTP status 503, want 200-399", "503", ANOMALY_HTTP_ERR, true,
		  false },
		{ CODE_L7RSP, 0, "not HTTP/1", "bad http", ANOMALY_HTTP_ERR, true, false },
		{ CODE_L7RSP, 200, "truncated", "bad http", ANOMALY_HTTP_ERR, true, false },
		{ CODE_LOCAL, 0, "socket: Too many open files", "no fds", ANOMALY_LOCAL, false,
		  false },
		{ CODE_LOCAL, 0, "connect: Network is unreachable", "unreach", ANOMALY_LOCAL, false,
		  false },
		{ CODE_LOCAL, 0, "our own deadline timer ran late", "local", ANOMALY_LOCAL, false,
		  false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct vip_stats *s = &m->of[WEB];
		struct reading r = failure(WEB, rows[i].code, rows[i].status, rows[i].detail, S);

		model_reset(m, 0);
		take(r);
		assert_string_equal(s->last, rows[i].last);
		assert_int_equal(s->n, rows[i].verdict);
		assert_int_equal(s->inconclusive, !rows[i].verdict);
		assert_int_equal(s->failed, rows[i].verdict && !rows[i].ok);
		assert_int_equal(m->n, s->n);
		assert_int_equal(m->failed, s->failed);
		assert_int_equal(m->inconclusive, s->inconclusive);
		assert_int_equal(s->samples.n, rows[i].verdict);
		assert_int_equal(s->samples.n_ok, rows[i].ok);
		assert_int_equal(s->last_ok, rows[i].ok);
		for (int k = 0; k < ANOMALY_KIND_N; k++) {
			assert_int_equal(s->anomalies[k], k == rows[i].kind);
			assert_int_equal(m->anomalies.total[k], k == rows[i].kind);
		}
		assert_int_equal(model_failed(m, WEB), !(rows[i].verdict && rows[i].ok));
		assert_int_equal(model_state(m, WEB), !rows[i].verdict ? VIP_WAITING
						      : rows[i].ok     ? VIP_GOOD
								       : VIP_BAD);
	}
}

static void test_states(void **state)
{
	assert_int_equal(model_state(m, 0), VIP_NOT_PROBED);
	assert_false(model_failed(m, 0));
	assert_int_equal(model_state(m, WEB), VIP_WAITING);
	assert_true(model_failed(m, WEB)); /* none passed */
	take(passed(WEB, 200, NULL, 100, S));
	assert_int_equal(model_state(m, WEB), VIP_GOOD);
	assert_false(model_failed(m, WEB));
	take(failure(WEB, CODE_L4CON, 0, "x", S));
	assert_int_equal(model_state(m, WEB), VIP_BAD);
	for (int i = 0; i < 99; i++) {
		take(passed(WEB, 200, NULL, 100, S));
		assert_int_equal(model_state(m, WEB), VIP_SHAKY);
	}
	take(passed(WEB, 200, NULL, 100, S)); /* the failure is the 101st last */
	assert_int_equal(model_state(m, WEB), VIP_GOOD);
	assert_true(model_failed(m, WEB)); /* but it is not forgotten */
	/* what is inconclusive does not change what is known */
	take(failure(WEB, CODE_LOCAL, 0, "x", S));
	assert_int_equal(model_state(m, WEB), VIP_GOOD);
	assert_string_equal(m->of[WEB].last, "local");
}

/* ---- spikes: over 3 x p95, and over 10 ms, and not before p95 means something */

static uint64_t spikes(void)
{
	return m->of[WEB].anomalies[ANOMALY_SPIKE];
}

static void test_spike(void **state)
{
	take(passed(WEB, 200, NULL, 1000, S));
	for (int i = 0; i < 18; i++)
		take(passed(WEB, 200, NULL, 5000, S));
	take(passed(WEB, 200, NULL, 60000, S)); /* the 20th: 19 before it */
	assert_int_equal(spikes(), 0);
	take(passed(WEB, 200, NULL, 15000, S)); /* exactly 3 x p95 is none */
	assert_int_equal(spikes(), 0);
	take(passed(WEB, 200, NULL, 15001 + 45000, S)); /* p95 is 15 ms now: the 21st of 22 */
	assert_int_equal(spikes(), 1);
	assert_string_equal(m->anomalies.v[0].text, "60.0 ms, p95 was 15.0 ms");
	assert_int_equal(m->of[WEB].failed, 0); /* a spike is a pass */
}

static void test_spike_needs_10_ms(void **state)
{
	for (int i = 0; i < 50; i++)
		take(passed(WEB, 200, NULL, 100, S));
	take(passed(WEB, 200, NULL, 10000, S));
	assert_int_equal(spikes(), 0);
	take(passed(WEB, 200, NULL, 10001, S));
	assert_int_equal(spikes(), 1);
	/* a slow failure is no spike */
	take(failure(WEB, CODE_L7TOUT, 0, "x", S));
	assert_int_equal(spikes(), 1);
}

/* Random latencies beside a naive judge: all of the last 100 passes sorted each time. */
static int cmp_u32(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

static void test_spike_random(void **state)
{
	uint32_t all[3000], sorted[100];
	uint64_t want = 0;
	struct rng rng;

	rng_init(&rng, 5);
	for (size_t n = 0; n < ARRAY_LEN(all); n++) {
		size_t kept = MIN(n, (size_t)100);
		uint32_t us = 1000 + (uint32_t)rng_below(&rng, 4000);

		if (rng_below(&rng, 10) == 0)
			us *= 1 + (uint32_t)rng_below(&rng, 12);
		memcpy(sorted, all + n - kept, kept * sizeof sorted[0]);
		qsort(sorted, kept, sizeof sorted[0], cmp_u32);
		if (kept >= 20) {
			size_t rank = (kept * 95 + 99) / 100;

			want += us > 10000 && us > 3 * sorted[rank - 1];
		}
		take(passed(WEB, 200, NULL, us, (mono_ns)n * 100 * MS));
		all[n] = us;
		assert_int_equal(spikes(), want);
	}
	assert_true(want > 20);
}

/* ---- tally, rate, reset */

static void test_tally(void **state)
{
	take(passed(WEB, 200, "a", 100, S));
	take(passed(WEB, 200, "a", 100, S));
	take(passed(WEB, 200, NULL, 100, S));
	take((struct reading){ .vip = WEB,
			       .code = CODE_L7STS,
			       .status = 503,
			       .field = "b",
			       .detail = "x",
			       .now = 2 * S });
	assert_int_equal(m->of[WEB].tally.total, 3);
	assert_int_equal(m->of[WEB].tally.n, 2);
	assert_int_equal(m->of[WEB].tally.v[0].n, 2);
	assert_int_equal(m->of[WEB].tally.v[1].last, 2 * S); /* who answers badly answers */
}

static void test_rate(void **state)
{
	model_reset(m, 500 * MS);
	assert_true(model_rate(m, 600 * MS) < 0.01);
	for (int i = 0; i < 100; i++) { /* 10/s from 0.5 s on */
		mono_ns now = 500 * MS + i * 100 * MS;
		double rate = model_rate(m, now);

		if (now < 2 * S)
			assert_true(rate < 0.01); /* no whole second yet */
		else
			assert_true(rate > 9.99 && rate < 10.01);
		take(passed(WEB, 200, NULL, 100, now));
	}
	assert_true(model_rate(m, 13 * S) > 0 && model_rate(m, 13 * S) < 10); /* they have ended */
	assert_true(model_rate(m, 100 * S) < 0.01);
}

static void test_reset(void **state)
{
	for (int i = 0; i < 300; i++) {
		take(passed(WEB, 200, "a", 100, i * S));
		take(failure(WEB + 1, CODE_L4CON, 0, "x", i * S));
	}
	model_reset(m, 300 * S);
	assert_int_equal(m->n, 0);
	assert_int_equal(m->failed, 0);
	assert_int_equal(m->since, 300 * S);
	assert_int_equal(m->anomalies.n, 0);
	for (size_t i = 0; i < vips.n; i++) {
		static const struct vip_stats zero;

		assert_memory_equal(&m->of[i], &zero, sizeof zero);
	}
	assert_true(model_rate(m, 301 * S) < 0.01);
}

/* ---- order */

static void assert_order(enum order o, const char *pattern, const char *names)
{
	uint32_t rows[16];
	char got[256] = "";
	struct filter *f = NULL;
	struct err e;
	size_t n;

	if (pattern)
		assert_int_equal(filter_new(pattern, &f, &e), 0);
	n = model_order(m, o, f, rows);
	for (size_t i = 0; i < n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, vips.v[rows[i]].name);
	}
	assert_string_equal(got, names);
	filter_free(f);
}

static void test_order(void **state)
{
	assert_order(ORDER_NAME, NULL, "dns mail secure web-000 web-001 web-002 web-003");
	assert_order(ORDER_ADDRESS, NULL, "mail dns web-000 web-001 web-002 web-003 secure");
	assert_order(ORDER_NAME, "web-00[12]", "web-001 web-002");
	assert_order(ORDER_NAME, "^e", "");
	for (int i = 0; i < 10; i++) {
		take(passed(1, 0, NULL, 300, S));
		take(passed(2, 200, NULL, 100, S));
		for (uint32_t w = 0; w < 4; w++)
			take(passed(WEB + w, 200, NULL, 1000 * (w + 1), S));
	}
	assert_order(ORDER_SLOWEST, NULL, "web-003 web-002 web-001 web-000 mail secure dns");
	assert_order(ORDER_WORST, NULL, "mail secure web-000 web-001 web-002 web-003 dns");
	take(failure(WEB + 2, CODE_L4CON, 0, "x", S)); /* failing */
	take(failure(WEB + 3, CODE_L4CON, 0, "x", S)); /* shaky */
	take(failure(WEB + 3, CODE_L4CON, 0, "x", S));
	take(passed(WEB + 3, 200, NULL, 1000, S));
	take(failure(WEB, CODE_L4CON, 0, "x", S)); /* shaky, but less */
	take(passed(WEB, 200, NULL, 1000, S));
	assert_order(ORDER_WORST, NULL, "web-002 web-003 web-000 mail secure web-001 dns");
}

/* Every order has each VIP once, and neighbours are in order for whoever asks twice. */
static void test_order_random(void **state)
{
	struct rng rng;

	rng_init(&rng, 9);
	for (int step = 0; step < 2000; step++) {
		uint32_t vip = 1 + (uint32_t)rng_below(&rng, vips.n - 1), rows[16], again[16];

		if (rng_below(&rng, 4))
			take(passed(vip, 200, NULL, (uint32_t)rng_below(&rng, 5) * 1000, S));
		else
			take(failure(vip, rng_below(&rng, 5) ? CODE_L4CON : CODE_LOCAL, 0, "x", S));
		for (enum order o = 0; o < ORDER_N; o++) {
			unsigned seen = 0;

			assert_int_equal(model_order(m, o, NULL, rows), vips.n);
			for (size_t i = 0; i < vips.n; i++)
				seen |= 1u << rows[i];
			assert_int_equal(seen, (1u << vips.n) - 1);
			assert_int_equal(model_order(m, o, NULL, again), vips.n);
			assert_memory_equal(rows, again, vips.n * sizeof rows[0]);
			for (size_t i = 1; i < vips.n && o == ORDER_SLOWEST && rows[i]; i++)
				assert_true(samples_percentile(&m->of[rows[i - 1]].samples, 95) >=
					    samples_percentile(&m->of[rows[i]].samples, 95));
		}
	}
}

int main(void)
{
#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_codes),        TEST(test_states),
		TEST(test_spike),        TEST(test_spike_needs_10_ms),
		TEST(test_spike_random), TEST(test_tally),
		TEST(test_rate),         TEST(test_reset),
		TEST(test_order),        TEST(test_order_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
