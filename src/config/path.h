/* SPDX-License-Identifier: Apache-2.0 */
/* config/path.h - where something stands in the file, as people say it: frontends.www.pools[0].name
 *
 * A path is a chain of frames on the stack, innermost first, made into text only for a message. The
 * leading "maglev" is left out where a key follows. */
#pragma once

#include <stddef.h>

#include "base/str.h"

struct path {
	const struct path *up; /* NULL at the top */
	const char *key;       /* NULL: a list item */
	size_t index;
};

#define PATH_TOP(KEY)    ((const struct path){ .key = (KEY) })
#define PATH_KEY(UP, K)  ((const struct path){ .up = (UP), .key = (K) })
#define PATH_ITEM(UP, I) ((const struct path){ .up = (UP), .index = (I) })

/* Append the path's text. A key of other than letters, digits, '-' and '_' is put in quotes. */
void path_add(struct str *out, const struct path *p);

/* A word of the file in a message: 'text', control characters escaped, long ones cut (…). */
void quote_add(struct str *out, const char *text);
/* The same without quotes, for a number. The caller frees. */
char *shown(const char *text);
