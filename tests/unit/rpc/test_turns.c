/* SPDX-License-Identifier: Apache-2.0 */
/* Who begins when, with streams that are numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after those */
#include <cmocka.h>

#include "base/alloc.h"
#include "rpc/turns.h"

#define N         40
#define AT_A_TIME 8 /* as in turns.c */

struct fake {
	struct rpc_turn turn;
	int begun;
	size_t left, begins_with;
	struct rpc_turns *leave; /* as soon as it begins */
};

static int n_begun, order[N];
static struct fake fakes[N];

static void begin(struct rpc_turn *t)
{
	struct fake *f = CONTAINER_OF(t, struct fake, turn);

	f->begun++;
	f->left = f->begins_with;
	order[n_begun++] = (int)(f - fakes);
	if (f->leave)
		rpc_turns_leave(f->leave, t);
}

static size_t left(struct rpc_turn *t)
{
	return CONTAINER_OF(t, struct fake, turn)->left;
}

static const struct rpc_turns_ops ops = { .begin = begin, .left = left };

static void setup(struct rpc_turns *ts, struct loop *l)
{
	n_begun = 0;
	memset(fakes, 0, sizeof fakes);
	rpc_turns_init(ts, l, &ops);
	for (size_t i = 0; i < N; i++)
		fakes[i].begins_with = 1000;
}

static void all_await(struct rpc_turns *ts)
{
	for (size_t i = 0; i < N; i++)
		rpc_turns_await(ts, &fakes[i].turn);
	assert_int_equal(n_begun, 0); /* not from inside */
}

/* They come in their order, few at a time, the next when one is through. */
static void test_in_order(void **state _unused_)
{
	struct loop *l = loop_new();
	struct rpc_turns ts;

	setup(&ts, l);
	all_await(&ts);
	while (n_begun < N) {
		size_t busy = 0;

		loop_turn(l, NS_PER_S);
		for (size_t i = 0; i < N; i++) {
			busy += fakes[i].left > 0;
			fakes[i].left -= MIN(fakes[i].left, 300);
		}
		assert_true(busy <= AT_A_TIME);
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(order[i], i);
		assert_int_equal(fakes[i].begun, 1);
	}
	rpc_turns_done(&ts);
	loop_free(l);
}

/* Those that do not move keep nobody waiting for long. */
static void test_stalled(void **state _unused_)
{
	struct loop *l = loop_new();
	struct rpc_turns ts;
	mono_ns begin_at = loop_clock();

	setup(&ts, l);
	all_await(&ts);
	loop_turn(l, 0);
	assert_int_equal(n_begun, AT_A_TIME);
	while (n_begun < N)
		loop_turn(l, NS_PER_S);
	assert_true(loop_clock() - begin_at >= (N / AT_A_TIME - 1) * 50 * NS_PER_MS);
	rpc_turns_done(&ts);
	loop_free(l);
}

/* At any moment: waiting, running, in its first, not at all. */
static void test_leaves(void **state _unused_)
{
	struct loop *l = loop_new();
	struct rpc_turns ts;

	setup(&ts, l);
	fakes[0].leave = &ts;
	all_await(&ts);
	rpc_turns_leave(&ts, &fakes[1].turn);
	loop_turn(l, 0);
	assert_int_equal(fakes[0].begun, 1);
	assert_int_equal(fakes[1].begun, 0);
	assert_int_equal(n_begun, 1 + AT_A_TIME); /* the first one's place is free again */
	for (int i = 2; i < N; i++)
		rpc_turns_leave(&ts, &fakes[i].turn);
	for (int i = 0; i < N; i++)
		rpc_turns_leave(&ts, &fakes[i].turn); /* again is fine */
	loop_turn(l, 0);
	assert_int_equal(ts.n_running, 0);
	assert_int_equal(n_begun, 1 + AT_A_TIME);
	rpc_turns_await(&ts, &fakes[1].turn);
	loop_turn(l, 0);
	assert_int_equal(fakes[1].begun, 1);
	rpc_turns_done(&ts);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
