/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/daemon.h - the running daemon: owns the loop and everything on it. */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "maglevd/fleet.h"
#include "maglevd/lbsync.h"
#include "maglevd/options.h"
#include "maglevd/reload.h"

struct service;
struct rpc_server;

struct daemon {
	const struct options *options;
	struct loop *loop;
	struct fleet *fleet;
	struct probe_engine *engine;
	struct lbsync *lbsync; /* NULL: VPP is switched off */
	struct service *service;
	struct rpc_server *rpc;
	struct timer watchdog;
	struct timer doubt;
	wall_ns started;
	bool stopping;
};

/* Take the checked configuration and run until a signal says stop. Returns the exit code: 0, or 1
 * when something it needs cannot be had (said in the log and on stderr). */
int daemon_run(const struct options *o, struct config *config);

/* Read and check the file with the log records around it; the caller owns *ret and the report. */
enum config_class daemon_check(const struct options *o, struct config **ret,
			       struct config_report *rep);
/* Read, check, and put in force; any error leaves everything as it was. The caller owns the report.
 */
enum config_class daemon_reload(struct daemon *d, struct config_report *rep);
