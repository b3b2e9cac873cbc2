/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.h - an error for people: a code for the caller, a sentence for the operator.
 *
 * Functions return 0 or a negative errno-style code and fill the struct on failure only. Library
 * code does not log; the one caller that knows what was attempted logs once. */
#pragma once

#include <stdarg.h>

#define ERR_MSG_MAX 512

struct err {
	int code;              /* negative errno, 0 when unset */
	char msg[ERR_MSG_MAX]; /* one line, no trailing newline; truncated, never overrun */
};

/* Fill `e` (may be NULL) and return `code`, so that `return err_set(e, -EINVAL, "...")` reads well.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_vset(struct err *e, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* As err_set, with ": <text of errno_value>" appended and code = -errno_value. */
int err_set_errno(struct err *e, int errno_value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put context in front: "reading /etc/x: " + what is there. Returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
