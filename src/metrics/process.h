/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/process.h - the process's own figures, from /proc. */
#pragma once

#include "metrics/exposition.h"

/* Write the samples of one process_* family, read now; none when /proc does not tell. Counting the
 * descriptors takes as long as there are many: not for a thread that must not stall. Returns false
 * when the family is none of these. */
bool process_write(enum metrics_id id, struct exposition *x);
