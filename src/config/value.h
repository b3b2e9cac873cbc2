/* SPDX-License-Identifier: Apache-2.0 */
/* config/value.h - a scalar of the file as a typed value. Internal to config/. */
#pragma once

#include "config/draft.h"

/* Read `n` as the row says. 0, or -EINVAL with the report's parse error set. */
int value_parse(struct reporter *r, const struct schema_row *row, const struct node *n,
		const struct path *p, struct value *ret);
/* The row's default, or nothing. */
struct value value_default(const struct schema_row *row);

/* "200", "200-299", "2xx", comma lists of these; blanks around the parts are fine. 0 or -EINVAL. */
int code_set_parse(const char *s, struct code_set *ret);
