/* SPDX-License-Identifier: Apache-2.0 */
/* core/health.h - a backend's health (pure: no I/O, no clock, no log).
 *
 *                       pass  +------+  pause
 *               +------------>|  UP  |----------+
 *               |             +------+          |
 *               |     rise     ^    |  fall     |
 *               |   passes in  |    |  failures |
 *               |    a row     |    v  in a row v
 *          +---------+  fail  +------+ pause +--------+
 *   new -->| UNKNOWN |------->| DOWN |------>| PAUSED |
 *          +---------+        +------+       +--------+
 *            ^  ^ ^ |                           ^ |
 *            |  | | +---------- pause ----------+ |
 *            |  | +------------ resume -----------+
 *            |  +-------------- restart ------------------ UP, DOWN
 *     enable |
 *          +----------+
 *   new -->| DISABLED |<------- disable ------------------ UNKNOWN, UP, DOWN, PAUSED
 *          +----------+
 *          +---------+
 *          | REMOVED |<-------- remove ------------------- all the others; nothing leaves it
 *          +---------+
 *
 * A restart is a changed address. There are no other edges, and the tests say so.
 *
 * One integer counter in [0, rise + fall - 1] carries rise and fall (HAProxy's model): a settled UP
 * stands at the maximum and needs `fall` failures in a row, a settled DOWN stands at 0 and needs
 * `rise` passes; one opposite result moves it back by one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum health_state {
	HEALTH_UNKNOWN, /* zero: nothing is known yet */
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_PAUSED,
	HEALTH_DISABLED,
	HEALTH_REMOVED,
	HEALTH_STATE_N
};

/* Inconclusive is our own trouble (no descriptors, no permission, a late timer): it says nothing
 * about the backend. */
enum outcome { OUTCOME_INCONCLUSIVE, OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_N };

/* Why a probe ended as it did, or why a state changed without one. The name is the same
 * everywhere: log, gRPC, metrics, CLI. */
enum code {
	CODE_NONE, /* "" */
	CODE_L4OK,
	CODE_L4CON,
	CODE_L4TOUT,
	CODE_L6OK,
	CODE_L6RSP,
	CODE_L6TOUT,
	CODE_L7OK,
	CODE_L7STS,
	CODE_L7RSP,
	CODE_L7TOUT,
	CODE_LOCAL,
	CODE_STATIC,
	CODE_PAUSED, /* from here on: transitions without a probe */
	CODE_RESUMED,
	CODE_DISABLED,
	CODE_ENABLED,
	CODE_REMOVED,
	CODE_RELOAD,
	CODE_N
};

enum health_action {
	ACTION_PAUSE,
	ACTION_RESUME,
	ACTION_DISABLE,
	ACTION_ENABLE,
	ACTION_REMOVE,
	ACTION_N
};

#define HEALTH_RISE_FALL_MAX 1000

struct health_params {
	int rise, fall; /* 1..HEALTH_RISE_FALL_MAX each; anything else asserts */
};

/* The counter's upper end: a settled UP. */
static inline int health_counter_max(const struct health_params *p)
{
	return p->rise + p->fall - 1;
}

struct health {
	enum health_state state;
	int counter; /* [0, rise + fall - 1] */
};

/* What one step did. `changed` is from != to. */
struct health_change {
	enum health_state from, to;
	bool changed;
};

/* A new backend: UNKNOWN, or DISABLED; the counter at rise-1. */
void health_init(struct health *h, const struct health_params *p, bool enabled);

/* Feed one probe outcome. Inconclusive ones, and any in PAUSED, DISABLED or REMOVED, change
 * nothing. The counter must lie within the bounds of `p` (asserted): after new parameters, call
 * health_recheck first. Never fails. */
struct health_change health_step(struct health *h, const struct health_params *p, enum outcome o);

/* An operator's (or the reload's) action. 0: done, or already so (then !ret->changed). RESUME of
 * what is not paused and ENABLE of what is not disabled are "already so".
 * -EPERM: pause or resume of a disabled backend, or anything on a removed one; nothing changed and
 * *ret untouched. */
int health_act(struct health *h, const struct health_params *p, enum health_action a,
	       struct health_change *ret);

/* The check changed under a backend that keeps its address: the state stays, the counter goes to
 * the boundary (rise when UP, rise-1 otherwise), so that the next verdict decides. */
void health_recheck(struct health *h, const struct health_params *p);

/* The address changed: UNKNOWN again, unless paused, disabled or removed (those survive); the
 * counter at rise-1. */
struct health_change health_restart(struct health *h, const struct health_params *p);

/* Is it being probed in this state? */
bool health_probed(enum health_state s);

/* Names of a value outside the enum: "?". */

enum outcome code_outcome(enum code c); /* class of a probe code; INCONCLUSIVE for the others */
const char *health_state_name(enum health_state s); /* "unknown", "up", "down", "paused", ... */
const char *outcome_name(enum outcome o);           /* "inconclusive", "pass", "fail" */
const char *code_name(enum code c);                 /* "L4OK", "paused", ...; "" for CODE_NONE */
