/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/tree.h - the command tree: what may follow what, and finding one's way through it.
 *
 * There is one table of nodes (table.c). Parsing, help and the manual's list of commands all read
 * it, so that none can drift from the others. Pure: nothing here talks to a daemon. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "maglevc/words.h"

/* What an argument names; completion asks the daemon by it. */
enum arg_kind { ARG_NONE, ARG_FRONTEND, ARG_BACKEND, ARG_CHECK, ARG_POOL, ARG_WEIGHT };

struct session;
struct command;
/* Run it: output into the session. 0, or -1 with the session's error set. */
typedef int command_fn(struct session *ss, const struct command *c);

struct node {
	const char *word;        /* the keyword, or "<name>" for an argument */
	const char *help;        /* half a line, no capital, no full stop */
	enum arg_kind arg;       /* ARG_NONE: a keyword */
	bool hidden;             /* understood, never shown: an alias for old habits */
	command_fn *run;         /* when a command may end here */
	const char *data;        /* for `run`, where several nodes share one */
	const struct node *next; /* what may follow, up to a node without word; NULL: nothing */
};

extern const struct node tree_root[];

#define COMMAND_ARGS_MAX 4

struct command {
	const struct node *node;            /* the last one; its `run` is set */
	const char *args[COMMAND_ARGS_MAX]; /* in order; borrowed from the words */
	size_t n_args;
};

/* The node of `level` that a word means: an exact match first, else the only one that it begins,
 * hidden ones counting only where no other does; else the argument. NULL with `e` when none or
 * several are meant: names the word and the candidates. */
const struct node *tree_match(const struct node *level, const char *word, struct err *e);

struct tree_error {
	struct err err;
	size_t start, end; /* what of the line is meant */
};

/* The whole line. 0, or -EINVAL with `e`. */
int tree_parse(const struct node *root, const struct words *w, struct command *ret,
	       struct tree_error *e);

/* Every command, in the table's order: "show frontends [<name>]" and its help. */
typedef void tree_list_fn(void *ctx, const char *syntax, const char *help);
void tree_list(const struct node *root, tree_list_fn *fn, void *ctx);
