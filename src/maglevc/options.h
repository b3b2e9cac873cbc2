/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/options.h - the command line's flags, from the one table of them. */
#pragma once

#include <stdbool.h>

#include "base/dur.h"
#include "base/err.h"
#include "base/flags.h"
#include "maglevc/session.h"

struct options {
	const char *server, *tls_ca, *tls_cert, *tls_key; /* "" where there is none */
	dur_ns timeout;
	bool color, color_given, json, version, help;
};

#define OPTIONS_N_FLAGS 9

/* The table, filling `o`. */
void options_flags(struct options *o, struct flag ret[static OPTIONS_N_FLAGS]);
int argv_count(char *const *argv); /* up to NULL */
/* Does this argument ("--server") take the next one with it? */
bool options_takes_value(const struct flag *flags, const char *arg);
/* Flags may stand behind the command, too: bring them forward, words behind them, each in order.
 * Behind "--" all are words. The caller frees the array; its strings are argv's. */
char **options_reorder(const struct flag *flags, int argc, char **argv);
/* As flags_parse, of what options_reorder gave: ret_first is the first word. On an error too, `o`
 * has what was understood before it. */
int options_parse(struct options *o, char *const *argv, int *ret_first, struct err *e);
/* Where the daemon is, and how it is talked to; borrows. */
struct rpc_client_opts options_daemon(const struct options *o);
