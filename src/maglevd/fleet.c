/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/fleet.c - all backends and frontends: found by name, in name order, begun and ended. What
 * happens to them is in backend.c and frontend.c, what probes say of them in results.c. */
#include "maglevd/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int by_backend_name(const void *a, const void *b)
{
	return strcmp((*(struct backend *const *)a)->name, (*(struct backend *const *)b)->name);
}

static int by_frontend_name(const void *a, const void *b)
{
	return strcmp((*(struct frontend *const *)a)->name, (*(struct frontend *const *)b)->name);
}

void fleet_resort(struct fleet *f)
{
	size_t n = 0, it = 0;

	f->layout++;
	f->backends_sorted = xreallocarray(f->backends_sorted, f->backends.n,
					   sizeof(struct backend *));
	for (struct backend *b; (b = map_next(&f->backends, &it));)
		f->backends_sorted[n++] = b;
	qsort(f->backends_sorted, n, sizeof(struct backend *), by_backend_name);

	n = it = 0;
	f->frontends_sorted = xreallocarray(f->frontends_sorted, f->frontends.n,
					    sizeof(struct frontend *));
	for (struct frontend *fe; (fe = map_next(&f->frontends, &it));)
		f->frontends_sorted[n++] = fe;
	qsort(f->frontends_sorted, n, sizeof(struct frontend *), by_frontend_name);
}

struct fleet *fleet_new(struct config *config)
{
	struct fleet *f = XNEW(struct fleet);

	f->config = config;
	for (size_t i = 0; i < config->n_backends; i++)
		fleet_backend_add(f, &config->backends[i]);
	for (size_t i = 0; i < config->n_frontends; i++)
		fleet_frontend_add(f, &config->frontends[i]);
	fleet_resort(f);
	return f;
}

void fleet_start(struct fleet *f, mono_ns now)
{
	size_t n = f->backends.n;

	for (size_t i = 0; i < n; i++) {
		struct backend *b = f->backends_sorted[i];

		if (health_probed(b->health.state))
			fleet_probe_start(f, b, cadence_spread(now, fleet_spread_span(b), i, n));
	}
	for (size_t i = 0; f->lbsync && i < f->frontends.n; i++)
		lbsync_add(f->lbsync, &f->frontends_sorted[i]->sync);
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->frontends.n; i++)
		frontend_free(f->frontends_sorted[i]);
	for (size_t i = 0; i < f->backends.n; i++)
		backend_free(f->backends_sorted[i]);
	free(f->backends_sorted);
	free(f->frontends_sorted);
	map_done(&f->backends);
	map_done(&f->frontends);
	vec_done(&f->slots);
	vec_done(&f->free_ids);
	vec_done(&f->scratch_members);
	vec_done(&f->scratch_verdicts);
	config_free(f->config);
	free(f);
}

struct backend *fleet_backend(const struct fleet *f, const char *name)
{
	return map_get_z(&f->backends, name);
}

struct frontend *fleet_frontend(const struct fleet *f, const char *name)
{
	return map_get_z(&f->frontends, name);
}

size_t fleet_n_probed(const struct fleet *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->config->n_backends; i++)
		n += f->config->backends[i].check != NULL;
	return n;
}
