/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/shell.h - commands one after another: typed at a terminal, or read from stdin. */
#pragma once

#include "maglevc/session.h"

/* Prints the versions, then runs what is typed (stdin and stdout are a terminal) or what stdin has,
 * a command a line, until its end or the user leaves. At a terminal Ctrl-C gives up a command that
 * waits, and not the shell: SIGINT is blocked from here on.
 *
 * The exit code: at a terminal EXIT_OK; else that of the last command that failed. */
int shell_run(struct session *ss);
