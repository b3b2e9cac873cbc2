/* SPDX-License-Identifier: Apache-2.0 */
/* probe/regexp.h - body patterns: PCRE2, compiled once per check, matched under limits. */
#pragma once

#include <stddef.h>

#include "base/map.h"

struct healthcheck;
struct http_regexp;
struct http_matcher; /* what matching needs besides the pattern; one per thread */

struct http_matcher *http_matcher_new(void);
void http_matcher_free(struct http_matcher *m); /* NULL is fine */

/* The pattern of a check, shared by all users of `by_check` through a count: compiled by the first,
 * freed with the last. The check must live until its put. Never NULL: one that does not compile
 * says so when it is matched. */
struct http_regexp *http_regexp_get(struct map *by_check, struct healthcheck *check);
void http_regexp_put(struct map *by_check, struct http_regexp *re); /* NULL is fine */

/* 1: found; 0: not found. -E2BIG: gave up, a limit was reached; -ENOMEM; -EINVAL: the pattern does
 * not compile. All but 0 and 1 with a reason in `why`. */
int http_regexp_match(const struct http_regexp *re, struct http_matcher *m, const char *body,
		      size_t n, char *why, size_t why_size);
