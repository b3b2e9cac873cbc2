/* SPDX-License-Identifier: Apache-2.0 */
/* Many records in one event. */
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
#include "dashboard/heartbeat.h"

#define MS NS_PER_MS

static void expect(struct heartbeat *h, mono_ns now, const char *want)
{
	_cleanup_(str_done) struct str out = { 0 };
	bool any = heartbeat_take(h, "m", now, 5 * NS_PER_S, &out);

	assert_int_equal(any, want != NULL);
	if (want)
		assert_string_equal(str_z(&out), want);
}

#define EVENT(IN_FLIGHT, PROBES, SENT, RECEIVED)                                                   \
	"{\"maglevd\":\"m\",\"at_ms\":5000,\"in_flight\":[" IN_FLIGHT "],\"probes\":[" PROBES      \
	"],\"vpp_sent\":" SENT ",\"vpp_received\":" RECEIVED ",\"omitted\":0}"

static void a_probe(void **state)
{
	struct heartbeat h;

	heartbeat_init(&h);
	expect(&h, 0, NULL);
	heartbeat_probe_start(&h, "a", 0);
	heartbeat_probe_start(&h, "b\"", 0);
	expect(&h, 0, EVENT("\"a\",\"b\\\"\"", "", "0", "0"));
	expect(&h, 0, NULL);
	heartbeat_probe_end(&h, "a", "L7OK", 1234567);
	expect(&h, 0, EVENT("\"b\\\"\"", "[\"a\",\"L7OK\",1.234]", "0", "0"));
	/* starts and ends in between, twice: the newest counts */
	heartbeat_probe_start(&h, "a", 0);
	heartbeat_probe_end(&h, "a", "L7OK", 1 * MS);
	heartbeat_probe_start(&h, "a", 0);
	heartbeat_probe_end(&h, "a", "L4CON", 2 * MS);
	heartbeat_probe_end(&h, "b\"", "L4TOUT", 3 * MS);
	expect(&h, 0, EVENT("", "[\"a\",\"L4CON\",2],[\"b\\\"\",\"L4TOUT\",3]", "0", "0"));
	expect(&h, 0, NULL);
	assert_int_equal(h.backends.n, 0);
	heartbeat_done(&h);
}

static void vpp(void **state)
{
	struct heartbeat h;

	heartbeat_init(&h);
	heartbeat_vpp(&h, true);
	heartbeat_vpp(&h, false);
	heartbeat_vpp(&h, false);
	expect(&h, 0, EVENT("", "", "1", "2"));
	expect(&h, 0, NULL);
	heartbeat_done(&h);
}

static void what_never_ends(void **state)
{
	struct heartbeat h;

	heartbeat_init(&h);
	heartbeat_probe_start(&h, "a", 0);
	heartbeat_probe_start(&h, "b", 60 * NS_PER_S);
	expect(&h, 0, EVENT("\"a\",\"b\"", "", "0", "0"));
	/* one that was paused */
	heartbeat_forget(&h, "a");
	heartbeat_forget(&h, "no such");
	expect(&h, 0, EVENT("\"b\"", "", "0", "0"));
	/* one whose end was lost: it ends by itself, and is told so */
	expect(&h, 180 * NS_PER_S, NULL);
	expect(&h, 181 * NS_PER_S, EVENT("", "", "0", "0"));
	/* all of a stream that broke */
	heartbeat_probe_start(&h, "c", 0);
	heartbeat_probe_start(&h, "d", 0);
	heartbeat_forget(&h, NULL);
	expect(&h, 0, EVENT("", "", "0", "0"));
	assert_int_equal(h.backends.n, 0);
	heartbeat_done(&h);
}

static void bounds(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct heartbeat h;
	const char *omitted;
	char name[32];

	heartbeat_init(&h);
	for (int i = 0; i < HEARTBEAT_BACKENDS_MAX + 100; i++) {
		(void)snprintf(name, sizeof name, "b%d", i);
		if (i % 2)
			heartbeat_probe_start(&h, name, 0);
		else
			heartbeat_probe_end(&h, name, "a code that is much too long", 0);
	}
	assert_int_equal(h.backends.n, HEARTBEAT_BACKENDS_MAX);
	assert_true(heartbeat_take(&h, "m", 0, 0, &out));
	omitted = strstr(str_z(&out), "\"omitted\":");
	assert_non_null(omitted);
	assert_int_equal(atoi(omitted + 10), HEARTBEAT_BACKENDS_MAX - 2 * HEARTBEAT_LIST_MAX);
	assert_in_range(out.len, 1, 160 << 10);
	heartbeat_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_probe), cmocka_unit_test(vpp),
					    cmocka_unit_test(what_never_ends),
					    cmocka_unit_test(bounds) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
