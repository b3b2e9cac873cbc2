/* SPDX-License-Identifier: Apache-2.0 */
/* Two diffs stand between the picture and the line: ours finds the cells that changed since the
 * last one, curses the shortest way to write them. */
#define NCURSES_WIDECHAR 1
#include "maglevt/screen.h"

#include <curses.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "maglevt/rescue.h"

/* How long an escape may wait for the rest of a key's sequence. */
#define ESCAPE_MS 25

struct screen {
	SCREEN *curses;
	bool ascii, colours;
	struct grid next, shown; /* of one size */
	bool blank;              /* what is shown is not known: nothing is equal to it */
	attr_t attr[STYLE_N];
};

/* ---- how styles look */

struct look {
	short fg, bg; /* -1: the terminal's own */
	attr_t attr;
};

/* With 256 colours, with 8, and without. White is the terminal's own foreground, bold: on a light
 * background it must not vanish. */
static const struct {
	struct look rich, basic;
	attr_t mono;
} looks[STYLE_N] = {
	[STYLE_DIM] = { { 244, -1, 0 }, { -1, -1, A_DIM }, A_DIM },
	[STYLE_BRIGHT] = { { -1, -1, A_BOLD }, { -1, -1, A_BOLD }, A_BOLD },
	[STYLE_GOOD] = { { 71, -1, 0 }, { COLOR_GREEN, -1, 0 }, 0 },
	[STYLE_WARN] = { { 214, -1, 0 }, { COLOR_YELLOW, -1, 0 }, A_BOLD },
	[STYLE_BAD] = { { 203, -1, A_BOLD }, { COLOR_RED, -1, A_BOLD }, A_BOLD },
	[STYLE_HEAD] = { { 109, -1, 0 }, { COLOR_CYAN, -1, 0 }, A_UNDERLINE },
	[STYLE_KEY] = { { 109, -1, A_BOLD }, { COLOR_CYAN, -1, A_BOLD }, A_BOLD },
	[STYLE_TITLE] = { { 231, 24, A_BOLD }, { COLOR_WHITE, COLOR_BLUE, A_BOLD }, A_REVERSE },
	[STYLE_TITLE_DIM] = { { 153, 24, 0 }, { COLOR_WHITE, COLOR_BLUE, 0 }, A_REVERSE },
	[STYLE_ALERT] = { { 16, 214, A_BOLD }, { COLOR_BLACK, COLOR_YELLOW, 0 }, A_BOLD },
	[STYLE_BOX] = { { 252, 237, 0 }, { COLOR_WHITE, COLOR_BLUE, 0 }, A_REVERSE },
	[STYLE_SPARK] = { { 74, -1, 0 }, { COLOR_CYAN, -1, 0 }, 0 },
};

static bool colours_wanted(void)
{
	const char *no = getenv("NO_COLOR");

	return !(no && *no) && has_colors();
}

static void looks_make(struct screen *s)
{
	bool own;

	s->colours = colours_wanted() && start_color() == OK && COLORS >= 8 &&
		     COLOR_PAIRS >= STYLE_N;
	own = s->colours && use_default_colors() == OK;
	for (int i = 0; i < STYLE_N; i++) {
		struct look l = COLORS >= 256 ? looks[i].rich : looks[i].basic;

		if (i == STYLE_PLAIN)
			l = (struct look){ -1, -1, 0 };
		if (!s->colours) {
			s->attr[i] = looks[i].mono;
			continue;
		}
		if (!own)
			l = (struct look){ l.fg < 0 ? COLOR_WHITE : l.fg,
					   l.bg < 0 ? COLOR_BLACK : l.bg, l.attr };
		init_pair((short)(i + 1), l.fg, l.bg);
		s->attr[i] = l.attr;
	}
}

/* ---- taking the terminal */

static int need_terminals(struct err *err)
{
	static const char way_out[] = "--count or --duration run without a screen";

	if (!isatty(STDOUT_FILENO))
		return err_set(err, -ENOTTY, "standard output is not a terminal (%s)", way_out);
	if (!isatty(STDIN_FILENO))
		return err_set(err, -ENOTTY, "standard input is not a terminal (%s)", way_out);
	return 0;
}

/* terminfo's string, or "". */
static const char *capability(const char *name)
{
	char copy[16];
	const char *s;

	strncpy(copy, name, sizeof copy - 1);
	copy[sizeof copy - 1] = '\0';
	s = tigetstr(copy);
	return s && s != (char *)-1 ? s : "";
}

static int need_abilities(struct err *err)
{
	const char *term = getenv("TERM");
	int status = 0;

	if (!term || !*term)
		return err_set(err, -EINVAL,
			       "TERM is not set: what terminal is this? (--count or "
			       "--duration run without a screen)");
	if (setupterm(NULL, STDOUT_FILENO, &status) != OK || !*capability("cup") ||
	    !*capability("clear"))
		return err_set(err, -EINVAL,
			       status == 1 ? "the terminal \"%.60s\" cannot move its cursor "
					     "(--count or --duration run without a screen)"
					   : "the terminal \"%.60s\" is not known here: TERM must "
					     "name one of terminfo's",
			       term);
	return 0;
}

/* A capability's bytes as they go out, without the pauses ("$<50>") of old terminals. */
static void bytes_add(struct str *out, const char *capability)
{
	while (*capability) {
		const char *end = capability[0] == '$' && capability[1] == '<'
					  ? strchr(capability, '>')
					  : NULL;

		if (end)
			capability = end + 1;
		else
			str_add_c(out, *capability++);
	}
}

/* What undoes a screen: attributes, keypad, cursor, the alternate screen. A terminal without one is
 * left with its cursor on a line of its own. */
static void rescue_prepare(void)
{
	static const char *const names[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	_cleanup_(str_done) struct str bytes = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		bytes_add(&bytes, capability(names[i]));
	str_add(&bytes, "\r\n");
	if (!*capability("rmcup"))
		bytes_add(&bytes, capability("ed"));
	rescue_arm(str_z(&bytes), (unsigned)bytes.len);
}

static void modes_set(void)
{
	raw(); /* Ctrl-C is a key: it leaves by the front door */
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	(void)curs_set(0);
}

static void grids_make(struct screen *s)
{
	int rows, cols;

	getmaxyx(stdscr, rows, cols);
	grid_done(&s->next);
	grid_done(&s->shown);
	grid_init(&s->next, rows, cols, s->ascii);
	grid_init(&s->shown, rows, cols, s->ascii);
	s->blank = true;
}

int screen_open(bool ascii, struct screen **ret, struct err *err)
{
	struct screen *s;
	SCREEN *curses;
	TERMINAL *asked; /* need_abilities' own: newterm makes another */

	if (need_terminals(err) || need_abilities(err) || rescue_start(STDOUT_FILENO, err))
		return err->code;
	set_escdelay(ESCAPE_MS);
	rescue_prepare();
	asked = cur_term;
	curses = newterm(NULL, stdout, stdin);
	if (!curses) {
		rescue_disarm();
		return err_set(err, -EINVAL, "the terminal \"%.60s\" cannot be used",
			       getenv("TERM"));
	}
	if (asked != cur_term)
		(void)del_curterm(asked);
	s = XNEW(struct screen);
	s->curses = curses;
	s->ascii = ascii;
	looks_make(s);
	modes_set();
	grids_make(s);
	*ret = s;
	return 0;
}

/* Where there is no alternate screen to leave, the picture stays, and the shell's prompt comes upon
 * a line of its own. */
static void give_back(void)
{
	if (!*capability("rmcup")) {
		(void)move(getmaxy(stdscr) - 1, 0);
		(void)clrtoeol();
		(void)refresh();
	}
	endwin();
	rescue_disarm();
}

void screen_close(struct screen *s)
{
	if (!s)
		return;
	give_back();
	delscreen(s->curses);
	grid_done(&s->next);
	grid_done(&s->shown);
	free(s);
}

/* ---- out */

struct grid *screen_grid(struct screen *s)
{
	return &s->next;
}

bool screen_colourless(const struct screen *s)
{
	return !s->colours;
}

static void cell_show(const struct screen *s, int row, int col, const struct cell *cell)
{
	wchar_t text[CELL_CHARS + 1] = { 0 };
	cchar_t c;

	for (int i = 0; i < CELL_CHARS; i++)
		text[i] = (wchar_t)cell->c[i];
	setcchar(&c, text, s->attr[cell->style], s->colours ? (short)(cell->style + 1) : 0, NULL);
	(void)mvadd_wch(row, col, &c); /* the last cell says ERR and is drawn */
}

static void cells_show(struct screen *s)
{
	size_t n = (size_t)s->next.rows * (size_t)s->next.cols;

	for (size_t i = 0; i < n; i++) {
		const struct cell *cell = &s->next.cells[i];
		bool same = !s->blank && cell_eq(cell, &s->shown.cells[i]);

		if (!same && cell->width > 0)
			cell_show(s, (int)(i / (size_t)s->next.cols),
				  (int)(i % (size_t)s->next.cols), cell);
	}
	memcpy(s->shown.cells, s->next.cells, n * sizeof *s->next.cells);
	s->blank = false;
}

void screen_show(struct screen *s, struct view_cursor cursor)
{
	if (s->blank)
		(void)clear();
	cells_show(s);
	(void)curs_set(cursor.row >= 0);
	if (cursor.row >= 0)
		(void)move(cursor.row, cursor.col);
	(void)refresh();
}

void screen_resize(struct screen *s)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0)
		(void)resizeterm(MIN(ws.ws_row, GRID_ROWS_MAX), MIN(ws.ws_col, GRID_COLS_MAX));
	grids_make(s);
}

/* As the kernel does for Ctrl-Z: a program that is nobody's job (of `ssh -t host maglevt`, say)
 * goes on, for there is no shell that could continue it. */
static void stop_here(void)
{
	const struct sigaction kernels = { .sa_handler = SIG_DFL };
	struct sigaction curses;
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	(void)sigaction(SIGTSTP, &kernels, &curses); /* which has a handler, and gives back, too */
	(void)raise(SIGTSTP);                        /* blocked: it is the loop's otherwise */
	pthread_sigmask(SIG_UNBLOCK, &set, &before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)sigaction(SIGTSTP, &curses, NULL);
}

void screen_suspend(struct screen *s)
{
	give_back();
	stop_here();
	rescue_prepare();
	modes_set();
	screen_resize(s);
}

/* ---- in */

static enum ui_key key_of(wint_t code)
{
	switch (code) {
	case KEY_UP:
		return UI_KEY_UP;
	case KEY_DOWN:
		return UI_KEY_DOWN;
	case KEY_PPAGE:
		return UI_KEY_PAGE_UP;
	case KEY_NPAGE:
		return UI_KEY_PAGE_DOWN;
	case KEY_HOME:
		return UI_KEY_HOME;
	case KEY_END:
		return UI_KEY_END;
	case KEY_ENTER:
		return UI_KEY_ENTER;
	case KEY_BACKSPACE:
		return UI_KEY_BACKSPACE;
	default:
		return UI_KEY_OTHER;
	}
}

static enum ui_key key_of_char(const struct screen *s, wint_t c)
{
	switch (c) {
	case '\r':
	case '\n':
		return UI_KEY_ENTER;
	case 0x08:
	case 0x7f:
		return UI_KEY_BACKSPACE;
	case 0x1b:
		return UI_KEY_ESCAPE;
	default:
		return s->ascii && c >= 0x80 ? UI_KEY_OTHER : UI_KEY_CHAR;
	}
}

bool screen_key(struct screen *s, enum ui_key *ret_key, uint32_t *ret_cp)
{
	wint_t c;
	int r = get_wch(&c);

	if (r == ERR)
		return false;
	*ret_key = r == KEY_CODE_YES ? key_of(c) : key_of_char(s, c);
	*ret_cp = (uint32_t)c;
	return true;
}
