/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt - looks at every VIP from the client's side. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/version.h"
#include "config/config.h"
#include "maglevt/app.h"
#include "maglevt/grid.h"
#include "maglevt/headless.h"
#include "maglevt/options.h"
#include "maglevt/prober.h"
#include "maglevt/vips.h"

/* Each line with the program's name; words of files and arguments in it are harmless to a terminal.
 */
static void complain(const char *text)
{
	size_t n = strlen(text);
	bool begins = true;

	for (size_t i = 0; i < n;) {
		uint32_t c;
		int width;
		size_t len = grid_char(false, text + i, n - i, &c, &width);

		if (begins)
			(void)fputs("maglevt: ", stderr);
		begins = text[i] == '\n';
		if (begins)
			(void)fputc('\n', stderr);
		else if (c == 0xfffd)
			(void)fputc('?', stderr);
		else
			(void)fwrite(text + i, 1, len, stderr);
		i += len;
	}
	if (!begins)
		(void)fputc('\n', stderr);
}

static bool load_one(const char *path, const struct options *o, struct vips *vips)
{
	struct config_report rep = { 0 };
	struct config *config = NULL;
	enum config_class class = config_load(path, &config, &rep);

	if (class == CONFIG_OK) {
		vips_add(vips, config, (enum scheme_choice)o->scheme, o->filter);
	} else if (rep.parse_error) {
		complain(rep.parse_error);
	} else {
		_cleanup_free_ char *all = config_report_semantic(&rep);

		complain(all);
	}
	config_report_done(&rep);
	config_free(config);
	return class == CONFIG_OK;
}

static bool load(const struct options *o, struct vips *vips)
{
	_cleanup_(str_done) struct str where = { 0 };

	for (size_t i = 0; i < o->config.n; i++) {
		if (!load_one(o->config.v[i], o, vips))
			return false;
		str_addf(&where, "%s%s", i ? ", " : "", o->config.v[i]);
	}
	if (vips->n > 0 && (vips_probed(vips) > 0 || !options_headless(o)))
		return true;
	if (vips->n == 0 && o->filter)
		str_addf(&where, ": no frontend's name matches --filter");
	else if (vips->n == 0)
		str_addf(&where, ": no frontend, and so no VIP to look at");
	else
		str_addf(&where, ": no VIP that can be probed");
	complain(str_z(&where));
	return false;
}

static int run(const struct options *o)
{
	struct vips vips = { 0 };
	struct err err = { 0 };
	int code = EXIT_FAILURE;
	bool ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;

	if (load(o, &vips)) {
		prober_raise_limit(&vips);
		if (options_headless(o))
			code = headless_run(o, &vips);
		else if (app_run(o, &vips, ascii, &err) == 0)
			code = EXIT_SUCCESS;
		else
			complain(err.msg);
	}
	vips_done(&vips);
	return code;
}

/* Any mistake is exit code 1 here, the command line's too. */
int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err err = { 0 };
	_cleanup_(str_done) struct str usage = { 0 };
	int code = EXIT_SUCCESS;

	/* characters only: numbers and error texts are the C locale's */
	(void)setlocale(LC_CTYPE, "");
	switch (command_parse(&options_command, &o, argc, argv, &err)) {
	case COMMAND_RUN:
		code = run(&o);
		break;
	case COMMAND_HELP:
		command_usage(&options_command, &o, &usage);
		(void)fputs(str_z(&usage), stdout);
		break;
	case COMMAND_VERSION:
		version_print("maglevt");
		break;
	default:
		complain(err.msg);
		(void)fputs("usage: maglevt [flags] (see maglevt --help)\n", stderr);
		code = EXIT_FAILURE;
		break;
	}
	options_done(&o);
	return code;
}
