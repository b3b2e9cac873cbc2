/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of commands, from the leaves up. Keywords of a level stand in the order in which
 * help shows them. The singular forms and `lbstate` are habits from before, hence hidden. */
#include "maglevc/commands.h"
#include "maglevc/tree.h"

#define END                                                                                        \
	{                                                                                          \
		.word = NULL                                                                       \
	}

/* clang-format off: a row each */

/* ---- show */

static const struct node show_frontend_name[] = {
	{ "<name>", "one frontend, with its pools", ARG_FRONTEND, .run = cmd_show_frontend }, END
};
static const struct node show_backend_name[] = { { "<name>",
						   "one backend, with its last probe and history",
						   ARG_BACKEND, .run = cmd_show_backend },
						 END };
static const struct node show_check_name[] = {
	{ "<name>", "one health check, whole", ARG_CHECK, .run = cmd_show_check }, END
};
static const struct node show_vpp_lb[] = {
	{ "state", "VIPs and application servers as VPP has them", .run = cmd_show_lb_state },
	{ "counters", "packets of each VIP", .run = cmd_show_lb_counters },
	END
};
static const struct node show_vpp[] = {
	{ "info", "version, process, since when", .run = cmd_show_vpp_info },
	{ "lb", "the load balancer", .next = show_vpp_lb },
	{ "lbstate", "the same as lb state", .hidden = true, .run = cmd_show_lb_state },
	END
};
static const struct node show[] = {
	{ "version", "versions of this client and of the daemon", .run = cmd_show_version },
	{ "frontends", "frontends (VIPs) and their state", .run = cmd_show_frontends,
	  .next = show_frontend_name },
	{ "backends", "backends and their health", .run = cmd_show_backends,
	  .next = show_backend_name },
	{ "healthchecks", "health checks", .run = cmd_show_checks, .next = show_check_name },
	{ "vpp", "what VPP has", .next = show_vpp },
	{ "frontend", "the same as frontends", .hidden = true, .run = cmd_show_frontends,
	  .next = show_frontend_name },
	{ "backend", "the same as backends", .hidden = true, .run = cmd_show_backends,
	  .next = show_backend_name },
	{ "healthcheck", "the same as healthchecks", .hidden = true, .run = cmd_show_checks,
	  .next = show_check_name },
	END
};

/* ---- set */

static const struct node set_backend_action[] = {
	{ "pause", "no new flows, live ones stay; not probed", .run = cmd_set_backend,
	  .data = "/maglev.Maglev/PauseBackend" },
	{ "resume", "end a pause", .run = cmd_set_backend, .data = "/maglev.Maglev/ResumeBackend" },
	{ "disable", "no flows at all: live ones are flushed; not probed", .run = cmd_set_backend,
	  .data = "/maglev.Maglev/DisableBackend" },
	{ "enable", "end a disable", .run = cmd_set_backend,
	  .data = "/maglev.Maglev/EnableBackend" },
	END
};
static const struct node set_backend_name[] = {
	{ "<name>", "the backend", ARG_BACKEND, .next = set_backend_action }, END
};
static const struct node set_weight_flush[] = { { "flush",
						  "drop its live flows of this frontend too",
						  .run = cmd_set_weight, .data = "flush" },
						END };
static const struct node set_weight_value[] = {
	{ "<0-100>", "set the backend's weight in this pool", ARG_WEIGHT, .run = cmd_set_weight,
	  .next = set_weight_flush },
	END
};
static const struct node set_weight[] = {
	{ "weight", "its weight in this pool", .next = set_weight_value }, END
};
static const struct node set_pool_backend_name[] = {
	{ "<backend>", "the backend in the pool", ARG_MEMBER, .next = set_weight }, END
};
static const struct node set_pool_backend[] = {
	{ "backend", "a backend of the pool", .next = set_pool_backend_name }, END
};
static const struct node set_pool_name[] = {
	{ "<pool>", "the pool", ARG_POOL, .next = set_pool_backend }, END
};
static const struct node set_pool[] = { { "pool", "a pool of the frontend", .next = set_pool_name },
					END };
static const struct node set_frontend_name[] = {
	{ "<name>", "the frontend", ARG_FRONTEND, .next = set_pool }, END
};
static const struct node set[] = {
	{ "backend", "take a backend out of service and back", .next = set_backend_name },
	{ "frontend", "change weights", .next = set_frontend_name },
	{ "backends", "the same as backend", .hidden = true, .next = set_backend_name },
	{ "frontends", "the same as frontend", .hidden = true, .next = set_frontend_name },
	END
};

/* ---- sync, config */

static const struct node sync_name[] = {
	{ "<name>", "this frontend alone", ARG_FRONTEND, .run = cmd_sync }, END
};
static const struct node sync_lb[] = { { "state", "make VPP's load balancer what it should be",
					 .run = cmd_sync, .next = sync_name },
				       END };
static const struct node sync_vpp[] = { { "lb", "the load balancer", .next = sync_lb },
					{ "lbstate", "the same as lb state", .hidden = true,
					  .run = cmd_sync, .next = sync_name },
					END };
static const struct node sync_what[] = { { "vpp", "VPP", .next = sync_vpp }, END };
static const struct node config[] = {
	{ "check", "say what is wrong with the daemon's file", .run = cmd_config_check },
	{ "reload", "put the daemon's file into force", .run = cmd_config_reload },
	END
};

/* ---- watch */

static const struct node log_levels[] = {
	{ "debug", "everything, each probe too", .run = cmd_watch },
	{ "info", "what happens, as the daemon logs by default", .run = cmd_watch },
	{ "warn", "warnings and errors", .run = cmd_watch },
	{ "error", "errors alone", .run = cmd_watch },
	END
};
static const struct node watch_log[] = {
	{ "level", "from which level on (info by default)", .next = log_levels }, END
};
static const struct node watch_num[] = { { "<n>", "how many", ARG_COUNT, .run = cmd_watch }, END };
static const struct node watch_options[] = {
	{ "num", "end after so many events", .next = watch_num },
	{ "log", "what the daemon logs", .run = cmd_watch, .next = watch_log },
	{ "backend", "transitions of backends", .run = cmd_watch },
	{ "frontend", "transitions of frontends", .run = cmd_watch },
	END
};
static const struct node watch[] = {
	{ "events", "print what happens, as it happens: all of it, or the kinds named",
	  .run = cmd_watch, .options = watch_options },
	END
};

const struct node tree_root[] = { { "show", "look", .next = show },
				  { "set", "change something until the daemon restarts",
				    .next = set },
				  { "sync", "write to VPP now", .next = sync_what },
				  { "config", "the daemon's configuration file", .next = config },
				  { "watch", "print what happens", .next = watch },
				  { "help", "this list", .run = cmd_help },
				  { "quit", "leave the shell", .run = cmd_quit },
				  { "exit", "leave the shell", .run = cmd_quit },
				  END };
/* clang-format on */
