/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/store.h"

#include <stdlib.h>

#include "base/alloc.h"

void store_init(struct store *s, const char *name, const char *address, wall_ns now)
{
	*s = (struct store){ .name = xstrdup(name),
			     .address = xstrdup(address),
			     .last_error = xstrdup("not connected yet"),
			     .vpp_error = xstrdup("not known yet"),
			     .since = now };
}

void store_done(struct store *s)
{
	free(s->name);
	free(s->address);
	free(s->last_error);
	free(s->vpp_error);
	maglev__version_info__free_unpacked(s->version, NULL);
	catalog_done(&s->frontends);
	catalog_done(&s->backends);
	maglev__list_health_checks_response__free_unpacked(s->healthchecks, NULL);
	maglev__vppinfo__free_unpacked(s->vpp, NULL);
	maglev__vpplbstate__free_unpacked(s->lb, NULL);
	maglev__vpplbcounters__free_unpacked(s->counters, NULL);
}
