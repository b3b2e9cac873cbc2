/* SPDX-License-Identifier: Apache-2.0 */
#include "config/path.h"

#include <string.h>

#include "base/alloc.h"

/* Enough for any valid name; an invalid one need not fill the screen. */
#define SHOWN_MAX 255

static bool simple(const char *key)
{
	static const char set[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return *key && !key[strspn(key, set)] && strlen(key) <= SHOWN_MAX;
}

static void add_escaped(struct str *out, const char *text, char quote)
{
	size_t left = strlen(text), shown = 0;

	while (left && shown < SHOWN_MAX) {
		unsigned cp = 0;
		size_t n = utf8_decode(text, left, &cp);
		bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 ||
			       cp == 0x2029;

		if (!n)
			str_addf(out, "\\x%02x", (unsigned char)*text);
		else if (control)
			str_addf(out, cp < 0x100 ? "\\x%02x" : "\\u%04x", cp);
		else if (cp == (unsigned char)quote || cp == '\\')
			str_addf(out, "\\%c", (char)cp);
		else
			str_add_n(out, text, n);
		n = n ? n : 1;
		text += n;
		left -= n;
		shown += n;
	}
	if (left)
		str_add(out, "…");
}

void quote_add(struct str *out, const char *text)
{
	str_add_c(out, '\'');
	add_escaped(out, text, '\'');
	str_add_c(out, '\'');
}

char *shown(const char *text)
{
	struct str out = { 0 };

	add_escaped(&out, text, '\'');
	return str_take(&out);
}

static void add_frame(struct str *out, const struct path *p, bool first)
{
	if (!p->key) {
		str_addf(out, "[%zu]", p->index);
		return;
	}
	if (!first)
		str_add_c(out, '.');
	if (simple(p->key)) {
		str_add(out, p->key);
		return;
	}
	str_add_c(out, '"');
	add_escaped(out, p->key, '"');
	str_add_c(out, '"');
}

void path_add(struct str *out, const struct path *p)
{
	const struct path *frames[64];
	size_t n = 0, i;

	for (; p && n < ARRAY_LEN(frames); p = p->up)
		frames[n++] = p;
	i = n;
	if (n > 1 && frames[n - 2]->key && str_eq(frames[n - 1]->key, "maglev"))
		i--;
	for (bool first = true; i > 0; i--, first = false)
		add_frame(out, frames[i - 1], first);
}
