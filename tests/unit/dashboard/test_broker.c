/* SPDX-License-Identifier: Apache-2.0 */
/* The ring and its readers, on simulated time. */
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
#include "dashboard/broker.h"

#define S NS_PER_S

static char *take(struct broker *b, struct broker_reader *r, mono_ns now)
{
	static char buf[1 << 20];
	size_t n = broker_reader_take(b, r, now, buf, sizeof buf - 1);

	buf[n] = '\0';
	return buf;
}

static void publish_n(struct broker *b, mono_ns now, int from, int n)
{
	for (int i = from; i < from + n; i++) {
		char data[32];

		(void)snprintf(data, sizeof data, "{\"n\":%d}", i);
		broker_publish(b, now, "backend", LVL_OFF, data);
	}
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static struct broker *fresh(void)
{
	struct broker *b = xmalloc(sizeof *b);

	broker_init(b, 0xabc);
	return b;
}

static void finish(struct broker *b, struct broker_reader *r)
{
	if (r)
		broker_reader_done(r);
	broker_done(b);
	free(b);
}

static void the_wire_format(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;

	broker_publish(b, 0, "backend", LVL_OFF, "{}");
	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	assert_string_equal(take(b, &r, 0), "retry: 2000\nid: abc-1\n\n");
	assert_string_equal(take(b, &r, 0), "");
	assert_false(broker_reader_waiting(b, &r, 0));
	broker_publish(b, 0, "frontend", LVL_OFF, "{\"a\":1}");
	assert_true(broker_reader_waiting(b, &r, 0));
	assert_string_equal(take(b, &r, 0), "id: abc-2\nevent: frontend\ndata: {\"a\":1}\n\n");
	broker_flash(b, 0, "heartbeat", "{}");
	assert_string_equal(take(b, &r, 0), "event: heartbeat\ndata: {}\n\n");
	assert_string_equal(take(b, &r, BROKER_PING - 1), "");
	assert_true(broker_reader_waiting(b, &r, BROKER_PING));
	assert_string_equal(take(b, &r, BROKER_PING), ": ping\n\n");
	assert_string_equal(take(b, &r, BROKER_PING), "");
	/* every 15 s, whatever else there is */
	publish_n(b, 2 * BROKER_PING - 1, 1, 1);
	assert_int_equal(count(take(b, &r, 2 * BROKER_PING - 1), ": ping"), 0);
	assert_int_equal(count(take(b, &r, 2 * BROKER_PING), ": ping"), 1);
	finish(b, &r);
}

static void small_bites(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;
	char whole[256] = "", bite[4];
	size_t n;

	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	publish_n(b, 0, 1, 2);
	while ((n = broker_reader_take(b, &r, 0, bite, 3)) > 0) {
		assert_in_range(n, 1, 3);
		strncat(whole, bite, n);
	}
	assert_string_equal(whole, "retry: 2000\nid: abc-0\n\n"
				   "id: abc-1\nevent: backend\ndata: {\"n\":1}\n\n"
				   "id: abc-2\nevent: backend\ndata: {\"n\":2}\n\n");
	finish(b, &r);
}

static void replay(void **state)
{
	static const struct {
		const char *id;
		int events, resyncs;
	} cases[] = {
		{ "abc-10", 0, 0 },   { "abc-7", 3, 0 },
		{ "abc-0", 10, 0 },   { "abc-11", 0, 1 },
		{ "abd-7", 0, 1 },    { "abc-", 0, 1 },
		{ "abc--1", 0, 1 },   { "abc-7x", 0, 1 },
		{ "nonsense", 0, 1 }, { "abc-99999999999999999999", 0, 1 },
		{ "", 0, 0 },         { NULL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct broker *b = fresh();
		struct broker_reader r;
		const char *text;

		publish_n(b, 0, 1, 10);
		broker_reader_init(b, &r, LVL_INFO, cases[i].id, S);
		text = take(b, &r, S);
		if (count(text, "event: backend") != cases[i].events ||
		    count(text, "event: resync") != cases[i].resyncs)
			fail_msg("%s: %s", cases[i].id, text);
		/* live again */
		publish_n(b, S, 11, 1);
		assert_string_equal(take(b, &r, S),
				    "id: abc-11\nevent: backend\ndata: {\"n\":11}\n\n");
		finish(b, &r);
	}
}

static void what_is_too_old(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;

	publish_n(b, 0, 1, 5);
	publish_n(b, 10 * S, 6, 5);
	/* the first five have left: 5 is the last id that misses nothing */
	broker_reader_init(b, &r, LVL_INFO, "abc-5", 31 * S);
	assert_int_equal(count(take(b, &r, 31 * S), "event: backend"), 5);
	broker_reader_done(&r);
	broker_reader_init(b, &r, LVL_INFO, "abc-4", 31 * S);
	assert_int_equal(count(take(b, &r, 31 * S), "event: resync"), 1);
	broker_reader_done(&r);
	/* all have left: the newest id still misses nothing */
	broker_reader_init(b, &r, LVL_INFO, "abc-10", 100 * S);
	assert_int_equal(count(take(b, &r, 100 * S), "event:"), 0);
	finish(b, &r);
}

static void the_ring_is_bounded(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;
	const char *text;

	publish_n(b, 0, 1, BROKER_RING + 1);
	assert_int_equal(b->next - b->first, BROKER_RING);
	/* a long replay is no lag */
	broker_reader_init(b, &r, LVL_INFO, "abc-1", 0);
	text = take(b, &r, 0);
	assert_int_equal(count(text, "event: backend"), BROKER_RING);
	assert_int_equal(count(text, "event: resync"), 0);
	broker_reader_done(&r);
	broker_reader_init(b, &r, LVL_INFO, "abc-0", 0);
	text = take(b, &r, 0);
	assert_int_equal(count(text, "event: backend"), 0);
	assert_int_equal(count(text, "event: resync"), 1);
	finish(b, &r);
}

static void a_slow_reader(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;
	const char *text;

	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	(void)take(b, &r, 0);
	publish_n(b, 0, 1, BROKER_BEHIND);
	assert_int_equal(count(take(b, &r, 0), "event: backend"), BROKER_BEHIND);
	publish_n(b, 0, 257, BROKER_BEHIND + 1);
	broker_flash(b, 0, "heartbeat", "{}");
	text = take(b, &r, 0);
	assert_string_equal(text, "id: abc-513\nevent: resync\ndata: "
				  "{\"maglevd\":\"\",\"reason\":\"too far behind\"}\n\n");
	/* and goes on */
	publish_n(b, 0, 600, 1);
	assert_int_equal(count(take(b, &r, 0), "{\"n\":600}"), 1);
	finish(b, &r);
}

/* Few events, but too old ones: they have left the ring under the reader. */
static void a_reader_that_slept(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;

	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	(void)take(b, &r, 0);
	publish_n(b, 0, 1, 3);
	assert_int_equal(count(take(b, &r, 40 * S), "event: resync"), 1);
	finish(b, &r);
}

/* It was in the middle of an event when it stalled: that one is finished first. */
static void a_stall_within_an_event(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;
	char part[30];
	const char *text;

	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	(void)take(b, &r, 0);
	publish_n(b, 0, 1, 1);
	assert_int_equal(broker_reader_take(b, &r, 0, part, 10), 10);
	publish_n(b, 0, 2, BROKER_RING + 5);
	text = take(b, &r, 0);
	assert_ptr_equal(strstr(text, "event: backend\ndata: {\"n\":1}\n\nid:"), text);
	assert_int_equal(count(text, "event: resync"), 1);
	finish(b, &r);
}

static void flashes_are_for_now(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;

	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	(void)take(b, &r, 0);
	broker_flash(b, 0, "heartbeat", "{\"old\":1}");
	broker_flash(b, 2 * S, "heartbeat", "{\"new\":1}");
	assert_string_equal(take(b, &r, 2 * S), "event: heartbeat\ndata: {\"new\":1}\n\n");
	for (int i = 0; i < 3 * BROKER_FLASHES; i++)
		broker_flash(b, 3 * S, "heartbeat", "{}");
	assert_int_equal(count(take(b, &r, 3 * S), "event: heartbeat"), BROKER_FLASHES);
	finish(b, &r);
}

static void levels(void **state)
{
	struct broker *b = fresh();
	struct broker_reader debug, info, error;

	broker_reader_init(b, &debug, LVL_DEBUG, NULL, 0);
	broker_reader_init(b, &info, LVL_INFO, NULL, 0);
	broker_reader_init(b, &error, LVL_ERROR, NULL, 0);
	broker_publish(b, 0, "log", LVL_DEBUG, "{}");
	broker_publish(b, 0, "log", LVL_INFO, "{}");
	broker_publish(b, 0, "log", LVL_ERROR, "{}");
	broker_publish(b, 0, "backend", LVL_OFF, "{}");
	assert_int_equal(count(take(b, &debug, 0), "event:"), 4);
	assert_int_equal(count(take(b, &info, 0), "event:"), 3);
	assert_int_equal(count(take(b, &error, 0), "event:"), 2);
	broker_reader_done(&debug);
	broker_reader_done(&info);
	finish(b, &error);
}

/* Whatever happens: ids only grow, and from the last resync on nothing is missing. */
static void random_walk(void **state)
{
	struct broker *b = fresh();
	struct broker_reader r;
	struct rng rng;
	mono_ns now = 0;
	unsigned long long last = 0;

	rng_init(&rng, 7);
	broker_reader_init(b, &r, LVL_INFO, NULL, 0);
	for (int i = 0; i < 20000; i++) {
		now += (mono_ns)rng_below(&rng, S);
		if (rng_below(&rng, 4)) {
			publish_n(b, now, i, (int)rng_below(&rng, rng_below(&rng, 20) ? 5 : 600));
			continue;
		}
		char *text = take(b, &r, now);
		for (char *at = strstr(text, "id: abc-"); at; at = strstr(at + 1, "id: abc-")) {
			char *end;
			unsigned long long id = strtoull(at + 8, &end, 10);
			bool resync = strncmp(end, "\nevent: resync", 14) == 0;

			if (strncmp(end, "\n\n", 2) == 0) /* the beginning */
				continue;
			assert_true(resync ? id >= last : id == last + 1);
			last = id;
		}
		assert_true(last == b->next - 1);
	}
	finish(b, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wire_format),
		cmocka_unit_test(small_bites),
		cmocka_unit_test(replay),
		cmocka_unit_test(what_is_too_old),
		cmocka_unit_test(the_ring_is_bounded),
		cmocka_unit_test(a_slow_reader),
		cmocka_unit_test(a_reader_that_slept),
		cmocka_unit_test(a_stall_within_an_event),
		cmocka_unit_test(flashes_are_for_now),
		cmocka_unit_test(levels),
		cmocka_unit_test(random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
