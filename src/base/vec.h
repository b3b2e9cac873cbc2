/* SPDX-License-Identifier: Apache-2.0 */
/* base/vec.h - a growable array of any type: `VEC(struct foo) foos = {0}; vec_push(&foos, x);` */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define VEC(T)                                                                                     \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n, cap;                                                                     \
	}

/* Make room for `need` elements; returns the (moved) array. Internal to the macros. */
void *vec_grow_(void *v, size_t elem, size_t *cap, size_t need);

#define vec_reserve(V, NEED) ((V)->v = vec_grow_((V)->v, sizeof *(V)->v, &(V)->cap, (NEED)))
/* Exactly as much room: for small arrays of which there are many. */
#define vec_fit(V, NEED)                                                                           \
	((V)->cap >= (NEED) ? (void)0                                                              \
			    : (void)((V)->v = xreallocarray((V)->v, (NEED), sizeof *(V)->v),       \
				     (V)->cap = (NEED)))
#define vec_push(V, X) (vec_reserve((V), (V)->n + 1), (V)->v[(V)->n++] = (X))
/* Append a zeroed element and give its address (valid until the next growth). */
#define vec_add(V)                                                                                 \
	(vec_reserve((V), (V)->n + 1), memset(&(V)->v[(V)->n], 0, sizeof *(V)->v),                 \
	 &(V)->v[(V)->n++])
#define vec_clear(V) ((V)->n = 0)
#define vec_done(V)  (free((V)->v), (V)->v = NULL, (V)->n = (V)->cap = 0)
