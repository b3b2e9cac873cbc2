/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: what is one, and that nothing in a name becomes a step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "dashboard/path.h"

static void segments(void **state)
{
	static const struct {
		const char *raw;
		size_t n;
		const char *seg[4];
	} good[] = {
		{ "/", 1, { "" } },
		{ "/view", 1, { "view" } },
		{ "/view/", 2, { "view", "" } },
		{ "/view/api/state", 3, { "view", "api", "state" } },
		{ "/a%2Fb/c", 2, { "a/b", "c" } },
		{ "/a%2fb%2F", 1, { "a/b/" } },
		{ "/%61dmin", 1, { "admin" } },
		{ "/a+b/%2B", 2, { "a+b", "+" } },
		{ "/%3Cb%3E", 1, { "<b>" } },
		{ "/%C3%BC", 1, { "\xc3\xbc" } },
		{ "/a%252Fb", 1, { "a%2Fb" } },
		{ "/.../..a/.b", 3, { "...", "..a", ".b" } },
		{ "/..%2F..%2Fetc", 1, { "../../etc" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct path p;

		if (path_parse(good[i].raw, &p))
			fail_msg("%s", good[i].raw);
		assert_int_equal(p.n, good[i].n);
		for (size_t k = 0; k < p.n; k++)
			assert_string_equal(p.seg[k], good[i].seg[k]);
	}
}

static void no_paths(void **state)
{
	static const char *const bad[] = {
		"",
		"view",
		"*",
		"http://x/view/",
		"//",
		"//view/",
		"/view//api",
		"/view/../x",
		"/view/.",
		"/..",
		"/%2e%2e/x",
		"/%2E/",
		"/.%2e",
		"/a/%2e%2e",
		"/%",
		"/%2",
		"/%zz",
		"/%00",
		"/a%0d%0ab",
		"/%7f",
		"/%ff",
		"/%c0%af",
		"/a\tb",
		"/%ed%a0%80",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct path p;

		if (path_parse(bad[i], &p) != -EINVAL)
			fail_msg("%s is a path?", bad[i]);
	}
}

static void too_long(void **state)
{
	char raw[PATH_LEN_MAX + 2];
	struct path p;

	memset(raw, 'x', sizeof raw);
	raw[0] = '/';
	raw[PATH_LEN_MAX] = '\0';
	assert_int_equal(path_parse(raw, &p), 0);
	raw[PATH_LEN_MAX] = 'x';
	raw[PATH_LEN_MAX + 1] = '\0';
	assert_int_equal(path_parse(raw, &p), -EINVAL);
}

/* What fits exactly leaves no room for another segment. */
static void full_then_more(void **state)
{
	char raw[PATH_LEN_MAX + 3];
	struct path p;

	memset(raw, 'x', sizeof raw);
	raw[0] = '/';
	raw[PATH_LEN_MAX] = '/';
	raw[PATH_LEN_MAX + 1] = '\0';
	assert_int_equal(path_parse(raw, &p), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments),
		cmocka_unit_test(no_paths),
		cmocka_unit_test(too_long),
		cmocka_unit_test(full_then_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
