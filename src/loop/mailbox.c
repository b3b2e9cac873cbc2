/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes: the only way into a loop from another thread.
 *
 * The eventfd is registered edge-triggered and (but for an overflow) never read: every write is an
 * edge of its own, so a wake-up costs one system call on the sender's side and none on ours. A
 * sender writes only when it found the queue empty; the receiver takes the whole queue at once. A
 * message put in after that finds the queue empty again and so writes: none is ever left behind. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/mailbox.h"

struct mailbox {
	pthread_mutex_t lock;
	struct mail *head, **tail; /* under lock */

	int fd;
	struct loop_io io;
	mailbox_fn *fn;
	void *ctx;
	bool delivering; /* the loop's thread alone */
};

static struct mail *mailbox_take(struct mailbox *mb)
{
	struct mail *m;

	pthread_mutex_lock(&mb->lock);
	m = mb->head;
	mb->head = NULL;
	mb->tail = &mb->head;
	pthread_mutex_unlock(&mb->lock);
	return m;
}

static void mailbox_ready(void *ctx, uint32_t events _unused_)
{
	struct mailbox *mb = ctx;

	mb->delivering = true;
	for (struct mail *m = mailbox_take(mb), *next; m; m = next) {
		next = m->next;
		m->next = NULL;
		mb->fn(mb->ctx, m);
	}
	mb->delivering = false;
}

void mailbox_look(struct mailbox *mb)
{
	assert(!mb->delivering);
	mailbox_ready(mb, 0);
}

struct mailbox *mailbox_new(struct loop *l, mailbox_fn *fn, void *ctx)
{
	struct mailbox *mb = XNEW(struct mailbox);
	int r;

	assert(fn);
	pthread_mutex_init(&mb->lock, NULL);
	mb->tail = &mb->head;
	mb->fn = fn;
	mb->ctx = ctx;
	mb->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(mb->fd >= 0); /* made at start, when descriptors are plenty */
	r = loop_io_add(l, &mb->io, mb->fd, EPOLLIN | EPOLLET, mailbox_ready, mb);
	assert(r == 0);
	return mb;
}

void mailbox_free(struct mailbox *mb, mailbox_fn *drop, void *ctx)
{
	if (!mb)
		return;
	assert(!mb->delivering);
	loop_io_del(&mb->io);
	close(mb->fd);
	for (struct mail *m = mailbox_take(mb), *next; m; m = next) {
		next = m->next;
		m->next = NULL;
		if (drop)
			drop(ctx, m);
	}
	pthread_mutex_destroy(&mb->lock);
	free(mb);
}

static void mailbox_wake(struct mailbox *mb)
{
	uint64_t one = 1;

	while (write(mb->fd, &one, sizeof one) < 0) {
		uint64_t drained;

		/* EAGAIN: 2^64-1 wake-ups went unread; reading makes room for this one. */
		assert(errno == EAGAIN || errno == EINTR);
		if (errno == EAGAIN)
			(void)!read(mb->fd, &drained, sizeof drained);
	}
}

void mailbox_post(struct mailbox *mb, struct mail *m)
{
	bool was_empty;

	m->next = NULL;
	pthread_mutex_lock(&mb->lock);
	was_empty = !mb->head;
	*mb->tail = m;
	mb->tail = &m->next;
	/* Written under the lock: once the message is out of reach of the lock, its receiver may
	 * free the mailbox (a last message often says so). */
	if (was_empty)
		mailbox_wake(mb);
	pthread_mutex_unlock(&mb->lock);
}

int mailbox_own_fd(const struct mailbox *mb)
{
	return mb->fd;
}
