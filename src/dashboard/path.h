/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/path.h - request targets: paths into segments (pure).
 *
 * A path is cut at its slashes before anything is decoded, so that a name with a slash in it
 * ("web%2Fa") is one segment and never a step. What is written in two ways on the wire is one thing
 * here, and what could be taken for a step elsewhere ("." "..", empty segments) is no path at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PATH_SEGMENTS_MAX 12   /* the longest of ours has 9 */
#define PATH_LEN_MAX      2048 /* decoded and as it came: eight names of 255 bytes */

struct path {
	size_t n;
	const char *seg[PATH_SEGMENTS_MAX]; /* decoded, into text; only the last may be "" */
	char text[PATH_LEN_MAX];
};

/* Of the path part of a request target, as it came ("/view/api/state/web%2Fa"); a slash at the end
 * gives a last segment "". 0, or -EINVAL: no path, too long, empty or dot segments, a bad escape,
 * control characters, not UTF-8. */
int path_parse(const char *raw, struct path *ret);
