/* SPDX-License-Identifier: Apache-2.0 */
/* base/list.h - intrusive circular doubly linked list with a head node. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
/* Is this (initialised or removed) node in a list? */
static inline bool list_linked(const struct list *n)
{
	return n->next && n->next != n;
}

static inline void list_add_tail(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* Unlink; the node is left initialised, so removing twice is harmless. */
static inline void list_remove(struct list *n)
{
	if (n->next) {
		n->prev->next = n->next;
		n->next->prev = n->prev;
	}
	list_init(n);
}

/* `n` may be removed inside the loop, nothing else. */
#define list_foreach(HEAD, N)                                                                      \
	for (struct list *N = (HEAD)->next, *N##_next_ = N->next; N != (HEAD);                     \
	     N = N##_next_, N##_next_ = N->next)
