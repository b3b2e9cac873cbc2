/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena.h - memory that is freed all at once: for building one answer and throwing it away. */
#pragma once

#include <stddef.h>

struct arena_block;
struct arena { /* {0} is empty; not thread-safe */
	struct arena_block *head;
};

/* Zeroed, aligned for any type, never NULL; lives until arena_done. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
void arena_done(struct arena *a); /* back to {0} */

#define ARENA_NEW(A, T)      ((T *)arena_alloc((A), sizeof(T)))
#define ARENA_ARRAY(A, N, T) ((T *)arena_array((A), (N), sizeof(T)))
