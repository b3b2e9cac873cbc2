/* SPDX-License-Identifier: Apache-2.0 */
/* Time for the tests of this directory: it stands still while there is anything to do, and jumps to
 * the next timer when there is not. So nothing here depends on how fast the machine is, and an hour
 * of waiting takes no time.
 *
 * The linker puts these two functions in place of the loop's own (--wrap, see meson.build), in the
 * code under test as well. That "nothing to do" can be known rests on everything being in this one
 * thread: what one end of a socket writes is there at once for the other. */
#include <assert.h>

#include "loop/internal.h"
#include "loop/loop.h"

mono_ns __wrap_loop_clock(void);
int __wrap_loop_turn(struct loop *l, dur_ns max_wait);
int __real_loop_turn(struct loop *l, dur_ns max_wait);

static mono_ns now = 1000 * NS_PER_S; /* since boot, like the real one */

mono_ns __wrap_loop_clock(void)
{
	return now;
}

int __wrap_loop_turn(struct loop *l, dur_ns max_wait)
{
	int done = __real_loop_turn(l, 0);
	const struct heap_node *next = heap_min(&l->timers);
	mono_ns at = next ? next->at : INT64_MAX;

	if (done > 0 || max_wait == 0)
		return done;
	if (max_wait > 0 && at - now > max_wait)
		at = now + max_wait;
	assert(at < INT64_MAX); /* or it would never return */
	if (at > now)
		now = at;
	return __real_loop_turn(l, 0);
}
