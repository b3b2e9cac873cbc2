/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/daemon.h - the running daemon: owns the loop and everything on it. */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "maglevd/fleet.h"
#include "lbsync/lbsync.h"
#include "maglevd/loader.h"
#include "maglevd/options.h"

struct events;
struct metrics;
struct rpc_health;
struct rpc_reflection;
struct service;
struct rpc_server;

struct daemon {
	const struct options *options;
	struct loop *loop;
	struct loader *loader;
	struct fleet *fleet;
	struct probe_engine *engine;
	struct lbsync *lbsync; /* NULL: VPP is switched off */
	struct service *service;
	struct events *events;
	struct rpc_health *health;
	struct rpc_reflection *reflection; /* NULL: switched off */
	struct rpc_server *rpc;
	struct metrics *metrics; /* NULL: switched off */
	struct timer watchdog;
	struct timer doubt;
	struct timer pulse;
	int pulse_missed; /* in a row */
	wall_ns started;
	struct {
		uint64_t good, bad;
		wall_ns good_at; /* the last good one, or the start */
	} reloads;
	bool stopping;
	bool hup_loading, hup_again; /* a reload by SIGHUP is under way; another is due after it */
};

/* Take the checked configuration and run until a signal says stop. Returns the exit code: 0, or 1
 * when something it needs cannot be had (said in the log and on stderr). */
int daemon_run(const struct options *o, struct config *config);

/* Read and check the file with the log records around it; the caller owns *ret and the report. For
 * the start, before there is a loop. */
enum config_class daemon_load(const struct options *o, struct config **ret,
			      struct config_report *rep);

/* The same while running, on the loader's thread; a reload also puts it in force, and any error
 * leaves everything as it was. 0, or -EBUSY with a message; then `done` (may be NULL) is called
 * once from the loop, with NULL when the daemon ends first. */
int daemon_check(struct daemon *d, loader_fn *done, void *ctx, struct err *e);
int daemon_reload(struct daemon *d, loader_fn *done, void *ctx, struct err *e);
/* SIGHUP came: reload. However many come while one is being served, one more sees what they meant.
 */
void daemon_hup(struct daemon *d);
