/* SPDX-License-Identifier: Apache-2.0 */
/* A backend's health: the functions that decide, and nothing that acts.
 *
 * The whole memory of a backend is its state and one counter. While it is probed:
 *
 *   counter   0 ... rise-1 | rise ... rise+fall-1
 *   state         DOWN     |         UP            (UNKNOWN stands at rise-1, unsettled)
 *
 * A result moves the counter by one; crossing the bar makes the transition and takes the counter to
 * the far end, so that the way back is always the full `rise` or `fall`. From UNKNOWN one result is
 * enough. The callers (the main loop only) log, publish and re-plan on `changed`. */
#include "core/health.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"

static void check_params(const struct health_params *p)
{
	assert(p->rise >= 1 && p->rise <= HEALTH_RISE_FALL_MAX);
	assert(p->fall >= 1 && p->fall <= HEALTH_RISE_FALL_MAX);
}

/* The one place where the state is written. */
static struct health_change enter(struct health *h, enum health_state to)
{
	struct health_change c = { .from = h->state, .to = to, .changed = h->state != to };

	h->state = to;
	return c;
}

static struct health_change enter_unknown(struct health *h, const struct health_params *p)
{
	h->counter = p->rise - 1;
	return enter(h, HEALTH_UNKNOWN);
}

void health_init(struct health *h, const struct health_params *p, bool enabled)
{
	check_params(p);
	h->state = enabled ? HEALTH_UNKNOWN : HEALTH_DISABLED;
	h->counter = p->rise - 1;
}

static struct health_change pass(struct health *h, const struct health_params *p)
{
	int max = health_counter_max(p);

	if (h->counter < max)
		h->counter++;
	if (h->state == HEALTH_UP || (h->state == HEALTH_DOWN && h->counter < p->rise))
		return enter(h, h->state);
	h->counter = max;
	return enter(h, HEALTH_UP);
}

static struct health_change fail(struct health *h, const struct health_params *p)
{
	if (h->counter > 0)
		h->counter--;
	if (h->state == HEALTH_DOWN || (h->state == HEALTH_UP && h->counter >= p->rise))
		return enter(h, h->state);
	h->counter = 0;
	return enter(h, HEALTH_DOWN);
}

struct health_change health_step(struct health *h, const struct health_params *p, enum outcome o)
{
	check_params(p);
	assert(o < OUTCOME_N);
	if (!health_probed(h->state) || o == OUTCOME_INCONCLUSIVE)
		return enter(h, h->state);
	assert(h->counter >= 0 && h->counter <= health_counter_max(p));
	return o == OUTCOME_PASS ? pass(h, p) : fail(h, p);
}

int health_act(struct health *h, const struct health_params *p, enum health_action a,
	       struct health_change *ret)
{
	enum health_state s = h->state;

	check_params(p);
	assert(a < ACTION_N);
	if (s == HEALTH_REMOVED)
		return -EPERM;
	if (s == HEALTH_DISABLED && (a == ACTION_PAUSE || a == ACTION_RESUME))
		return -EPERM;
	if (a == ACTION_PAUSE)
		*ret = enter(h, HEALTH_PAUSED);
	else if (a == ACTION_DISABLE)
		*ret = enter(h, HEALTH_DISABLED);
	else if (a == ACTION_REMOVE)
		*ret = enter(h, HEALTH_REMOVED);
	else if (s == (a == ACTION_RESUME ? HEALTH_PAUSED : HEALTH_DISABLED))
		*ret = enter_unknown(h, p);
	else
		*ret = enter(h, s); /* resume and enable of what runs already */
	return 0;
}

void health_recheck(struct health *h, const struct health_params *p)
{
	check_params(p);
	h->counter = h->state == HEALTH_UP ? p->rise : p->rise - 1;
}

struct health_change health_restart(struct health *h, const struct health_params *p)
{
	check_params(p);
	if (health_probed(h->state))
		return enter_unknown(h, p);
	h->counter = p->rise - 1;
	return enter(h, h->state);
}

bool health_probed(enum health_state s)
{
	return s == HEALTH_UNKNOWN || s == HEALTH_UP || s == HEALTH_DOWN;
}

static const char *const state_names[] = {
	[HEALTH_UNKNOWN] = "unknown",   [HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",         [HEALTH_PAUSED] = "paused",
	[HEALTH_DISABLED] = "disabled", [HEALTH_REMOVED] = "removed",
};
_Static_assert(ARRAY_LEN(state_names) == HEALTH_STATE_N, "a name for every state");

static const char *const outcome_names[] = {
	[OUTCOME_INCONCLUSIVE] = "inconclusive",
	[OUTCOME_PASS] = "pass",
	[OUTCOME_FAIL] = "fail",
};
_Static_assert(ARRAY_LEN(outcome_names) == OUTCOME_N, "a name for every outcome");

static const struct {
	const char *name;
	enum outcome outcome;
} codes[] = {
	[CODE_NONE] = { "", OUTCOME_INCONCLUSIVE },
	[CODE_L4OK] = { "L4OK", OUTCOME_PASS },
	[CODE_L4CON] = { "L4CON", OUTCOME_FAIL },
	[CODE_L4TOUT] = { "L4TOUT", OUTCOME_FAIL },
	[CODE_L6OK] = { "L6OK", OUTCOME_PASS },
	[CODE_L6RSP] = { "L6RSP", OUTCOME_FAIL },
	[CODE_L6TOUT] = { "L6TOUT", OUTCOME_FAIL },
	[CODE_L7OK] = { "L7OK", OUTCOME_PASS },
	[CODE_L7STS] = { "L7STS", OUTCOME_FAIL },
	[CODE_L7RSP] = { "L7RSP", OUTCOME_FAIL },
	[CODE_L7TOUT] = { "L7TOUT", OUTCOME_FAIL },
	[CODE_LOCAL] = { "LOCAL", OUTCOME_INCONCLUSIVE },
	[CODE_STATIC] = { "STATIC", OUTCOME_PASS },
	[CODE_PAUSED] = { "paused", OUTCOME_INCONCLUSIVE },
	[CODE_RESUMED] = { "resumed", OUTCOME_INCONCLUSIVE },
	[CODE_DISABLED] = { "disabled", OUTCOME_INCONCLUSIVE },
	[CODE_ENABLED] = { "enabled", OUTCOME_INCONCLUSIVE },
	[CODE_REMOVED] = { "removed", OUTCOME_INCONCLUSIVE },
	[CODE_RELOAD] = { "reload", OUTCOME_INCONCLUSIVE },
};
_Static_assert(ARRAY_LEN(codes) == CODE_N, "a row for every code");

enum outcome code_outcome(enum code c)
{
	return c < CODE_N ? codes[c].outcome : OUTCOME_INCONCLUSIVE;
}

const char *health_state_name(enum health_state s)
{
	return s < HEALTH_STATE_N ? state_names[s] : "?";
}

const char *outcome_name(enum outcome o)
{
	return o < OUTCOME_N ? outcome_names[o] : "?";
}

const char *code_name(enum code c)
{
	return c < CODE_N ? codes[c].name : "?";
}
