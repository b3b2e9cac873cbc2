/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/descriptors.h - enough file descriptors for the configuration. */
#pragma once

#include <stddef.h>

/* Raise the soft limit to what probing this many backends needs, or warn with what is missing.
 * Called at start and after each reload. */
void descriptors_reserve(size_t n_probed, int probe_threads);
