/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/commands.h - what the commands of the tree do. Each is a command_fn. */
#pragma once

#include "maglevc/tree.h"

command_fn cmd_show_version, cmd_show_frontends, cmd_show_frontend, cmd_show_backends,
	cmd_show_backend, cmd_show_checks, cmd_show_check, cmd_show_lb_state, cmd_show_vpp_info,
	cmd_show_lb_counters;
command_fn cmd_set_backend, cmd_set_weight;
command_fn cmd_sync, cmd_config_check, cmd_config_reload, cmd_help, cmd_quit, cmd_watch;
