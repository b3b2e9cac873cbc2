/* SPDX-License-Identifier: Apache-2.0 */
/* loop/mailbox.h - messages into a loop from any thread.
 *
 * A lock-protected queue and one eventfd; posts that find the queue non-empty do not write the
 * eventfd again, so a burst costs one wake-up. Messages come out in the order they went in (per
 * sender, and overall in order of the lock). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

struct mail { /* embed at the front of a message */
	struct mail *next;
};

struct mailbox;
/* Called on the loop's thread once per message; the message is the handler's now. */
typedef void mailbox_fn(void *ctx, struct mail *m);

struct mailbox *mailbox_new(struct loop *l, mailbox_fn *fn, void *ctx);
/* No sender may be left. Undelivered messages are handed to `drop` (may be NULL) one by one. */
void mailbox_free(struct mailbox *mb, mailbox_fn *drop, void *ctx);
/* Any thread; never blocks for long, never fails. Takes the message. */
void mailbox_post(struct mailbox *mb, struct mail *m);
/* Deliver what is there, whether or not anybody was woken for it. On the loop's thread, not from
 * the mailbox's own handler. */
void mailbox_look(struct mailbox *mb);
/* The descriptor that senders write to, for a thread with a descriptor table of its own. */
int mailbox_own_fd(const struct mailbox *mb);
