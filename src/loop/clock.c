/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <time.h>

#include "loop/loop.h"

static int64_t clock_read(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0); /* both clocks always exist on Linux */
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

wall_ns loop_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

mono_ns loop_clock(void)
{
	return clock_read(CLOCK_MONOTONIC);
}
