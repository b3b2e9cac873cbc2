/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/stats.h - reads VPP's stats segment (pure: memory in, figures out).
 *
 * The layout is that of VPP's src/vlib/stats/shared.h, version 2, host byte order. Nothing in it is
 * believed: every pointer and length is checked against the memory, and each is read once. VPP
 * changes the segment while we read, so a read is optimistic: it counts when nothing was under way
 * before it and the epoch is the same after it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct vpp_stats_mem {
	const void *map; /* aligned to 8; or NULL: read through fd */
	int fd;          /* of a file that may shrink, which a mapping would not survive */
	size_t size;
};

/* Which figures belong to a VIP. */
struct vpp_stats_vip {
	uint32_t index;       /* in VPP's pool of VIPs */
	bool route_known;     /* is the next one? */
	uint32_t route_index; /* stats_index of the route to its prefix */
};

/* Summed over VPP's threads; 0 where VPP does not count yet. */
struct vpp_stats_figures {
	uint64_t first, next, untracked, no_server;
	uint64_t route_packets, route_bytes;
};

/* Read the figures of `n` VIPs and when VPP started (Unix seconds; 0: not told); ret may be NULL
 * for n = 0. One pass over the directory plus n × threads. 0;
 * -EAGAIN: VPP is changing it, try again in a moment;
 * -EPROTONOSUPPORT: a version we do not know; -EBADMSG: broken, `e` says where; or what reading
 * through the fd came to. Nothing is set on failure. */
int vpp_stats_read(const struct vpp_stats_mem *m, const struct vpp_stats_vip *vips, size_t n,
		   struct vpp_stats_figures *ret, uint64_t *ret_boot_s, struct err *e);
