/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/app.h - the program with its screen. */
#pragma once

#include "base/err.h"
#include "maglevt/options.h"
#include "maglevt/vips.h"

/* Until somebody quits. 0, or an error that kept it from starting. `ascii`: the locale is not
 * UTF-8. */
int app_run(const struct options *o, const struct vips *vips, bool ascii, struct err *err);
