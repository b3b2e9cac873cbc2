/* SPDX-License-Identifier: Apache-2.0 */
/* base/flags.h - command line flags and their environment variables, from one table.
 *
 * `-flag`, `--flag`, `--flag=v`, `--flag v`; a bool alone is true and takes a value after '=' only.
 * Parsing stops at the first argument that is no flag ("-" is none) or behind "--". A flag given
 * twice: the last one counts. A flag wins over its environment variable, that over the default.
 * Not thread-safe (reads the environment); meant for the beginning of main. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/dur.h"
#include "base/err.h"
#include "base/str.h"

enum flag_kind { FLAG_BOOL, FLAG_STRING, FLAG_LIST, FLAG_INT, FLAG_DURATION, FLAG_ENUM };

#define FLAGS_MAX     64 /* flags in one table: a bit each in a word */
#define FLAG_LIST_MAX 64 /* values of one FLAG_LIST */

struct flag_list { /* values in the order given; {0} is empty; owns its strings */
	char *v[FLAG_LIST_MAX];
	size_t n;
};
void flag_list_done(struct flag_list *l);

struct flag {
	const char *name; /* without dashes */
	const char *env;  /* environment variable, or NULL */
	enum flag_kind kind;
	const char *def;  /* default, written as a value; NULL leaves the destination as it is */
	const char *arg;  /* what the value is called in the usage text: "FILE"; NULL for a bool */
	const char *help; /* one or more sentences' worth, wrapped by flags_usage */
	union {           /* where the value goes; the member of the kind */
		bool *to_bool;             /* 1 0 t f T F true false TRUE FALSE True False */
		const char **to_string;    /* borrowed from argv, the environment or the table */
		struct flag_list *to_list; /* each occurrence adds one; environment: commas */
		long long *to_int;         /* decimal within min..max */
		dur_ns *to_duration;       /* dur_parse; within min..max when max is not 0 */
		int *to_enum;              /* index into choices */
	};
	long long min, max;
	const char *const *choices; /* FLAG_ENUM: the words, NULL at the end */
	const char *alias;          /* another name of the same flag, or NULL */
};

/* Fill the destinations: defaults, then argv[1] and on, then the environment for those that argv
 * did not give. An environment variable that is set but empty counts for strings (it is how one is
 * switched off) and as unset for everything else.
 *
 * 0, and *ret_next is the index of the first argument left (argc when none is); or -EINVAL with a
 * sentence that names the flag or variable. The one exception to "outputs are untouched on
 * failure": destinations keep what was parsed before the mistake, so that a caller may still honour
 * --help. argv and the environment must outlive the borrowed strings. */
int flags_parse(const struct flag *flags, size_t n, int argc, char *const *argv, int *ret_next,
		struct err *err);

/* The usage text: the synopsis, then each flag with its help, variable and default, 80 columns. */
void flags_usage(const struct flag *flags, size_t n, const char *synopsis, struct str *out);
