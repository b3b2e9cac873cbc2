/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/alloc.h"
#include "everything.pb-c.h"
#include "maglev.pb-c.h"
#include "rpc/json.h"
#include "rpc/status.h"

static void check(const ProtobufCMessage *m, bool with_defaults, const char *want)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	rpc_json_message(&j, m, with_defaults);
	assert_string_equal(str_z(&out), want);
}

static void test_empty(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT;

	check(&e.base, false, "{}");
	check(&e.base, true,
	      "{\"i32\":0,\"s32\":0,\"sf32\":0,\"u32\":0,\"f32\":0,\"i64\":\"0\",\"s64\":\"0\","
	      "\"sf64\":\"0\",\"u64\":\"0\",\"f64\":\"0\",\"singleFloat\":0,\"aDouble\":0,"
	      "\"truth\":false,\"colour\":\"COLOUR_UNSET\",\"text\":\"\",\"raw\":\"\","
	      "\"i32List\":[],\"textList\":[],\"innerList\":[],\"doubleList\":[],\"rawList\":[],"
	      "\"truthList\":[],\"colourList\":[],\"OddName2x\":0}");
}

static void test_numbers(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT;

	e.i32 = INT32_MIN;
	e.s32 = -1;
	e.sf32 = 7;
	e.u32 = UINT32_MAX;
	e.f32 = 1;
	e.i64 = INT64_MIN;
	e.s64 = -9007199254740993;
	e.sf64 = 5;
	e.u64 = UINT64_MAX;
	e.f64 = 2;
	e.single_float = 0.5F;
	e.a_double = -1e300;
	e.truth = true;
	e._odd__name_2x = 3;
	check(&e.base, false,
	      "{\"i32\":-2147483648,\"s32\":-1,\"sf32\":7,\"u32\":4294967295,\"f32\":1,"
	      "\"i64\":\"-9223372036854775808\",\"s64\":\"-9007199254740993\",\"sf64\":\"5\","
	      "\"u64\":\"18446744073709551615\",\"f64\":\"2\",\"singleFloat\":0.5,"
	      "\"aDouble\":-1e+300,\"truth\":true,\"OddName2x\":3}");
}

static void test_special_floats(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT;
	double list[] = { (double)INFINITY, -(double)INFINITY, 0, 0.1 };

	e.a_double = (double)NAN;
	e.n_double_list = ARRAY_LEN(list);
	e.double_list = list;
	check(&e.base, false,
	      "{\"aDouble\":\"NaN\",\"doubleList\":[\"Infinity\",\"-Infinity\",0,0.1]}");
}

static void test_text_and_enums(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT;
	char text[] = "a\"\\\n\xe5\x8f\xb0\xff", other[] = "";
	char *texts[] = { text, other };
	Test__Colour colours[] = { TEST__COLOUR__COLOUR_RED, (Test__Colour)77 };

	e.text = text;
	e.n_text_list = 2;
	e.text_list = texts;
	e.colour = TEST__COLOUR__COLOUR_RED;
	e.n_colour_list = 2;
	e.colour_list = colours;
	check(&e.base, false,
	      "{\"colour\":\"COLOUR_RED\",\"text\":\"a\\\"\\\\\\n\xe5\x8f\xb0\xef\xbf\xbd\","
	      "\"textList\":[\"a\\\"\\\\\\n\xe5\x8f\xb0\xef\xbf\xbd\",\"\"],"
	      "\"colourList\":[\"COLOUR_RED\",77]}");
}

/* RFC 4648, section 10 */
static void test_base64(void **state)
{
	static const char *const want[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
					    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	uint8_t foobar[] = "foobar", high[] = { 0xff, 0xfe, 0xfd };

	for (size_t n = 1; n < ARRAY_LEN(want); n++) {
		Test__Everything e = TEST__EVERYTHING__INIT;
		_cleanup_free_ char *text = xasprintf("{\"raw\":\"%s\"}", want[n]);
		e.raw = (ProtobufCBinaryData){ n, foobar };
		check(&e.base, false, text);
	}
	Test__Everything e = TEST__EVERYTHING__INIT;
	ProtobufCBinaryData list[] = { { 3, high }, { 0, NULL } };
	e.n_raw_list = 2;
	e.raw_list = list;
	check(&e.base, false, "{\"rawList\":[\"//79\",\"\"]}");
}

static void test_messages(void **state)
{
	Test__Everything a = TEST__EVERYTHING__INIT, b = TEST__EVERYTHING__INIT,
			 e = TEST__EVERYTHING__INIT;
	Test__Everything *list[] = { &a, &b };
	int32_t numbers[] = { 1, 0 };
	protobuf_c_boolean truths[] = { true, false };

	a.i32 = 1;
	e.inner = &b; /* set, though empty */
	e.n_inner_list = 2;
	e.inner_list = list;
	e.n_i32_list = 2;
	e.i32_list = numbers;
	e.n_truth_list = 2;
	e.truth_list = truths;
	check(&e.base, false,
	      "{\"inner\":{},\"i32List\":[1,0],\"innerList\":[{\"i32\":1},{}],"
	      "\"truthList\":[true,false]}");
}

/* A member of a oneof is there when it is set, even to its default. */
static void test_oneof(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT, inner = TEST__EVERYTHING__INIT;
	char text[] = "";

	e.choice_case = TEST__EVERYTHING__CHOICE_CHOICE_NUMBER;
	e.choice_number = 0;
	check(&e.base, false, "{\"choiceNumber\":\"0\"}");
	e.choice_case = TEST__EVERYTHING__CHOICE_CHOICE_TEXT;
	e.choice_text = text;
	check(&e.base, false, "{\"choiceText\":\"\"}");
	e.choice_case = TEST__EVERYTHING__CHOICE_CHOICE_INNER;
	e.choice_inner = &inner;
	check(&e.base, false, "{\"choiceInner\":{}}");
}

/* The names that operators' scripts rely on. */
static void test_field_names(void **state)
{
	Maglev__HealthCheckInfo h = MAGLEV__HEALTH_CHECK_INFO__INIT;
	Maglev__SyncVPPLBStateResponse s = MAGLEV__SYNC_VPPLBSTATE_RESPONSE__INIT;
	char addr[] = "::1";

	h.interval_ns = 5;
	h.probe_ipv6_src = addr;
	check(&h.base, false, "{\"intervalNs\":\"5\",\"probeIpv6Src\":\"::1\"}");
	s.as_weight_updated = 2;
	check(&s.base, false, "{\"asWeightUpdated\":2}");
}

static void test_status_names(void **state)
{
	assert_string_equal(rpc_status_name(RPC_OK), "OK");
	assert_string_equal(rpc_status_name(RPC_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(rpc_status_name(RPC_UNAUTHENTICATED), "UNAUTHENTICATED");
	assert_string_equal(rpc_status_name((enum rpc_status)99), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),          cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_special_floats), cmocka_unit_test(test_text_and_enums),
		cmocka_unit_test(test_base64),         cmocka_unit_test(test_messages),
		cmocka_unit_test(test_oneof),          cmocka_unit_test(test_field_names),
		cmocka_unit_test(test_status_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
