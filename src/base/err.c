/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_vset(struct err *e, int code, const char *fmt, va_list ap)
{
	if (!e)
		return code;
	e->code = code;
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_set_errno(struct err *e, int errno_value, const char *fmt, ...)
{
	va_list ap;
	size_t len;
	char text[128];

	if (!e)
		return -errno_value;
	va_start(ap, fmt);
	err_vset(e, -errno_value, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, ": %s",
		 strerror_r(errno_value, text, sizeof text));
	return -errno_value;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char old[ERR_MSG_MAX];
	size_t len;

	if (!e)
		return 0;
	memcpy(old, e->msg, sizeof old);
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, "%s", old);
	return e->code;
}
