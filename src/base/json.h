/* SPDX-License-Identifier: Apache-2.0 */
/* base/json.h - a streaming JSON writer onto a struct str: compact, no spaces.
 *
 * Commas and nesting are kept by the writer; a value in an object needs json_key before it. Wrong
 * nesting asserts. Depth is bounded by JSON_DEPTH_MAX. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define JSON_DEPTH_MAX 32

struct json {
	struct str *out; /* borrowed */
	int depth;
	bool comma[JSON_DEPTH_MAX + 1]; /* something stands at this level already */
	bool is_obj[JSON_DEPTH_MAX +
		    1]; /* level 0 is the text itself: values may follow each other */
	bool after_key;
};

void json_init(struct json *j, struct str *out);
void json_obj(struct json *j);
void json_obj_end(struct json *j);
void json_arr(struct json *j);
void json_arr_end(struct json *j);
void json_key(struct json *j, const char *key);
void json_str(struct json *j, const char *s); /* bytes that are not UTF-8 become U+FFFD; NULL: "" */
void json_str_n(struct json *j, const char *s, size_t n);
void json_i64(struct json *j, int64_t v);
void json_u64(struct json *j, uint64_t v);
void json_f64(struct json *j, double v); /* shortest form that reads back; NaN and Inf as strings */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

/* Key and value. */
void json_field_str(struct json *j, const char *key, const char *s);
void json_field_i64(struct json *j, const char *key, int64_t v);
void json_field_u64(struct json *j, const char *key, uint64_t v);
void json_field_bool(struct json *j, const char *key, bool v);
