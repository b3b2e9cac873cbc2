/* SPDX-License-Identifier: Apache-2.0 */
#include "config/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/alloc.h"

static char *message(const struct reporter *r, const struct node *at, const struct path *p,
		     const char *fmt, va_list ap)
{
	struct str out = { 0 };

	str_addf(&out, "%s:%u:%u: ", r->file, at->line, at->col);
	path_add(&out, p);
	str_add(&out, ": ");
	str_vaddf(&out, fmt, ap);
	return str_take(&out);
}

int report_parse(struct reporter *r, const struct node *at, const struct path *p, const char *fmt,
		 ...)
{
	va_list ap;

	if (r->rep->parse_error)
		return -EINVAL;
	va_start(ap, fmt);
	r->rep->parse_error = message(r, at, p, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void report_semantic(struct reporter *r, const struct node *at, const struct path *p,
		     const char *fmt, ...)
{
	struct config_report *rep = r->rep;
	va_list ap;

	if (rep->n_semantic == CONFIG_MAX_SEMANTIC) {
		rep->n_suppressed++;
		return;
	}
	va_start(ap, fmt);
	rep->semantic[rep->n_semantic++] = message(r, at, p, fmt, ap);
	va_end(ap);
}

static void keep_warning(struct config_report *rep, char *text)
{
	rep->warnings = xreallocarray(rep->warnings, rep->n_warnings + 1, sizeof *rep->warnings);
	rep->warnings[rep->n_warnings++] = text;
}

void report_warning(struct reporter *r, const struct node *at, const struct path *p,
		    const char *fmt, ...)
{
	va_list ap;

	if (r->rep->n_warnings == CONFIG_MAX_WARNINGS) {
		r->n_more_warnings++;
		return;
	}
	va_start(ap, fmt);
	keep_warning(r->rep, message(r, at, p, fmt, ap));
	va_end(ap);
}

void report_plain(struct reporter *r, char *text)
{
	/* The line that tells how many more there are may stand at the end already. */
	if (r->rep->n_warnings < CONFIG_MAX_WARNINGS) {
		keep_warning(r->rep, text);
		return;
	}
	r->n_more_warnings++;
	free(text);
}

void report_finish(struct reporter *r)
{
	if (r->n_more_warnings)
		keep_warning(r->rep, xasprintf("%s: %zu more warnings are not shown", r->file,
					       r->n_more_warnings));
}

void place_add(struct str *out, const struct reporter *r, const struct place *pl)
{
	path_add(out, pl->path);
	str_addf(out, " (%s:%u:%u)", r->file, pl->at->line, pl->at->col);
}

void report_semantic_pair(struct reporter *r, const struct node *at, const struct path *p,
			  const char *what, const struct place *other)
{
	struct str out = { 0 };

	place_add(&out, r, other);
	report_semantic(r, at, p, "%s %s", what, out.p);
	str_done(&out);
}
