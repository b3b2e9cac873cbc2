/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_init(struct json *j, struct str *out)
{
	*j = (struct json){ .out = out };
}

/* What stands before a value (or a key): a comma, when something was there. */
static void separate(struct json *j)
{
	if (j->depth > 0 && j->comma[j->depth])
		str_add_c(j->out, ',');
	j->comma[j->depth] = true;
}

static void begin_value(struct json *j)
{
	if (j->is_obj[j->depth]) {
		assert(j->after_key);
		j->after_key = false;
	} else {
		separate(j);
	}
}

static void open_level(struct json *j, bool is_obj)
{
	begin_value(j);
	assert(j->depth < JSON_DEPTH_MAX);
	j->depth++;
	j->comma[j->depth] = false;
	j->is_obj[j->depth] = is_obj;
	str_add_c(j->out, is_obj ? '{' : '[');
}

static void close_level(struct json *j, bool is_obj)
{
	assert(j->depth > 0 && j->is_obj[j->depth] == is_obj && !j->after_key);
	j->depth--;
	str_add_c(j->out, is_obj ? '}' : ']');
}

void json_obj(struct json *j)
{
	open_level(j, true);
}

void json_obj_end(struct json *j)
{
	close_level(j, true);
}

void json_arr(struct json *j)
{
	open_level(j, false);
}

void json_arr_end(struct json *j)
{
	close_level(j, false);
}

/* Two-character escapes of RFC 8259; NULL for a character that has none. */
static const char *short_escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

static bool plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* One character that is not plain; returns the bytes it took. */
static size_t add_special(struct str *out, const char *s, size_t n)
{
	const char *esc = short_escape(*s);
	unsigned cp;
	size_t len;

	if (esc) {
		str_add(out, esc);
		return 1;
	}
	if ((unsigned char)*s < 0x20) {
		str_addf(out, "\\u%04x", (unsigned char)*s);
		return 1;
	}
	len = utf8_decode(s, n, &cp);
	if (len)
		str_add_n(out, s, len);
	else
		str_add(out, "\xef\xbf\xbd");
	return len ? len : 1;
}

static void add_quoted(struct str *out, const char *s, size_t n)
{
	str_add_c(out, '"');
	while (n) {
		size_t run = 0;

		while (run < n && plain(s[run]))
			run++;
		str_add_n(out, s, run);
		s += run;
		n -= run;
		if (n) {
			size_t len = add_special(out, s, n);

			s += len;
			n -= len;
		}
	}
	str_add_c(out, '"');
}

void json_key(struct json *j, const char *key)
{
	assert(j->is_obj[j->depth] && !j->after_key);
	separate(j);
	add_quoted(j->out, key, strlen(key));
	str_add_c(j->out, ':');
	j->after_key = true;
}

void json_str_n(struct json *j, const char *s, size_t n)
{
	begin_value(j);
	add_quoted(j->out, s, n);
}

void json_str(struct json *j, const char *s)
{
	json_str_n(j, s ? s : "", s ? strlen(s) : 0);
}

void json_i64(struct json *j, int64_t v)
{
	begin_value(j);
	str_addf(j->out, "%" PRId64, v);
}

void json_u64(struct json *j, uint64_t v)
{
	begin_value(j);
	str_addf(j->out, "%" PRIu64, v);
}

void json_f64(struct json *j, double v)
{
	char buf[40];

	if (isnan(v) || isinf(v)) {
		json_str(j, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof buf, "%.*g", digits, v);
		if (!(strtod(buf, NULL) < v) && !(strtod(buf, NULL) > v))
			break;
	}
	begin_value(j);
	str_add(j->out, buf);
}

void json_bool(struct json *j, bool v)
{
	begin_value(j);
	str_add(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	begin_value(j);
	str_add(j->out, "null");
}

void json_field_str(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_str(j, s);
}

void json_field_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

void json_field_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_field_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}
