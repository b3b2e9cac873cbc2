/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/shell.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "maglevc/editor.h"
#include "maglevc/history.h"
#include "maglevc/names.h"

#define PROMPT "maglev> "

/* One line, and what comes of it on stdout and stderr. */
static int run_line(struct session *ss, const char *line)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct err e = { 0 };
	int code = EXIT_USAGE;

	ss->style.now = loop_wall();
	ss->usage = false;
	if (words_split(line, &w, &e))
		str_add(&ss->error, e.msg);
	else if (w.n == 0)
		return EXIT_OK;
	else
		code = session_run(ss, &w);
	return session_flush(ss) ? EXIT_FAILED : code;
}

/* ---- at a terminal */

static void sigint_set(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
}

/* Ctrl-C while a command waits. SIGINT stays blocked and is looked for: no handler, no state of its
 * own. Takes one away. */
static bool interrupted(void)
{
	sigset_t set;

	sigint_set(&set);
	return editor_is_to_die() || sigtimedwait(&set, NULL, &(struct timespec){ 0 }) == SIGINT;
}

static void interact(struct session *ss, struct editor *ed, struct name_cache *names)
{
	const char *line;

	while (!ss->quit && (line = editor_line(ed))) {
		(void)interrupted(); /* one that came too late for the last command */
		run_line(ss, line);
		name_cache_clear(names); /* the command may have changed something */
	}
}

static int run_terminal(struct session *ss)
{
	_cleanup_free_ char *path = history_path(getenv("XDG_STATE_HOME"), getenv("HOME"));
	struct name_cache *names = name_cache_new(ss);
	struct editor_opts o = { PROMPT, path, tree_root, { name_cache_get, names }, &ss->style };
	struct editor *ed;
	sigset_t set;
	int code = EXIT_OK;

	sigint_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	editor_block_signals();
	ss->daemon.interrupted = interrupted;
	run_line(ss, "show version");
	ed = editor_new(&o);
	if (ed) {
		interact(ss, ed, names);
	} else {
		str_add(&ss->error, "the terminal cannot be used for editing");
		session_flush(ss);
		code = EXIT_FAILED;
	}
	editor_free(ed);
	name_cache_free(names);
	return code;
}

/* ---- from a pipe or a file */

static int run_stdin(struct session *ss)
{
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	int code = EXIT_OK, r;

	run_line(ss, "show version");
	while (!ss->quit && getline(&line, &cap, stdin) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		r = run_line(ss, line);
		if (r)
			code = r;
		if (ferror(stdout))
			break;
	}
	return code;
}

int shell_run(struct session *ss)
{
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return run_terminal(ss);
	return run_stdin(ss);
}
