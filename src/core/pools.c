/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pools.h"

#include <assert.h>
#include <limits.h>

#include "base/alloc.h"

static const char *const state_names[] = {
	[FRONTEND_UNKNOWN] = "unknown",
	[FRONTEND_UP] = "up",
	[FRONTEND_DOWN] = "down",
};
_Static_assert(ARRAY_LEN(state_names) == FRONTEND_STATE_N, "a name for every state");

const char *frontend_state_name(enum frontend_state s)
{
	return s < FRONTEND_STATE_N ? state_names[s] : "?";
}

static bool usable(const struct pools_member *m)
{
	return m->state == HEALTH_UP && m->weight > 0;
}

/* The most preferred pool that can serve; UINT_MAX when none can. */
static unsigned serving_pool(const struct pools_member *m, size_t n)
{
	unsigned best = UINT_MAX;

	for (size_t i = 0; i < n; i++)
		if (m[i].pool < best && usable(&m[i]))
			best = m[i].pool;
	return best;
}

/* Should live flows leave a backend in this state, when its weight goes to 0? Not those of a
 * paused or unknown one: it may well be alive. Not those of a drained standby: it is. */
static bool flushes(enum health_state s, bool flush_on_down)
{
	if (s == HEALTH_DOWN)
		return flush_on_down;
	return s == HEALTH_DISABLED || s == HEALTH_REMOVED;
}

struct pools_result pools_evaluate(const struct pools_member *m, size_t n, bool flush_on_down,
				   struct pools_verdict *ret)
{
	unsigned serving = serving_pool(m, n);
	size_t n_unknown = 0;

	for (size_t i = 0; i < n; i++) {
		bool serves = m[i].pool == serving && usable(&m[i]);

		assert(m[i].pool != UINT_MAX && m[i].state < HEALTH_STATE_N);
		ret[i] = (struct pools_verdict){
			.weight = serves ? m[i].weight : 0,
			.flush = flushes(m[i].state, flush_on_down),
		};
		n_unknown += m[i].state == HEALTH_UNKNOWN;
	}
	if (serving != UINT_MAX)
		return (struct pools_result){ .active_pool = serving, .state = FRONTEND_UP };
	if (n > 0 && n_unknown == n)
		return (struct pools_result){ .state = FRONTEND_UNKNOWN };
	return (struct pools_result){ .state = FRONTEND_DOWN };
}
