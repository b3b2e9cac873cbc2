/* SPDX-License-Identifier: Apache-2.0 */
/* The ring has them in the order of time, beside it stand the passes' latencies in order of size:
 * each new one takes its place there, the one it displaces leaves. Percentiles are then look-ups,
 * as often as a screen is drawn and each probe is judged. */
#include "maglevt/samples.h"

#include <assert.h>
#include <string.h>

/* Where the first of the sorted that is not below `us` stands. */
static size_t position(const struct samples *s, uint32_t us)
{
	size_t lo = 0, hi = s->n_ok;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->sorted[mid] < us)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void sorted_remove(struct samples *s, uint32_t us)
{
	size_t at = position(s, us);

	assert(at < s->n_ok && s->sorted[at] == us);
	s->n_ok--;
	memmove(s->sorted + at, s->sorted + at + 1, (s->n_ok - at) * sizeof s->sorted[0]);
}

static void sorted_insert(struct samples *s, uint32_t us)
{
	size_t at = position(s, us);

	memmove(s->sorted + at + 1, s->sorted + at, (s->n_ok - at) * sizeof s->sorted[0]);
	s->sorted[at] = us;
	s->n_ok++;
}

void samples_add(struct samples *s, bool ok, uint32_t us)
{
	struct sample *slot = &s->ring[s->next];

	if (s->n < SAMPLES_MAX)
		s->n++;
	else if (slot->ok)
		sorted_remove(s, slot->us);
	*slot = (struct sample){ us, ok };
	s->next = (uint8_t)((s->next + 1) % SAMPLES_MAX);
	if (ok)
		sorted_insert(s, us);
}

struct sample samples_at(const struct samples *s, size_t i)
{
	assert(i < s->n);
	return s->ring[((size_t)s->next + SAMPLES_MAX - s->n + i) % SAMPLES_MAX];
}

uint32_t samples_percentile(const struct samples *s, unsigned p)
{
	assert(p >= 1 && p <= 100);
	if (s->n_ok == 0)
		return 0;
	return s->sorted[(s->n_ok * p + 99) / 100 - 1];
}

unsigned samples_ok_permille(const struct samples *s)
{
	return s->n ? s->n_ok * 1000u / s->n : 0;
}
