/* SPDX-License-Identifier: Apache-2.0 */
/* Against a naive model: all probes kept, sorted for each question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "maglevt/samples.h"

static void test_empty(void **state)
{
	struct samples s = { 0 };

	assert_int_equal(samples_percentile(&s, 95), 0);
	assert_int_equal(samples_ok_permille(&s), 0);
	samples_add(&s, false, 2000000);
	assert_int_equal(samples_percentile(&s, 100), 0);
	assert_int_equal(samples_ok_permille(&s), 0);
	assert_int_equal(s.n, 1);
}

/* 1..100 µs in any order: the p-th percentile is p. */
static void test_hundred(void **state)
{
	struct samples s = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		samples_add(&s, true, (i * 37) % 100 + 1);
	for (unsigned p = 1; p <= 100; p++)
		assert_int_equal(samples_percentile(&s, p), p);
	assert_int_equal(samples_ok_permille(&s), 1000);
	samples_add(&s, false, 7);
	assert_int_equal(samples_ok_permille(&s), 990);
}

static int cmp(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

struct naive {
	struct sample all[5000];
	size_t n;
};

static uint32_t naive_percentile(const struct naive *m, unsigned p)
{
	uint32_t ok[SAMPLES_MAX];
	size_t from = m->n > SAMPLES_MAX ? m->n - SAMPLES_MAX : 0, n = 0;

	for (size_t i = from; i < m->n; i++)
		if (m->all[i].ok)
			ok[n++] = m->all[i].us;
	qsort(ok, n, sizeof ok[0], cmp);
	for (size_t i = 0; i < n; i++)
		if ((i + 1) * 100 >= n * p)
			return ok[i];
	return 0;
}

static void check(const struct samples *s, const struct naive *m)
{
	size_t kept = MIN(m->n, (size_t)SAMPLES_MAX), ok = 0;

	assert_int_equal(s->n, kept);
	for (size_t i = 0; i < kept; i++) {
		struct sample a = samples_at(s, i), b = m->all[m->n - kept + i];

		assert_true(a.us == b.us && a.ok == b.ok);
		ok += b.ok;
	}
	assert_int_equal(samples_ok_permille(s), kept ? ok * 1000 / kept : 0);
	for (unsigned p = 1; p <= 100; p++)
		assert_int_equal(samples_percentile(s, p), naive_percentile(m, p));
}

static void test_random(void **state)
{
	/* few values: many equal ones; many values; mostly failures; extremes */
	static const struct {
		uint64_t values, pass_percent;
	} runs[] = { { 3, 90 }, { 1000000, 95 }, { 50, 10 }, { UINT32_MAX, 50 }, { 1, 100 } };

	for (size_t run = 0; run < ARRAY_LEN(runs); run++) {
		struct naive *m = XNEW(struct naive);
		struct samples s = { 0 };
		struct rng rng;

		rng_init(&rng, 7 + run);
		for (int step = 0; step < 1200; step++) {
			bool ok = rng_below(&rng, 100) < runs[run].pass_percent;
			uint32_t us = (uint32_t)rng_below(&rng, runs[run].values);

			samples_add(&s, ok, us);
			m->all[m->n++] = (struct sample){ us, ok };
			check(&s, m);
		}
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_hundred),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
