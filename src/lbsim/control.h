/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/control.h - the socket through which tests look at the simulator and make it misbehave.
 *
 * A Unix stream socket; a command is a line of words, its answer a line of JSON: {"ok":true,…},
 * {"error":"…"}, or the state. control_help lists the commands. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "lbsim/server.h"

#define CONTROL_LINE_MAX 8192

struct control;

/* NULL with `err`: see listener_new. Heap; it must go before the server. */
struct control *control_new(struct loop *l, const char *path, struct server *s, struct err *err);
void control_free(struct control *c); /* NULL is fine */

/* Run one command (no end of line) and append its answer (with one). */
void control_run(struct server *s, const char *line, struct str *out);
/* The commands, a line each, for --help. */
void control_help(struct str *out);
