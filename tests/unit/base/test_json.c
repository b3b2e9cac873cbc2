/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

static void test_shape(void **state)
{
	struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_obj(&j);
	json_key(&j, "a");
	json_i64(&j, INT64_MIN);
	json_key(&j, "b");
	json_arr(&j);
	json_u64(&j, UINT64_MAX);
	json_bool(&j, true);
	json_bool(&j, false);
	json_null(&j);
	json_arr(&j);
	json_arr_end(&j);
	json_obj(&j);
	json_obj_end(&j);
	json_arr_end(&j);
	json_key(&j, "c\n");
	json_str(&j, NULL);
	json_obj_end(&j);
	assert_string_equal(str_z(&out),
			    "{\"a\":-9223372036854775808,\"b\":[18446744073709551615,true,false,"
			    "null,[],{}],\"c\\n\":\"\"}");
	str_done(&out);
}

static void test_strings(void **state)
{
	static const char *const rows[][2] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "q\"b\\s/", "\"q\\\"b\\\\s/\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "a\xff\xfe z", "\"a\xef\xbf\xbd\xef\xbf\xbd z\"" },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	struct str out = { 0 };
	struct json j;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		str_clear(&out);
		json_init(&j, &out);
		json_str(&j, rows[i][0]);
		assert_string_equal(str_z(&out), rows[i][1]);
	}
	str_clear(&out);
	json_init(&j, &out);
	json_str_n(&j, "a\0b", 3);
	assert_string_equal(str_z(&out), "\"a\\u0000b\"");
	str_done(&out);
}

static const char *number(struct str *out, double v)
{
	struct json j;

	str_clear(out);
	json_init(&j, out);
	json_f64(&j, v);
	return str_z(out);
}

static void test_doubles(void **state)
{
	struct str out = { 0 };
	struct rng r;

	assert_string_equal(number(&out, 0.1), "0.1");
	assert_string_equal(number(&out, 5), "5");
	assert_string_equal(number(&out, -2.5e-9), "-2.5e-09");
	assert_string_equal(number(&out, 1.0 / 3), "0.3333333333333333");
	assert_string_equal(number(&out, (double)NAN), "\"NaN\"");
	assert_string_equal(number(&out, (double)INFINITY), "\"Infinity\"");
	assert_string_equal(number(&out, -(double)INFINITY), "\"-Infinity\"");
	rng_init(&r, 9);
	for (int i = 0; i < 10000; i++) {
		uint64_t bits = rng_u64(&r);
		double v, back;

		memcpy(&v, &bits, sizeof v);
		if (!isfinite(v))
			continue;
		back = strtod(number(&out, v), NULL);
		assert_memory_equal(&back, &v, sizeof v);
	}
	str_done(&out);
}

static void value_without_key(struct json *j)
{
	json_obj(j);
	json_i64(j, 1);
}

static void key_without_value(struct json *j)
{
	json_obj(j);
	json_key(j, "k");
	json_obj_end(j);
}

static void wrong_end(struct json *j)
{
	json_arr(j);
	json_obj_end(j);
}

static void key_in_array(struct json *j)
{
	json_arr(j);
	json_key(j, "k");
}

static void too_deep(struct json *j)
{
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		json_arr(j);
}

/* Wrong nesting is a programmer's error: the process ends. */
static void test_asserts(void **state)
{
	void (*const wrong[])(struct json *) = { value_without_key, key_without_value, wrong_end,
						 key_in_array, too_deep };

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			static struct str out;
			struct json j;

			close(STDERR_FILENO);
			json_init(&j, &out);
			wrong[i](&j);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_asserts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
