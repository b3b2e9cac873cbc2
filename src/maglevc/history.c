/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

/* Of a file that is longer (not ours, then), the end is read. */
#define FILE_MAX (2L * HISTORY_LINES * HISTORY_LINE_MAX)

char *history_path(const char *xdg_state_home, const char *home)
{
	if (xdg_state_home && xdg_state_home[0] == '/')
		return xasprintf("%s/maglevc/history", xdg_state_home);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/state/maglevc/history", home);
	return NULL;
}

void history_lines_done(struct history_lines *h)
{
	for (size_t i = 0; i < h->v.n; i++)
		free(h->v.v[i]);
	vec_done(&h->v);
}

/* A plain file of ours; anything else (a pipe would block) is none. */
static FILE *open_plain(const char *path, int flags, const char *mode)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;
	FILE *f;

	if (fd < 0)
		return NULL;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, mode) : NULL;
	if (!f)
		close(fd);
	return f;
}

/* In place of the old file, whole or not at all. */
static void rewrite(const char *path, const struct history_lines *h)
{
	_cleanup_free_ char *new = xasprintf("%s.%d", path, (int)getpid());
	FILE *f = open_plain(new, O_WRONLY | O_CREAT | O_TRUNC, "w");

	if (!f)
		return;
	for (size_t i = 0; i < h->v.n; i++)
		fprintf(f, "%s\n", h->v.v[i]);
	if (fclose(f) || rename(new, path))
		(void)unlink(new);
}

void history_load(const char *path, struct history_lines *ret)
{
	_cleanup_free_ char *line = NULL;
	FILE *f = open_plain(path, O_RDONLY, "r");
	size_t cap = 0, seen = 0;
	ssize_t n;

	if (!f)
		return;
	if (fseek(f, -FILE_MAX, SEEK_END)) /* shorter than that: all of it */
		rewind(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		seen++;
		/* libedit goes no further back than to a line that is not UTF-8 */
		if (n == 0 || n > HISTORY_LINE_MAX || !utf8_valid(line, (size_t)n))
			continue;
		if (ret->v.n == HISTORY_LINES) {
			free(ret->v.v[0]);
			memmove(ret->v.v, ret->v.v + 1, --ret->v.n * sizeof *ret->v.v);
		}
		vec_push(&ret->v, xstrdup(line));
	}
	fclose(f);
	if (seen > (size_t)2 * HISTORY_LINES)
		rewrite(path, ret);
}

static void make_parents(const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);

	for (char *s = dir + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		(void)mkdir(dir, 0700); /* it may be there; what matters is the file */
	}
}

void history_append(const char *path, const char *line)
{
	size_t n = strlen(line);
	FILE *f;

	if (n == 0 || n > HISTORY_LINE_MAX || strchr(line, '\n'))
		return;
	make_parents(path);
	f = open_plain(path, O_WRONLY | O_APPEND | O_CREAT, "a");
	if (!f)
		return;
	fprintf(f, "%s\n", line); /* one write: lines of several shells do not mix */
	fclose(f);
}
