/* SPDX-License-Identifier: Apache-2.0 */
/* The text formats: every escape, every kind of number, and which format who gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/dur.h"
#include "metrics/exposition.h"

static const double bounds[] = { 0.0005, 0.25, 1, 10 };

static const struct metrics_family gauge = { "t_gauge", METRICS_GAUGE,           "", { "a", "b" },
					     2,         .help = "Some \"help\"." };
static const struct metrics_family bare = { "t_bare_seconds", METRICS_GAUGE, "seconds",
					    .help = "Bare." };
static const struct metrics_family counter = {
	"t_events_total", METRICS_COUNTER, "", { "a" }, 1, .help = "A \\ and a\nbreak."
};
static const struct metrics_family histogram = {
	"t_took_seconds", METRICS_HISTOGRAM, "seconds",     { "a" }, 1,
	.help = "Took.",  .buckets = bounds, .n_buckets = 4
};
static const struct metrics_family bare_histogram = { "t_late_seconds",  METRICS_HISTOGRAM,
						      "seconds",         .help = "Late.",
						      .buckets = bounds, .n_buckets = 4 };

#define LABELS(...) ((const char *const[]){ __VA_ARGS__ })

static void expect(struct exposition *x, const char *text)
{
	assert_string_equal(str_z(&x->out), text);
	exposition_done(x);
}

static void head_comes_once_and_with_samples_alone(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &bare);
	exposition_family(&x, &gauge);
	exposition_uint(&x, LABELS("1", "2"), 1);
	exposition_uint(&x, LABELS("3", "4"), UINT64_MAX);
	exposition_end(&x);
	expect(&x, "# HELP t_gauge Some \"help\".\n# TYPE t_gauge gauge\n"
		   "t_gauge{a=\"1\",b=\"2\"} 1\n"
		   "t_gauge{a=\"3\",b=\"4\"} 18446744073709551615\n");
}

static void openmetrics_differs(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_OPENMETRICS);
	exposition_family(&x, &gauge);
	exposition_uint(&x, LABELS("1", "2"), 0);
	exposition_family(&x, &counter);
	exposition_uint(&x, LABELS("1"), 7);
	exposition_family(&x, &bare);
	exposition_ns(&x, NULL, 1);
	exposition_end(&x);
	expect(&x, "# HELP t_gauge Some \\\"help\\\".\n# TYPE t_gauge gauge\n"
		   "t_gauge{a=\"1\",b=\"2\"} 0\n"
		   "# HELP t_events A \\\\ and a\\nbreak.\n# TYPE t_events counter\n"
		   "t_events_total{a=\"1\"} 7\n"
		   "# HELP t_bare_seconds Bare.\n# TYPE t_bare_seconds gauge\n"
		   "# UNIT t_bare_seconds seconds\n"
		   "t_bare_seconds 0.000000001\n"
		   "# EOF\n");
}

static void counters_keep_their_name_in_plain_text(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &counter);
	exposition_uint(&x, LABELS("1"), 7);
	exposition_end(&x);
	expect(&x, "# HELP t_events_total A \\\\ and a\\nbreak.\n# TYPE t_events_total counter\n"
		   "t_events_total{a=\"1\"} 7\n");
}

static void an_empty_exposition(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_end(&x);
	expect(&x, "");
	exposition_init(&x, EXPOSITION_OPENMETRICS);
	exposition_end(&x);
	expect(&x, "# EOF\n");
}

/* ---- label values */

static void check_value(const char *value, const char *written)
{
	struct exposition x;
	struct str want = { 0 };

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &counter);
	exposition_uint(&x, LABELS(""), 0); /* the head, and out of the way */
	str_clear(&x.out);
	exposition_uint(&x, LABELS(value), 5);
	str_addf(&want, "t_events_total{a=\"%s\"} 5\n", written);
	expect(&x, str_z(&want));
	str_done(&want);
}

static void label_values_are_escaped(void **state)
{
	check_value("", "");
	check_value("plain-1.example", "plain-1.example");
	check_value("a\"b", "a\\\"b");
	check_value("\\", "\\\\");
	check_value("\n", "\\n");
	check_value("\\n", "\\\\n");
	check_value("\"\n\\\"", "\\\"\\n\\\\\\\"");
	check_value("a\rb\tc\x7f", "a\rb\tc\x7f");
	check_value("grün ✓ 𝄞", "grün ✓ 𝄞");
}

static void what_is_not_utf8_is_replaced(void **state)
{
	check_value("\xff", "\xef\xbf\xbd");
	check_value("a\xc3", "a\xef\xbf\xbd");               /* cut off */
	check_value("\xc3\"", "\xef\xbf\xbd\\\"");           /* what follows is not swallowed */
	check_value("\xe2\x9c", "\xef\xbf\xbd\xef\xbf\xbd"); /* byte by byte */
	check_value("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
	check_value("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
}

/* ---- numbers */

static void expect_ns(int64_t ns, const char *written)
{
	struct exposition x;
	struct str want = { 0 };

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &bare);
	exposition_ns(&x, NULL, ns);
	str_addf(&want,
		 "# HELP t_bare_seconds Bare.\n# TYPE t_bare_seconds gauge\n"
		 "t_bare_seconds %s\n",
		 written);
	expect(&x, str_z(&want));
	str_done(&want);
}

static void nanoseconds_are_exact_seconds(void **state)
{
	expect_ns(0, "0");
	expect_ns(1, "0.000000001");
	expect_ns(10, "0.00000001");
	expect_ns(100 * NS_PER_MS, "0.1");
	expect_ns(NS_PER_S, "1");
	expect_ns(90 * NS_PER_S, "90");
	expect_ns(1500 * NS_PER_MS, "1.5");
	expect_ns(1500 * NS_PER_MS + 1, "1.500000001");
	expect_ns(INT64_C(1795173288123456789), "1795173288.123456789");
	expect_ns(-1500 * NS_PER_MS, "-1.5");
	expect_ns(-1, "-0.000000001");
	expect_ns(INT64_MAX, "9223372036.854775807");
	expect_ns(INT64_MIN, "-9223372036.854775808");
}

static void integers_have_signs(void **state)
{
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &counter);
	exposition_int(&x, LABELS(""), 0);
	str_clear(&x.out);
	exposition_int(&x, LABELS(""), -12);
	exposition_int(&x, LABELS(""), INT64_MIN);
	exposition_int(&x, LABELS(""), INT64_MAX);
	expect(&x, "t_events_total{a=\"\"} -12\n"
		   "t_events_total{a=\"\"} -9223372036854775808\n"
		   "t_events_total{a=\"\"} 9223372036854775807\n");
}

/* ---- histograms */

static void histograms_are_cumulative(void **state)
{
	static const uint64_t counts[] = { 1, 0, 2, 0, 4 };
	struct exposition x;

	exposition_init(&x, EXPOSITION_TEXT);
	exposition_family(&x, &histogram);
	exposition_histogram(&x, LABELS("v\""), counts, 2500 * NS_PER_MS);
	expect(&x, "# HELP t_took_seconds Took.\n# TYPE t_took_seconds histogram\n"
		   "t_took_seconds_bucket{a=\"v\\\"\",le=\"0.0005\"} 1\n"
		   "t_took_seconds_bucket{a=\"v\\\"\",le=\"0.25\"} 1\n"
		   "t_took_seconds_bucket{a=\"v\\\"\",le=\"1\"} 3\n"
		   "t_took_seconds_bucket{a=\"v\\\"\",le=\"10\"} 3\n"
		   "t_took_seconds_bucket{a=\"v\\\"\",le=\"+Inf\"} 7\n"
		   "t_took_seconds_sum{a=\"v\\\"\"} 2.5\n"
		   "t_took_seconds_count{a=\"v\\\"\"} 7\n");
}

static void bounds_are_floats_in_openmetrics(void **state)
{
	static const uint64_t counts[] = { 0, 0, 0, 0, 0 };
	struct exposition x;

	exposition_init(&x, EXPOSITION_OPENMETRICS);
	exposition_family(&x, &bare_histogram);
	exposition_histogram(&x, NULL, counts, 0);
	expect(&x, "# HELP t_late_seconds Late.\n# TYPE t_late_seconds histogram\n"
		   "# UNIT t_late_seconds seconds\n"
		   "t_late_seconds_bucket{le=\"0.0005\"} 0\n"
		   "t_late_seconds_bucket{le=\"0.25\"} 0\n"
		   "t_late_seconds_bucket{le=\"1.0\"} 0\n"
		   "t_late_seconds_bucket{le=\"10.0\"} 0\n"
		   "t_late_seconds_bucket{le=\"+Inf\"} 0\n"
		   "t_late_seconds_sum 0\n"
		   "t_late_seconds_count 0\n");
}

/* ---- which format */

static void clients_get_what_they_prefer(void **state)
{
	static const struct {
		const char *accept;
		bool openmetrics;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/plain", false },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", false },
		/* Prometheus 2.42, and a later one */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  true },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  true },
		{ "application/openmetrics-text", true },
		{ "APPLICATION/OpenMetrics-Text ; Version=1.0.0", true },
		{ "application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", true },
		{ "application/openmetrics-text; version=0.0.1", false },
		{ "application/openmetrics-text; version=2.0.0", false },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-text;q=0.000", false },
		{ "application/openmetrics-text;q=0.001", true },
		{ "application/openmetrics-text;q=0.4,text/plain;q=0.5", false },
		{ "text/plain;q=0.5,application/openmetrics-text;q=0.5", true },
		{ "text/plain;version=1.0.0,application/openmetrics-text;q=0.5", true },
		{ "application/openmetrics-text;q=1.0,text/plain", true },
		/* malformed: not wanted */
		{ "application/openmetrics-text;q=", false },
		{ "application/openmetrics-text;q=2", false },
		{ "application/openmetrics-text;q=0.5555", false },
		{ "application/openmetrics-text;q=0,5", false },
		{ "application/openmetrics-text;q=-1", false },
		{ "application/openmetrics-text;q", false },
		{ ";;;,,,;q=,=;", false },
		{ "application/openmetrics-texts", false },
		{ ",, application/openmetrics-text ,", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum exposition_format f = exposition_negotiate(cases[i].accept);

		if ((f == EXPOSITION_OPENMETRICS) != cases[i].openmetrics)
			fail_msg("%s", cases[i].accept);
	}
}

static void content_types(void **state)
{
	assert_string_equal(exposition_content_type(EXPOSITION_TEXT),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(exposition_content_type(EXPOSITION_OPENMETRICS),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_comes_once_and_with_samples_alone),
		cmocka_unit_test(openmetrics_differs),
		cmocka_unit_test(counters_keep_their_name_in_plain_text),
		cmocka_unit_test(an_empty_exposition),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
		cmocka_unit_test(nanoseconds_are_exact_seconds),
		cmocka_unit_test(integers_have_signs),
		cmocka_unit_test(histograms_are_cumulative),
		cmocka_unit_test(bounds_are_floats_in_openmetrics),
		cmocka_unit_test(clients_get_what_they_prefer),
		cmocka_unit_test(content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
