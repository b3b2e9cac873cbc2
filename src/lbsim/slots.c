/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/slots.h"

#include <assert.h>

uint32_t slots_get(struct slots *s)
{
	if (s->free.n > 0) {
		uint32_t i = s->free.v[--s->free.n];
		s->used.v[i] = true;
		return i;
	}
	vec_push(&s->used, true);
	return (uint32_t)(s->used.n - 1);
}

void slots_put(struct slots *s, uint32_t i)
{
	assert(slots_used(s, i));
	s->used.v[i] = false;
	vec_push(&s->free, i);
}

bool slots_used(const struct slots *s, uint32_t i)
{
	return i < s->used.n && s->used.v[i];
}

uint32_t slots_len(const struct slots *s)
{
	return (uint32_t)s->used.n;
}

uint32_t slots_count(const struct slots *s)
{
	return (uint32_t)(s->used.n - s->free.n);
}

uint32_t slots_next(const struct slots *s, uint32_t i)
{
	while (i < s->used.n && !s->used.v[i])
		i++;
	return i < s->used.n ? i : slots_len(s);
}

void slots_done(struct slots *s)
{
	vec_done(&s->free);
	vec_done(&s->used);
}
