/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "maglevc/history.h"

static char dir[] = "/tmp/test-history-XXXXXX";

static void test_path(void **state)
{
	_cleanup_free_ char *xdg = history_path("/x/state", "/home/u");
	_cleanup_free_ char *home = history_path(NULL, "/home/u");
	_cleanup_free_ char *relative = history_path("state", "/home/u");
	_cleanup_free_ char *empty = history_path("", "/home/u");

	assert_string_equal(xdg, "/x/state/maglevc/history");
	assert_string_equal(home, "/home/u/.local/state/maglevc/history");
	assert_string_equal(relative, home);
	assert_string_equal(empty, home);
	assert_null(history_path(NULL, NULL));
	assert_null(history_path("x", "y"));
}

static mode_t mode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void test_append_and_load(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/a/b/maglevc/history", dir);
	_cleanup_free_ char *parent = xasprintf("%s/a/b/maglevc", dir);
	_cleanup_free_ char *giant = xcalloc(HISTORY_LINE_MAX + 2, 1);
	_cleanup_(history_lines_done) struct history_lines none = { 0 };
	_cleanup_(history_lines_done) struct history_lines got = { 0 };

	history_load(path, &none);
	assert_int_equal(none.v.n, 0);
	history_append(path, "show backends");
	history_append(path, "  show  \xe5\x8f\xb0 ");
	history_append(path, "");
	history_append(path, "two\nlines");
	memset(giant, 'x', HISTORY_LINE_MAX + 1);
	history_append(path, giant);
	assert_int_equal(mode(path), 0600);
	assert_int_equal(mode(parent), 0700);
	history_load(path, &got);
	assert_int_equal(got.v.n, 2);
	assert_string_equal(got.v.v[0], "show backends");
	assert_string_equal(got.v.v[1], "  show  \xe5\x8f\xb0 ");
}

static void test_lines_that_are_no_text(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/alien", dir);
	_cleanup_(history_lines_done) struct history_lines got = { 0 };
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs("show version\nbad \xff line\ncut \xe5\x8f\nshow vpp info\n", f);
	assert_int_equal(fclose(f), 0);
	history_load(path, &got);
	assert_int_equal(got.v.n, 2);
	assert_string_equal(got.v.v[0], "show version");
	assert_string_equal(got.v.v[1], "show vpp info");
}

static long count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = 0;

	assert_non_null(f);
	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static void test_bounded(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/bounded", dir);
	char line[32];

	for (int i = 0; i < 2 * HISTORY_LINES; i++) {
		snprintf(line, sizeof line, "line %d", i);
		history_append(path, line);
	}
	for (int extra = 0; extra < 2; extra++) {
		_cleanup_(history_lines_done) struct history_lines got = { 0 };
		history_load(path, &got);
		assert_int_equal(got.v.n, HISTORY_LINES);
		snprintf(line, sizeof line, "line %d", 2 * HISTORY_LINES - 1 + extra);
		assert_string_equal(got.v.v[HISTORY_LINES - 1], line);
		assert_int_equal(count_lines(path), extra ? HISTORY_LINES : 2 * HISTORY_LINES);
		snprintf(line, sizeof line, "line %d", 2 * HISTORY_LINES + extra);
		history_append(path, line);
	}
	assert_int_equal(mode(path), 0600);
}

/* None of these is a failure, and none blocks. */
static void test_unusable(void **state)
{
	_cleanup_free_ char *fifo = xasprintf("%s/fifo", dir);
	_cleanup_free_ char *below = xasprintf("%s/bounded/maglevc/history", dir);
	const char *const paths[] = { "/proc/none/maglevc/history", dir, fifo, below };

	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		_cleanup_(history_lines_done) struct history_lines got = { 0 };
		history_append(paths[i], "x");
		history_load(paths[i], &got);
		assert_int_equal(got.v.n, 0);
	}
}

/* Not of our making: no newline in sight. */
static void test_giant_file(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/giant", dir);
	_cleanup_(history_lines_done) struct history_lines got = { 0 };
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 1L << 32), 0);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	fputs("\nlast\n", f);
	assert_int_equal(fclose(f), 0);
	history_load(path, &got);
	assert_int_equal(got.v.n, 1);
	assert_string_equal(got.v.v[0], "last");
}

static int setup(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	_cleanup_free_ char *command = xasprintf("rm -rf %s", dir);

	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),       cmocka_unit_test(test_append_and_load),
		cmocka_unit_test(test_bounded),    cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_giant_file), cmocka_unit_test(test_lines_that_are_no_text),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
