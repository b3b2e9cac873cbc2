/* SPDX-License-Identifier: Apache-2.0 */
/* core/table.h - VPP's new-flow table, exactly (pure; lb_vip_update_new_flow_table of
 * src/plugins/lb/lb.c in VPP 26.10).
 *
 * For length M and the ASes with weight > 0: one entry per (AS, replica r < weight), sorted by
 * (r, the 16 address bytes as VPP stores them); each entry walks its own permutation of the buckets
 * and takes the next free one, in rounds, until all M are taken. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define TABLE_LEN_MAX 65536

struct table_as {
	struct addr addr;
	uint8_t weight;   /* 0..255 as the plugin takes it; ours stay within 0..100 */
	uint32_t buckets; /* out: how many of the M buckets it has */
};

/* Fill `buckets` of every AS. `len` is a power of two, 1..TABLE_LEN_MAX (asserted); addresses are
 * distinct. When `ret_table` is not NULL it gets `len` indices into `as`, or -1 where the table is
 * empty (no AS with weight). Cost: O(len + sum of weights x log). */
void table_build(struct table_as *as, size_t n, uint32_t len, int32_t *ret_table);
