/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/options.h - the command line of maglev-lbsim. */
#pragma once

#include <stdbool.h>

#include "base/dur.h"
#include "base/err.h"
#include "base/flags.h"
#include "base/log.h"
#include "vpp/messages.h"

struct options {
	const char *api_socket, *stats_socket, *control,
		*journal; /* "": none; borrowed from argv */
	const char *version_string;
	bool journal_reads, version, help;
	dur_ns gc_interval;
	enum log_level log_level;
	bool dropped[VPP_MSG_N]; /* --drop-message */
};

/* 0, or -EINVAL with `err`. With help or version set the rest has not been checked. */
int options_parse(int argc, char *const *argv, struct options *ret, struct err *err);
/* What --help prints. */
void options_usage(struct str *out);
