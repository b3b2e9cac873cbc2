/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "core/health.h"
#include "dies.h"

static const struct health_params shapes[] = {
	{ 1, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 }, { 2, 3 },    { 3, 2 },    { 3, 5 },      { 5, 3 },
	{ 7, 7 }, { 1, 9 }, { 9, 1 }, { 4, 6 }, { 1000, 1 }, { 1, 1000 }, { 999, 1000 },
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

/* What one outcome does, word for word: +1 up to max, -1 down to 0, crossing `rise` decides. */
static struct health expected_cell(struct health h, const struct health_params *p, enum outcome o)
{
	int max = p->rise + p->fall - 1;

	if (o == OUTCOME_INCONCLUSIVE || h.state == HEALTH_PAUSED || h.state == HEALTH_DISABLED ||
	    h.state == HEALTH_REMOVED)
		return h;
	if (h.state == HEALTH_UNKNOWN && o == OUTCOME_PASS)
		return (struct health){ HEALTH_UP, max };
	if (h.state == HEALTH_UNKNOWN)
		return (struct health){ HEALTH_DOWN, 0 };
	h.counter += o == OUTCOME_PASS ? 1 : -1;
	h.counter = h.counter > max ? max : h.counter < 0 ? 0 : h.counter;
	if (h.state == HEALTH_DOWN && o == OUTCOME_PASS && h.counter >= p->rise)
		return (struct health){ HEALTH_UP, max };
	if (h.state == HEALTH_UP && o == OUTCOME_FAIL && h.counter < p->rise)
		return (struct health){ HEALTH_DOWN, 0 };
	return h;
}

static void test_every_cell(void **state)
{
	for (size_t i = 0; i < N_SHAPES; i++) {
		const struct health_params *p = &shapes[i];

		for (enum health_state s = 0; s < HEALTH_STATE_N; s++)
			for (int c = 0; c <= health_counter_max(p); c++)
				for (enum outcome o = 0; o < OUTCOME_N; o++) {
					struct health h = { s, c };
					struct health want = expected_cell(h, p, o);
					struct health_change ch = health_step(&h, p, o);

					assert_int_equal(h.state, want.state);
					assert_int_equal(h.counter, want.counter);
					assert_int_equal(ch.from, s);
					assert_int_equal(ch.to, h.state);
					assert_int_equal(ch.changed, s != h.state);
				}
	}
}

static void test_rise_and_fall_in_a_row(void **state)
{
	for (size_t i = 0; i < N_SHAPES; i++) {
		const struct health_params *p = &shapes[i];
		struct health h;

		health_init(&h, p, true);
		assert_true(health_step(&h, p, OUTCOME_PASS).changed);
		for (int k = 1; k < p->fall; k++)
			assert_false(health_step(&h, p, OUTCOME_FAIL).changed);
		assert_int_equal(health_step(&h, p, OUTCOME_FAIL).to, HEALTH_DOWN);
		for (int k = 1; k < p->rise; k++)
			assert_false(health_step(&h, p, OUTCOME_PASS).changed);
		assert_int_equal(health_step(&h, p, OUTCOME_PASS).to, HEALTH_UP);
	}
}

static void test_one_opposite_result_costs_one(void **state)
{
	const struct health_params p = { .rise = 3, .fall = 3 };
	struct health h = { HEALTH_DOWN, 0 };

	health_step(&h, &p, OUTCOME_PASS);
	health_step(&h, &p, OUTCOME_PASS);
	health_step(&h, &p, OUTCOME_FAIL); /* 2 -> 1, not 0 */
	assert_false(health_step(&h, &p, OUTCOME_PASS).changed);
	assert_true(health_step(&h, &p, OUTCOME_PASS).changed);
}

/* The naive model knows no counter: it keeps how far a DOWN one has come on the way up, and how
 * much damage an UP one has taken, each its own number. */
struct naive {
	enum health_state s;
	int progress, damage;
};

static void naive_step(struct naive *n, const struct health_params *p, enum outcome o)
{
	if (o == OUTCOME_INCONCLUSIVE)
		return;
	if (n->s == HEALTH_UNKNOWN) {
		*n = (struct naive){ .s = o == OUTCOME_PASS ? HEALTH_UP : HEALTH_DOWN };
	} else if (n->s == HEALTH_DOWN) {
		n->progress += o == OUTCOME_PASS ? 1 : n->progress > 0 ? -1 : 0;
		if (n->progress == p->rise)
			*n = (struct naive){ .s = HEALTH_UP };
	} else if (n->s == HEALTH_UP) {
		n->damage += o == OUTCOME_FAIL ? 1 : n->damage > 0 ? -1 : 0;
		if (n->damage == p->fall)
			*n = (struct naive){ .s = HEALTH_DOWN };
	}
}

/* Returns whether the action is allowed. */
static bool naive_act(struct naive *n, enum health_action a)
{
	if (n->s == HEALTH_REMOVED)
		return false;
	switch (a) {
	case ACTION_PAUSE:
		if (n->s == HEALTH_DISABLED)
			return false;
		n->s = HEALTH_PAUSED;
		return true;
	case ACTION_RESUME:
		if (n->s == HEALTH_PAUSED)
			n->s = HEALTH_UNKNOWN;
		return n->s != HEALTH_DISABLED;
	case ACTION_DISABLE:
		n->s = HEALTH_DISABLED;
		return true;
	case ACTION_ENABLE:
		if (n->s == HEALTH_DISABLED)
			n->s = HEALTH_UNKNOWN;
		return true;
	case ACTION_REMOVE:
		n->s = HEALTH_REMOVED;
		return true;
	case ACTION_N:
		break;
	}
	fail();
	return false;
}

static void naive_recheck(struct naive *n, const struct health_params *p)
{
	n->progress = p->rise - 1;
	n->damage = p->fall - 1;
}

static void check_against_naive(const struct health *h, const struct naive *n,
				const struct health_params *p)
{
	assert_int_equal(h->state, n->s);
	if (n->s == HEALTH_UP)
		assert_int_equal(h->counter, health_counter_max(p) - n->damage);
	if (n->s == HEALTH_DOWN)
		assert_int_equal(h->counter, n->progress);
	if (n->s == HEALTH_UNKNOWN)
		assert_int_equal(h->counter, p->rise - 1);
	assert_in_range(h->counter, 0, health_counter_max(p));
}

static void walk_act(struct health *h, struct naive *n, const struct health_params *p,
		     enum health_action a)
{
	struct health before = *h;
	struct health_change untouched = { HEALTH_STATE_N, HEALTH_STATE_N, true }, ch = untouched;
	bool allowed = naive_act(n, a);

	assert_int_equal(health_act(h, p, a, &ch), allowed ? 0 : -EPERM);
	if (!allowed) {
		assert_memory_equal(&ch, &untouched, sizeof ch);
		assert_memory_equal(h, &before, sizeof before);
		return;
	}
	assert_int_equal(ch.from, before.state);
	assert_int_equal(ch.to, h->state);
	assert_int_equal(ch.changed, ch.from != ch.to);
}

/* One step of the walk: mostly outcomes, in streaks, so that long rises and falls happen. */
static void walk_step(struct rng *r, struct health *h, struct naive *n, struct health_params *p)
{
	uint64_t dice = rng_below(r, 1000);
	enum outcome o = (enum outcome)rng_below(r, OUTCOME_N);

	if (dice < 5 || n->s == HEALTH_REMOVED) {
		*p = shapes[rng_below(r, N_SHAPES)];
		health_init(h, p, dice % 2 == 0);
		*n = (struct naive){ .s = dice % 2 == 0 ? HEALTH_UNKNOWN : HEALTH_DISABLED };
		assert_int_equal(h->counter, p->rise - 1);
	} else if (dice < 10) {
		*p = shapes[rng_below(r, N_SHAPES)];
		health_recheck(h, p);
		naive_recheck(n, p);
	} else if (dice < 12) {
		enum health_state was = h->state;
		struct health_change ch = health_restart(h, p);

		assert_int_equal(ch.from, was);
		assert_int_equal(ch.changed, was == HEALTH_UP || was == HEALTH_DOWN);
		if (n->s == HEALTH_UP || n->s == HEALTH_DOWN)
			n->s = HEALTH_UNKNOWN;
	} else if (dice < 60) {
		walk_act(h, n, p, (enum health_action)rng_below(r, ACTION_N));
	} else {
		for (uint64_t k = rng_below(r, 12); k > 0; k--) {
			health_step(h, p, o);
			naive_step(n, p, o);
			check_against_naive(h, n, p);
		}
	}
	check_against_naive(h, n, p);
}

static void test_random_walk(void **state)
{
	struct health_params p = shapes[0];
	struct health h;
	struct naive n = { .s = HEALTH_UNKNOWN };
	struct rng r;

	rng_init(&r, 2);
	health_init(&h, &p, true);
	for (int i = 0; i < 1000000; i++)
		walk_step(&r, &h, &n, &p);
}

/* The edges of the diagram in core/health.h: from each state (row) to which (letters of
 * unknown, up, down, paused, disabled, removed). */
static const char *const edges[HEALTH_STATE_N] = {
	[HEALTH_UNKNOWN] = ".udPDR", [HEALTH_UP] = "U.dPDR",       [HEALTH_DOWN] = "Uu.PDR",
	[HEALTH_PAUSED] = "U...DR",  [HEALTH_DISABLED] = "U....R", [HEALTH_REMOVED] = "......",
};

typedef bool seen_edges[HEALTH_STATE_N][HEALTH_STATE_N];

/* Try everything on one (state, counter) and note where it leads. */
static void try_all(struct health from, const struct health_params *p, seen_edges seen)
{
	struct health_change ch;

	for (enum outcome o = 0; o < OUTCOME_N; o++) {
		struct health h = from;

		health_step(&h, p, o);
		seen[from.state][h.state] = true;
	}
	for (enum health_action a = 0; a < ACTION_N; a++) {
		struct health h = from;

		if (health_act(&h, p, a, &ch) == 0)
			seen[from.state][h.state] = true;
	}
	health_recheck(&from, p);
	seen[from.state][health_restart(&(struct health){ from.state, 0 }, p).to] = true;
}

static void test_edges_and_no_others(void **state)
{
	seen_edges seen = { 0 };

	for (size_t i = 0; i < N_SHAPES; i++)
		for (enum health_state s = 0; s < HEALTH_STATE_N; s++)
			for (int c = 0; c <= health_counter_max(&shapes[i]); c++)
				try_all((struct health){ s, c }, &shapes[i], seen);
	for (enum health_state a = 0; a < HEALTH_STATE_N; a++)
		for (enum health_state b = 0; b < HEALTH_STATE_N; b++)
			if (a != b)
				assert_int_equal(seen[a][b], edges[a][b] != '.');
}

static void test_actions(void **state)
{
	const struct health_params p = { .rise = 2, .fall = 3 };
	struct health h = { HEALTH_UP, 4 };
	struct health_change ch;

	assert_int_equal(health_act(&h, &p, ACTION_RESUME, &ch), 0);
	assert_false(ch.changed);
	assert_int_equal(h.counter, 4); /* a no-op touches nothing */
	assert_int_equal(health_act(&h, &p, ACTION_ENABLE, &ch), 0);
	assert_false(ch.changed);
	assert_int_equal(h.counter, 4);
	assert_int_equal(health_act(&h, &p, ACTION_PAUSE, &ch), 0);
	assert_true(ch.changed && ch.from == HEALTH_UP && ch.to == HEALTH_PAUSED);
	assert_int_equal(health_act(&h, &p, ACTION_PAUSE, &ch), 0);
	assert_false(ch.changed);
	assert_int_equal(health_act(&h, &p, ACTION_RESUME, &ch), 0);
	assert_true(ch.changed && ch.to == HEALTH_UNKNOWN);
	assert_int_equal(h.counter, 1);
	assert_int_equal(health_act(&h, &p, ACTION_DISABLE, &ch), 0);
	assert_int_equal(health_act(&h, &p, ACTION_PAUSE, &ch), -EPERM);
	assert_int_equal(health_act(&h, &p, ACTION_RESUME, &ch), -EPERM);
	assert_int_equal(h.state, HEALTH_DISABLED);
	assert_int_equal(health_act(&h, &p, ACTION_ENABLE, &ch), 0);
	assert_int_equal(h.state, HEALTH_UNKNOWN);
	assert_int_equal(health_act(&h, &p, ACTION_REMOVE, &ch), 0);
	for (enum health_action a = 0; a < ACTION_N; a++)
		assert_int_equal(health_act(&h, &p, a, &ch), -EPERM);
}

static void test_recheck_lets_the_next_verdict_decide(void **state)
{
	for (size_t i = 0; i < N_SHAPES; i++) {
		const struct health_params *p = &shapes[i];
		struct health up = { HEALTH_UP, 0 }, down = { HEALTH_DOWN, 0 };

		health_recheck(&up, p);
		health_recheck(&down, p);
		assert_int_equal(up.state, HEALTH_UP);
		assert_int_equal(up.counter, p->rise);
		assert_int_equal(down.state, HEALTH_DOWN);
		assert_int_equal(down.counter, p->rise - 1);
		assert_int_equal(health_step(&up, p, OUTCOME_FAIL).to, HEALTH_DOWN);
		assert_int_equal(health_step(&down, p, OUTCOME_PASS).to, HEALTH_UP);
	}
}

static void test_restart(void **state)
{
	const struct health_params p = { .rise = 4, .fall = 1 };

	for (enum health_state s = 0; s < HEALTH_STATE_N; s++) {
		struct health h = { s, 0 };
		bool stays = s == HEALTH_PAUSED || s == HEALTH_DISABLED || s == HEALTH_REMOVED;

		assert_int_equal(health_restart(&h, &p).to, stays ? s : HEALTH_UNKNOWN);
		assert_int_equal(h.counter, 3);
		assert_int_equal(health_probed(s), !stays);
	}
}

static void test_names(void **state)
{
	assert_string_equal(health_state_name(HEALTH_UNKNOWN), "unknown");
	assert_string_equal(health_state_name(HEALTH_REMOVED), "removed");
	assert_string_equal(health_state_name(HEALTH_STATE_N), "?");
	assert_string_equal(outcome_name(OUTCOME_INCONCLUSIVE), "inconclusive");
	assert_string_equal(outcome_name(OUTCOME_PASS), "pass");
	assert_string_equal(outcome_name(OUTCOME_FAIL), "fail");
	assert_string_equal(outcome_name(OUTCOME_N), "?");
	assert_string_equal(code_name(CODE_NONE), "");
	assert_string_equal(code_name(CODE_L7STS), "L7STS");
	assert_string_equal(code_name(CODE_N), "?");
}

/* The class can be told from the code's name. */
static void test_code_classes(void **state)
{
	for (enum code c = 0; c < CODE_N; c++) {
		const char *name = code_name(c);
		bool probe = name[0] == 'L' && name[1] >= '4' && name[1] <= '7';
		bool ok = strcmp(name, "STATIC") == 0 || (probe && strcmp(name + 2, "OK") == 0);
		enum outcome want = ok ? OUTCOME_PASS : probe ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE;

		assert_int_equal(code_outcome(c), want);
	}
	assert_int_equal(code_outcome(CODE_N), OUTCOME_INCONCLUSIVE);
}

static void test_programmer_errors(void **state)
{
	const struct health_params good = { 2, 3 };
	const struct health_params bad[] = { { 0, 1 }, { 1001, 1 }, { 1, 0 }, { 1, 1001 } };
	struct health h = { HEALTH_UP, 4 }, low = { HEALTH_UP, -1 }, high = { HEALTH_UP, 5 };
	struct health_change ch;

	assert_dies(health_init(&h, &bad[0], true));
	assert_dies(health_init(&h, &bad[1], true));
	assert_dies(health_init(&h, &bad[2], true));
	assert_dies(health_init(&h, &bad[3], true));
	assert_dies(health_step(&h, &good, OUTCOME_N));
	assert_dies(health_step(&low, &good, OUTCOME_PASS));
	assert_dies(health_step(&high, &good, OUTCOME_PASS));
	assert_dies(health_act(&h, &good, ACTION_N, &ch));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_rise_and_fall_in_a_row),
		cmocka_unit_test(test_one_opposite_result_costs_one),
		cmocka_unit_test(test_random_walk),
		cmocka_unit_test(test_edges_and_no_others),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_recheck_lets_the_next_verdict_decide),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_code_classes),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
