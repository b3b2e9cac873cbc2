/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/cli.h - VPP's command line as cli_inband carries it: `show lb`, `show lb vips [verbose]`,
 * `show version`, and VPP's own complaint about everything else (pure). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "lbsim/lbplugin.h"

struct cli_vpp { /* what the commands tell of */
	const struct lbplugin *plugin;
	const char *version; /* `show version` prints it behind "vpp v" */
	uint32_t now;        /* VPP's uptime */
};

/* Run the commands in [cmd, cmd+n), one after the other until one fails, as vlib_cli_input does
 * (src/vlib/cli.c); lines end in LF. Returns VPP's retval: 0, or -1 after an unknown command. */
int32_t cli_run(const struct cli_vpp *vpp, const char *cmd, size_t n, struct str *out);

/* A part, for tests. */
void cli_show_vip_verbose(const struct lbplugin *p, uint32_t vip, struct str *out);
