/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/version.h"

const char *const command_log_levels[] = { "debug", "info", "warn", "error", NULL };

size_t command_flags(const struct flag *flags, size_t n, struct flag *ret)
{
	assert(n <= COMMAND_FLAGS_MAX);
	memcpy(ret, flags, n * sizeof *flags);
	return n;
}

struct asked {
	bool version, help;
};

static size_t whole_table(const struct command *c, void *options, struct asked *a,
			  struct flag ret[static FLAGS_MAX])
{
	size_t n = c->table(options, ret);
	assert(n <= COMMAND_FLAGS_MAX);
	ret[n++] = (struct flag){ .name = "version",
				  .kind = FLAG_BOOL,
				  .help = "print the version and exit",
				  .to_bool = &a->version };
	ret[n++] = (struct flag){ .name = "help",
				  .kind = FLAG_BOOL,
				  .help = "print this and exit",
				  .to_bool = &a->help };
	return n;
}

int command_parse(const struct command *c, void *options, int argc, char *const *argv,
		  struct err *err)
{
	struct flag flags[FLAGS_MAX];
	struct asked a = { 0 };
	int next = argc;
	size_t n = whole_table(c, options, &a, flags);
	int r = flags_parse(flags, n, argc, argv, &next, err);
	if (!r && next < argc)
		r = err_set(err, -EINVAL, "unexpected argument \"%s\"", argv[next]);
	if (a.help)
		return COMMAND_HELP;
	if (!r && a.version)
		return COMMAND_VERSION;
	if (!r && c->complete)
		r = c->complete(options, err);
	return r ? r : COMMAND_RUN;
}

void command_usage(const struct command *c, void *scratch, struct str *out)
{
	struct flag flags[FLAGS_MAX];
	struct asked a;
	size_t n = whole_table(c, scratch, &a, flags);
	flags_usage(flags, n, c->synopsis, out);
	if (c->epilogue)
		c->epilogue(out);
}

static void print_usage(const struct command *c, void *scratch, FILE *f)
{
	_cleanup_(str_done) struct str text = { 0 };
	command_usage(c, scratch, &text);
	(void)fputs(str_z(&text), f);
}

bool command_start(const struct command *c, void *options, int argc, char *const *argv,
		   int *ret_code)
{
	struct err err = { 0 };
	int r = command_parse(c, options, argc, argv, &err);
	if (r == COMMAND_RUN)
		return true;
	*ret_code = EXIT_SUCCESS;
	if (r == COMMAND_HELP) {
		print_usage(c, options, stdout);
	} else if (r == COMMAND_VERSION) {
		version_print(c->program);
	} else {
		(void)fprintf(stderr, "%s: %s\n\n", c->program, err.msg);
		print_usage(c, options, stderr);
		*ret_code = COMMAND_EXIT_USAGE;
	}
	return false;
}
