/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/path.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* Percent-decode one segment into `buf`: 0, or -EINVAL. */
static int decode(const char *s, size_t n, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			if (n - i < 3 || hex_digit(s[i + 1]) < 0 || hex_digit(s[i + 2]) < 0)
				return -EINVAL;
			c = hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f || len + 1 >= size)
			return -EINVAL;
		buf[len++] = (char)c;
	}
	if (!utf8_valid(buf, len))
		return -EINVAL;
	buf[len] = '\0';
	return 0;
}

static bool is_step(const char *seg)
{
	return strcmp(seg, ".") == 0 || strcmp(seg, "..") == 0;
}

int path_parse(const char *raw, struct path *ret)
{
	size_t used = 0;

	if (*raw != '/')
		return -EINVAL;
	ret->n = 0;
	for (const char *at = raw + 1;;) {
		size_t n = strcspn(at, "/");
		char *seg = ret->text + used;

		if (ret->n == PATH_SEGMENTS_MAX || used == sizeof ret->text ||
		    decode(at, n, seg, sizeof ret->text - used) || is_step(seg))
			return -EINVAL;
		ret->seg[ret->n++] = seg;
		used += strlen(seg) + 1;
		if (!at[n])
			return 0;
		if (!n)
			return -EINVAL;
		at += n + 1;
	}
}
