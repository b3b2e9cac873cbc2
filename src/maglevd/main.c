/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/main.c - from the command line to a running daemon. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/version.h"
#include "config/config.h"
#include "maglevd/daemon.h"
#include "maglevd/options.h"

/* What is large (an answer of ten thousand backends, a snapshot for metrics, a table) lives for
 * moments. Left to itself malloc learns from its being freed to take the next such block from the
 * heap, where it is stuck behind what lives long. */
#define LARGE_BLOCK (256 * 1024)

static void print_report(const struct config_report *rep)
{
	char *semantic = config_report_semantic(rep);

	if (rep->parse_error)
		(void)fprintf(stderr, "%s\n", rep->parse_error);
	if (*semantic)
		(void)fprintf(stderr, "%s\n", semantic);
	for (size_t i = 0; i < rep->n_warnings; i++)
		(void)fprintf(stderr, "%s\n", rep->warnings[i]);
	free(semantic);
}

static int check_only(const struct options *o)
{
	struct config_report rep = { 0 };
	struct config *config = NULL;
	enum config_class class = config_load(o->config, &config, &rep);

	print_report(&rep);
	if (class == CONFIG_OK)
		(void)puts("config ok");
	config_report_done(&rep);
	config_free(config);
	return (int)class;
}

static int start(const struct options *o)
{
	struct config_report rep = { 0 };
	struct config *config = NULL;
	enum config_class class;

	log_set_level((enum log_level)o->log_level);
	log_info("starting", L_STR("version", version_string()), L_STR("commit", version_commit()),
		 L_STR("date", version_date()));
	class = daemon_load(o, &config, &rep);
	if (class != CONFIG_OK)
		print_report(&rep);
	config_report_done(&rep);
	return class == CONFIG_OK ? daemon_run(o, config) : (int)class;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int code;

	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	if (!command_start(&options_command, &o, argc, argv, &code))
		return code;
	return o.check ? check_only(&o) : start(&o);
}
