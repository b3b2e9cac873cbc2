/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Take the old object for each check that did not change, so that "unchanged" is pointer equality
 * for probe threads. Both configs then hold a reference. */
static void share_checks(const struct config *old, struct config *new_)
{
	for (size_t i = 0; i < new_->n_checks; i++) {
		long k = config_find_check(old, new_->checks[i]->name);

		if (k < 0 || old->checks[k] == new_->checks[i] ||
		    !healthcheck_same(old->checks[k], new_->checks[i]))
			continue;
		healthcheck_unref(new_->checks[i]);
		new_->checks[i] = healthcheck_ref(old->checks[k]);
	}
}

/* Point the backends at what the check list holds now. */
static void relink_backends(struct config *new_)
{
	for (size_t i = 0; i < new_->n_backends; i++) {
		struct backend_conf *b = &new_->backends[i];
		struct healthcheck *now;

		if (!b->check)
			continue;
		now = new_->checks[config_find_check(new_, b->check->name)];
		if (now == b->check)
			continue;
		healthcheck_unref(b->check);
		b->check = healthcheck_ref(now);
	}
}

/* A check by another name with the same settings is the same: nothing is probed differently. */
static bool same_check(const struct healthcheck *a, const struct healthcheck *b)
{
	return a && b ? healthcheck_same(a, b) : a == b;
}

static struct backend_delta compare(const struct config *old, long o, const struct config *new_,
				    long n)
{
	const struct backend_conf *a = &old->backends[o], *b = &new_->backends[n];
	struct backend_delta d = { .old_index = o, .new_index = n };

	d.enabled_changed = a->enabled != b->enabled;
	if (!addr_eq(&a->addr, &b->addr))
		d.change = BACKEND_READDRESSED;
	else if (!same_check(a->check, b->check))
		d.change = BACKEND_RECHECKED;
	else
		d.change = BACKEND_KEPT;
	return d;
}

static void add(struct config_delta *out, struct backend_delta d)
{
	out->backends[out->n_backends++] = d;
	switch (d.change) {
	case BACKEND_ADDED:
		out->n_added++;
		break;
	case BACKEND_REMOVED:
		out->n_removed++;
		break;
	case BACKEND_RECHECKED:
	case BACKEND_READDRESSED:
		out->n_changed++;
		break;
	case BACKEND_KEPT:
		if (d.enabled_changed)
			out->n_changed++;
		else
			out->n_kept++;
		break;
	}
}

/* Both lists are in name order: one walk over the two. */
void config_diff(const struct config *old, struct config *new_, struct config_delta *ret)
{
	struct config_delta out = { 0 };
	size_t o = 0, n = 0;

	share_checks(old, new_);
	relink_backends(new_);
	out.backends = xcalloc(old->n_backends + new_->n_backends, sizeof *out.backends);
	while (o < old->n_backends || n < new_->n_backends) {
		int c = o == old->n_backends ? 1
			: n == new_->n_backends
				? -1
				: strcmp(old->backends[o].name, new_->backends[n].name);

		if (c < 0)
			add(&out, (struct backend_delta){ .change = BACKEND_REMOVED,
							  .old_index = (long)o++,
							  .new_index = -1 });
		else if (c > 0)
			add(&out, (struct backend_delta){ .change = BACKEND_ADDED,
							  .old_index = -1,
							  .new_index = (long)n++ });
		else
			add(&out, compare(old, (long)o++, new_, (long)n++));
	}
	*ret = out;
}

void config_delta_done(struct config_delta *d)
{
	free(d->backends);
	*d = (struct config_delta){ 0 };
}
