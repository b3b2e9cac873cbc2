/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for the probe engine and lbsync, which write down what they are told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "lbsync/lbsync.h"
#include "probe/engine.h"

enum fake_op { FAKE_PUT, FAKE_REMOVE, FAKE_PACE, FAKE_NETNS };

struct fake_call {
	enum fake_op op;
	struct probe_target target; /* PUT, or id, generation and pace of the others */
};

struct fakes {
	VEC(struct fake_call) engine;
	VEC(const struct lbsync_vip *) changed;
	size_t n_urgent, n_added, n_forgotten, n_reloaded;
};

extern struct fakes fakes;
void fakes_clear(void); /* what was written down so far is forgotten */
void fakes_done(void);
size_t fakes_count(enum fake_op op);
