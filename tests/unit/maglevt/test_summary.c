/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a run without a screen. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "maglevt/summary.h"
#include "sample_vips.h"

static struct vips vips;
static struct model *m;

static int setup(void **state)
{
	vips_many(&vips, 1, true); /* dns, mail, secure, web-000 */
	m = model_new(&vips, 0);
	return 0;
}

static int teardown(void **state)
{
	model_free(m);
	vips_done(&vips);
	return 0;
}

static void play(void)
{
	for (int i = 0; i < 4; i++) {
		struct reading r[] = {
			passed(1, 0, NULL, 250, i),
			i ? passed(3, 200, i % 2 ? "srv-a" : "srv\x1b[2J", 1000u * (unsigned)i, i)
			  : failure(3, CODE_L7STS, 503, "HTTP status 503, want 200-399", i),
			failure(2, CODE_LOCAL, 0, "socket: Too many open files", i),
		};

		for (size_t k = 0; k < ARRAY_LEN(r); k++)
			model_take(m, &r[k]);
	}
}

static void test_text(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct summary s = { m, "X-Who", "2.0.0", 1234 * NS_PER_MS };

	play();
	summary_text(&s, &out);
	assert_string_equal(
		str_z(&out),
		"VIP      ADDRESS                HOW          N    FAIL   OK %     p50  "
		"   p95     p99 "
		"    max  LAST\n"
		"dns      198.51.100.53:53       not probed: udp\n"
		"mail     198.51.100.25:25       tcp          4       0    100  0.25ms  "
		"0.25ms  0.25ms "
		" 0.25ms  ok\n"
		"secure   [2001:db8:1::443]:443  https        0       0      -       - "
		"      -       - "
		"      -  no fds\n"
		"    anomalies: local 4\n"
		"web-000  203.0.113.1:80         http         4       1   75.0  2.00ms  "
		"3.00ms  3.00ms "
		" 3.00ms  200\n"
		"    X-Who: srv?[2J 1 (33%), srv-a 2 (67%)\n"
		"    anomalies: http-err 1\n"
		"\n"
		"3 VIPs probed, 2 failed; 8 probes, 1 failed, 4 inconclusive; 1.2 s\n");
	assert_int_equal(summary_failed(m), 2);
}

static void test_json(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct summary s = { m, "X-Who", "2.0.0", 1234 * NS_PER_MS };
#define NONE "\"anomalies\":{\"timeout\":0,\"http-err\":0,\"net-err\":0,\"spike\":0,\"local\":0}"

	play();
	summary_json(&s, &out);
	assert_string_equal(
		str_z(&out),
		"{\"version\":\"2.0.0\",\"seconds\":1.234,\"header\":\"X-Who\",\"vips_probed\":3,"
		"\"vips_failed\":2,\"probes\":8,\"failures\":1,\"inconclusive\":4,"
		"\"anomalies\":{\"timeout\":0,\"http-err\":1,\"net-err\":0,\"spike\":0,\"local\":4}"
		","
		"\"vips\":["
		"{\"name\":\"dns\",\"address\":\"198.51.100.53\",\"protocol\":\"udp\",\"port\":53,"
		"\"probed\":false,\"why\":\"not probed: udp\"},"
		"{\"name\":\"mail\",\"address\":\"198.51.100.25\",\"protocol\":\"tcp\",\"port\":25,"
		"\"probed\":true,\"scheme\":\"tcp\",\"probe_port\":25,\"failed\":false,\"probes\":"
		"4,"
		"\"failures\":0,\"inconclusive\":0,\"last\":\"ok\",\"window\":{\"n\":4,\"ok\":4,"
		"\"p50_ms\":0.25,\"p95_ms\":0.25,\"p99_ms\":0.25,\"max_ms\":0.25},\"tally\":[],"
		"\"tally_others\":0," NONE "},"
		"{\"name\":\"secure\",\"address\":\"2001:db8:1::443\",\"protocol\":\"tcp\","
		"\"port\":443,\"probed\":true,\"scheme\":\"https\",\"probe_port\":443,"
		"\"failed\":true,\"probes\":0,\"failures\":0,\"inconclusive\":4,\"last\":\"no "
		"fds\","
		"\"window\":{\"n\":0,\"ok\":0},\"tally\":[],\"tally_others\":0,"
		"\"anomalies\":{\"timeout\":0,\"http-err\":0,\"net-err\":0,\"spike\":0,\"local\":4}"
		"},"
		"{\"name\":\"web-000\",\"address\":\"203.0.113.1\",\"protocol\":\"tcp\",\"port\":"
		"80,"
		"\"probed\":true,\"scheme\":\"http\",\"probe_port\":80,\"failed\":true,\"probes\":"
		"4,"
		"\"failures\":1,\"inconclusive\":0,\"last\":\"200\",\"window\":{\"n\":4,\"ok\":3,"
		"\"p50_ms\":2,\"p95_ms\":3,\"p99_ms\":3,\"max_ms\":3},"
		"\"tally\":[{\"value\":\"srv\\u001b[2J\",\"count\":1,\"share\":0.3333},"
		"{\"value\":\"srv-a\",\"count\":2,\"share\":0.6667}],\"tally_others\":0,"
		"\"anomalies\":{\"timeout\":0,\"http-err\":1,\"net-err\":0,\"spike\":0,\"local\":0}"
		"}"
		"]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
