/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/slots.h - which indices of an array are taken, with VPP's habits.
 *
 * VPP keeps its objects in pools (src/vppinfra/pool.h): an index is stable, the index freed last is
 * given out first, and walking goes by index. All three can be seen from outside: in the order of
 * dumps, and in the VIP's index that counters are kept under. The elements themselves are the
 * owner's, in an array beside this. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct slots {              /* {0} is empty */
	VEC(uint32_t) free; /* a stack */
	VEC(bool) used;
};

uint32_t slots_get(struct slots *s);         /* the index freed last, or a new one at the end */
void slots_put(struct slots *s, uint32_t i); /* must be taken (asserted) */
bool slots_used(const struct slots *s, uint32_t i); /* false beyond the end too */
uint32_t slots_len(const struct slots *s);          /* one more than the highest index ever given */
uint32_t slots_count(const struct slots *s);        /* how many are taken */
uint32_t slots_next(const struct slots *s, uint32_t i); /* first taken one >= i, or slots_len */
void slots_done(struct slots *s);

/* Walk the taken indices upwards. The body may put the index it is at. */
/* NOLINTBEGIN(bugprone-macro-parentheses): I is a name to declare */
#define slots_foreach(S, I)                                                                        \
	for (uint32_t I = slots_next((S), 0); I < slots_len(S); I = slots_next((S), I + 1))
/* NOLINTEND(bugprone-macro-parentheses) */
