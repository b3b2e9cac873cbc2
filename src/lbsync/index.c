/* SPDX-License-Identifier: Apache-2.0 */
/* Frontends by key; no two have the same one. */
#include <assert.h>
#include <string.h>

#include "lbsync/internal.h"

/* Index of the first whose key is not less. */
static size_t first_of(const struct lbsync *s, const struct vip_key *key)
{
	size_t lo = 0, hi = s->by_key.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (vip_key_cmp(&s->by_key.v[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool has_key(const struct lbsync *s, size_t i, const struct vip_key *key)
{
	return i < s->by_key.n && vip_key_cmp(&s->by_key.v[i]->key, key) == 0;
}

struct lbsync_vip *lbsync_find_key(const struct lbsync *s, const struct vip_key *key)
{
	size_t i = first_of(s, key);

	return has_key(s, i, key) ? s->by_key.v[i] : NULL;
}

struct lbsync_vip **lbsync_find_prefix(const struct lbsync *s, const struct prefix *p,
				       size_t *ret_n)
{
	size_t from = first_of(s, &(struct vip_key){ .prefix = *p }), to = from;

	while (to < s->by_key.n && prefix_cmp(&s->by_key.v[to]->key.prefix, p) == 0)
		to++;
	*ret_n = to - from;
	return s->by_key.v + from;
}

void lbsync_index_add(struct lbsync *s, struct lbsync_vip *v)
{
	size_t at = first_of(s, &v->key);

	assert(!has_key(s, at, &v->key));
	vec_reserve(&s->by_key, s->by_key.n + 1);
	memmove(s->by_key.v + at + 1, s->by_key.v + at, (s->by_key.n - at) * sizeof *s->by_key.v);
	s->by_key.v[at] = v;
	s->by_key.n++;
}

void lbsync_index_remove(struct lbsync *s, const struct lbsync_vip *v)
{
	size_t at = first_of(s, &v->key);

	assert(at < s->by_key.n && s->by_key.v[at] == v);
	s->by_key.n--;
	memmove(s->by_key.v + at, s->by_key.v + at + 1, (s->by_key.n - at) * sizeof *s->by_key.v);
}
