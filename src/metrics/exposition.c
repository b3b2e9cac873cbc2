/* SPDX-License-Identifier: Apache-2.0 */
/* A scrape of a large fleet is some hundred thousand lines, so that nothing here is formatted
 * twice: a histogram's labels are escaped once for all its lines, bounds become text once per
 * family, and numbers are integers throughout (times are nanoseconds, which seconds in decimal hold
 * exactly). */
#include "metrics/exposition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/dur.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* ---- which format */

#define OPENMETRICS "application/openmetrics-text"

/* A piece of a header: [p, p + n). */
struct slice {
	const char *p;
	size_t n;
};

static struct slice trim(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Take what stands before the next `sep` off the front. False: nothing is left. */
static bool take(struct slice *from, char sep, struct slice *ret)
{
	const struct slice all = *from;
	const char *end;
	size_t n;

	if (!all.p)
		return false;
	end = memchr(all.p, sep, all.n);
	n = end ? (size_t)(end - all.p) : all.n;
	*ret = trim((struct slice){ all.p, n });
	*from = end ? (struct slice){ end + 1, all.n - n - 1 } : (struct slice){ 0 };
	return true;
}

static bool is(struct slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* "0.75" as 750; what is malformed counts as 0: not wanted. */
static int parse_q(struct slice s)
{
	int q = 0, unit = 1000;

	if (!s.n || (s.p[0] != '0' && s.p[0] != '1') || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return 0;
	q = (s.p[0] - '0') * unit;
	for (size_t i = 2; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		unit /= 10;
		q += (s.p[i] - '0') * unit;
	}
	return MIN(q, 1000);
}

static struct slice unquote(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct slice){ s.p + 1, s.n - 2 };
	return s;
}

struct media_range {
	struct slice type, version; /* version empty when not given */
	int q;                      /* thousandths */
};

static struct media_range parse_range(struct slice text)
{
	struct media_range r = { .q = 1000 };
	struct slice param, name;

	(void)take(&text, ';', &r.type);
	while (take(&text, ';', &param)) {
		if (!param.n || !take(&param, '=', &name))
			continue;
		param = unquote(trim(param));
		if (is(name, "q"))
			r.q = parse_q(param);
		else if (is(name, "version"))
			r.version = param;
	}
	return r;
}

enum exposition_format exposition_negotiate(const char *accept)
{
	struct slice left = { accept, accept ? strlen(accept) : 0 }, one;
	int q_openmetrics = 0, q_text = 0;

	while (take(&left, ',', &one)) {
		const struct media_range r = parse_range(one);
		bool plain = is(r.type, "text/plain");

		if (is(r.type, OPENMETRICS) && (!r.version.n || is(r.version, "1.0.0")))
			q_openmetrics = MAX(q_openmetrics, r.q);
		else if (plain && (!r.version.n || is(r.version, "0.0.4")))
			q_text = MAX(q_text, r.q);
	}
	return q_openmetrics > 0 && q_openmetrics >= q_text ? EXPOSITION_OPENMETRICS
							    : EXPOSITION_TEXT;
}

const char *exposition_content_type(enum exposition_format f)
{
	return f == EXPOSITION_OPENMETRICS ? OPENMETRICS "; version=1.0.0; charset=utf-8"
					   : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- text */

/* Bytes that stand for themselves inside quotes. */
static size_t plain_run(const char *s)
{
	size_t n = 0;

	while ((unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7f && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

static size_t add_special(struct str *out, const char *s)
{
	unsigned cp;
	size_t n;

	if (*s == '\n' || *s == '"' || *s == '\\') {
		str_add_c(out, '\\');
		str_add_c(out, *s == '\n' ? 'n' : *s);
		return 1;
	}
	n = utf8_decode(s, strnlen(s, 4), &cp);
	if (n)
		str_add_n(out, s, n);
	else
		str_add(out, REPLACEMENT);
	return n ? n : 1;
}

static void add_label_value(struct str *out, const char *s)
{
	while (*s) {
		size_t n = plain_run(s);

		if (n)
			str_add_n(out, s, n);
		else
			n = add_special(out, s);
		s += n;
	}
}

static void add_uint(struct str *out, uint64_t v)
{
	char buf[20];
	size_t at = sizeof buf;

	do
		buf[--at] = (char)('0' + v % 10);
	while (v /= 10);
	str_add_n(out, buf + at, sizeof buf - at);
}

static void add_magnitude(struct str *out, bool negative, uint64_t v)
{
	if (negative)
		str_add_c(out, '-');
	add_uint(out, v);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static void add_seconds(struct str *out, bool negative, uint64_t ns)
{
	uint64_t frac = ns % NS_PER_S, unit = NS_PER_S / 10;

	add_magnitude(out, negative, ns / NS_PER_S);
	if (!frac)
		return;
	str_add_c(out, '.');
	for (; frac; frac %= unit, unit /= 10) {
		str_add_c(out, (char)('0' + frac / unit));
		if (unit == 1)
			break;
	}
}

/* ---- families */

void exposition_init(struct exposition *x, enum exposition_format f)
{
	*x = (struct exposition){ .format = f };
}

void exposition_done(struct exposition *x)
{
	str_done(&x->out);
	str_done(&x->labels);
}

/* OpenMetrics wants bounds to look like floating-point numbers. */
static void format_bound(const struct exposition *x, double bound, char ret[EXPOSITION_LE_MAX])
{
	int n = snprintf(ret, EXPOSITION_LE_MAX, "%.15g", bound);

	if (x->format == EXPOSITION_OPENMETRICS && !strpbrk(ret, ".e"))
		(void)snprintf(ret + n, EXPOSITION_LE_MAX - (size_t)n, ".0");
}

void exposition_family(struct exposition *x, const struct metrics_family *f)
{
	x->family = f;
	x->headed = false;
	for (size_t i = 0; i < f->n_buckets; i++)
		format_bound(x, f->buckets[i], x->le[i]);
	(void)snprintf(x->le[f->n_buckets], EXPOSITION_LE_MAX, "+Inf");
}

/* A family's name in its head: OpenMetrics' counters leave "_total" to the samples. */
static void add_family_name(struct exposition *x)
{
	const char *name = x->family->name;
	size_t n = strlen(name);

	if (x->format == EXPOSITION_OPENMETRICS && x->family->type == METRICS_COUNTER)
		n -= strlen("_total");
	str_add_n(&x->out, name, n);
}

static void add_help(struct exposition *x)
{
	for (const char *s = x->family->help; *s; s++) {
		if (*s == '\n' || *s == '\\' ||
		    (*s == '"' && x->format == EXPOSITION_OPENMETRICS)) {
			str_add_c(&x->out, '\\');
			str_add_c(&x->out, *s == '\n' ? 'n' : *s);
		} else {
			str_add_c(&x->out, *s);
		}
	}
}

static void head(struct exposition *x)
{
	if (x->headed)
		return;
	x->headed = true;
	str_add(&x->out, "# HELP ");
	add_family_name(x);
	str_add_c(&x->out, ' ');
	add_help(x);
	str_add(&x->out, "\n# TYPE ");
	add_family_name(x);
	str_addf(&x->out, " %s\n", metrics_type_name(x->family->type));
	if (x->format == EXPOSITION_OPENMETRICS && *x->family->unit) {
		str_add(&x->out, "# UNIT ");
		add_family_name(x);
		str_addf(&x->out, " %s\n", x->family->unit);
	}
}

/* a="1",b="2" */
static void format_labels(struct exposition *x, const char *const *labels)
{
	str_clear(&x->labels);
	for (size_t i = 0; i < x->family->n_labels; i++) {
		if (i)
			str_add_c(&x->labels, ',');
		str_add(&x->labels, x->family->labels[i]);
		str_add(&x->labels, "=\"");
		add_label_value(&x->labels, labels[i]);
		str_add_c(&x->labels, '"');
	}
}

/* Everything up to the value, for the labels in x->labels; `le` NULL: none. */
static void begin_line(struct exposition *x, const char *suffix, const char *le)
{
	str_add(&x->out, x->family->name);
	str_add(&x->out, suffix);
	if (x->labels.len || le) {
		str_add_c(&x->out, '{');
		str_add_n(&x->out, str_z(&x->labels), x->labels.len);
		if (le) {
			str_add(&x->out, x->labels.len ? ",le=\"" : "le=\"");
			str_add(&x->out, le);
			str_add_c(&x->out, '"');
		}
		str_add_c(&x->out, '}');
	}
	str_add_c(&x->out, ' ');
}

/* ---- samples */

static void begin_sample(struct exposition *x, const char *const *labels)
{
	assert(x->family->type != METRICS_HISTOGRAM);
	head(x);
	format_labels(x, labels);
	begin_line(x, "", NULL);
}

void exposition_uint(struct exposition *x, const char *const *labels, uint64_t value)
{
	begin_sample(x, labels);
	add_uint(&x->out, value);
	str_add_c(&x->out, '\n');
}

void exposition_int(struct exposition *x, const char *const *labels, int64_t value)
{
	begin_sample(x, labels);
	add_magnitude(&x->out, value < 0, magnitude(value));
	str_add_c(&x->out, '\n');
}

void exposition_ns(struct exposition *x, const char *const *labels, int64_t value)
{
	begin_sample(x, labels);
	add_seconds(&x->out, value < 0, magnitude(value));
	str_add_c(&x->out, '\n');
}

void exposition_histogram(struct exposition *x, const char *const *labels, const uint64_t *counts,
			  uint64_t sum_ns)
{
	uint64_t total = 0;

	assert(x->family->type == METRICS_HISTOGRAM);
	head(x);
	format_labels(x, labels);
	for (size_t i = 0; i <= x->family->n_buckets; i++) {
		total += counts[i];
		begin_line(x, "_bucket", x->le[i]);
		add_uint(&x->out, total);
		str_add_c(&x->out, '\n');
	}
	begin_line(x, "_sum", NULL);
	add_seconds(&x->out, false, sum_ns);
	str_add_c(&x->out, '\n');
	begin_line(x, "_count", NULL);
	add_uint(&x->out, total);
	str_add_c(&x->out, '\n');
}

void exposition_end(struct exposition *x)
{
	if (x->format == EXPOSITION_OPENMETRICS)
		str_add(&x->out, "# EOF\n");
}
