/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/rescue.h - the terminal as it was found, whatever ends the program.
 *
 * A signal that ends it, be it a request (TERM, INT, HUP, QUIT) or a crash (SEGV, ABRT, BUS, …), is
 * caught, the terminal restored with nothing but async-signal-safe calls, and the signal raised
 * again with its default effect: exit status and core file are what they would have been.
 *
 * While the screen is on, what anybody writes to stderr (an assertion, a sanitizer) would land in
 * it and vanish with it: it is kept aside, when stderr is that terminal, and shown afterwards. */
#pragma once

#include "base/err.h"

/* Before the terminal is touched: remember how it is set, catch the signals. Once per process; any
 * thread may crash afterwards. `fd`: the terminal. */
int rescue_start(int fd, struct err *err);
/* Bytes that undo what was done to the screen: leave the alternate one, show the cursor, …; at most
 * RESCUE_MAX, what is more is dropped. From here on a signal sends them. */
#define RESCUE_MAX 512
void rescue_arm(const char *bytes, unsigned n);
/* The screen has been left in good order: nothing to undo any more. Shows what stderr had. */
void rescue_disarm(void);
