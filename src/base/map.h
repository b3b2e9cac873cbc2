/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.h - hash map from byte strings to pointers.
 *
 * Keys are borrowed: they must live, unchanged, as long as the entry (put them inside the value).
 * Not thread-safe. Iteration order is unspecified; sort where an order is promised. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;
struct map { /* {0} is an empty map */
	struct map_slot *slots;
	size_t n, cap, tombs;
	uint64_t seed; /* drawn when the first entry goes in */
};

/* Insert or replace; returns the value that was there, or NULL. `value` must not be NULL. */
void *map_put(struct map *m, const void *key, size_t klen, void *value);
void *map_get(const struct map *m, const void *key, size_t klen); /* NULL when absent */
void *map_del(struct map *m, const void *key, size_t klen);       /* value removed, or NULL */
void map_done(struct map *m);                                     /* values are the caller's */
/* Iterate: `size_t it = 0; while ((v = map_next(&m, &it)))`. Deleting the entry just returned is
 * allowed, inserting is not. */
void *map_next(const struct map *m, size_t *it);

void *map_put_z(struct map *m, const char *key, void *value);
void *map_get_z(const struct map *m, const char *key);
void *map_del_z(struct map *m, const char *key);
