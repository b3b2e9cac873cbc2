/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "maglevc/words.h"

/* "[a][b]", with "+" behind when the line is open. */
static void check(const char *line, const char *want)
{
	_cleanup_(words_done) struct words w = { 0 };
	_cleanup_(str_done) struct str got = { 0 };
	struct err e;

	assert_int_equal(words_split(line, &w, &e), 0);
	for (size_t i = 0; i < w.n; i++)
		str_addf(&got, "[%s]", w.v[i].text);
	if (w.open)
		str_add_c(&got, '+');
	assert_string_equal(str_z(&got), want);
	assert_string_equal(w.line, line);
}

static void test_split(void **state)
{
	check("", "");
	check("   ", "");
	check("show", "[show]");
	check("  show \t backends  ", "[show][backends]");
	check("a\nb\r\nc", "[a][b][c]");
	check("\"a b\" 'c d'", "[a b][c d]");
	check("a\"b c\"d", "[ab cd]");
	check("'' \"\"", "[][]");
	check("'a\\b'", "[a\\b]");
	check("\"a\\\"b\\\\c\"", "[a\"b\\c]");
	check("a\\ b \\'c", "[a b]['c]");
	check("\"it's\" 'say \"x\"'", "[it's][say \"x\"]");
	check("w\xc3\xa9\x62", "[w\xc3\xa9\x62]");
	check("\xff\x01", "[\xff\x01]");
}

static void test_open(void **state)
{
	check("a 'b", "[a][b]+");
	check("a \"b ", "[a][b ]+");
	check("a \"b\\", "[a][b]+");
	check("a \\", "[a][]+");
	check("'", "[]+");
}

static void test_places(void **state)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct err e;

	assert_int_equal(words_split(" ab  'c d' e", &w, &e), 0);
	assert_int_equal(w.n, 3);
	assert_int_equal(w.v[0].start, 1);
	assert_int_equal(w.v[0].end, 3);
	assert_int_equal(w.v[1].start, 5);
	assert_int_equal(w.v[1].end, 10);
	assert_int_equal(w.v[2].start, 11);
	assert_int_equal(w.v[2].end, 12);
}

static void test_too_many(void **state)
{
	_cleanup_(words_done) struct words w = { 0 };
	_cleanup_(str_done) struct str line = { 0 };
	struct err e;

	for (int i = 0; i < WORDS_MAX; i++)
		str_add(&line, "w ");
	assert_int_equal(words_split(str_z(&line), &w, &e), 0);
	assert_int_equal(w.n, WORDS_MAX);
	words_done(&w);
	str_add(&line, "w");
	assert_int_equal(words_split(str_z(&line), &w, &e), -E2BIG);
	assert_int_equal(w.n, 0); /* untouched */
}

/* Arguments come out as they went in, whatever they hold. */
static void test_argv(void **state)
{
	static char texts[][16] = { "show",   "a b",   "",     "it's",       "say \"x\"",
				    "back\\", "tab\t", "\xff", "caf\xc3\xa9" };
	char *argv[ARRAY_LEN(texts)];
	_cleanup_(words_done) struct words w = { 0 };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		argv[i] = texts[i];
	assert_int_equal(words_from_argv(ARRAY_LEN(argv), argv, &w, &e), 0);
	assert_int_equal(w.n, ARRAY_LEN(argv));
	assert_false(w.open);
	for (size_t i = 0; i < w.n; i++)
		assert_string_equal(w.v[i].text, argv[i]);
	assert_ptr_equal(strstr(w.line, "show \"a b\" \"\" \"it's\" \"say \\\"x\\\"\" "), w.line);
}

static void test_argv_line(void **state)
{
	static char text[] = "show backends 'a b'";
	char *argv[] = { text };
	_cleanup_(words_done) struct words w = { 0 };
	struct err e;

	assert_int_equal(words_from_argv(1, argv, &w, &e), 0);
	assert_int_equal(w.n, 3);
	assert_string_equal(w.v[2].text, "a b");
}

static void quotes(const char *text, char quote, bool whole, const char *want)
{
	_cleanup_(str_done) struct str got = { 0 };

	word_quote(&got, text, quote, whole);
	assert_string_equal(str_z(&got), want);
}

static void test_quote(void **state)
{
	quotes("web-a", '\0', true, "web-a");
	quotes("a b?", '\0', false, "a\\ b\\?");
	quotes("it's \"x\" \\", '\0', true, "it\\'s\\ \\\"x\\\"\\ \\\\");
	quotes("a b?", '"', true, "\"a b?\"");
	quotes("a\"b", '"', false, "\"a\\\"b");
	quotes("it's", '\'', true, "'it'\\''s'");
	quotes("it's", '\'', false, "'it'\\''s");
	quotes("", '\0', true, "\"\"");
	quotes("", '\0', false, "");
	quotes("", '"', true, "\"\"");
	quotes("", '\'', false, "'");
}

static void test_quote_at(void **state)
{
	static const struct {
		const char *line;
		size_t cursor;
		char quote;
	} rows[] = {
		{ "", 0, '\0' },          { "show ba", 7, '\0' },   { "a 'b c' d", 2, '\0' },
		{ "a 'b c' d", 3, '\'' }, { "a 'b c' d", 6, '\'' }, { "a 'b c' d", 7, '\0' },
		{ "a \"b'", 5, '"' },     { "a \\", 3, '\\' },      { "a \"\\", 4, '"' },
		{ "a \\ b", 5, '\0' },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(words_quote_at(rows[i].line, rows[i].cursor), rows[i].quote);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),  cmocka_unit_test(test_quote_at),
		cmocka_unit_test(test_split),  cmocka_unit_test(test_open),
		cmocka_unit_test(test_places), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_argv),   cmocka_unit_test(test_argv_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
