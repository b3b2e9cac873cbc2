/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/editor.h - lines typed at a terminal: editing, history, Tab and `?`, on libedit.
 *
 * Both stdin and stdout are a terminal. One thread. */
#pragma once

#include "maglevc/complete.h"

struct editor;

struct editor_opts { /* all borrowed for the editor's life */
	const char *prompt;
	const char *history; /* a path, or NULL: kept in memory alone */
	const struct node *root;
	struct name_source names;
	const struct style *style;
};

/* Block the signals that an editor reads from a descriptor. Before the process has threads, which
 * would take them else; they stay blocked. */
void editor_block_signals(void);
/* One of them came that ends the process: it will, when the next line is asked for. For commands
 * that wait meanwhile. */
bool editor_is_to_die(void);

/* After editor_block_signals. NULL when the terminal cannot be used. */
struct editor *editor_new(const struct editor_opts *o);
void editor_free(struct editor *ed);
/* The next line, without its newline, good until the next call; NULL when the user leaves (Ctrl-D)
 * or the terminal is gone. Ctrl-C clears the line and begins another. Lines with something in them
 * go into the history. */
const char *editor_line(struct editor *ed);
