/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern runs on the probe thread, between other backends' events, over bytes that the backend
 * chose. So the work is bounded: at some 20 million steps a second the match limit is about 10 ms,
 * after which the pattern counts as not matched. Bytes, not characters: a body need not be UTF-8.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "probe/regexp.h"

#include <assert.h>
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/model.h"

#define REGEXP_MATCH_LIMIT 200000
#define REGEXP_DEPTH_LIMIT 20000
#define REGEXP_HEAP_KIB    8192

struct http_regexp {
	const struct healthcheck *check; /* the key */
	int refs;
	pcre2_code *code; /* NULL: `why` */
	char why[128];
};

struct http_matcher {
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

struct http_matcher *http_matcher_new(void)
{
	struct http_matcher *m = XNEW(struct http_matcher);

	m->data = pcre2_match_data_create(1, NULL);
	m->limits = pcre2_match_context_create(NULL);
	assert(m->data && m->limits);
	pcre2_set_match_limit(m->limits, REGEXP_MATCH_LIMIT);
	pcre2_set_depth_limit(m->limits, REGEXP_DEPTH_LIMIT);
	pcre2_set_heap_limit(m->limits, REGEXP_HEAP_KIB);
	return m;
}

void http_matcher_free(struct http_matcher *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->limits);
	free(m);
}

struct http_regexp *http_regexp_get(struct map *by_check, struct healthcheck *check)
{
	const struct healthcheck *key = check;
	struct http_regexp *re = map_get(by_check, &key, sizeof key);
	int error;
	PCRE2_SIZE at;

	if (re) {
		re->refs++;
		return re;
	}
	re = XNEW(struct http_regexp);
	re->check = check;
	re->refs = 1;
	re->code = pcre2_compile((PCRE2_SPTR)check->regexp, PCRE2_ZERO_TERMINATED, 0, &error, &at,
				 NULL);
	if (!re->code)
		pcre2_get_error_message(error, (PCRE2_UCHAR *)re->why, sizeof re->why);
	map_put(by_check, &re->check, sizeof re->check, re);
	return re;
}

void http_regexp_put(struct map *by_check, struct http_regexp *re)
{
	if (!re || --re->refs > 0)
		return;
	map_del(by_check, &re->check, sizeof re->check);
	pcre2_code_free(re->code);
	free(re);
}

int http_regexp_match(const struct http_regexp *re, struct http_matcher *m, const char *body,
		      size_t n, char *why, size_t why_size)
{
	int r;

	if (!re->code) {
		snprintf(why, why_size, "%s", re->why);
		return -EINVAL;
	}
	r = pcre2_match(re->code, (PCRE2_SPTR)body, n, 0, 0, m->data, m->limits);
	if (r >= 0)
		return 1;
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (pcre2_get_error_message(r, (PCRE2_UCHAR *)why, why_size) < 0)
		snprintf(why, why_size, "error %d", r);
	return r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
}
