/* SPDX-License-Identifier: Apache-2.0 */
/* base/command.h - a daemon's command line as a whole: its own table of flags (base/flags.h) with
 * the flags that every program has, what --help and --version print, and what is said about a
 * mistake. For programs that take flags and no words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/flags.h"
#include "base/str.h"

#define COMMAND_EXIT_USAGE 2 /* the exit code after a mistake on the command line */

struct command {
	const char *program;  /* how it is called in messages: "maglevd" */
	const char *synopsis; /* the usage text's first line: "maglevd [flags]" */
	/* Fill `ret` (room for COMMAND_FLAGS_MAX) with the program's own flags, their destinations
	 * in its `options`, by command_flags; returns how many. --version and --help are added. */
	size_t (*table)(void *options, struct flag *ret);
	/* What flags may not be together, and what is made of them; 0, or -EINVAL with a sentence.
	 * NULL: nothing. Not called when the program shall not run. */
	int (*complete)(void *options, struct err *err);
	void (*epilogue)(struct str *out); /* what --help says behind the flags, or NULL */
};

#define COMMAND_FLAGS_MAX (FLAGS_MAX - 2)

/* A table's last line: n flags copied to ret. Returns n. */
size_t command_flags(const struct flag *flags, size_t n, struct flag *ret);

/* --log-level of a daemon; ENV its variable or NULL, TO an int that gets an enum log_level. */
#define COMMAND_LOG_LEVEL(ENV, TO)                                                                 \
	{                                                                                          \
		.name = "log-level", .env = (ENV), .kind = FLAG_ENUM, .def = "info",               \
		.arg = "LEVEL", .help = "the least level that is logged",                          \
		.choices = command_log_levels, .to_enum = (TO)                                     \
	}
extern const char *const command_log_levels[]; /* in enum log_level's order; NULL at the end */

enum command_asks { COMMAND_RUN, COMMAND_HELP, COMMAND_VERSION };

/* Fill `options`, zeroed by the caller. What was asked for (enum command_asks), or -EINVAL with a
 * sentence: a flag's own mistake, a word that is no flag, or what `complete` says. --help beats
 * every mistake. Flags' destinations are set as far as flags_parse got. */
int command_parse(const struct command *c, void *options, int argc, char *const *argv,
		  struct err *err);

/* What --help prints. `scratch` has the options' type; what it holds is of no account. */
void command_usage(const struct command *c, void *scratch, struct str *out);

/* The beginning of a main: command_parse, and an answer to --help and --version (on stdout) and to
 * a mistake (the sentence and the usage on stderr). True: go on. False: leave main with *ret_code.
 * Either way the caller frees what `complete` made of the options. */
bool command_start(const struct command *c, void *options, int argc, char *const *argv,
		   int *ret_code);
