/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "maglevt/filter.h"

#include <assert.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Some 5 ms for a name, however the pattern was meant. */
#define FILTER_MATCH_LIMIT 100000
#define FILTER_DEPTH_LIMIT 10000

struct filter {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

int filter_new(const char *pattern, struct filter **ret, struct err *err)
{
	int error;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[128];
	struct filter *f;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF,
					 &error, &at, NULL);

	if (!code) {
		pcre2_get_error_message(error, why, sizeof why);
		return err_set(err, -EINVAL, "%s (at character %zu)", (char *)why, at + 1);
	}
	f = XNEW(struct filter);
	f->code = code;
	f->data = pcre2_match_data_create(1, NULL);
	f->limits = pcre2_match_context_create(NULL);
	assert(f->data && f->limits);
	pcre2_set_match_limit(f->limits, FILTER_MATCH_LIMIT);
	pcre2_set_depth_limit(f->limits, FILTER_DEPTH_LIMIT);
	*ret = f;
	return 0;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	pcre2_code_free(f->code);
	pcre2_match_data_free(f->data);
	pcre2_match_context_free(f->limits);
	free(f);
}

bool filter_matches(const struct filter *f, const char *name)
{
	return !f ||
	       pcre2_match(f->code, (PCRE2_SPTR)name, strlen(name), 0, 0, f->data, f->limits) >= 0;
}
