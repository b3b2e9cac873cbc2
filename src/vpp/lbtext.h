/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/lbtext.h - what `show lb vips verbose` tells and the binary API does not (pure): which VIPs
 * are sticky by source address, and the pool index that VPP's counters are indexed by.
 *
 * The text is for people (src/plugins/lb/lb.c, format_lb_vip_detailed), so it is read by tolerant
 * rules: a line that is not understood is skipped, and a VIP that cannot be told for certain is
 * left out, which its reader takes for "unknown".
 *
 *    ip4-gre4 [2] 192.0.2.80/32 src_ip_sticky
 *     new_size:1024
 *     protocol:6 port:443
 *     ...
 *    ip6-gre6 [3] 2001:db8:1::80/128 removed
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/plan.h"

struct lbtext_vip {
	struct vip_key key;
	uint32_t index; /* in VPP's pool of VIPs; never 0, which is a placeholder */
	bool sticky;
	uint32_t table_len; /* 0: not told */
};

struct lbtext {               /* {0} is empty */
	struct lbtext_vip *v; /* sorted by key, distinct */
	size_t n, cap;
};

/* Take the live VIPs from `n` bytes of text (lines end in LF or CR LF). Deleted ones (` removed`)
 * are skipped; of two live VIPs with one key, which VPP cannot have, neither is taken. Never
 * fails; *ret must be {0} or an earlier result, whose memory is used again. O(n log n). */
void lbtext_parse(const char *text, size_t n, struct lbtext *ret);
/* NULL when the text did not tell of it. O(log n). */
const struct lbtext_vip *lbtext_find(const struct lbtext *t, const struct vip_key *key);
void lbtext_done(struct lbtext *t);
