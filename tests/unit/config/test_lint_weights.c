/* SPDX-License-Identifier: Apache-2.0 */
/* The warning about weights that a frontend's flow table cannot honour. */
#include <stdio.h>

#include "load.h"

/* A pool of these weights (0 ends them) at 198.51.100.10 and up; the pool stands at 3 + n + 2. */
static char *config_of(const int *weights, unsigned length)
{
	struct str s = { 0 };

	str_add(&s, HEAD "  backends:\n");
	for (int i = 0; weights[i] >= 0; i++)
		str_addf(&s, "    b%d: { address: 198.51.100.%d }\n", i, 10 + i);
	str_addf(&s,
		 "  frontends:\n    f:\n      address: 203.0.113.1\n      flow-table-length: %u\n"
		 "      pools:\n        - name: p\n          backends:\n",
		 length);
	for (int i = 0; weights[i] >= 0; i++)
		str_addf(&s, "            b%d: { weight: %d }\n", i, weights[i]);
	return str_take(&s);
}

/* What is said behind the place and the path. */
static void expect(const int *weights, unsigned length, const char *want)
{
	_cleanup_free_ char *text = config_of(weights, length);
	struct config_report rep = { 0 };
	struct config *c = NULL;
	const char *said;

	assert_int_equal(config_load_text("f", text, strlen(text), &c, &rep), CONFIG_OK);
	assert_int_equal(rep.n_warnings, *want ? 1 : 0);
	if (*want) {
		said = strstr(rep.warnings[0], "frontends.f.pools[0]: ");
		assert_non_null(said);
		assert_string_equal(said + strlen("frontends.f.pools[0]: "), want);
	}
	config_report_done(&rep);
	config_free(c);
}

#define HUNDRED_7 100, 100, 100, 100, 100, 100, 100

/* As a real VPP did it: 15 ASes, one of weight 50, get 50 buckets of 1024 for it. */
static void test_as_seen(void **state)
{
	static const int weights[] = { 50, HUNDRED_7, HUNDRED_7, -1 };

	expect(weights, 1024,
	       "the weights add up to 1450, more than flow-table-length 1024: of new connections "
	       "'b0' is to get 3.45% and will get 4.88%; flow-table-length 16384 brings the error "
	       "under 5%");
}

static void test_sums(void **state)
{
	static const int fits[] = { 40, 24, -1 }, one_more[] = { 40, 25, -1 };
	static const int zeros[] = { 64, 0, 0, -1 };

	expect(fits, 64, "");
	expect(zeros, 64, "");
	expect(one_more, 64,
	       "the weights add up to 65, more than flow-table-length 64: of new connections "
	       "'b1' is to get 38.46% and will get 39.06%; which is under 5% off");
}

static void test_none_helps(void **state)
{
	int weights[101];

	weights[0] = 1;
	for (int i = 1; i < 100; i++)
		weights[i] = 100;
	weights[100] = -1;
	expect(weights, 64,
	       "the weights add up to 9901, more than flow-table-length 64: of new connections "
	       "'b0' is to get 0.01% and will get 1.56%; no flow-table-length brings the error "
	       "under 5%");
}

/* Each pool by itself: together they are never in the table. */
static void test_pools(void **state)
{
	static const struct row rows[] = {
		{ HEAD "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }\n"
		       "  frontends: { f: { address: 192.0.2.9, flow-table-length: 128, pools: [\n"
		       "    { name: p, backends: { a: } },\n"
		       "    { name: q, backends: { b: } } ] } }\n",
		  "" },
		{ HEAD "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 },\n"
		       "    c: { address: 192.0.2.3 } }\n"
		       "  frontends: { f: { address: 192.0.2.9, flow-table-length: 128, pools: [\n"
		       "    { name: p, backends: { a: } },\n"
		       "    { name: q, backends: { b: , c: } } ] } }\n",
		  "f:7:5: frontends.f.pools[1]: the weights add up to 200, more than "
		  "flow-table-length 128: of new connections 'b' is to get 50.00% and will get "
		  "50.00%; which is under 5% off" },
	};

	EXPECT_ROWS(rows, CONFIG_OK);
}

/* What will not be shown is not worked out, but counted. */
static void test_many(void **state)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;
	struct str s = { 0 };

	str_add(&s, HEAD "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }\n"
			 "  frontends:\n");
	for (int i = 0; i < 230; i++)
		str_addf(&s,
			 "    f%d: { address: 192.0.2.%d, flow-table-length: 64, pools: "
			 "[ { name: p, backends: { a: , b: { weight: 1 } } } ] }\n",
			 i, 10 + i);
	assert_int_equal(config_load_text("f", s.p, s.len, &c, &rep), CONFIG_OK);
	assert_int_equal(rep.n_warnings, 201);
	assert_string_equal(rep.warnings[200], "f: 30 more warnings are not shown");
	config_report_done(&rep);
	config_free(c);
	str_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_seen),    cmocka_unit_test(test_sums),
		cmocka_unit_test(test_none_helps), cmocka_unit_test(test_pools),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
