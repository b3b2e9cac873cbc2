/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/reload.h - putting a new configuration in force, disturbing only what it changes. */
#pragma once

#include "core/model.h"
#include "maglevd/fleet.h"

struct reload_counts {
	size_t added, removed, changed, kept; /* backends */
};

/* Takes `config`, which was checked; the old one is freed. Cannot fail. Backends whose address and
 * check are the same notice nothing; the sync with VPP is asked for at the end. */
struct reload_counts reload_apply(struct fleet *f, struct config *config, mono_ns now);
