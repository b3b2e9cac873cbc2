/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "loop/mailbox.h"

#define PATIENCE (30 * NS_PER_S)
#define SENDERS  4
#define EACH     20000

struct letter {
	struct mail mail;
	int sender, seq;
};

struct reader {
	struct loop *l;
	struct mailbox *mb, *back;
	int next[SENDERS];
	int n, stop_at;
};

static void letter_read(void *ctx, struct mail *m)
{
	struct reader *r = ctx;
	struct letter *x = CONTAINER_OF(m, struct letter, mail);

	assert_int_equal(x->seq, r->next[x->sender]);
	r->next[x->sender]++;
	free(x);
	if (++r->n == r->stop_at)
		loop_stop(r->l, 0);
}

static void letter_post(struct mailbox *mb, int sender, int seq)
{
	struct letter *x = XNEW(struct letter);

	x->sender = sender;
	x->seq = seq;
	mailbox_post(mb, &x->mail);
}

static void test_order_and_one_wakeup_a_burst(void **state)
{
	struct reader r = { .l = loop_new() };

	r.mb = mailbox_new(r.l, letter_read, &r);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 50; i++)
			letter_post(r.mb, 0, round * 50 + i);
		assert_int_equal(loop_turn(r.l, PATIENCE), 1);
		assert_int_equal(r.n, (round + 1) * 50);
		assert_int_equal(loop_turn(r.l, 0), 0);
	}
	mailbox_free(r.mb, NULL, NULL);
	loop_free(r.l);
}

struct sender {
	pthread_t th;
	struct mailbox *mb;
	int id;
};

static void *send_all(void *ctx)
{
	struct sender *s = ctx;

	for (int i = 0; i < EACH; i++)
		letter_post(s->mb, s->id, i);
	return NULL;
}

static void test_many_senders(void **state)
{
	struct reader r = { .l = loop_new(), .stop_at = SENDERS * EACH };
	struct sender s[SENDERS];

	r.mb = mailbox_new(r.l, letter_read, &r);
	for (int i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .mb = r.mb, .id = i };
		assert_int_equal(pthread_create(&s[i].th, NULL, send_all, &s[i]), 0);
	}
	loop_run(r.l);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(s[i].th, NULL);
		assert_int_equal(r.next[i], EACH);
	}
	mailbox_free(r.mb, NULL, NULL);
	loop_free(r.l);
}

/* Two loops throw one message at each other: no wake-up may get lost. */
struct player {
	pthread_t th;
	struct loop *l;
	struct mailbox *mb, *other;
	int left;
};

static void ball(void *ctx, struct mail *m)
{
	struct player *p = ctx;

	if (p->other)
		mailbox_post(p->other, m);
	if (--p->left == 0)
		loop_stop(p->l, 0);
}

static void *play(void *ctx)
{
	loop_run(((struct player *)ctx)->l);
	return NULL;
}

static void test_ping_pong(void **state)
{
	struct player a = { .l = loop_new(), .left = 20000 },
		      b = { .l = loop_new(), .left = 20000 };
	struct mail m;

	a.mb = mailbox_new(a.l, ball, &a);
	b.mb = mailbox_new(b.l, ball, &b);
	a.other = b.mb;
	b.other = a.mb;
	mailbox_post(a.mb, &m);
	assert_int_equal(pthread_create(&b.th, NULL, play, &b), 0);
	play(&a);
	pthread_join(b.th, NULL);
	mailbox_free(a.mb, NULL, NULL);
	mailbox_free(b.mb, NULL, NULL);
	loop_free(a.l);
	loop_free(b.l);
}

static void letter_count(void *ctx, struct mail *m)
{
	(*(int *)ctx)++;
	free(CONTAINER_OF(m, struct letter, mail));
}

static void test_undelivered_are_dropped_one_by_one(void **state)
{
	struct reader r = { .l = loop_new() };
	int dropped = 0;

	r.mb = mailbox_new(r.l, letter_read, &r);
	for (int i = 0; i < 10; i++)
		letter_post(r.mb, 0, i);
	mailbox_free(r.mb, letter_count, &dropped);
	assert_int_equal(dropped, 10);
	assert_int_equal(r.n, 0);
	assert_int_equal(loop_turn(r.l, 0), 0);
	mailbox_free(NULL, NULL, NULL);
	loop_free(r.l);
}

/* A message posted by the handler itself is delivered in the next turn, not in this one. */
static void echo_once(void *ctx, struct mail *m)
{
	struct reader *r = ctx;

	if (++r->n < r->stop_at)
		mailbox_post(r->mb, m);
}

static void test_post_from_the_handler(void **state)
{
	struct reader r = { .l = loop_new(), .stop_at = 3 };
	struct mail m;

	r.mb = mailbox_new(r.l, echo_once, &r);
	mailbox_post(r.mb, &m);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(loop_turn(r.l, PATIENCE), 1);
		assert_int_equal(r.n, i);
	}
	assert_int_equal(loop_turn(r.l, 0), 0);
	mailbox_free(r.mb, NULL, NULL);
	loop_free(r.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_one_wakeup_a_burst),
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_undelivered_are_dropped_one_by_one),
		cmocka_unit_test(test_post_from_the_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
