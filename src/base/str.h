/* SPDX-License-Identifier: Apache-2.0 */
/* base/str.h - a growable string, and small string helpers. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* {0} is an empty string. `p` is NUL-terminated once anything was added, NULL before. */
struct str {
	char *p;
	size_t len, cap;
};

void str_add(struct str *s, const char *z);
void str_add_n(struct str *s, const char *p, size_t n);
void str_add_c(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void str_clear(struct str *s); /* length 0, memory kept */
void str_done(struct str *s);  /* memory freed, back to {0} */
char *str_take(struct str *s); /* hands the (never NULL) buffer to the caller, back to {0} */
const char *str_z(const struct str *s); /* "" when nothing was added */

/* Is [p, p+n) well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool utf8_valid(const char *p, size_t n);
/* Decode one code point at p (n > 0 bytes left); returns its length 1..4 and sets *ret_cp, or 0
 * when malformed. */
size_t utf8_decode(const char *p, size_t n, unsigned *ret_cp);

bool str_eq(const char *a, const char *b); /* NULL equals NULL alone */
bool str_prefix(const char *s, const char *prefix);
int hex_digit(char c); /* 0..15, either case; -1: it is none */
/* Whole-string decimal to int64 within [lo, hi]; 0, -EINVAL or -ERANGE. No sign but '-', no
 * spaces, no base prefix. */
int str_to_i64(const char *s, long long lo, long long hi, long long *ret);
