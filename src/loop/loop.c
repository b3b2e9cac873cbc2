/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: one epoll descriptor, one heap of timers, a list of deferred work.
 *
 * One turn is: wait, read the clock, run the descriptors' handlers, then the timers that are due,
 * then what was deferred. Descriptors come before timers on purpose: an answer that is there is
 * seen before the deadline that would deny it.
 *
 * Handlers may free any source at any time. epoll carries (generation, slot) instead of a pointer;
 * removing a source bumps its slot's generation, so events already fetched for it fall on nothing.
 * Registering costs one epoll_ctl and no allocation once the slots have grown to the peak. */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/internal.h"

/* Events fetched at once: large enough that the call itself is cheap per event, small enough that
 * timers are looked at often. */
#define LOOP_BATCH 256

/* ---- descriptors */

static uint32_t slot_take(struct loop *l, struct loop_io *io)
{
	uint32_t i;

	if (l->free_slot) {
		i = l->free_slot - 1;
		l->free_slot = l->slots.v[i].next_free;
	} else {
		assert(l->slots.n < UINT32_MAX);
		i = (uint32_t)l->slots.n;
		vec_push(&l->slots, ((struct loop_slot){ .generation = 1 }));
	}
	l->slots.v[i].io = io;
	return i;
}

static void slot_release(struct loop *l, uint32_t i)
{
	struct loop_slot *s = &l->slots.v[i];

	s->io = NULL;
	s->generation++;
	s->next_free = l->free_slot;
	l->free_slot = i + 1;
}

static struct loop_io *slot_find(struct loop *l, uint64_t key)
{
	uint32_t i = (uint32_t)key;

	if (i >= l->slots.n || l->slots.v[i].generation != (uint32_t)(key >> 32))
		return NULL;
	return l->slots.v[i].io;
}

int loop_io_add(struct loop *l, struct loop_io *io, int fd, uint32_t events, loop_io_fn *fn,
		void *ctx)
{
	uint32_t i;
	struct epoll_event ev;

	assert(!io->loop && fn);
	i = slot_take(l, io);
	ev = (struct epoll_event){ .events = events,
				   .data.u64 = (uint64_t)l->slots.v[i].generation << 32 | i };
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;

		slot_release(l, i);
		return r;
	}
	*io = (struct loop_io){
		.fd = fd, .fn = fn, .ctx = ctx, .generation = ev.data.u64, .loop = l
	};
	return 0;
}

int loop_io_mod(struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = io->generation };

	assert(io->loop);
	return epoll_ctl(io->loop->epfd, EPOLL_CTL_MOD, io->fd, &ev) < 0 ? -errno : 0;
}

void loop_io_forget(struct loop_io *io)
{
	if (!io->loop)
		return;
	assert(slot_find(io->loop, io->generation) == io);
	slot_release(io->loop, (uint32_t)io->generation);
	io->loop = NULL;
}

void loop_io_del(struct loop_io *io)
{
	if (!io->loop)
		return;
	(void)epoll_ctl(io->loop->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	loop_io_forget(io);
}

/* ---- deferred work */

void loop_defer_set(struct loop *l, struct loop_defer *d, loop_defer_fn *fn, void *ctx)
{
	assert(fn);
	d->fn = fn;
	d->ctx = ctx;
	if (!list_linked(&d->node))
		list_add_tail(&l->defers, &d->node);
}

void loop_defer_cancel(struct loop_defer *d)
{
	list_remove(&d->node);
}

static int defers_run(struct loop *l)
{
	struct list todo;
	int n = 0;

	if (list_empty(&l->defers))
		return 0;
	/* Move them all to a list of our own: what is set from here on waits for the next turn, and
	 * what is cancelled leaves this list too. */
	todo = l->defers;
	todo.next->prev = todo.prev->next = &todo;
	list_init(&l->defers);
	while (!list_empty(&todo)) {
		struct loop_defer *d = CONTAINER_OF(todo.next, struct loop_defer, node);

		list_remove(&d->node);
		d->fn(d->ctx);
		n++;
	}
	return n;
}

/* ---- waiting */

static dur_ns wait_for(struct loop *l, dur_ns max_wait)
{
	struct heap_node *n = heap_min(&l->timers);
	dur_ns until;

	if (!list_empty(&l->defers) || l->stopping)
		return 0;
	if (!n)
		return max_wait;
	until = n->at - loop_clock();
	until = MAX(until, 0); /* less than nothing would be for ever */
	return max_wait < 0 ? until : MIN(until, max_wait);
}

static int wait_ms(dur_ns d)
{
	if (d < 0)
		return -1;
	return (int)MIN((d + NS_PER_MS - 1) / NS_PER_MS, (dur_ns)INT_MAX);
}

/* epoll_wait knows milliseconds alone; rounded up, every timer would be half of one late. */
static int events_fetch(struct loop *l, struct epoll_event *ev, dur_ns wait)
{
	if (wait > 0 && !l->no_pwait2) {
		struct timespec ts = { .tv_sec = wait / NS_PER_S, .tv_nsec = wait % NS_PER_S };
		int n = (int)syscall(SYS_epoll_pwait2, l->epfd, ev, LOOP_BATCH, &ts, NULL, 0);

		if (n >= 0 || errno == EINTR)
			return n;
		l->no_pwait2 = true; /* Linux before 5.11, or a filter that does not know it */
	}
	return epoll_wait(l->epfd, ev, LOOP_BATCH, wait_ms(wait));
}

int loop_turn(struct loop *l, dur_ns max_wait)
{
	struct epoll_event ev[LOOP_BATCH];
	int n = events_fetch(l, ev, wait_for(l, max_wait)), done = 0;

	assert(n >= 0 || errno == EINTR);
	l->now = loop_clock();
	for (int i = 0; i < n; i++) {
		struct loop_io *io = slot_find(l, ev[i].data.u64);

		if (!io)
			continue;
		io->fn(io->ctx, ev[i].events);
		done++;
	}
	done += loop_timers_fire_(l);
	return done + defers_run(l);
}

int loop_run(struct loop *l)
{
	while (!l->stopping)
		loop_turn(l, -1);
	l->stopping = false;
	return l->code;
}

void loop_stop(struct loop *l, int code)
{
	l->stopping = true;
	l->code = code;
}

/* ---- from other threads */

void loop_wake(struct loop *l)
{
	uint64_t one = 1;

	/* EAGAIN means that it is awake 2^64 times over. */
	(void)!write(l->wake_fd, &one, sizeof one);
}

void loop_stop_async(struct loop *l, int code)
{
	atomic_store(&l->code_async, code);
	atomic_store(&l->stop_async, true);
	loop_wake(l);
}

static void woken(void *ctx, uint32_t events _unused_)
{
	struct loop *l = ctx;
	uint64_t drained;

	(void)!read(l->wake_fd, &drained, sizeof drained);
	if (atomic_exchange(&l->stop_async, false))
		loop_stop(l, atomic_load(&l->code_async));
}

/* ---- life */

struct loop *loop_new(void)
{
	struct loop *l = XNEW(struct loop);
	int r;

	list_init(&l->defers);
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(l->epfd >= 0 && l->wake_fd >= 0);
	r = loop_io_add(l, &l->wake_io, l->wake_fd, EPOLLIN, woken, l);
	assert(r == 0);
	l->now = loop_clock();
	return l;
}

void loop_own_fds(const struct loop *l, int ret_fds[static LOOP_OWN_FDS])
{
	ret_fds[0] = l->epfd;
	ret_fds[1] = l->wake_fd;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_signals_done_(l);
	/* Sources still registered belong to parts that are torn down after us: their loop_io_del
	 * becomes a no-op. */
	for (size_t i = 0; i < l->slots.n; i++)
		if (l->slots.v[i].io)
			l->slots.v[i].io->loop = NULL;
	close(l->wake_fd);
	close(l->epfd);
	vec_done(&l->slots);
	heap_done(&l->timers);
	free(l);
}

mono_ns loop_now(const struct loop *l)
{
	return l->now;
}

mono_ns loop_now_fresh(struct loop *l)
{
	return l->now = loop_clock();
}
