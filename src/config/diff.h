/* SPDX-License-Identifier: Apache-2.0 */
/* config/diff.h - what a reload changes (pure). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/model.h"

enum backend_change {
	BACKEND_KEPT, /* same address and check settings (under any name): notices nothing */
	BACKEND_ADDED,
	BACKEND_REMOVED,
	BACKEND_RECHECKED,   /* same address, another check (or its settings): state kept, probed at
				once */
	BACKEND_READDRESSED, /* starts over in unknown, history kept */
};

struct backend_delta {
	enum backend_change change;
	long old_index, new_index; /* -1 where there is none */
	bool enabled_changed;      /* between the two files; never for ADDED and REMOVED */
};

struct config_delta {
	struct backend_delta *backends; /* in name order, one per name in either file */
	size_t n_backends;
	/* A backend whose `enabled` alone changed counts as changed, not as kept. */
	size_t n_added, n_removed, n_changed, n_kept;
};

/* Compare by name. Where a check of `new_` equals one of the same name in `old`, `new_` is made to
 * share the old object, so that an unchanged check is the same pointer. O(n log n) at most. */
void config_diff(const struct config *old, struct config *new_, struct config_delta *ret);
void config_delta_done(struct config_delta *d);
