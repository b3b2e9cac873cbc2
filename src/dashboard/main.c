/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd-frontend - from the command line to a running dashboard. */
#include <stdio.h>

#include "base/log.h"
#include "base/version.h"
#include "dashboard/dashboard.h"

#define EXIT_USAGE 2

static void print_usage(FILE *f)
{
	_cleanup_(str_done) struct str text = { 0 };

	options_usage(&text);
	(void)fputs(str_z(&text), f);
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e;
	int r = options_parse(&o, argc, argv, &e);

	if (o.help) {
		print_usage(stdout);
		r = 0;
	} else if (r < 0) {
		(void)fprintf(stderr, "maglevd-frontend: %s\n\n", e.msg);
		print_usage(stderr);
		r = EXIT_USAGE;
	} else if (o.version) {
		version_print("maglevd-frontend");
	} else {
		log_set_level((enum log_level)o.log_level);
		r = dashboard_run(&o);
	}
	options_done(&o);
	return r;
}
