/* SPDX-License-Identifier: Apache-2.0 */
/* The table keeps the rules of Prometheus' and OpenMetrics' naming. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/dur.h"
#include "metrics/families.h"

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

static void check_name(const char *s)
{
	assert_true(islower((unsigned char)*s));
	for (; *s; s++)
		assert_true(islower((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '_');
}

static void names(void **state)
{
	for (size_t i = 0; i < METRICS_ID_N; i++) {
		const struct metrics_family *f = &metrics_families[i];

		assert_non_null(f->name);
		check_name(f->name);
		assert_int_equal(ends_with(f->name, "_total"), f->type == METRICS_COUNTER);
		assert_false(ends_with(f->name, "_bucket") || ends_with(f->name, "_count") ||
			     ends_with(f->name, "_sum") || ends_with(f->name, "_created"));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(f->name, metrics_families[j].name);
	}
}

static void labels_and_help(void **state)
{
	for (size_t i = 0; i < METRICS_ID_N; i++) {
		const struct metrics_family *f = &metrics_families[i];

		assert_true(f->n_labels <= METRICS_LABELS_MAX);
		for (size_t l = 0; l < METRICS_LABELS_MAX; l++) {
			assert_int_equal(f->labels[l] != NULL, l < f->n_labels);
			if (f->labels[l]) {
				check_name(f->labels[l]);
				assert_string_not_equal(f->labels[l], "le");
			}
		}
		assert_true(ends_with(f->help, "."));
		assert_null(strpbrk(f->help, "\n\\|"));
	}
}

/* OpenMetrics: a family with a unit ends in it ("_total" aside). */
static void units(void **state)
{
	char tail[32];

	for (size_t i = 0; i < METRICS_ID_N; i++) {
		const struct metrics_family *f = &metrics_families[i];

		if (!*f->unit)
			continue;
		(void)snprintf(tail, sizeof tail, "_%s%s", f->unit,
			       f->type == METRICS_COUNTER ? "_total" : "");
		assert_true(ends_with(f->name, tail));
	}
}

static void buckets(void **state)
{
	for (size_t i = 0; i < METRICS_ID_N; i++) {
		const struct metrics_family *f = &metrics_families[i];

		assert_int_equal(f->type == METRICS_HISTOGRAM, f->n_buckets > 0);
		assert_true(f->n_buckets <= METRICS_BUCKETS_MAX);
		for (size_t b = 1; b < f->n_buckets; b++)
			assert_true(f->buckets[b - 1] < f->buckets[b]);
	}
}

static void an_observation_finds_its_bucket(void **state)
{
	const double *b = metrics_probe_buckets;
	size_t n = METRICS_PROBE_BUCKETS;

	assert_int_equal(metrics_bucket(b, n, 0), 0);
	assert_int_equal(metrics_bucket(b, n, -1), 0);
	assert_int_equal(metrics_bucket(b, n, 500 * NS_PER_US), 0); /* le: inclusive */
	assert_int_equal(metrics_bucket(b, n, 500 * NS_PER_US + 1), 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(metrics_bucket(b, n, (long long)(b[i] * 1e9 + 0.5)), i);
	assert_int_equal(metrics_bucket(b, n, 10 * NS_PER_S + 1), n);
	assert_int_equal(metrics_bucket(b, n, INT64_MAX), n);
}

static void types_have_names(void **state)
{
	assert_string_equal(metrics_type_name(METRICS_GAUGE), "gauge");
	assert_string_equal(metrics_type_name(METRICS_COUNTER), "counter");
	assert_string_equal(metrics_type_name(METRICS_HISTOGRAM), "histogram");
	assert_string_equal(metrics_type_name(METRICS_TYPE_N), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(labels_and_help),
		cmocka_unit_test(units),
		cmocka_unit_test(buckets),
		cmocka_unit_test(an_observation_finds_its_bucket),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
