/* SPDX-License-Identifier: Apache-2.0 */
/* base/map.c - open addressing with linear probing over a power-of-two array.
 *
 * A slot is empty (no value, not a tombstone), a tombstone (left by a deletion, so that probing
 * goes on past it) or live. The hash is kept in the slot: comparing it first makes a miss
 * cheap, and growing needs no key. The hash is seeded per map, so that nobody who can choose keys
 * can aim for one chain. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"

struct map_slot { /* 24 bytes: there are maps with one for each backend */
	const void *key;
	void *value; /* NULL: empty or tombstone */
	uint32_t klen, hash;
};

#define TOMB UINT32_MAX /* klen of a tombstone, and of no key */

static bool is_tomb(const struct map_slot *s)
{
	return !s->value && s->klen == TOMB;
}

static uint32_t hash_of(const struct map *m, const void *key, size_t klen)
{
	return (uint32_t)XXH3_64bits_withSeed(key, klen, m->seed);
}

static bool slot_is(const struct map_slot *s, uint32_t hash, const void *key, size_t klen)
{
	return s->value && s->hash == hash && s->klen == klen &&
	       (klen == 0 || memcmp(s->key, key, klen) == 0);
}

/* The live slot of the key, or NULL. There is always an empty slot to stop at. */
static struct map_slot *find(const struct map *m, uint32_t hash, const void *key, size_t klen)
{
	if (!m->cap)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (slot_is(s, hash, key, klen))
			return s;
		if (!s->value && !is_tomb(s))
			return NULL;
	}
}

/* The first slot of the chain that can take a new entry. */
static struct map_slot *find_free(const struct map *m, uint32_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].value)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void rehash(struct map *m, size_t cap)
{
	struct map_slot *old = m->slots;
	size_t old_cap = m->cap;

	m->slots = xcalloc(cap, sizeof *m->slots);
	m->cap = cap;
	m->tombs = 0;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value)
			*find_free(m, old[i].hash) = old[i];
	free(old);
}

/* Keep a quarter of the slots empty. A table full of tombstones is rebuilt at its own size. */
static void make_room(struct map *m)
{
	if (!m->cap) {
		/* without randomness (an early boot) the map works all the same */
		(void)!getrandom(&m->seed, sizeof m->seed, GRND_NONBLOCK);
		rehash(m, 16);
	} else if (m->n + m->tombs + 1 > m->cap / 4 * 3) {
		rehash(m, m->n + 1 > m->cap / 2 ? m->cap * 2 : m->cap);
	}
}

void *map_put(struct map *m, const void *key, size_t klen, void *value)
{
	struct map_slot *s;
	uint32_t hash;

	assert(value && klen < TOMB);
	make_room(m);
	hash = hash_of(m, key, klen);
	s = find(m, hash, key, klen);
	if (s) {
		void *old = s->value;

		s->key = key; /* the old key may go with the old value */
		s->value = value;
		return old;
	}
	s = find_free(m, hash);
	if (is_tomb(s))
		m->tombs--;
	*s = (struct map_slot){ .key = key, .klen = (uint32_t)klen, .hash = hash, .value = value };
	m->n++;
	return NULL;
}

void *map_get(const struct map *m, const void *key, size_t klen)
{
	const struct map_slot *s;

	if (!m->n)
		return NULL;
	s = find(m, hash_of(m, key, klen), key, klen);
	return s ? s->value : NULL;
}

void *map_del(struct map *m, const void *key, size_t klen)
{
	struct map_slot *s;
	void *old;

	if (!m->n)
		return NULL;
	s = find(m, hash_of(m, key, klen), key, klen);
	if (!s)
		return NULL;
	old = s->value;
	*s = (struct map_slot){ .klen = TOMB };
	m->n--;
	m->tombs++;
	return old;
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

void *map_next(const struct map *m, size_t *it)
{
	while (*it < m->cap) {
		void *value = m->slots[(*it)++].value;

		if (value)
			return value;
	}
	return NULL;
}

void *map_put_z(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

void *map_get_z(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *map_del_z(struct map *m, const char *key)
{
	return map_del(m, key, strlen(key));
}
