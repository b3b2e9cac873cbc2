/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of VPP's stats segment: the input is the whole memory. The seeds are cut down from a
 * segment that a real VPP left. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "vpp/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct vpp_stats_vip v[] = {
		{ .index = 0 },
		{ .index = 1, .route_known = true, .route_index = 0 },
		{ .index = 3, .route_known = true, .route_index = 5 },
		{ .index = UINT32_MAX, .route_known = true, .route_index = UINT32_MAX },
	};
	struct vpp_stats_figures f[ARRAY_LEN(v)] = { { .first = 4711 } };
	/* Of exactly this size: a look beyond the end is seen. */
	void *copy = n > 0 ? xmemdup(data, n) : xmalloc(8);
	struct vpp_stats_mem m = { .map = copy, .fd = -1, .size = n };
	struct err e = { 0 };
	uint64_t boot = 4711;
	int r = vpp_stats_read(&m, v, ARRAY_LEN(v), f, &boot, &e);

	if (r < 0)
		assert(boot == 4711 && f[0].first == 4711 && e.msg[0] != '\0' && e.code == r);
	else
		assert(r == 0 && f[3].first == 0 && f[3].route_bytes == 0);
	free(copy);
	return 0;
}
