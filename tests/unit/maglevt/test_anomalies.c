/* SPDX-License-Identifier: Apache-2.0 */
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
#include "base/str.h"
#include "maglevt/anomalies.h"

#define S NS_PER_S

static void add(struct anomalies *a, enum anomaly_kind kind, uint32_t vip, const char *text,
		mono_ns now)
{
	anomalies_add(a, &(struct anomaly_event){ kind, vip, text, now, now + 1000 });
}

static void test_one_trouble_is_one_event(void **state)
{
	struct anomalies *a = XNEW(struct anomalies);

	for (int i = 0; i < 100; i++)
		add(a, ANOMALY_NET_ERR, 3, "connect: refused", 100 * S + i * S / 10);
	assert_int_equal(a->n, 1);
	assert_int_equal(a->v[0].count, 100);
	assert_int_equal(a->total[ANOMALY_NET_ERR], 100);
	assert_int_equal(a->v[0].first, 100 * S);
	assert_int_equal(a->v[0].last, 100 * S + 99 * S / 10);
	assert_int_equal(a->v[0].first_wall, 100 * S + 1000);
	/* another text, another kind, another VIP: another event */
	add(a, ANOMALY_NET_ERR, 3, "connect: no route", 110 * S);
	add(a, ANOMALY_TIMEOUT, 3, "connect: refused", 110 * S);
	add(a, ANOMALY_NET_ERR, 4, "connect: refused", 110 * S);
	assert_int_equal(a->n, 4);
	/* quiet for so long: it goes on; longer: a new one */
	add(a, ANOMALY_NET_ERR, 4, "connect: refused", 115 * S);
	assert_int_equal(a->n, 4);
	add(a, ANOMALY_NET_ERR, 4, "connect: refused", 120 * S + 1);
	assert_int_equal(a->n, 5);
	free(a);
}

static void test_spikes_of_a_vip_are_one(void **state)
{
	struct anomalies *a = XNEW(struct anomalies);

	add(a, ANOMALY_SPIKE, 1, "20 ms", S);
	add(a, ANOMALY_SPIKE, 1, "30 ms", 2 * S);
	assert_int_equal(a->n, 1);
	assert_string_equal(a->v[0].text, "30 ms");
	free(a);
}

static void test_text_is_cut_between_characters(void **state)
{
	struct anomalies *a = XNEW(struct anomalies);
	char text[400];

	for (size_t from = 0; from < 4; from++) {
		memset(text, 'x', from);
		for (size_t i = from; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		add(a, ANOMALY_HTTP_ERR, (uint32_t)from, text, S);
		assert_true(utf8_valid(a->v[from].text, strlen(a->v[from].text)));
		assert_true(strlen(a->v[from].text) >= ANOMALY_TEXT_LEN - 4);
		/* a long text is the same trouble the next time, too */
		add(a, ANOMALY_HTTP_ERR, (uint32_t)from, text, 2 * S);
		assert_int_equal(a->n, from + 1);
	}
	free(a);
}

static void test_list(void **state)
{
	struct anomalies *a = XNEW(struct anomalies);
	const struct anomaly *list[8];

	add(a, ANOMALY_NET_ERR, 1, "goes on", 10 * S);
	add(a, ANOMALY_TIMEOUT, 2, "over first", 11 * S);
	add(a, ANOMALY_NET_ERR, 1, "goes on", 12 * S);
	add(a, ANOMALY_TIMEOUT, 3, "over last", 13 * S);
	add(a, ANOMALY_NET_ERR, 1, "goes on", 16 * S);
	add(a, ANOMALY_SPIKE, 4, "new", 18 * S);
	assert_int_equal(anomalies_list(a, 19 * S, 8, list), 4);
	assert_string_equal(list[0]->text, "new");
	assert_string_equal(list[1]->text, "goes on");
	assert_string_equal(list[2]->text, "over last");
	assert_string_equal(list[3]->text, "over first");
	assert_int_equal(anomalies_list(a, 19 * S, 2, list), 2);
	assert_int_equal(anomalies_list(a, 19 * S, 0, list), 0);
	/* all over: the last to end first */
	assert_int_equal(anomalies_list(a, 60 * S, 8, list), 4);
	assert_string_equal(list[0]->text, "new");
	assert_string_equal(list[1]->text, "goes on");
	free(a);
}

/* Random troubles beside an unbounded list of them; what is kept is what was last seen. */
struct naive {
	struct anomaly v[20000];
	size_t n;
};

static struct anomaly *naive_find(struct naive *m, const struct anomaly_event *e)
{
	for (size_t i = m->n; i-- > 0;) {
		struct anomaly *x = &m->v[i];

		if (x->count && x->vip == e->vip && x->kind == e->kind &&
		    e->now - x->last <= 5 * S &&
		    (e->kind == ANOMALY_SPIKE || strcmp(x->text, e->text) == 0))
			return x;
	}
	return NULL;
}

/* Forget the one that was quiet for longest (count 0), as far as more than fit are left. */
static void naive_evict(struct naive *m)
{
	struct anomaly *oldest = NULL;
	size_t left = 0;

	for (size_t i = 0; i < m->n; i++) {
		left += m->v[i].count > 0;
		if (m->v[i].count && (!oldest || m->v[i].last < oldest->last))
			oldest = &m->v[i];
	}
	if (left == ANOMALIES_MAX)
		oldest->count = 0;
}

static void naive_add(struct naive *m, const struct anomaly_event *e)
{
	struct anomaly *x = naive_find(m, e);

	if (!x) {
		naive_evict(m);
		x = &m->v[m->n++];
		*x = (struct anomaly){ .kind = e->kind, .vip = e->vip, .first = e->now };
	}
	x->count++;
	x->last = e->now;
	snprintf(x->text, sizeof x->text, "%s", e->text);
}

static void test_random(void **state)
{
	static const char *const texts[] = { "one", "two", "three" };
	struct anomalies *a = XNEW(struct anomalies);
	struct naive *m = XNEW(struct naive);
	const struct anomaly *list[ANOMALIES_MAX];
	mono_ns now = S;
	struct rng rng;

	rng_init(&rng, 11);
	for (int step = 0; step < 6000; step++) {
		struct anomaly_event e = { (enum anomaly_kind)rng_below(&rng, ANOMALY_KIND_N),
					   (uint32_t)rng_below(&rng, 60), texts[rng_below(&rng, 3)],
					   0, 0 };
		size_t n, kept = 0;

		now += 1 + (mono_ns)rng_below(&rng, (uint64_t)S / 8); /* never two at one time */
		e.now = e.wall = now;
		anomalies_add(a, &e);
		naive_add(m, &e);
		if (step % 50)
			continue;
		n = anomalies_list(a, now, ANOMALIES_MAX, list);
		for (size_t i = 0; i < m->n; i++)
			kept += m->v[i].count > 0;
		assert_int_equal(n, kept);
		for (size_t i = 0; i < n; i++) {
			bool found = false;

			for (size_t k = 0; k < m->n && !found; k++)
				found = m->v[k].count == list[i]->count &&
					m->v[k].first == list[i]->first &&
					m->v[k].last == list[i]->last &&
					m->v[k].vip == list[i]->vip &&
					strcmp(m->v[k].text, list[i]->text) == 0;
			assert_true(found);
			if (i > 0 && anomaly_open(list[i], now))
				assert_true(anomaly_open(list[i - 1], now) &&
					    list[i - 1]->first >= list[i]->first);
			else if (i > 0 && !anomaly_open(list[i - 1], now))
				assert_true(list[i - 1]->last >= list[i]->last);
		}
	}
	assert_int_equal(a->n, ANOMALIES_MAX);
	free(a);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_trouble_is_one_event),
		cmocka_unit_test(test_spikes_of_a_vip_are_one),
		cmocka_unit_test(test_text_is_cut_between_characters),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
