/* SPDX-License-Identifier: Apache-2.0 */
/* Rows outlive what they were made from; the process tells of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "metrics/process.h"
#include "metrics/rows.h"

static char *written(const struct metrics_rows *r, enum metrics_id id)
{
	struct exposition x;
	char *ret, *samples;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &metrics_families[id]);
	if (!process_write(id, &x))
		metrics_rows_write(r, id, &x);
	/* Without the two lines of its head. */
	samples = x.out.len ? strchr(strchr(x.out.p, '\n') + 1, '\n') + 1 : (char[]){ "" };
	ret = xstrdup(samples);
	exposition_done(&x);
	return ret;
}

static void expect(const struct metrics_rows *r, enum metrics_id id, const char *want)
{
	char *got = written(r, id);

	assert_string_equal(got, want);
	free(got);
}

static void rows_are_copies(void **state)
{
	struct metrics_rows r = { 0 };
	char name[] = "first";
	uint64_t counts[METRICS_VPP_API_BUCKETS + 1] = { 1 };
	char *got;

	metrics_rows_uint(&r, METRICS_VPP_DRIFT, (const char *[]){ name }, 3);
	metrics_rows_histogram(&r, METRICS_VPP_API_SECONDS, (const char *[]){ name }, counts, 5);
	metrics_rows_ns(&r, METRICS_VPP_UPTIME, NULL, 1);
	memcpy(name, "other", sizeof name);
	counts[0] = 9;
	metrics_rows_uint(&r, METRICS_VPP_DRIFT, (const char *[]){ name }, 4);
	expect(&r, METRICS_VPP_DRIFT,
	       "maglev_vpp_drift_total{kind=\"first\"} 3\nmaglev_vpp_drift_total{kind=\"other\"} "
	       "4\n");
	expect(&r, METRICS_VPP_UPTIME, "maglev_vpp_uptime_seconds 0.000000001\n");
	expect(&r, METRICS_VPP_CONNECTED, "");
	got = written(&r, METRICS_VPP_API_SECONDS);
	assert_non_null(strstr(got, "{msg=\"first\",le=\"0.0001\"} 1\n"));
	assert_non_null(strstr(got, "_count{msg=\"first\"} 1\n"));
	free(got);
	metrics_rows_done(&r);
}

static double process_value(enum metrics_id id)
{
	static const struct metrics_rows none;
	char *got = written(&none, id);
	double v = -1;

	(void)sscanf(got, "%*s %lf", &v);
	free(got);
	return v;
}

static void the_process_tells_of_itself(void **state)
{
	assert_true(process_value(METRICS_PROCESS_CPU) >= 0);
	assert_true(process_value(METRICS_PROCESS_START_TIME) > 1e9);
	assert_true(process_value(METRICS_PROCESS_RESIDENT) > 4096);
	assert_true(process_value(METRICS_PROCESS_VIRTUAL) >=
		    process_value(METRICS_PROCESS_RESIDENT));
	assert_true(process_value(METRICS_PROCESS_OPEN_FDS) >= 1);
	assert_true(process_value(METRICS_PROCESS_MAX_FDS) >=
		    process_value(METRICS_PROCESS_OPEN_FDS));
	assert_true(process_value(METRICS_PROCESS_THREADS) >= 1);
}

static void other_families_are_not_the_process_s(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	for (enum metrics_id id = 0; id < METRICS_ID_N; id++) {
		exposition_family(&x, &metrics_families[id]);
		assert_int_equal(process_write(id, &x),
				 strncmp(metrics_families[id].name, "process_", 8) == 0);
	}
	exposition_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_copies),
		cmocka_unit_test(the_process_tells_of_itself),
		cmocka_unit_test(other_families_are_not_the_process_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
