/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define BLOCK_SIZE (32u << 10)
#define ALIGNMENT  _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

static struct arena_block *block_new(size_t size)
{
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	return b;
}

/* A request larger than a block gets one of its own, put behind the head, so that the half-used
 * head goes on serving small ones. */
static void *alloc_large(struct arena *a, size_t size)
{
	struct arena_block *b = block_new(size);

	b->used = size;
	if (a->head) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		a->head = b;
	}
	return b->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	assert(size <= SIZE_MAX / 2);
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (size > BLOCK_SIZE / 4)
		return alloc_large(a, size);
	if (!a->head || a->head->size - a->head->used < size) {
		struct arena_block *b = block_new(BLOCK_SIZE);

		b->next = a->head;
		a->head = b;
	}

	void *p = a->head->data + a->head->used;

	a->head->used += size;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	assert(size == 0 || n <= SIZE_MAX / 2 / size);
	return arena_alloc(a, n * size);
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

void arena_done(struct arena *a)
{
	while (a->head) {
		struct arena_block *b = a->head;

		a->head = b->next;
		free(b);
	}
}
