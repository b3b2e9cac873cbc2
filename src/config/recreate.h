/* SPDX-License-Identifier: Apache-2.0 */
/* config/recreate.h - what a new configuration costs live flows (pure). */
#pragma once

#include "config/config.h"

/* Warn of each VIP that both have and that VPP would have to make anew, because the length of its
 * flow table, its stickiness or its encapsulation (the backends' family) changes: its live flows
 * are dropped. In the order of `new_`, at most a few hundred. O(n log n). */
void config_warn_recreated(const struct config *running, const struct config *new_,
			   struct config_report *rep);
