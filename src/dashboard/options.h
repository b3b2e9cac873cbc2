/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/options.h - the command line and the environment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/command.h"

#define OPTIONS_SERVERS_MAX 64 /* maglevds of one dashboard */

struct server {
	char *name, *address; /* owned */
};

struct options {
	struct flag_list server;
	const char *listen, *tls_ca, *tls_cert, *tls_key;
	int log_level;
	const char *user, *password; /* NULL, both: no /admin/ */
	struct server servers[OPTIONS_SERVERS_MAX];
	size_t n_servers;
};

extern const struct command options_command; /* fills a struct options; options_done after it */
void options_done(struct options *o);
