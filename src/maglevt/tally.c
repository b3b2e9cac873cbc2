/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

/* Where the value is (true) or belongs (false). */
static bool find(const struct tally *t, const char *value, size_t *ret)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strverscmp(t->v[mid].value, value);

		if (c == 0) {
			*ret = mid;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret = lo;
	return false;
}

void tally_add(struct tally *t, const char *value, mono_ns now)
{
	size_t at;

	t->total++;
	if (!find(t, value, &at)) {
		if (t->n == TALLY_MAX) {
			t->others++;
			return;
		}
		vec_reserve(t, t->n + 1);
		memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof t->v[0]);
		t->n++;
		t->v[at] = (struct tally_entry){ .value = xstrdup(value) };
	}
	t->v[at].n++;
	t->v[at].last = now;
}

void tally_done(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].value);
	free(t->v);
	*t = (struct tally){ 0 };
}
