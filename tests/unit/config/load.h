/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of config/: load a text, compare everything that is said about it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "config/config.h"

/* Two lines that every good file needs; what a test adds starts on line 3. */
#define HEAD                                                                                       \
	"maglev:\n"                                                                                \
	"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"

struct row {
	const char *text;
	const char *want; /* messages, a line each; "" for none */
};

/* Index of the backend by this name, or -1. */
static inline long find_backend(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_backends; i++)
		if (strcmp(c->backends[i].name, name) == 0)
			return (long)i;
	return -1;
}

/* All that was said: the parse error, the semantic errors, or the warnings. */
static inline char *said(const struct config_report *rep)
{
	struct str out = { 0 };
	_cleanup_free_ char *semantic = config_report_semantic(rep);

	str_add(&out, rep->parse_error ? rep->parse_error : "");
	str_add(&out, semantic);
	for (size_t i = 0; i < rep->n_warnings; i++)
		str_addf(&out, "%s%s", i ? "\n" : "", rep->warnings[i]);
	return str_take(&out);
}

/* Load each row's text as file "f", expect the class and exactly these messages. */
static inline void expect_rows(const struct row *rows, size_t n, enum config_class want)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct config *c = NULL;
		struct config_report rep = { 0 };
		enum config_class class = config_load_text("f", rows[i].text, strlen(rows[i].text),
							   &c, &rep);
		_cleanup_free_ char *got = said(&rep);

		if (class != want || strcmp(got, rows[i].want) != 0 || !c != (want != CONFIG_OK)) {
			print_error("row %zu, class %d:\n%s\nwant:\n%s\ngot:\n%s\n", i, class,
				    rows[i].text, rows[i].want, got);
			wrong++;
		}
		config_free(c);
		config_report_done(&rep);
	}
	assert_int_equal(wrong, 0);
}

#define EXPECT_ROWS(ROWS, CLASS) expect_rows((ROWS), ARRAY_LEN(ROWS), (CLASS))

/* A text that must load; the caller frees. */
static inline struct config *must_load(const char *text)
{
	struct config *c = NULL;
	struct config_report rep = { 0 };

	if (config_load_text("f", text, strlen(text), &c, &rep) != CONFIG_OK) {
		_cleanup_free_ char *got = said(&rep);

		fail_msg("does not load: %s", got);
	}
	config_report_done(&rep);
	return c;
}
