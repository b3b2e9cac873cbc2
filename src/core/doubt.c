/* SPDX-License-Identifier: Apache-2.0 */
/* core/doubt.c - probes of the last ten seconds in a ring of buckets, and what they say of us.
 *
 * Sliding, not second by second: after a sleep of half a minute thousands of probes start at once,
 * all late, and the first batch of them must find us degraded before any of its failures is
 * counted. Nothing is left of what came before the sleep by then, so a few of them are enough. In
 * the middle of normal work the same few are lost among the thousands of that second. */
#include "core/doubt.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

dur_ns doubt_late_limit(dur_ns interval)
{
	return MAX(50 * NS_PER_MS, interval / 4);
}

/* ---- the ring */

static struct doubt_counts *bucket_at(struct doubt *d, int64_t slot)
{
	return &d->buckets[slot % DOUBT_BUCKETS];
}

/* Make the present bucket the newest; those that the time between left out are empty. */
static void advance(struct doubt *d, mono_ns now)
{
	int64_t slot = now / DOUBT_BUCKET;

	assert(now >= 0 && slot >= d->slot);
	if (slot - d->slot >= DOUBT_BUCKETS) {
		memset(d->buckets, 0, sizeof(d->buckets));
		d->slot = slot;
	}
	while (d->slot < slot)
		*bucket_at(d, ++d->slot) = (struct doubt_counts){ 0 };
}

void doubt_count(struct doubt *d, mono_ns now, enum doubt_kind kind)
{
	assert(kind < DOUBT_KIND_N);
	advance(d, now);
	bucket_at(d, d->slot)->n[kind]++;
	d->others |= kind != DOUBT_NEVER;
}

/* ---- judging */

static void add(struct doubt_counts *sum, const struct doubt_counts *c)
{
	for (int k = 0; k < DOUBT_KIND_N; k++)
		sum->n[k] += c->n[k];
}

static uint32_t total(const struct doubt_counts *c)
{
	uint32_t n = 0;

	for (int k = 0; k < DOUBT_KIND_N; k++)
		n += c->n[k];
	return n;
}

/* The last second, or as many seconds as it takes to have enough. The second is the eight buckets
 * before the present one, and as much as there is of that. */
static struct doubt_counts recent(struct doubt *d)
{
	struct doubt_counts sum = { 0 };
	int64_t oldest = MAX(d->slot - DOUBT_BUCKETS + 1, 0);

	for (int64_t s = d->slot; s >= oldest; s--) {
		if (d->slot - s > DOUBT_SECOND && total(&sum) >= DOUBT_ENOUGH)
			break;
		add(&sum, bucket_at(d, s));
		if (d->others)
			sum.n[DOUBT_NEVER] = 0; /* nor do they make it enough */
	}
	return sum;
}

static bool is_bad(const struct doubt_counts *c)
{
	uint64_t bad = (uint64_t)c->n[DOUBT_LATE] + c->n[DOUBT_LOCAL];
	uint64_t n = bad + c->n[DOUBT_GOOD];

	if (n == 0)
		return c->n[DOUBT_NEVER] >= DOUBT_BAD_MIN;
	return bad >= DOUBT_BAD_MIN && 2 * bad > n;
}

enum doubt_change doubt_step(struct doubt *d, mono_ns now, struct doubt_counts *ret)
{
	bool asleep = now - d->stepped > 2 * DOUBT_TICK;
	bool was = d->degraded;
	struct doubt_counts c;

	advance(d, now);
	d->stepped = now;
	c = recent(d);
	if (is_bad(&c)) {
		d->degraded = true;
		d->bad_at = now;
	} else if (was && asleep) {
		d->bad_at = now;
	} else if (was && now - d->bad_at >= DOUBT_CALM) {
		d->degraded = false;
		d->trusted = now;
	}
	if (d->degraded == was)
		return DOUBT_SAME;
	*ret = c;
	return d->degraded ? DOUBT_DEGRADED : DOUBT_RECOVERED;
}
