/* SPDX-License-Identifier: Apache-2.0 */
/* loop/loop.h - an event loop: descriptors, timers, signals, and messages from other threads.
 *
 * One loop belongs to one thread: everything here but mailbox_post, loop_wake and loop_stop_async
 * is called on it. `now` is read once per wake-up, so that all handlers of one turn agree on it.
 * Timers fire in order of (deadline, insertion). A handler may free its own or any other source:
 * events already fetched for a freed source are dropped. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/heap.h"
#include "base/list.h"

struct loop;

struct loop *loop_new(void); /* aborts only when descriptors run out at start */
/* Sources still registered are detached (their loop_io_del becomes a no-op); timers and deferred
 * work are dropped. Not from a handler. NULL is fine. */
void loop_free(struct loop *l);
int loop_run(struct loop *l); /* until loop_stop; returns its code */
/* Leave loop_run after this turn (or, called outside of it, before the next one's wait). */
void loop_stop(struct loop *l, int code);
/* From any thread, or a signal handler: as loop_stop; and: end the present wait. */
void loop_stop_async(struct loop *l, int code);
void loop_wake(struct loop *l);
/* The descriptors that it needs for itself, whatever is registered: of epoll and of loop_wake. */
#define LOOP_OWN_FDS 2
void loop_own_fds(const struct loop *l, int ret_fds[static LOOP_OWN_FDS]);
/* One turn: wait at most `max_wait` (<0: for ever, 0: poll), dispatch descriptors, then timers that
 * are due, then deferred work; returns the number of handlers run. */
int loop_turn(struct loop *l, dur_ns max_wait);
mono_ns loop_now(const struct loop *l); /* CLOCK_MONOTONIC at the last wake-up */
mono_ns loop_now_fresh(struct loop *l); /* reads the clock and refreshes loop_now */
wall_ns loop_wall(void);                /* CLOCK_REALTIME, now */
mono_ns loop_clock(void);               /* CLOCK_MONOTONIC, now; any thread */

/* ---- descriptors */
typedef void loop_io_fn(void *ctx, uint32_t epoll_events);
struct loop_io { /* embed; owned by the caller, who must keep it until loop_io_del */
	int fd;
	loop_io_fn *fn;
	void *ctx;
	uint64_t generation; /* guards against stale events; internal */
	struct loop *loop;   /* NULL when not registered */
};
/* Register with these EPOLL* bits (EPOLLET included when wanted). 0 or -errno. The fd stays the
 * caller's. */
int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events, loop_io_fn *fn,
		void *ctx);
int loop_io_mod(struct loop_io *io, uint32_t events);
void loop_io_del(struct loop_io *io); /* before close(fd); no-op when not registered */
/* Same, for a descriptor that is closed right away (the kernel drops the registration with it). */
void loop_io_forget(struct loop_io *io);

/* ---- timers: one-shot; re-arm inside the handler for a period. One that a handler arms for the
 * past fires in the next turn, after all that were due before. */
struct timer;
typedef void timer_fn(void *ctx, struct timer *t);
struct timer { /* embed; {0} is disarmed */
	struct heap_node node;
	timer_fn *fn;
	void *ctx;
};
void timer_set(struct loop *l, struct timer *t, mono_ns at, timer_fn *fn,
	       void *ctx);                          /* or moves it */
void timer_cancel(struct loop *l, struct timer *t); /* no-op when disarmed */
mono_ns loop_next_timer(const struct loop *l); /* when the earliest is due; INT64_MAX: none armed */
static inline bool timer_armed(const struct timer *t)
{
	return heap_has(&t->node);
}

/* ---- signals through a signalfd. Blocks them for the calling thread (and the threads it starts
 * later); they stay blocked after loop_free. 0 or -errno; may be called several times. */
typedef void loop_signal_fn(void *ctx, int signo);
int loop_signals(struct loop *l, const int *signos, int n, loop_signal_fn *fn, void *ctx);

/* ---- deferred work: runs once at the end of this turn, or the next when posted from there */
struct loop_defer;
typedef void loop_defer_fn(void *ctx);
struct loop_defer { /* embed; {0} is idle; setting it twice runs it once */
	struct list node;
	loop_defer_fn *fn;
	void *ctx;
};
void loop_defer_set(struct loop *l, struct loop_defer *d, loop_defer_fn *fn, void *ctx);
void loop_defer_cancel(struct loop_defer *d);
