/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/headless.h - a run without a screen. */
#pragma once

#include "maglevt/options.h"
#include "maglevt/vips.h"

/* Probe until -count or -duration is reached, or SIGINT, SIGTERM or SIGHUP comes; print the summary
 * on stdout. The exit code: 0, or 1 when a VIP failed or the summary could not be written. */
int headless_run(const struct options *o, const struct vips *vips);
