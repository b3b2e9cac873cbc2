/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/screen.h - the terminal: a grid goes out, keys come in (ncursesw).
 *
 * The one place that includes curses. One per process; main thread only. The terminal is left as it
 * was found by screen_close, and by rescue.h when the program does not get there. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "maglevt/grid.h"
#include "maglevt/ui.h"
#include "maglevt/view.h"

struct screen;

/* -ENOTTY: input or output is no terminal; -EINVAL: TERM is unset, unknown, or one that cannot move
 * its cursor; or another -errno. With a sentence. `ascii`: the locale is not UTF-8. */
int screen_open(bool ascii, struct screen **ret, struct err *err);
void screen_close(struct screen *s); /* NULL is fine */

/* The grid to draw on, of the terminal's present size. */
struct grid *screen_grid(struct screen *s);
bool screen_colourless(const struct screen *s);
/* Bring what is on the grid to the terminal: the cells that differ from what it shows. */
void screen_show(struct screen *s, struct view_cursor cursor);
/* The size has changed (SIGWINCH), or somebody else has written on the terminal: all is drawn anew.
 */
void screen_resize(struct screen *s);
/* Give the terminal back, stop this process as ^Z does, and take it again when it goes on. */
void screen_suspend(struct screen *s);
/* The next key that has been pressed; false: none. */
bool screen_key(struct screen *s, enum ui_key *ret_key, uint32_t *ret_cp);
