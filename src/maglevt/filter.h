/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/filter.h - a regular expression on frontends' names (PCRE2, in UTF-8, under limits). */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct filter;

/* 0, or -EINVAL with a sentence that says what is wrong where. */
int filter_new(const char *pattern, struct filter **ret, struct err *err);
void filter_free(struct filter *f); /* NULL is fine */
/* Is it found anywhere in this name (valid UTF-8)? A pattern that runs into its limits is not. NULL
 * matches all. */
bool filter_matches(const struct filter *f, const char *name);
