/* SPDX-License-Identifier: Apache-2.0 */
/* Parse errors: a shape that is not the file's. The first one is said, with its place. */
#include "load.h"

#define CHECK(BODY)    "maglev:\n  healthchecks:\n    web: { " BODY " }\n"
#define BACKEND(BODY)  "maglev:\n  backends:\n    a: { " BODY " }\n"
#define FRONTEND(BODY) "maglev:\n  frontends:\n    www: { " BODY " }\n"

static void test_structure(void **state)
{
	static const struct row rows[] = {
		{ "", "f:1:1: maglev: the file is empty" },
		{ "---\n", "f:2:1: maglev: this top-level key is missing" },
		{ "{}", "f:1:1: maglev: this top-level key is missing" },
		{ "[]", "f:1:1: maglev: expected a mapping, not a list" },
		{ "maglev", "f:1:1: maglev: expected a mapping, not 'maglev'" },
		{ "maglev: {}\nother: 1\n",
		  "f:2:1: other: unknown key: the one top-level key is 'maglev'" },
		{ "maglev: []\n", "f:1:9: maglev: expected a mapping, not a list" },
		{ "maglev: 5\n", "f:1:9: maglev: expected a mapping, not '5'" },
		{ "maglev:\n  healthcheck: {}\n", "f:2:3: healthcheck: unknown key" },
		{ "maglev:\n  'a.b': {}\n", "f:2:3: \"a.b\": unknown key" },
		{ "maglev:\n  healthchecks: 7\n",
		  "f:2:17: healthchecks: expected a mapping, not '7'" },
		{ "maglev:\n  backends: [a, b]\n",
		  "f:2:13: backends: expected a mapping, not a list" },
		{ "maglev:\n  frontends: text\n",
		  "f:2:14: frontends: expected a mapping, not 'text'" },
		{ "maglev:\n  healthchecker: []\n",
		  "f:2:18: healthchecker: expected a mapping, not a list" },
		{ "maglev:\n  vpp: true\n", "f:2:8: vpp: expected a mapping, not 'true'" },
		{ "maglev:\n  vpp: { lb: 1 }\n", "f:2:14: vpp.lb: expected a mapping, not '1'" },
		{ "maglev:\n  vpp: { nat: {} }\n", "f:2:10: vpp.nat: unknown key" },
		{ "maglev:\n  vpp: { lb: { buckets: 5 } }\n",
		  "f:2:16: vpp.lb.buckets: unknown key" },
		{ "maglev:\n  healthchecker: { history: 5 }\n",
		  "f:2:20: healthchecker.history: unknown key" },
		{ "maglev:\n  backends:\n    a: 5\n",
		  "f:3:8: backends.a: expected a mapping, not '5'" },
		{ "maglev:\n  backends:\n    a: {}\n    b: {}\n    a: {}\n",
		  "f:5:5: backends.a: duplicate key (first at 3:5)" },
		{ "maglev:\n  frontends:\n    'x y': { what: 1 }\n",
		  "f:3:14: frontends.\"x y\".what: unknown key" },
		{ "maglev:\n  backends:\n    \"a\\\"\\n\\u0085\\\\é\": { x: 1 }\n",
		  "f:3:25: backends.\"a\\\"\\x0a\\x85\\\\é\".x: unknown key" },
		{ FRONTEND("pools: {}"),
		  "f:3:19: frontends.www.pools: expected a list, not a mapping" },
		{ FRONTEND("pools: text"),
		  "f:3:19: frontends.www.pools: expected a list, not 'text'" },
		{ FRONTEND("pools: [5]"),
		  "f:3:20: frontends.www.pools[0]: expected a mapping, not '5'" },
		{ FRONTEND("pools: [{}, { name: [] }]"),
		  "f:3:32: frontends.www.pools[1].name: expected text, not a list" },
		{ FRONTEND("pools: [{ prio: 1 }]"),
		  "f:3:22: frontends.www.pools[0].prio: unknown key" },
		{ FRONTEND("pools: [{ backends: [a] }]"),
		  "f:3:32: frontends.www.pools[0].backends: expected a mapping, not a list" },
		{ FRONTEND("pools: [{ backends: { a: 50 } }]"),
		  "f:3:37: frontends.www.pools[0].backends.a: expected a mapping, not '50'" },
		{ FRONTEND("pools: [{ backends: { a: { weigth: 50 } } }]"),
		  "f:3:39: frontends.www.pools[0].backends.a.weigth: unknown key" },
		{ FRONTEND("weight: 1"), "f:3:12: frontends.www.weight: unknown key" },
		{ BACKEND("addr: 192.0.2.1"), "f:3:10: backends.a.addr: unknown key" },
		{ CHECK("retries: 1"), "f:3:12: healthchecks.web.retries: unknown key" },
		{ CHECK("params: []"),
		  "f:3:20: healthchecks.web.params: expected a mapping, not a list" },
		{ CHECK("params: { uri: / }"), "f:3:22: healthchecks.web.params.uri: unknown key" },
	};

	EXPECT_ROWS(rows, CONFIG_PARSE_ERROR);
}

#define INT_WANTED  "expected a whole number, not "
#define DUR_WANTED  "expected a duration with a unit, such as 500ms, 2s or 1m30s, not "
#define BOOL_WANTED "expected true or false, not "
#define ADDR_WANTED "expected an IP address, not "

static void test_types(void **state)
{
	static const struct row rows[] = {
		{ CHECK("rise: two"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'two'" },
		{ CHECK("rise: '2'"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'2'" },
		{ CHECK("rise: 2.0"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'2.0'" },
		{ CHECK("rise: 1e2"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'1e2'" },
		{ CHECK("rise: 02"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'02'" },
		{ CHECK("rise: 0x"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'0x'" },
		{ CHECK("rise: 0xg"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'0xg'" },
		{ CHECK("rise: 0o8"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'0o8'" },
		{ CHECK("rise: 0b2"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'0b2'" },
		{ CHECK("rise: 1_0"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'1_0'" },
		{ CHECK("rise: +"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'+'" },
		{ CHECK("rise: true"), "f:3:18: healthchecks.web.rise: " INT_WANTED "'true'" },
		{ CHECK("rise: [2]"), "f:3:18: healthchecks.web.rise: " INT_WANTED "a list" },
		{ CHECK("rise: {}"), "f:3:18: healthchecks.web.rise: " INT_WANTED "a mapping" },
		{ CHECK("rise: ''"), "f:3:18: healthchecks.web.rise: " INT_WANTED "''" },
		{ CHECK("interval: 5"), "f:3:22: healthchecks.web.interval: " DUR_WANTED "'5'" },
		{ CHECK("interval: 1.5"),
		  "f:3:22: healthchecks.web.interval: " DUR_WANTED "'1.5'" },
		{ CHECK("interval: 5 s"),
		  "f:3:22: healthchecks.web.interval: " DUR_WANTED "'5 s'" },
		{ CHECK("interval: 1d"), "f:3:22: healthchecks.web.interval: " DUR_WANTED "'1d'" },
		{ CHECK("interval: ''"), "f:3:22: healthchecks.web.interval: " DUR_WANTED "''" },
		{ CHECK("interval: [1s]"),
		  "f:3:22: healthchecks.web.interval: " DUR_WANTED "a list" },
		{ CHECK("interval: 9999999h"),
		  "f:3:22: healthchecks.web.interval: expected a duration of "
		  "less than 292 years, not '9999999h'" },
		{ CHECK("reuse-connection: 1"),
		  "f:3:30: healthchecks.web.reuse-connection: " BOOL_WANTED "'1'" },
		{ CHECK("reuse-connection: 'true'"),
		  "f:3:30: healthchecks.web.reuse-connection: " BOOL_WANTED "'true'" },
		{ CHECK("reuse-connection: tRue"),
		  "f:3:30: healthchecks.web.reuse-connection: " BOOL_WANTED "'tRue'" },
		{ CHECK("probe-ipv4-src: 192.0.2"),
		  "f:3:28: healthchecks.web.probe-ipv4-src: " ADDR_WANTED "'192.0.2'" },
		{ CHECK("type: [http]"),
		  "f:3:18: healthchecks.web.type: expected a word, not a list" },
		{ CHECK("port: http"), "f:3:18: healthchecks.web.port: " INT_WANTED "'http'" },
		{ CHECK("params: { path: [a] }"),
		  "f:3:28: healthchecks.web.params.path: expected text, not a list" },
		{ CHECK("params: { ssl: maybe }"),
		  "f:3:27: healthchecks.web.params.ssl: " BOOL_WANTED "'maybe'" },
		{ CHECK("params: { response-code: [200] }"),
		  "f:3:37: healthchecks.web.params.response-code: expected text, not a list" },
		{ BACKEND("address: www.example.net"),
		  "f:3:19: backends.a.address: " ADDR_WANTED "'www.example.net'" },
		{ BACKEND("address: 192.0.2.1/32"),
		  "f:3:19: backends.a.address: " ADDR_WANTED "'192.0.2.1/32'" },
		{ BACKEND("address: ''"), "f:3:19: backends.a.address: " ADDR_WANTED "''" },
		{ BACKEND("address: 'fe80::1%'"),
		  "f:3:19: backends.a.address: " ADDR_WANTED "'fe80::1%'" },
		{ BACKEND("healthcheck: {}"),
		  "f:3:23: backends.a.healthcheck: expected text, not a mapping" },
		{ BACKEND("enabled: 2"), "f:3:19: backends.a.enabled: " BOOL_WANTED "'2'" },
		{ FRONTEND("pools: [{ backends: { a: { weight: half } } }]"),
		  "f:3:47: frontends.www.pools[0].backends.a.weight: " INT_WANTED "'half'" },
		{ FRONTEND("port: 80.5"), "f:3:18: frontends.www.port: " INT_WANTED "'80.5'" },
		{ FRONTEND("flow-table-length: 1k"),
		  "f:3:31: frontends.www.flow-table-length: " INT_WANTED "'1k'" },
		{ "maglev:\n  vpp: { lb: { sync-interval: 30 } }\n",
		  "f:2:31: vpp.lb.sync-interval: " DUR_WANTED "'30'" },
		{ "maglev:\n  healthchecker: { transition-history: many }\n",
		  "f:2:40: healthchecker.transition-history: " INT_WANTED "'many'" },
		{ "maglev:\n  healthchecker: { netns: [] }\n",
		  "f:2:27: healthchecker.netns: expected text, not a list" },
	};

	EXPECT_ROWS(rows, CONFIG_PARSE_ERROR);
}

static void test_params_of_another_type(void **state)
{
#define NOT(LINE_COL, KEY, TYPE)                                                                   \
	"f:" LINE_COL ": healthchecks.web.params." KEY ": not a parameter of type " TYPE
	static const struct row rows[] = {
		{ CHECK("type: icmp, params: { path: / }"), NOT("3:34", "path", "icmp") },
		{ CHECK("type: icmp, params: { ssl: false }"), NOT("3:34", "ssl", "icmp") },
		{ CHECK("type: tcp, params: { path: / }"), NOT("3:33", "path", "tcp") },
		{ CHECK("type: tcp, params: { host: a }"), NOT("3:33", "host", "tcp") },
		{ CHECK("type: tcp, params: { response-code: 200 }"),
		  NOT("3:33", "response-code", "tcp") },
		{ CHECK("type: tcp, params: { response-regexp: }"),
		  NOT("3:33", "response-regexp", "tcp") },
		{ CHECK("params: { ssl: true }, type: http"), NOT("3:22", "ssl", "http") },
		{ CHECK("params: { ssl: true }, type: https"), NOT("3:22", "ssl", "https") },
	};

	EXPECT_ROWS(rows, CONFIG_PARSE_ERROR);
}

/* A long word is cut, whatever it is made of; the message stays one line. */
static void test_long_words(void **state)
{
	static const struct {
		const char *text, *want; /* the text's %s becomes 100,000 digits */
		enum config_class class;
	} rows[] = {
		{ BACKEND("address: %s"), "111…'", CONFIG_PARSE_ERROR },
		{ CHECK("interval: %s"), "111…'", CONFIG_PARSE_ERROR },
		{ CHECK("interval: \"9999999999h\\n%s\""), "9h\\x0a1111", CONFIG_PARSE_ERROR },
		{ BACKEND("a%s: 1"), "1111…\"", CONFIG_PARSE_ERROR },
		{ CHECK("type: icmp, rise: %s"), "111… is not from 1 to 1000",
		  CONFIG_SEMANTIC_ERROR },
		{ CHECK("type: icmp, interval: 0.00%ss"), "111… is shorter than 10ms",
		  CONFIG_SEMANTIC_ERROR },
		{ CHECK("type: \"a\\n%s\""), "111…'", CONFIG_SEMANTIC_ERROR },
	};
	char *digits = xcalloc(100001, 1);

	memset(digits, '1', 100000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report rep = { 0 };
		struct config *c = NULL;
		_cleanup_free_ char *text = xasprintf(rows[i].text, digits);
		const char *first;

		assert_int_equal(config_load_text("f", text, strlen(text), &c, &rep),
				 rows[i].class);
		first = rep.parse_error ? rep.parse_error : rep.semantic[0];
		if (strlen(first) >= 700 || !strstr(first, rows[i].want))
			fail_msg("row %zu: %zu bytes: %.900s", i, strlen(first), first);
		assert_null(strchr(first, '\n'));
		config_report_done(&rep);
	}
	free(digits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_params_of_another_type),
		cmocka_unit_test(test_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
