/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/desired.h - what lbsync asks of the fleet: the wish for each VIP, at this moment. */
#pragma once

#include "maglevd/fleet.h"
#include "lbsync/lbsync.h"

/* Callbacks over `f`, which must outlive the lbsync they are given to. */
struct lbsync_source desired_source(struct fleet *f);
