/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/manual.h - the parts of the manual page that the tables tell. */
#pragma once

#include "base/str.h"

/* Commands, then flags, as they stand in docs/man/maglevc.1 between its two marks. */
void manual_print(struct str *out);
