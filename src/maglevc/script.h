/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/script.h - what bash asks us when Tab is pressed behind "maglevc".
 *
 * The script (contrib/completion/maglevc.bash) hands over the line, and takes what it gets. So bash
 * knows the same table, finds its way by the same prefixes, and has the same names as the shell. */
#pragma once

#include "base/str.h"

/* `line`: the command's line from its first word up to the cursor, as typed. `word`: what bash will
 * replace, the end of it (bash cuts words at ':' and '=', too). Candidates a line each, quoted as
 * they have to be where the cursor is. None when nothing may stand there, or the line makes no
 * sense. Asks the daemon that the line and the environment name. */
void script_complete(const char *line, const char *word, struct str *out);
