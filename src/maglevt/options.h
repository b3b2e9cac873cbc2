/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/options.h - the command line, from the one table of flags. */
#pragma once

#include <stdbool.h>

#include "base/command.h"
#include "base/dur.h"
#include "base/flags.h"
#include "maglevt/filter.h"
#include "maglevt/vips.h"

struct options {
	struct flag_list config;            /* paths, at least one once complete */
	dur_ns interval, timeout, duration; /* duration 0: without end */
	const char *uri, *host, *header;    /* host "": the VIP */
	const char *filter_text;
	struct filter *filter; /* NULL: all */
	int scheme;            /* enum scheme_choice */
	long long count;       /* 0: without end */
	bool insecure, keepalive, json;
};

extern const struct command options_command;

void options_done(struct options *o);
/* Without a screen? */
bool options_headless(const struct options *o);
