/* SPDX-License-Identifier: Apache-2.0 */
/* A naive model of VPP's lb plugin, for the planner's tests: the checks of lb_vip_add, lb_vip_del,
 * lb_vip_add_ass, lb_vip_del_ass and lb_vip_set_as_weight (src/plugins/lb/lb.c) on plain unsorted
 * arrays, with the numbers VPP refuses by. Slots of what was deleted stay. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/plan.h"

enum {
	LB_OK = 0,
	LB_NO_SUCH_ENTRY = -6,
	LB_BAD_LENGTH = -70,
	LB_OTHER_ENCAP = -73,
	LB_EXISTS = -81,
	LB_WRONG_FAMILY = -97,
};

#define LB_MAX_VIPS 64
#define LB_MAX_AS   16

struct lb_as {
	struct addr addr;
	uint8_t weight;
	bool used;
};

struct lb_vip {
	struct vip_key key;
	uint8_t encap;
	bool sticky, used;
	uint32_t len;
	struct lb_as as[LB_MAX_AS];
	size_t n_as;
};

struct lb {
	struct lb_vip vips[LB_MAX_VIPS];
	size_t n;
};

struct lb_vip *lb_find(const struct lb *lb, const struct vip_key *key);
struct lb_as *lb_find_as(const struct lb_vip *v, const struct addr *addr); /* used ones */
bool lb_serves(const struct lb_vip *v); /* some weight > 0: the new-flow table is not empty */
int lb_call(struct lb *lb, const struct plan_call *c);
