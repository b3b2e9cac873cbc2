/* SPDX-License-Identifier: Apache-2.0 */
/* libedit does the editing; Tab, `?`, Ctrl-C and Ctrl-Z are functions of ours in its key map.
 *
 * Ctrl-C and Ctrl-Z are keys, not signals: while a line is edited the terminal makes no signals of
 * them (-isig). The others are blocked and read from a signalfd by the function that reads keys:
 * gRPC has threads, and a handler that moves the cursor in one of those while this one draws is
 * none. libedit's own handling (EL_SIGNAL) is that, and takes the screen to be empty after a
 * SIGWINCH, leaving there what stands there. Here the line is removed as terminals arrange it in
 * the new width, and drawn anew.
 *
 * Lists are printed under the line, which may be several rows on the screen with the cursor in any
 * of them, and libedit's functions know no way to the last row. So what has to be printed waits in
 * `pending` while the cursor moves to the line's end: the key function moves it, pushes KEY_PENDING
 * into the input, and returns; libedit moves the screen's cursor, takes that key, and its function
 * prints, puts the cursor back, and lets libedit draw the line anew below.
 *
 * libedit counts in characters, words and trees in bytes of UTF-8; what is counted for it passes
 * characters(). */
#include "maglevc/editor.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "maglevc/history.h"

#define KEY_PENDING "\x1c" /* Ctrl-\, of no other use; typed, it finds nothing pending */

enum pending { PENDING_NOTHING, PENDING_LIST, PENDING_CANCEL };

struct editor {
	struct editor_opts o;
	EditLine *el;
	History *history;
	enum pending pending;
	struct str list; /* to be printed */
	int back;        /* then the cursor goes back by so many characters */
	bool cancelled;
	char *line;
	int signals; /* a signalfd, or -1 */
};

static struct editor *of(EditLine *el)
{
	struct editor *ed = NULL;

	el_get(el, EL_CLIENTDATA, &ed);
	return ed;
}

static char *prompt(EditLine *el)
{
	union {
		const char *given;
		char *wanted;
	} u = { .given = of(el)->o.prompt };

	return u.wanted;
}

static int characters(const char *from, const char *to)
{
	int n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xc0) != 0x80;
	return n;
}

static size_t columns(void)
{
	struct winsize ws;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
}

/* ---- what is done below the line */

static unsigned char do_pending(EditLine *el, int ch _unused_)
{
	struct editor *ed = of(el);
	enum pending p = ed->pending;

	ed->pending = PENDING_NOTHING;
	if (p == PENDING_CANCEL) {
		fputs("^C\n", stdout);
		ed->cancelled = true;
		return CC_NEWLINE;
	}
	if (p == PENDING_LIST) {
		fprintf(stdout, "\n%s", str_z(&ed->list));
		fflush(stdout);
		el_cursor(el, -ed->back);
		el_set(el, EL_REFRESH);
	}
	return CC_NORM;
}

static unsigned char pend(struct editor *ed, enum pending p)
{
	const LineInfo *li = el_line(ed->el);

	ed->pending = p;
	ed->back = characters(li->cursor, li->lastchar);
	if (ed->back == 0)
		return do_pending(ed->el, 0);
	el_cursor(ed->el, ed->back);
	el_push(ed->el, KEY_PENDING);
	return CC_CURSOR;
}

/* ---- keys */

/* The line as typed so far, and where the cursor is in it. The caller frees it. */
static char *line_copy(struct editor *ed, size_t *ret_cursor)
{
	const LineInfo *li = el_line(ed->el);

	*ret_cursor = (size_t)(li->cursor - li->buffer);
	return xstrndup(li->buffer, (size_t)(li->lastchar - li->buffer));
}

static unsigned char list(struct editor *ed, const struct completion *c)
{
	str_clear(&ed->list);
	if (c->v.n > 0)
		completion_columns(c, columns(), &ed->list);
	else
		completion_help(c, ed->o.style, &ed->list);
	return ed->list.len ? pend(ed, PENDING_LIST) : CC_ERROR;
}

static unsigned char key_complete(EditLine *el, int ch _unused_)
{
	struct editor *ed = of(el);
	size_t cursor;
	_cleanup_free_ char *line = line_copy(ed, &cursor);
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str text = { 0 };
	struct tree_error e;
	bool blank = line[cursor] != ' ';

	if (complete_at(ed->o.root, line, cursor, &ed->o.names, &c, &e))
		return CC_ERROR;
	if (!completion_insert(&c, blank, &text))
		return list(ed, &c);
	el_deletestr(el, characters(line + c.start, line + cursor));
	if (el_insertstr(el, str_z(&text)))
		return CC_ERROR;
	return CC_REFRESH;
}

static unsigned char key_help(EditLine *el, int ch _unused_)
{
	struct editor *ed = of(el);
	size_t cursor;
	_cleanup_free_ char *line = line_copy(ed, &cursor);

	if (words_quote_at(line, cursor))
		return el_insertstr(el, "?") ? CC_ERROR : CC_REFRESH;
	str_clear(&ed->list);
	complete_explain(ed->o.root, line, cursor, &ed->o.names, ed->o.style, &ed->list);
	return pend(ed, PENDING_LIST);
}

static unsigned char key_cancel(EditLine *el, int ch _unused_)
{
	return pend(of(el), PENDING_CANCEL);
}

/* ---- reading keys */

/* The screen has another size. Terminals wrap long lines anew; the line begins as many rows above
 * the cursor as what stands before the cursor fills. */
static void draw_resized(struct editor *ed)
{
	const LineInfo *li = el_line(ed->el);
	_cleanup_free_ char *head = xstrndup(li->buffer, (size_t)(li->cursor - li->buffer));
	size_t rows = (text_width(ed->o.prompt) + text_width(head)) / columns();

	if (rows > 0)
		fprintf(stdout, "\x1b[%zuA", rows);
	fputs("\r\x1b[J", stdout);
	fflush(stdout);
	el_resize(ed->el);
	el_set(ed->el, EL_REFRESH);
}

static void draw_continued(struct editor *ed)
{
	el_set(ed->el, EL_PREP_TERM, 0); /* whoever had the terminal may have changed it */
	el_set(ed->el, EL_PREP_TERM, 1);
	el_resize(ed->el);
	el_set(ed->el, EL_REFRESH);
}

/* A shell that is nobody's job (of `ssh -t host maglevc`, say) is not stopped: then no SIGCONT
 * comes, which is the signalfd's, and the line is drawn anew here. */
static unsigned char key_suspend(EditLine *el, int ch _unused_)
{
	sigset_t set;

	el_set(el, EL_PREP_TERM, 0);
	fputs("\n", stdout);
	fflush(stdout);
	raise(SIGTSTP);
	if (sigpending(&set) == 0 && !sigismember(&set, SIGCONT))
		draw_continued(of(el));
	return CC_NORM;
}

/* As the signal would have, but with the terminal as it was. */
static void die(struct editor *ed, int signo)
{
	sigset_t set;

	el_set(ed->el, EL_PREP_TERM, 0);
	sigemptyset(&set);
	sigaddset(&set, signo);
	raise(signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* What came since. Drawing is for a line that is on the screen. */
static void take_signals(struct editor *ed, bool draw)
{
	struct signalfd_siginfo si;

	while (ed->signals >= 0 && read(ed->signals, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGWINCH && draw)
			draw_resized(ed);
		else if (si.ssi_signo == SIGWINCH)
			el_resize(ed->el);
		else if (si.ssi_signo == SIGCONT && draw)
			draw_continued(ed);
		else if (si.ssi_signo != SIGCONT)
			die(ed, (int)si.ssi_signo);
	}
}

/* Wait for input. 0, or -1 when the terminal is gone. */
static int wait_input(struct editor *ed)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { ed->signals, POLLIN, 0 } };

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0) {
			if (errno != EINTR)
				return -1;
			continue;
		}
		if (fds[1].revents)
			take_signals(ed, true);
		if (fds[0].revents)
			return 0;
	}
}

/* libedit's read function: 1 and a character, 0 at the end, -1. Bytes that make no UTF-8 are
 * passed over. */
static int read_key(EditLine *el, wchar_t *ret)
{
	struct editor *ed = of(el);
	mbstate_t state = { 0 };
	char byte;
	ssize_t n;

	for (;;) {
		if (wait_input(ed))
			return -1;
		n = read(STDIN_FILENO, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		size_t r = mbrtowc(ret, &byte, 1, &state);
		if (r == (size_t)-1) { /* the byte may begin what comes next, or be Enter */
			state = (mbstate_t){ 0 };
			r = mbrtowc(ret, &byte, 1, &state);
		}
		if (r == (size_t)-1)
			state = (mbstate_t){ 0 };
		else if (r != (size_t)-2)
			return 1;
	}
}

/* ---- making one */

/* SIGWINCH and SIGCONT concern the screen; of the others we are to die. */
static void editor_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGWINCH);
	sigaddset(ret, SIGCONT);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGQUIT);
}

void editor_block_signals(void)
{
	sigset_t set;

	editor_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool editor_is_to_die(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && (sigismember(&set, SIGHUP) || sigismember(&set, SIGTERM) ||
					 sigismember(&set, SIGQUIT));
}

static void bind_keys(EditLine *el)
{
	static const char *const keys[][2] = {
		{ "^I", "maglevc-complete" },
		{ "?", "maglevc-help" },
		{ "^C", "maglevc-cancel" },
		{ "^Z", "maglevc-suspend" },
		{ KEY_PENDING, "maglevc-pending" },
		{ "^R", "em-inc-search-prev" },
		/* what terminals send for Ctrl-Left, Ctrl-Right, Delete, Home and End */
		{ "\\e[1;5D", "ed-prev-word" },
		{ "\\e[1;5C", "em-next-word" },
		{ "\\e[3~", "ed-delete-next-char" },
		{ "\\e[1~", "ed-move-to-beg" },
		{ "\\e[4~", "ed-move-to-end" },
	};

	/* el_set would lose copies of these strings (libedit's eln.c says so) */
	el_wset(el, EL_ADDFN, L"maglevc-complete", L"complete the word", key_complete);
	el_wset(el, EL_ADDFN, L"maglevc-help", L"tell what may come next", key_help);
	el_wset(el, EL_ADDFN, L"maglevc-cancel", L"clear the line", key_cancel);
	el_wset(el, EL_ADDFN, L"maglevc-suspend", L"stop this program", key_suspend);
	el_wset(el, EL_ADDFN, L"maglevc-pending", L"print below the line", do_pending);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

static void history_fill(struct editor *ed)
{
	struct history_lines lines = { 0 };
	HistEvent ev;

	history(ed->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(ed->history, &ev, H_SETUNIQUE, 1);
	if (ed->o.history)
		history_load(ed->o.history, &lines);
	for (size_t i = 0; i < lines.v.n; i++)
		history(ed->history, &ev, H_ENTER, lines.v.v[i]);
	history_lines_done(&lines);
}

struct editor *editor_new(const struct editor_opts *o)
{
	struct editor *ed = XNEW(struct editor);
	sigset_t set;

	ed->o = *o;
	editor_signals(&set);
	ed->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	ed->history = history_init();
	ed->el = el_init("maglevc", stdin, stdout, stderr);
	if (!ed->el || !ed->history) {
		editor_free(ed);
		return NULL;
	}
	el_set(ed->el, EL_CLIENTDATA, ed);
	el_set(ed->el, EL_PROMPT, prompt);
	el_set(ed->el, EL_EDITOR, "emacs");
	el_set(ed->el, EL_GETCFN, read_key);
	el_set(ed->el, EL_HIST, history, ed->history);
	(void)el_source(ed->el, NULL); /* the user's ~/.editrc, if there is one */
	el_set(ed->el, EL_SETTY, "-d", "-isig", NULL);
	bind_keys(ed->el);
	history_fill(ed);
	return ed;
}

void editor_free(struct editor *ed)
{
	if (!ed)
		return;
	if (ed->el)
		el_end(ed->el);
	if (ed->history)
		history_end(ed->history);
	if (ed->signals >= 0)
		close(ed->signals);
	str_done(&ed->list);
	free(ed->line);
	free(ed);
}

/* ---- lines */

static void remember(struct editor *ed, const char *line)
{
	HistEvent ev;

	/* The same again is no news. */
	if (history(ed->history, &ev, H_FIRST) == 0 && strcmp(ev.str, line) == 0)
		return;
	history(ed->history, &ev, H_ENTER, line);
	if (ed->o.history)
		history_append(ed->o.history, line);
}

const char *editor_line(struct editor *ed)
{
	const char *got = NULL;
	int n = 0;

	take_signals(ed, false); /* that came while a command ran */
	do {
		ed->cancelled = false;
		ed->pending = PENDING_NOTHING;
		got = el_gets(ed->el, &n);
	} while (ed->cancelled);
	if (!got || n <= 0) {
		fputs("\n", stdout);
		return NULL;
	}
	free(ed->line);
	ed->line = xstrndup(got, strcspn(got, "\r\n"));
	if (ed->line[strspn(ed->line, " \t")])
		remember(ed, ed->line);
	return ed->line;
}
