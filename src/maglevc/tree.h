/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/tree.h - the command tree: what may follow what, and finding one's way through it.
 *
 * There is one table of nodes (table.c). Parsing, completion, `?`, help, the scripts for bash and
 * the manual's list of commands all read it, so that none can drift from the others. Pure: nothing
 * here talks to a daemon. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "maglevc/words.h"

/* What an argument names; completion asks the daemon by it. */
enum arg_kind {
	ARG_NONE,
	ARG_FRONTEND,
	ARG_BACKEND,
	ARG_CHECK,
	ARG_POOL,   /* of the frontend that is the first argument */
	ARG_MEMBER, /* a backend of the pool that is the second */
	ARG_WEIGHT, /* 0 to 100 */
	ARG_COUNT,  /* 1 and more */
};

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
	/* From here on, wherever the command may end, these may follow too: each once, in any
	 * order. Each may have a `next` of its own. */
	const struct node *options;
};

extern const struct node tree_root[];

#define COMMAND_ARGS_MAX 4

struct command {
	const struct node *node;            /* the last one; its `run` is set */
	const char *args[COMMAND_ARGS_MAX]; /* in order; borrowed from the words */
	size_t n_args;
	const struct node *path[WORDS_MAX]; /* all of them */
	size_t n_path;
};

/* Where the keyword `word` stands in c->path; NULL when it is not there. */
const struct node *const *command_find(const struct command *c, const char *word);

/* ---- step by step */

struct place {                      /* on the way through a line; {.level = root} at its start */
	const struct node *level;   /* what may follow */
	const struct node *options; /* and what else, where the command may end; or NULL */
	struct command so_far;
};

struct tree_error {
	struct err err;
	size_t start, end; /* what of the line is meant */
};

/* The i-th node that may follow, hidden ones included; NULL behind the last. */
const struct node *place_next(const struct place *p, size_t i);
/* Go on by a word of the line: an exact match first, else the only one that it begins, hidden ones
 * counting only where no other does; else the argument. 0, or -EINVAL with `e`; then the place is
 * as it was. */
int place_enter(struct place *p, const struct word *word, struct tree_error *e);

/* The whole line. 0, or -EINVAL with `e`. */
int tree_parse(const struct node *root, const struct words *w, struct command *ret,
	       struct tree_error *e);

/* The message, the line, and carets under what is meant; lines without a newline behind the last.
 * All but the message is safe for a terminal. */
void tree_error_print(const struct tree_error *e, const char *line, struct str *out);

/* Every command, in the table's order: "show frontends [<name>]" and its help. */
typedef void tree_list_fn(void *ctx, const char *syntax, const char *help);
void tree_list(const struct node *root, tree_list_fn *fn, void *ctx);
