/* SPDX-License-Identifier: Apache-2.0 */
/* config/config.c - the way from a file to a config: read, yaml, parse, check, lint, build.
 *
 * Each step runs when the one before found nothing: rules are not looked at in a file of the wrong
 * shape, warnings are not given for one that is refused. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/str.h"
#include "config/draft.h"

static enum config_class parse_error(struct config_report *rep, char *text)
{
	rep->parse_error = text;
	return CONFIG_PARSE_ERROR;
}

static enum config_class load_tree(struct reporter *r, const struct node *root, struct config **ret)
{
	struct draft d = { 0 };
	enum config_class class = CONFIG_OK;

	if (draft_parse(&d, r, root) < 0) {
		class = CONFIG_PARSE_ERROR;
	} else {
		draft_check_all(&d, r);
		if (r->rep->n_semantic) {
			class = CONFIG_SEMANTIC_ERROR;
		} else {
			draft_lint(&d, r);
			*ret = draft_build(&d);
		}
	}
	draft_done(&d);
	return class;
}

static enum config_class too_big(const char *file, struct config_report *rep)
{
	return parse_error(rep,
			   xasprintf("%s: larger than %u MiB", file, CONFIG_MAX_FILE_BYTES >> 20));
}

enum config_class config_load_text(const char *file, const char *text, size_t len,
				   struct config **ret, struct config_report *rep)
{
	struct reporter r = { .file = file, .rep = rep };
	struct arena arena = { 0 };
	struct yaml_problem problem = { 0 };
	const struct node *root;
	enum config_class class;

	if (len > CONFIG_MAX_FILE_BYTES)
		return too_big(file, rep);
	if (yaml_read(&arena, text, len, &root, &problem) == 0)
		class = load_tree(&r, root, ret);
	else
		class = parse_error(rep, xasprintf("%s:%u:%u: %s: %s", file, problem.line,
						   problem.col, problem.path, problem.what));
	free(problem.path);
	free(problem.what);
	arena_done(&arena);
	return class;
}

/* Only a regular file: a FIFO could keep a reload, and the daemon with it, waiting. */
static int open_regular(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set_errno(e, errno, "cannot be opened");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, -EINVAL,
		       S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
}

/* All of the file, or one byte more than it may have. */
static int read_all(int fd, struct str *out, struct err *e)
{
	static const size_t chunk = 64u << 10;
	_cleanup_free_ char *buf = xmalloc(chunk);

	while (out->len <= CONFIG_MAX_FILE_BYTES) {
		ssize_t n = read(fd, buf, chunk);

		if (n == 0)
			return 0;
		if (n > 0)
			str_add_n(out, buf, (size_t)n);
		else if (errno != EINTR)
			return err_set_errno(e, errno, "cannot be read");
	}
	return 0;
}

enum config_class config_load(const char *path, struct config **ret, struct config_report *rep)
{
	struct str text = { 0 };
	struct err e = { 0 };
	enum config_class class;
	int fd = open_regular(path, &e);

	if (fd < 0)
		return parse_error(rep, xasprintf("%s: %s", path, e.msg));
	if (read_all(fd, &text, &e) < 0)
		class = parse_error(rep, xasprintf("%s: %s", path, e.msg));
	else
		class = config_load_text(path, str_z(&text), text.len, ret, rep);
	close(fd);
	str_done(&text);
	return class;
}

void config_report_done(struct config_report *rep)
{
	free(rep->parse_error);
	for (size_t i = 0; i < rep->n_semantic; i++)
		free(rep->semantic[i]);
	for (size_t i = 0; i < rep->n_warnings; i++)
		free(rep->warnings[i]);
	free(rep->warnings);
	*rep = (struct config_report){ 0 };
}

char *config_report_semantic(const struct config_report *rep)
{
	struct str out = { 0 };

	for (size_t i = 0; i < rep->n_semantic; i++)
		str_addf(&out, "%s%s", i ? "\n" : "", rep->semantic[i]);
	if (rep->n_suppressed)
		str_addf(&out, "\nand %zu more", rep->n_suppressed);
	return str_take(&out);
}
