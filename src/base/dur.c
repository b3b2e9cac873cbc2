/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dur.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 micro sign */
	{ "\xce\xbcs", 1000 }, /* U+03BC Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) },
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit *unit_at(const char **s)
{
	size_t len = strcspn(*s, ".0123456789");

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strlen(units[i].name) != len || memcmp(*s, units[i].name, len) != 0)
			continue;
		*s += len;
		return &units[i];
	}
	return NULL;
}

/* The digits after the point as numerator / denominator; those a uint64 cannot hold are below a
 * nanosecond of any unit and dropped. Returns how many there were. */
static size_t fraction_at(const char **s, uint64_t *ret_num, double *ret_scale)
{
	size_t n = 0;
	uint64_t num = 0;
	double scale = 1;

	for (; digit(**s); (*s)++, n++) {
		if (num > (INT64_MAX - 9) / 10)
			continue;
		num = num * 10 + (uint64_t)(**s - '0');
		scale *= 10;
	}
	*ret_num = num;
	*ret_scale = scale;
	return n;
}

/* One "12.5ms" added to *sum; limits are Go's: up to 2^63, which a minus sign makes valid. */
static int term_at(const char **s, uint64_t *sum)
{
	const uint64_t limit = UINT64_C(1) << 63;
	uint64_t whole = 0, num = 0, value;
	double scale = 1;
	size_t n = 0;
	const struct unit *u;

	for (; digit(**s); (*s)++, n++) {
		if (whole > limit / 10)
			return -ERANGE;
		whole = whole * 10 + (uint64_t)(**s - '0');
	}
	if (**s == '.') {
		(*s)++;
		n += fraction_at(s, &num, &scale);
	}
	if (!n)
		return -EINVAL;
	u = unit_at(s);
	if (!u)
		return -EINVAL;
	if (whole > limit / u->ns)
		return -ERANGE;
	value = whole * u->ns + (uint64_t)((double)num * ((double)u->ns / scale));
	if (value > limit || *sum > limit - value)
		return -ERANGE;
	*sum += value;
	return 0;
}

int dur_parse(const char *s, dur_ns *ret)
{
	bool neg = *s == '-';
	uint64_t sum = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0) {
		*ret = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		int r = term_at(&s, &sum);

		if (r < 0)
			return r;
	}
	if (sum > (uint64_t)INT64_MAX + neg)
		return -ERANGE;
	*ret = neg ? (dur_ns)(0 - sum) : (dur_ns)sum;
	return 0;
}

/* "12.5" for 12500 in thousandths: the fraction without its trailing zeros. */
static int format_scaled(char *buf, size_t size, uint64_t v, uint64_t unit, const char *name)
{
	uint64_t frac = v % unit;
	int width = 0, n;

	for (uint64_t u = unit; u > 1; u /= 10)
		width++;
	n = snprintf(buf, size, "%llu", (unsigned long long)(v / unit));
	if (frac) {
		for (; frac % 10 == 0; frac /= 10)
			width--;
		n += snprintf(buf + n, size - (size_t)n, ".%0*llu", width,
			      (unsigned long long)frac);
	}
	return n + snprintf(buf + n, size - (size_t)n, "%s", name);
}

static uint64_t magnitude(dur_ns d)
{
	return d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
}

const char *dur_format(dur_ns d, char buf[static DUR_STRLEN])
{
	uint64_t u = magnitude(d), s = u / 1000000000;
	char *p = buf;

	if (d < 0)
		*p++ = '-';
	size_t left = (size_t)(buf + DUR_STRLEN - p);

	if (u == 0)
		snprintf(p, left, "0s");
	else if (u < 1000)
		format_scaled(p, left, u, 1, "ns");
	else if (u < 1000000)
		format_scaled(p, left, u, 1000, "\xc2\xb5s");
	else if (u < 1000000000)
		format_scaled(p, left, u, 1000000, "ms");
	else {
		if (s >= 3600)
			p += sprintf(p, "%uh", (unsigned)(s / 3600));
		if (s >= 60)
			p += sprintf(p, "%um", (unsigned)(s / 60 % 60));
		left = (size_t)(buf + DUR_STRLEN - p);
		format_scaled(p, left, u % UINT64_C(60000000000), 1000000000, "s");
	}
	return buf;
}

const char *dur_format_short(dur_ns d, char buf[static DUR_STRLEN])
{
	static const struct unit people[] = {
		{ "d", UINT64_C(86400000000000) },
		{ "h", UINT64_C(3600000000000) },
		{ "m", UINT64_C(60000000000) },
		{ "s", 1000000000 },
	};
	uint64_t u = magnitude(d);
	const char *sign = d < 0 ? "-" : "";

	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		uint64_t rest = u % people[i].ns;
		unsigned n = (unsigned)(u / people[i].ns), next = 0;

		if (!n)
			continue;
		if (i + 1 < ARRAY_LEN(people))
			next = (unsigned)(rest / people[i + 1].ns);
		if (next)
			snprintf(buf, DUR_STRLEN, "%s%u%s%u%s", sign, n, people[i].name, next,
				 people[i + 1].name);
		else
			snprintf(buf, DUR_STRLEN, "%s%u%s", sign, n, people[i].name);
		return buf;
	}
	if (u >= 1000000 || u == 0)
		snprintf(buf, DUR_STRLEN, "%s%u%s", sign, (unsigned)(u / 1000000), u ? "ms" : "s");
	else if (u >= 1000)
		snprintf(buf, DUR_STRLEN, "%s%u\xc2\xb5s", sign, (unsigned)(u / 1000));
	else
		snprintf(buf, DUR_STRLEN, "%s%uns", sign, (unsigned)u);
	return buf;
}

const char *wall_format(wall_ns t, char buf[static WALL_STRLEN])
{
	time_t sec = (time_t)(t / NS_PER_S);
	long ns = (long)(t % NS_PER_S);
	struct tm tm;
	size_t n;

	if (ns < 0) { /* before 1970: round down, not towards zero */
		ns += (long)NS_PER_S;
		sec--;
	}
	gmtime_r(&sec, &tm);
	n = strftime(buf, WALL_STRLEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, WALL_STRLEN - n, ".%09ldZ", ns);
	return buf;
}
