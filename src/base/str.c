/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Room for `more` bytes and the NUL; doubling keeps appends amortised O(1). */
static void grow(struct str *s, size_t more)
{
	size_t need = s->len + more + 1, cap = s->cap ? s->cap : 32;

	assert(need > more);
	if (need <= s->cap)
		return;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	s->p = xreallocarray(s->p, cap, 1);
	s->cap = cap;
}

void str_add_n(struct str *s, const char *p, size_t n)
{
	grow(s, n);
	if (n)
		memcpy(s->p + s->len, p, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *z)
{
	str_add_n(s, z, strlen(z));
}

void str_add_c(struct str *s, char c)
{
	str_add_n(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	grow(s, 64);
	n = vsnprintf(s->p + s->len, s->cap - s->len, fmt, ap);
	assert(n >= 0);
	if ((size_t)n >= s->cap - s->len) {
		grow(s, (size_t)n);
		vsnprintf(s->p + s->len, s->cap - s->len, fmt, again);
	}
	s->len += (size_t)n;
	va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->p)
		s->p[0] = '\0';
}

void str_done(struct str *s)
{
	free(s->p);
	*s = (struct str){ 0 };
}

char *str_take(struct str *s)
{
	/* what is taken is kept: give back the room that was for growing */
	char *p = s->p ? xreallocarray(s->p, s->len + 1, 1) : xstrdup("");

	*s = (struct str){ 0 };
	return p;
}

const char *str_z(const struct str *s)
{
	return s->p ? s->p : "";
}

/* Length of the sequence a lead byte opens, and the bits it carries; 0 when it opens none. */
static size_t utf8_lead(unsigned char c, unsigned *ret_bits)
{
	if (c < 0x80)
		return *ret_bits = c, 1;
	if (c >= 0xc2 && c <= 0xdf)
		return *ret_bits = c & 0x1fu, 2;
	if (c >= 0xe0 && c <= 0xef)
		return *ret_bits = c & 0x0fu, 3;
	if (c >= 0xf0 && c <= 0xf4)
		return *ret_bits = c & 0x07u, 4;
	return 0;
}

size_t utf8_decode(const char *p, size_t n, unsigned *ret_cp)
{
	static const unsigned lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned cp = 0;
	size_t len = utf8_lead((unsigned char)*p, &cp);

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (c & 0x3fu);
	}
	if (cp < lowest[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return len;
}

bool utf8_valid(const char *p, size_t n)
{
	while (n) {
		unsigned cp;
		size_t len = utf8_decode(p, n, &cp);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

bool str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int str_to_i64(const char *s, long long lo, long long hi, long long *ret)
{
	char *end;
	long long v;

	/* strtoll alone would take leading blanks and a plus sign */
	if (!(*s >= '0' && *s <= '9') && !(*s == '-' && s[1] >= '0' && s[1] <= '9'))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE || v < lo || v > hi)
		return -ERANGE;
	*ret = v;
	return 0;
}
