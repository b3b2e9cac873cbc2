/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/figures.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Whole below `limit`, which is 10,000 at least; from there on in a unit. */
static const char *abbreviated(uint64_t n, uint64_t limit, char buf[static FIGURE_LEN])
{
	static const char units[] = "kMGTPE";
	size_t unit = 0;

	if (n < limit) {
		snprintf(buf, FIGURE_LEN, "%" PRIu64, n);
		return buf;
	}
	for (; n >= 1000000 && units[unit + 1]; unit++)
		n /= 1000;
	if (n < 10000) /* 1,000 to 9,999 of a thousandth of the unit */
		snprintf(buf, FIGURE_LEN, "%" PRIu64 ".%" PRIu64 "%c", n / 1000, n % 1000 / 100,
			 units[unit]);
	else
		snprintf(buf, FIGURE_LEN, "%" PRIu64 "%c", n / 1000, units[unit]);
	return buf;
}

const char *figure_compact(uint64_t n, char buf[static FIGURE_LEN])
{
	return abbreviated(n, 100000, buf);
}

const char *figure_short(uint64_t n, char buf[static FIGURE_LEN])
{
	return abbreviated(n, 10000, buf);
}

const char *figure_grouped(uint64_t n, char buf[static FIGURE_LEN])
{
	char plain[FIGURE_LEN];
	size_t out = 0;
	int len = snprintf(plain, sizeof plain, "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = plain[i];
	}
	buf[out] = '\0';
	return buf;
}

const char *figure_latency(uint32_t us, char buf[static FIGURE_LEN])
{
	static const struct {
		uint32_t below, unit, digits;
		const char *name;
	} ranges[] = {
		{ 10000, 1000, 2, "ms" },       { 100000, 1000, 1, "ms" },
		{ 1000000, 1000, 0, "ms" },     { 10000000, 1000000, 2, "s" },
		{ 100000000, 1000000, 1, "s" }, { UINT32_MAX, 1000000, 0, "s" },
	};
	size_t i = 0;

	while (us >= ranges[i].below && ranges[i].below != UINT32_MAX)
		i++;
	/* cut, not rounded: 9.999 ms stays in its range, and in its columns */
	uint32_t scale = ranges[i].digits == 2 ? 100 : ranges[i].digits == 1 ? 10 : 1;
	uint32_t v = us / (ranges[i].unit / scale);

	if (scale == 1)
		snprintf(buf, FIGURE_LEN, "%" PRIu32 "%s", v, ranges[i].name);
	else
		snprintf(buf, FIGURE_LEN, "%" PRIu32 ".%0*" PRIu32 "%s", v / scale,
			 (int)ranges[i].digits, v % scale, ranges[i].name);
	return buf;
}

const char *figure_percent(unsigned permille, char buf[static FIGURE_LEN])
{
	if (permille >= 1000)
		snprintf(buf, FIGURE_LEN, "100");
	else
		snprintf(buf, FIGURE_LEN, "%u.%u", permille / 10, permille % 10);
	return buf;
}

const char *figure_share(uint64_t part, uint64_t whole, char buf[static FIGURE_LEN])
{
	unsigned percent = whole ? (unsigned)((double)part * 100 / (double)whole + 0.5) : 0;

	if (percent == 0 && part > 0)
		snprintf(buf, FIGURE_LEN, "<1%%");
	else
		snprintf(buf, FIGURE_LEN, "%u%%", percent);
	return buf;
}
