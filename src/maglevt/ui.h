/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/ui.h - what the person at the keys has chosen, and what a key does (pure). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "maglevt/model.h"

enum ui_key {
	UI_KEY_CHAR, /* with its code point */
	UI_KEY_UP,
	UI_KEY_DOWN,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_ENTER,
	UI_KEY_BACKSPACE,
	UI_KEY_ESCAPE,
	UI_KEY_OTHER
};

enum ui_action { /* what is not the screen's alone */
		 UI_NONE,
		 UI_QUIT,
		 UI_PAUSE,
		 UI_RESUME,
		 UI_RESET,
		 UI_SUSPEND
};

#define UI_PROMPT_MAX 128 /* bytes of a filter */

/* Rows that move while they are read are no use: orders that follow what is measured are made anew
 * this often. */
#define UI_RESORT (2 * NS_PER_S)

struct ui {
	enum order order;
	size_t top;     /* the first row shown */
	size_t page;    /* rows that fit: the view's word */
	uint32_t *rows; /* the VIPs, filtered and in order */
	size_t n_rows;
	mono_ns sorted_at;
	bool stale; /* rows must be made anew */

	bool paused;
	mono_ns paused_at;
	bool help;
	bool prompting;
	char prompt[UI_PROMPT_MAX + 1]; /* valid UTF-8 */
	struct filter *filter;          /* NULL: all */
	char filter_text[UI_PROMPT_MAX + 1];
	struct err wrong; /* what is wrong with the filter that was entered; code 0: nothing */
};

void ui_init(struct ui *u, const struct model *m);
void ui_done(struct ui *u);
/* A key; `cp` is UI_KEY_CHAR's. The caller does what is returned and draws. */
enum ui_action ui_key(struct ui *u, enum ui_key key, uint32_t cp, mono_ns now);
/* Bring the rows up to date, before a drawing. */
void ui_rows(struct ui *u, const struct model *m, mono_ns now);
/* So many rows fit: keep the scroll position within them. */
void ui_page(struct ui *u, size_t page);
/* The time that the figures are of: it stands while paused. */
mono_ns ui_now(const struct ui *u, mono_ns now);
