/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests that change something. */
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
#include "dashboard/admin_body.h"

static struct str body(const char *text)
{
	struct str s = { 0 };

	str_add(&s, text);
	return s;
}

static void none(void **state)
{
	static const char *const good[] = { "", "{}", " { } " };
	static const char *const bad[] = { "[]", "null", "{", "{\"a\":1}", "{}{}", "\"\"", "x" };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		_cleanup_(str_done) struct str b = body(good[i]);
		assert_int_equal(admin_body_none(&b, &e), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(str_done) struct str b = body(bad[i]);
		assert_int_equal(admin_body_none(&b, &e), -EINVAL);
	}
}

static void weights(void **state)
{
	static const struct {
		const char *text;
		int weight;
		bool flush;
	} good[] = {
		{ "{\"weight\":0}", 0, false },
		{ "{\"weight\":100,\"flush\":true}", 100, true },
		{ "{\"flush\":false,\"weight\":7}", 7, false },
	};
	static const char *const bad[] = {
		"",
		"{}",
		"{\"weight\":101}",
		"{\"weight\":-1}",
		"{\"weight\":1.5}",
		"{\"weight\":\"1\"}",
		"{\"weight\":1e1}",
		"{\"weight\":99999999999999999999}",
		"{\"weight\":1,\"flush\":1}",
		"{\"weight\":1,\"flush\":null}",
		"{\"weight\":1,\"flsh\":true}",
		"{\"weight\":1,\"weight\":2}",
		"[1]",
		"{\"weight\":1}x",
	};
	int weight;
	bool flush;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		_cleanup_(str_done) struct str b = body(good[i].text);
		assert_int_equal(admin_body_weight(&b, &weight, &flush, &e), 0);
		assert_int_equal(weight, good[i].weight);
		assert_int_equal(flush, good[i].flush);
	}
	weight = 77;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(str_done) struct str b = body(bad[i]);
		if (admin_body_weight(&b, &weight, &flush, &e) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_true(*e.msg);
		assert_int_equal(weight, 77);
	}
}

static void syncs(void **state)
{
	static const char *const bad[] = { "{\"frontend\":\"\"}", "{\"frontend\":1}",
					   "{\"frontend\":null}", "{\"front\":\"x\"}",
					   "{\"frontend\":\"a\\u0000b\"}" };
	_cleanup_(str_done) struct str all = body("{}"), one = body("{\"frontend\":\"w\"}"),
				       empty = { 0 };
	char *frontend = NULL;
	struct err e;

	assert_int_equal(admin_body_sync(&empty, &frontend, &e), 0);
	assert_null(frontend);
	assert_int_equal(admin_body_sync(&all, &frontend, &e), 0);
	assert_null(frontend);
	assert_int_equal(admin_body_sync(&one, &frontend, &e), 0);
	assert_string_equal(frontend, "w");
	free(frontend);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_(str_done) struct str b = body(bad[i]);
		if (admin_body_sync(&b, &frontend, &e) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(none), cmocka_unit_test(weights),
					    cmocka_unit_test(syncs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
