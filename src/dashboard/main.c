/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd-frontend - from the command line to a running dashboard. */
#include "base/log.h"
#include "dashboard/dashboard.h"

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int code;

	if (command_start(&options_command, &o, argc, argv, &code)) {
		log_set_level((enum log_level)o.log_level);
		code = dashboard_run(&o);
	}
	options_done(&o);
	return code;
}
