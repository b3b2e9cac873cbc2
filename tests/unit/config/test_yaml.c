/* SPDX-License-Identifier: Apache-2.0 */
/* Text to nodes: what YAML is taken, where everything stands, what is refused and how. */
#include "config/yaml.h"

#include <errno.h>

#include "load.h"

/* The tree as text: scalars bare when plain, quoted when not. */
static void dump(struct str *out, const struct node *n)
{
	switch ((enum node_kind)n->kind) {
	case NODE_SCALAR:
		str_addf(out, n->plain ? "%s" : "'%s'", n->text);
		return;
	case NODE_SEQ:
		str_add_c(out, '[');
		for (size_t i = 0; i < n->n; i++) {
			str_add(out, i ? "," : "");
			dump(out, n->items[i]);
		}
		str_add_c(out, ']');
		return;
	case NODE_MAP:
		str_add_c(out, '{');
		for (size_t i = 0; i < n->n; i++) {
			str_add(out, i ? "," : "");
			dump(out, node_key(n, i));
			str_add_c(out, ':');
			dump(out, node_value(n, i));
		}
		str_add_c(out, '}');
		return;
	}
}

/* The tree, or "line:col: path: what". */
static char *read_n(const char *text, size_t len)
{
	struct arena a = { 0 };
	struct yaml_problem p = { 0 };
	const struct node *root = NULL;
	struct str out = { 0 };

	if (yaml_read(&a, text, len, &root, &p) == 0)
		dump(&out, root);
	else
		str_addf(&out, "%u:%u: %s: %s", p.line, p.col, p.path, p.what);
	free(p.path);
	free(p.what);
	arena_done(&a);
	return str_take(&out);
}

static void expect(const struct row *rows, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *got = read_n(rows[i].text, strlen(rows[i].text));

		if (strcmp(got, rows[i].want) == 0)
			continue;
		print_error("row %zu:\n%s\nwant: %s\ngot:  %s\n", i, rows[i].text, rows[i].want,
			    got);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void test_shapes(void **state)
{
	static const struct row rows[] = {
		{ "a", "a" },
		{ "'a'", "'a'" },
		{ "\"a\\tb\"", "'a\tb'" },
		{ "a: b", "{a:b}" },
		{ "a:", "{a:}" },
		{ "a:\n- b\n- - c\n  - d\n-\n", "{a:[b,[c,d],]}" },
		{ "{a: 1, 'b': [x, {y: z}], c}", "{a:1,'b':[x,{y:z}],c:}" },
		{ "a: |\n  one\n  two\n", "{a:'one\ntwo\n'}" },
		{ "a: >-\n  one\n  two\n", "{a:'one two'}" },
		{ "# c\n---\na: b # d\n...\n", "{a:b}" },
		{ "%YAML 1.1\n---\na: b\n", "{a:b}" },
		{ "a: b\r\nc: d\r\n", "{a:b,c:d}" },
		{ "\xef\xbb\xbf"
		  "a: b",
		  "{a:b}" },
		{ "a: \xc3\xa9\xf0\x9f\x98\x80", "{a:\xc3\xa9\xf0\x9f\x98\x80}" },
		{ "--- # nothing\n", "" },
		{ "a: !!str 80\nb: ! 81\nc: !!seq [1]\nd: !!map {}", "{a:'80',b:'81',c:[1],d:{}}" },
		{ "? a\n: b\n", "{a:b}" },
	};

	expect(rows, ARRAY_LEN(rows));
}

static void test_aliases(void **state)
{
	static const struct row rows[] = {
		{ "a: &x 1\nb: *x\n", "{a:1,b:1}" },
		{ "a: &x {p: 1}\nb: [*x, *x]\n", "{a:{p:1},b:[{p:1},{p:1}]}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}" },
		{ "&k a: 1\nb: *k\n", "{a:1,b:a}" },
		{ "a: &x {p: 1, q: 2}\nb: { q: 3, <<: *x }\n", "{a:{p:1,q:2},b:{q:3,p:1}}" },
		{ "a: &x {p: 1, q: 2}\nb: { <<: *x, q: 3 }\n", "{a:{p:1,q:2},b:{q:3,p:1}}" },
		{ "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: { <<: [*x, *y], r: 3 }\n",
		  "{a:{p:1},b:{p:2,q:2},c:{r:3,p:1,q:2}}" },
		{ "a: &x {p: 1}\nb: &y { <<: *x, q: 2 }\nc: { <<: *y }\n",
		  "{a:{p:1},b:{q:2,p:1},c:{q:2,p:1}}" },
		{ "a: { <<: {p: 1} }\n", "{a:{p:1}}" },
		{ "a: { <<: [] }\nb: { <<: }\n", "{a:{},b:{}}" },
		{ "a: { '<<': 1 }\n", "{a:{'<<':1}}" },
		{ "a: *x\n", "1:4: a: an alias to an anchor that is not defined before it" },
		{ "a: &x [1, *x]\n", "1:11: a[1]: an alias to what it stands in" },
		{ "a: &x {p: {q: *x}}\n", "1:15: a.p.q: an alias to what it stands in" },
		{ "maglev: &a [*a]", "1:13: maglev[0]: an alias to what it stands in" },
		{ "maglev: &a {b: *a}", "1:16: b: an alias to what it stands in" },
		{ "a: &x { <<: *x }\n", "1:13: a.\"<<\": an alias to what it stands in" },
		{ "a: { p: 1, <<: 2 }\n",
		  "1:16: a.\"<<\": what << merges must be a mapping or a list of mappings" },
		{ "a: { <<: [{}, [1]], p: 1 }\n",
		  "1:15: a.\"<<\": what << merges must be a mapping or a list of mappings" },
	};

	expect(rows, ARRAY_LEN(rows));
}

static void test_refused(void **state)
{
	static const struct row rows[] = {
		{ "", "1:1: maglev: the file is empty" },
		{ "# only a comment\n", "1:1: maglev: the file is empty" },
		{ "a: b\n---\nc: d\n", "2:1: maglev: a second YAML document; one is expected" },
		{ "a: 1\nb: 2\na: 3\n", "3:1: a: duplicate key (first at 1:1)" },
		{ "a:\n  x: {p: 1, q: 2, 'p': 3}\n", "2:19: a.x.p: duplicate key (first at 2:7)" },
		{ "{1: , 2: , 3: , 4: , 5: , 6: , 7: , 8: , 9: , 10: , 11: , 3: }",
		  "1:59: 3: duplicate key (first at 1:12)" },
		{ "a: { <<: {}, <<: {} }", "1:14: a.\"<<\": duplicate key (first at 1:6)" },
		{ "? [a]\n: b\n", "1:3: maglev: a key must be a word, not a list or a mapping" },
		{ "a: 1\n{b: c}: d\n", "2:1: a: a key must be a word, not a list or a mapping" },
		{ "a: !foo b", "1:4: a: a tag that is not used here: '!foo'" },
		{ "a: !!int 5", "1:4: a: a tag that is not used here: 'tag:yaml.org,2002:int'" },
		{ "a: !%ed%a0%80 b", "1:4: a: a tag that is not used here: '!\\xed\\xa0\\x80'" },
		{ "a: !!map [b]", "1:4: a: a tag that is not used here: 'tag:yaml.org,2002:map'" },
		{ "a: \"x\\0y\"", "1:4: a: a NUL character in a string" },
		{ "a: \xff", "1:4: maglev: not UTF-8: byte 0xff" },
		{ "a: b\r\nc\xc3\xa9: \xed\xa0\x80", "2:5: maglev: not UTF-8: byte 0xed" },
		{ "a: b\x01", "1:5: maglev: the character U+0001 is not allowed in YAML" },
		{ "a: \x7f", "1:4: maglev: the character U+007F is not allowed in YAML" },
		{ "a: \xef\xbb\xbf", "1:4: maglev: the character U+FEFF is not allowed in YAML" },
		{ "\xff\xfe"
		  "a",
		  "1:1: maglev: not UTF-8: byte 0xff" },
	};
	_cleanup_free_ char *nul = read_n("a: b\0c", 6);

	expect(rows, ARRAY_LEN(rows));
	assert_string_equal(nul, "1:5: maglev: the character U+0000 is not allowed in YAML");
}

/* libyaml's own words, with the place and the path before them. */
static void test_not_yaml(void **state)
{
	static const struct row rows[] = {
		{ "a:\n  b: [1, 2\nc: 3\n", "3:2: a.b[2]: not YAML: did not find expected" },
		{ "a:\n\tb: 1\n",
		  "2:1: a: not YAML: a character that cannot start anything (a tab?" },
		{ "a: b: c\n", "1:5: a: not YAML: mapping values are not allowed" },
		{ "a: 'open\n", "2:1: a: not YAML: found unexpected end of stream" },
		{ "a: \"\\z\"\n", "1:5: a: not YAML: found unknown escape character" },
		{ "a: 1\n b: 2\n", "2:3: a: not YAML: mapping values are not allowed" },
		{ "a: {b: 1\n", "2:1: a.b: not YAML: " },
		{ "- a\nb: c\n", "2:1: [1]: not YAML: did not find expected '-' indicator" },
		{ "%YAML 3.0\n---\na: b\n", "1:1: maglev: not YAML: found incompatible YAML" },
		{ "a: @b\n", "1:4: a: not YAML: a character that cannot start anything" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *got = read_n(rows[i].text, strlen(rows[i].text));

		if (!str_prefix(got, rows[i].want))
			fail_msg("row %zu: %s", i, got);
	}
}

/* "[[…]]" with this many levels. */
static char *nested(size_t levels)
{
	char *text = xcalloc(2 * levels + 1, 1);

	memset(text, '[', levels);
	memset(text + levels, ']', levels);
	return text;
}

/* An anchored list of `levels`, and an alias to it two levels down. */
static char *read_alias_of(size_t levels)
{
	_cleanup_free_ char *list = nested(levels);
	_cleanup_free_ char *text = xasprintf("- &x %s\n- - *x\n", list);

	return read_n(text, strlen(text));
}

static void test_depth(void **state)
{
	_cleanup_free_ char *deep = nested(YAML_DEPTH_MAX), *too_deep = nested(YAML_DEPTH_MAX + 1);
	_cleanup_free_ char *ok = read_n(deep, strlen(deep));
	_cleanup_free_ char *refused = read_n(too_deep, strlen(too_deep));
	_cleanup_free_ char *alias_ok = read_alias_of(YAML_DEPTH_MAX - 2);
	_cleanup_free_ char *alias_refused = read_alias_of(YAML_DEPTH_MAX - 1);

	assert_string_equal(ok, deep);
	assert_true(str_prefix(refused, "1:33: [0][0]"));
	assert_non_null(strstr(refused, ": nested more than 32 levels deep"));
	assert_int_equal(alias_ok[0], '[');
	assert_string_equal(alias_refused,
			    "2:5: [1][0]: nested more than 32 levels deep through an alias");
}

/* Ten aliases of ten aliases of …: refused at the bound, long before memory is. */
static void test_billion_laughs(void **state)
{
	struct str text = { 0 };
	_cleanup_free_ char *got;

	str_add(&text, "a0: &a0 lol\n");
	for (int i = 1; i < 20; i++) {
		str_addf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			str_addf(&text, "%s*a%d", k ? "," : "", i - 1);
		str_add(&text, "]\n");
	}
	got = read_n(text.p, text.len);
	str_done(&text);
	assert_non_null(strstr(got, "aliases expand to more than 4194304 values"));
}

/* Merging grows a mapping, and its size with it. */
static void test_merge_bomb(void **state)
{
	struct str text = { 0 };
	_cleanup_free_ char *got;

	str_add(&text, "m0: &m0 {");
	for (int i = 0; i < 1000; i++)
		str_addf(&text, "k%d: v, ", i);
	str_add(&text, "}\n");
	for (int i = 1; i < 3000; i++)
		str_addf(&text, "m%d: &m%d { <<: *m%d, x%d: 1 }\n", i, i, i - 1, i);
	got = read_n(text.p, text.len);
	str_done(&text);
	assert_non_null(strstr(got, "aliases expand to more than 4194304 values"));
}

static void test_marks(void **state)
{
	static const char text[] = "a: &x\n  k\xc3\xa9y: [one, 'two']\n\"b\": *x\n";
	struct arena a = { 0 };
	struct yaml_problem p = { 0 };
	const struct node *root, *map, *list;

	assert_int_equal(yaml_read(&a, text, sizeof text - 1, &root, &p), 0);
	assert_int_equal(root->line, 1);
	assert_int_equal(node_key(root, 1)->line, 3);
	assert_int_equal(node_key(root, 1)->col, 1);
	map = node_value(root, 0);
	assert_ptr_equal(node_value(root, 1), map); /* shared */
	list = node_value(map, 0);
	assert_int_equal(list->line, 2);
	assert_int_equal(list->col, 8); /* characters, not bytes */
	assert_int_equal(list->items[1]->col, 14);
	assert_int_equal(root->size, 2 * 5 + 3);
	assert_int_equal(root->height, 3);
	arena_done(&a);
}

static void test_null(void **state)
{
	static const char text[] = "[~, null, Null, NULL, '', 'null', nUll, [], {}]";
	struct arena a = { 0 };
	struct yaml_problem p = { 0 };
	const struct node *root;

	assert_int_equal(yaml_read(&a, text, sizeof text - 1, &root, &p), 0);
	assert_int_equal(root->n, 9);
	for (size_t i = 0; i < root->n; i++)
		assert_int_equal(node_null(root->items[i]), i < 4);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),     cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_not_yaml),
		cmocka_unit_test(test_depth),      cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_merge_bomb), cmocka_unit_test(test_marks),
		cmocka_unit_test(test_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
