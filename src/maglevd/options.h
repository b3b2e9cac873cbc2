/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/options.h - the command line and the environment. */
#pragma once

#include <stdbool.h>

#include "base/command.h"

struct options { /* strings are borrowed from argv and the environment */
	const char *config;
	const char *grpc_addr;
	const char *grpc_tls_cert, *grpc_tls_key, *grpc_client_ca; /* "" when unset */
	bool grpc_allow_remote_admin;
	const char *vpp_api_addr;   /* "": VPP off */
	const char *vpp_stats_addr; /* "": no counters */
	const char *metrics_addr;   /* "": off */
	bool reflection;
	int log_level; /* enum log_level */
	long long probe_threads;
	bool check;
};

extern const struct command options_command; /* fills a struct options */
