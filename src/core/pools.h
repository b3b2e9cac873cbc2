/* SPDX-License-Identifier: Apache-2.0 */
/* core/pools.h - priority pools: from configured weights and health to effective weights (pure). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/health.h"

enum frontend_state { FRONTEND_UNKNOWN, FRONTEND_UP, FRONTEND_DOWN, FRONTEND_STATE_N };
const char *frontend_state_name(enum frontend_state s);

/* One backend of one pool; members of a frontend stand in pool order. */
struct pools_member {
	unsigned pool; /* 0 is the most preferred */
	int weight;    /* configured, 0..100 */
	enum health_state state;
};

struct pools_verdict {
	int weight; /* effective */
	bool flush; /* on the way to 0: make live flows move too */
};

struct pools_result {
	unsigned active_pool; /* 0 when no pool has a usable backend */
	enum frontend_state state;
};

/* Active pool: the first with a backend that is UP and has weight > 0; when none has, pool 0.
 * Effective weight: the configured one for an UP backend of the active pool, else 0. Flush: DOWN
 * follows flush_on_down, DISABLED and REMOVED always, all others never. State: UP when any
 * effective weight > 0, UNKNOWN when every backend is (and there is one), else DOWN. Writes n
 * verdicts. Never fails; O(n). */
struct pools_result pools_evaluate(const struct pools_member *m, size_t n, bool flush_on_down,
				   struct pools_verdict *ret);
