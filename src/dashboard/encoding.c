/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/encoding.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* Is the weight in "; q=0.000" zero? */
static bool refused(const char *s, size_t n)
{
	const char *q = memchr(s, '=', n);

	if (!q)
		return false;
	n -= (size_t)(q + 1 - s);
	return n > 0 && strspn(q + 1, "0." SPACE) >= n;
}

static const char *const names[ENCODING_N] = {
	[ENCODING_PLAIN] = "identity", [ENCODING_GZIP] = "gzip", [ENCODING_BROTLI] = "br"
};

const char *encoding_name(enum encoding e)
{
	return names[e];
}

unsigned encoding_accepted(const char *header)
{
	unsigned ret = 0;

	while (header && *header) {
		size_t n, name;

		header += strspn(header, SPACE ",");
		n = strcspn(header, ",");
		name = strcspn(header, SPACE ",;");
		for (unsigned i = 0; i < ENCODING_N; i++)
			if (strlen(names[i]) == name && strncasecmp(header, names[i], name) == 0 &&
			    !refused(header + name, n - name))
				ret |= 1u << i;
		header += n;
	}
	return ret | 1u << ENCODING_PLAIN;
}
