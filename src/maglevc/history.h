/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/history.h - the shell's history on disk: a line of text each, the oldest first.
 *
 * $XDG_STATE_HOME/maglevc/history, or ~/.local/state/maglevc/history (XDG Base Directory
 * Specification 0.8). Each command is appended at once, so that shells side by side keep all of
 * their lines and a killed one loses none. A history that cannot be read or written is none: no
 * failure. */
#pragma once

#include <stddef.h>

#include "base/vec.h"

#define HISTORY_LINES                                                                              \
	1000 /* kept; the file is cut to them when it is loaded and has twice as many */
#define HISTORY_LINE_MAX 4096 /* bytes; longer ones are not worth it */

/* From the environment's values (each may be NULL; a relative XDG directory counts as none). NULL
 * when there is neither. The caller frees it. */
char *history_path(const char *xdg_state_home, const char *home);

struct history_lines { /* {0} */
	VEC(char *) v;
};
void history_lines_done(struct history_lines *h);

/* The newest HISTORY_LINES lines of the file; none when it cannot be read. */
void history_load(const char *path, struct history_lines *ret);
/* Add a line, making the file (0600) and its directories (0700) where missing. */
void history_append(const char *path, const char *line);
