/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor table of the probe thread's own.
 *
 * Where several threads share one, the kernel counts a reference up and down around every system
 * call on a descriptor (fdget in include/linux/file.h); a table with one user is spared that, which
 * is 2 % of a tcp probe. And RLIMIT_NOFILE holds for each table: callers that pile up connections
 * to the API do not take the descriptors that probes need.
 *
 * What the thread does not use is closed in its copy: a socket that the main thread closes must not
 * live on in here. */
#include <linux/close_range.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe/internal.h"

#ifndef __has_feature /* gcc before 14 */
#define __has_feature(x) 0
#endif

/* ThreadSanitizer takes equal numbers for the same descriptor, whatever the table. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define ONE_TABLE 1
#else
#define ONE_TABLE 0
#endif

static int ascending(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void fdtable_own(int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	/* Copies the table before it closes anything. A kernel before 5.9, or a filter, may refuse:
	 * then all share one, at that price. */
	if (ONE_TABLE || close_range(~0U, ~0U, CLOSE_RANGE_UNSHARE) < 0)
		return;
	qsort(keep, n, sizeof *keep, ascending);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}
