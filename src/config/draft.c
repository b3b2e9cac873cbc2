/* SPDX-License-Identifier: Apache-2.0 */
#include "config/draft.h"

/* Values of the maps are addresses of array elements: nothing may be added once they are filled. */
struct draft_check *draft_find_check(const struct draft *d, const char *name)
{
	return map_get_z(&d->check_by_name, name);
}

long draft_find_backend(const struct draft *d, const char *name)
{
	const struct draft_backend *b = map_get_z(&d->backend_by_name, name);

	return b ? b - d->backends.v : -1;
}

void draft_done(struct draft *d)
{
	for (size_t i = 0; i < d->frontends.n; i++) {
		struct draft_frontend *f = &d->frontends.v[i];

		for (size_t k = 0; k < f->pools.n; k++)
			vec_done(&f->pools.v[k].members);
		vec_done(&f->pools);
	}
	vec_done(&d->checks);
	vec_done(&d->backends);
	vec_done(&d->frontends);
	map_done(&d->check_by_name);
	map_done(&d->backend_by_name);
	*d = (struct draft){ 0 };
}
