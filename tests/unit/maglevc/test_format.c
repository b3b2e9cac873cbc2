/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "maglevc/format.h"

static void safe(const char *in, const char *want)
{
	_cleanup_(str_done) struct str out = { 0 };

	text_safe(&out, in);
	assert_string_equal(str_z(&out), want);
}

static void test_safe(void **state)
{
	safe("", "");
	safe("web-a", "web-a");
	safe("a\x1b[31mb", "a\\x1b[31mb");
	safe("a\nb\tc\rd\x7f", "a\\x0ab\\x09c\\x0dd\\x7f");
	safe("\xc2\x9b", "\\u{9b}");                            /* C1: an escape sequence in one */
	safe("\xe2\x80\xae\xe2\x81\xa6", "\\u{202e}\\u{2066}"); /* turn the direction */
	safe("\xe2\x80\xa8", "\\u{2028}");                      /* a line separator */
	safe("a\xff\xc3", "a\\xff\\xc3");
	safe("caf\xc3\xa9 \xe5\x8f\xb0\xe5\x8c\x97", "caf\xc3\xa9 \xe5\x8f\xb0\xe5\x8c\x97");
	safe("e\xcc\x81", "e\xcc\x81"); /* a combining accent is harmless */
}

static void test_safe_lines(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };

	text_safe_lines(&out, "a\x1b\nb\n\n");
	assert_string_equal(str_z(&out), "a\\x1b\nb\n\n");
}

static void test_width(void **state)
{
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("caf\xc3\xa9"), 4);
	assert_int_equal(text_width("\xe5\x8f\xb0\xe5\x8c\x97"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
}

static const struct column columns[] = { { "name" }, { "n", .right = true }, { "" } };

static void table(bool colour, const char *want)
{
	_cleanup_(str_done) struct str out = { 0 };
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns), 1 };
	const struct style st = { .colour = colour };

	table_text(&t, TINT_GOOD, "a");
	table_textf(&t, TINT_NONE, "%d", 100);
	table_text(&t, TINT_NONE, "x");
	table_text(&t, TINT_NONE, "\xe5\x8f\xb0\xe5\x8c\x97-1");
	table_textf(&t, TINT_BAD, "%d", 7);
	table_text(&t, TINT_NONE, "");
	table_print(&t, &st, &out);
	assert_string_equal(str_z(&out), want);
}

/* Wide characters line up, and no line ends in blanks. */
static void test_table(void **state)
{
	table(false, " name      n\n"
		     " a       100  x\n"
		     " \xe5\x8f\xb0\xe5\x8c\x97-1    7\n");
	table(true, " \x1b[34mname\x1b[0m      \x1b[34mn\x1b[0m\n"
		    " \x1b[32ma\x1b[0m       100  x\n"
		    " \xe5\x8f\xb0\xe5\x8c\x97-1    \x1b[31m7\x1b[0m\n");
}

static void test_empty_table(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns) };

	table_print(&t, &(struct style){ 0 }, &out);
	assert_string_equal(str_z(&out), "name  n\n");
}

static void test_facts(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	_cleanup_(table_done) struct table t = facts();

	fact(&t, "a", TINT_NONE, "x");
	fact(&t, "long label", TINT_NONE, "");
	factf(&t, "b", TINT_NONE, "%s", "\x1b");
	table_print(&t, &(struct style){ 0 }, &out);
	assert_string_equal(str_z(&out), "a           x\nlong label  -\nb           \\x1b\n");
}

static void test_states(void **state)
{
	assert_int_equal(tint_state("up"), TINT_GOOD);
	assert_int_equal(tint_state("down"), TINT_BAD);
	assert_int_equal(tint_state("unknown"), TINT_WARN);
	assert_int_equal(tint_state("paused"), TINT_QUIET);
	assert_int_equal(tint_state("disabled"), TINT_QUIET);
	assert_int_equal(tint_state("fail"), TINT_BAD);
	assert_int_equal(tint_state("something new"), TINT_NONE);
	assert_int_equal(tint_state(""), TINT_NONE);
}

static void test_times(void **state)
{
	const struct style st = { .now = 1000 * NS_PER_S };
	char at[WALL_STRLEN], age[DUR_STRLEN];

	assert_string_equal(time_text(0, at), "-");
	assert_string_equal(time_text(999987654321, at), "1970-01-01T00:16:39.987Z");
	assert_string_equal(age_text(&st, 0, age), "-");
	assert_string_equal(age_text(&st, 10 * NS_PER_S, age), "16m30s");
	assert_string_equal(age_text(&st, 2000 * NS_PER_S, age), "0s"); /* clocks differ */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe),        cmocka_unit_test(test_safe_lines),
		cmocka_unit_test(test_width),       cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_table), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_states),      cmocka_unit_test(test_times),
	};

	format_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
