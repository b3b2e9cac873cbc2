/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/options.h - the command line of maglev-lbsim. */
#pragma once

#include <stdbool.h>

#include "base/command.h"
#include "base/dur.h"
#include "vpp/messages.h"

struct options {
	const char *api_socket, *stats_socket, *control,
		*journal; /* "": none; borrowed from argv */
	const char *version_string;
	const char *forward_device;
	bool journal_reads, forward;
	dur_ns gc_interval;
	int log_level; /* enum log_level */
	struct flag_list drop;
	bool dropped[VPP_MSG_N]; /* what `drop` names */
};

extern const struct command options_command; /* fills a struct options; options_done after it */
void options_done(struct options *o);
