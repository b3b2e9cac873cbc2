/* SPDX-License-Identifier: Apache-2.0 */
/* loop/internal.h - what the files of loop/ share; nobody else includes it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/vec.h"
#include "loop/loop.h"

struct signal_source;

/* One registered descriptor. The kernel hands back (generation << 32 | slot), never a pointer, so
 * that an event fetched for a source that was freed meanwhile touches nothing of it. */
struct loop_slot {
	struct loop_io *io; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* slot + 1; 0: end of the free list */
};

struct loop {
	int epfd;
	mono_ns now;
	struct heap timers;
	bool firing; /* inside loop_timers_fire_ */

	VEC(struct loop_slot) slots;
	uint32_t free_slot; /* slot + 1; 0: none */

	struct list defers;
	struct signal_source *signals;

	struct loop_io wake_io;
	int wake_fd;

	bool stopping;
	int code;
	_Atomic bool stop_async;
	_Atomic int code_async;
	bool no_pwait2; /* the kernel (or a seccomp filter) does not have epoll_pwait2 */
};

int loop_timers_fire_(struct loop *l);   /* all that are due at l->now; how many */
void loop_signals_done_(struct loop *l); /* closes every signalfd */
