/* SPDX-License-Identifier: Apache-2.0 */
/* core/health.h - a backend's health (pure: no I/O, no clock, no log).
 *
 *             pass                    fail
 *   DOWN <------------- UNKNOWN -------------> ... (first verdict decides at once)
 *
 *   UNKNOWN --pass--> UP                UNKNOWN --fail--> DOWN
 *   UP --counter falls under rise--> DOWN    DOWN --counter reaches rise--> UP
 *   UNKNOWN, UP, DOWN --pause--> PAUSED      PAUSED --resume--> UNKNOWN
 *   any but REMOVED --disable--> DISABLED    DISABLED --enable--> UNKNOWN
 *   any --remove--> REMOVED
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

enum outcome { OUTCOME_INCONCLUSIVE, OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_N };

/* Why a probe ended as it did, or why a state changed without one. The text form is what YAML-side
 * people see everywhere: log, gRPC, metrics, CLI. */
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

struct health_params {
	int rise, fall; /* 1..1000 each */
};

struct health {
	enum health_state state;
	int counter; /* [0, rise + fall - 1] */
};

/* What one step did. `changed` is from != to. */
struct health_change {
	enum health_state from, to;
	bool changed;
};

/* A new backend: UNKNOWN with counter rise-1, or DISABLED. */
void health_init(struct health *h, const struct health_params *p, bool enabled);

/* Feed one probe outcome. Inconclusive ones, and any in PAUSED, DISABLED or REMOVED, change
 * nothing. Never fails. */
struct health_change health_step(struct health *h, const struct health_params *p, enum outcome o);

/* An operator's (or the reload's) action. 0: done, or already so (then !changed).
 * -EPERM: pause or resume of a disabled backend, or anything on a removed one; nothing changed. */
int health_act(struct health *h, const struct health_params *p, enum health_action a,
	       struct health_change *ret);

/* The check changed under a backend that keeps its address: the state stays, the counter goes to
 * the boundary (rise when UP, rise-1 otherwise), so that the next verdict decides. */
void health_recheck(struct health *h, const struct health_params *p);

/* The address changed: UNKNOWN again, unless paused or disabled (those survive). */
struct health_change health_restart(struct health *h, const struct health_params *p);

/* Is it being probed in this state? */
bool health_probed(enum health_state s);

enum outcome code_outcome(enum code c); /* class of a probe code; INCONCLUSIVE for the others */
const char *health_state_name(enum health_state s);
const char *outcome_name(enum outcome o); /* "inconclusive", "pass", "fail" */
const char *code_name(enum code c);
const char *code_text(enum code c); /* a sentence, for documents and help */
int health_state_parse(const char *name, enum health_state *ret); /* 0 or -EINVAL */
