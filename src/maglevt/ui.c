/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/ui.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define CTRL(C) ((C)&0x1f)

void ui_init(struct ui *u, const struct model *m)
{
	*u = (struct ui){ .page = 1, .stale = true };
	u->rows = xcalloc(m->vips->n, sizeof *u->rows);
}

void ui_done(struct ui *u)
{
	filter_free(u->filter);
	free(u->rows);
	*u = (struct ui){ 0 };
}

mono_ns ui_now(const struct ui *u, mono_ns now)
{
	return u->paused ? u->paused_at : now;
}

/* ---- rows */

static size_t last_top(const struct ui *u)
{
	return u->n_rows > u->page ? u->n_rows - u->page : 0;
}

void ui_rows(struct ui *u, const struct model *m, mono_ns now)
{
	if (!u->stale && !(order_changes(u->order) && now - u->sorted_at >= UI_RESORT))
		return;
	u->n_rows = model_order(m, u->order, u->filter, u->rows);
	u->sorted_at = now;
	u->stale = false;
	u->top = MIN(u->top, last_top(u));
}

void ui_page(struct ui *u, size_t page)
{
	u->page = MAX(page, 1);
	u->top = MIN(u->top, last_top(u));
}

static void scroll_down(struct ui *u, size_t n)
{
	u->top = MIN(u->top + n, last_top(u));
}

static void scroll_up(struct ui *u, size_t n)
{
	u->top -= MIN(u->top, n);
}

static void scroll(struct ui *u, enum ui_key key)
{
	switch (key) {
	case UI_KEY_UP:
		scroll_up(u, 1);
		break;
	case UI_KEY_DOWN:
		scroll_down(u, 1);
		break;
	case UI_KEY_PAGE_UP:
		scroll_up(u, u->page);
		break;
	case UI_KEY_PAGE_DOWN:
		scroll_down(u, u->page);
		break;
	case UI_KEY_HOME:
		u->top = 0;
		break;
	case UI_KEY_END:
		u->top = last_top(u);
		break;
	case UI_KEY_CHAR:
	case UI_KEY_ENTER:
	case UI_KEY_BACKSPACE:
	case UI_KEY_ESCAPE:
	case UI_KEY_OTHER:
		break;
	}
}

/* ---- the prompt */

static void prompt_open(struct ui *u)
{
	u->prompting = true;
	u->wrong = (struct err){ 0 };
	memcpy(u->prompt, u->filter_text, sizeof u->prompt);
}

/* A pattern that does not compile stays in the prompt, with what is wrong about it. */
static void prompt_enter(struct ui *u)
{
	struct filter *f = NULL;

	if (u->prompt[0] && filter_new(u->prompt, &f, &u->wrong))
		return;
	u->wrong = (struct err){ 0 };
	filter_free(u->filter);
	u->filter = f;
	memcpy(u->filter_text, u->prompt, sizeof u->filter_text);
	u->prompting = false;
	u->stale = true;
	u->top = 0;
}

static size_t utf8_encode(uint32_t cp, char ret[static 4])
{
	if (cp < 0x80) {
		ret[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		ret[0] = (char)(0xc0 | cp >> 6);
		ret[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		ret[0] = (char)(0xe0 | cp >> 12);
		ret[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | (cp >> 18 & 7));
	ret[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static void prompt_type(struct ui *u, uint32_t cp)
{
	char c[4];
	size_t n = utf8_encode(cp, c), len = strlen(u->prompt);

	if (cp < 0x20 || cp == 0x7f || len + n > UI_PROMPT_MAX || !utf8_valid(c, n))
		return;
	memcpy(u->prompt + len, c, n);
	u->prompt[len + n] = '\0';
}

static void prompt_rub_out(struct ui *u)
{
	size_t len = strlen(u->prompt);

	while (len > 0 && ((unsigned char)u->prompt[--len] & 0xc0) == 0x80)
		continue;
	u->prompt[len] = '\0';
}

static enum ui_action prompt_key(struct ui *u, enum ui_key key, uint32_t cp)
{
	bool cancel = key == UI_KEY_ESCAPE || (key == UI_KEY_CHAR && cp == CTRL('G'));

	if (key == UI_KEY_CHAR && cp == CTRL('C'))
		return UI_QUIT;
	u->wrong = (struct err){ 0 };
	if (cancel)
		u->prompting = false;
	else if (key == UI_KEY_ENTER)
		prompt_enter(u);
	else if (key == UI_KEY_BACKSPACE)
		prompt_rub_out(u);
	else if (key == UI_KEY_CHAR && cp == CTRL('U'))
		u->prompt[0] = '\0';
	else if (key == UI_KEY_CHAR)
		prompt_type(u, cp);
	return UI_NONE;
}

/* ---- keys */

static enum ui_action toggle_pause(struct ui *u, mono_ns now)
{
	u->paused = !u->paused;
	u->paused_at = now;
	return u->paused ? UI_PAUSE : UI_RESUME;
}

static enum ui_action char_key(struct ui *u, uint32_t cp, mono_ns now)
{
	switch (cp) {
	case 'q':
	case 'Q':
	case CTRL('C'):
		return UI_QUIT;
	case ' ':
		return toggle_pause(u, now);
	case 'r':
		u->stale = true;
		return UI_RESET;
	case 's':
		u->order = (u->order + 1) % ORDER_N;
		u->stale = true;
		u->top = 0;
		return UI_NONE;
	case 'f':
	case '/':
		prompt_open(u);
		return UI_NONE;
	case '?':
	case 'h':
		u->help = true;
		return UI_NONE;
	case 'k':
		scroll_up(u, 1);
		return UI_NONE;
	case 'j':
		scroll_down(u, 1);
		return UI_NONE;
	case CTRL('Z'):
		return UI_SUSPEND;
	default:
		return UI_NONE;
	}
}

enum ui_action ui_key(struct ui *u, enum ui_key key, uint32_t cp, mono_ns now)
{
	if (u->prompting)
		return prompt_key(u, key, cp);
	if (u->help) {
		u->help = false;
		return key == UI_KEY_CHAR && cp == CTRL('C') ? UI_QUIT : UI_NONE;
	}
	if (key == UI_KEY_CHAR)
		return char_key(u, cp, now);
	scroll(u, key);
	return UI_NONE;
}
