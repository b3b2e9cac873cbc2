/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/options.h - the command line and the environment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/flags.h"
#include "base/str.h"

#define OPTIONS_SERVERS_MAX 64 /* maglevds of one dashboard */

struct server {
	char *name, *address; /* owned */
};

struct options {
	struct flag_list server;
	const char *listen, *tls_ca, *tls_cert, *tls_key;
	int log_level;
	bool version, help;
	const char *user, *password; /* NULL, both: no /admin/ */
	struct server servers[OPTIONS_SERVERS_MAX];
	size_t n_servers;
};

/* 0, or -EINVAL with a sentence. options_done either way. */
int options_parse(struct options *o, int argc, char *const *argv, struct err *e);
void options_done(struct options *o);
void options_usage(struct str *out);
