/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the cursor, on the real table, with names made up here. A bar in a line is the
 * cursor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "maglevc/complete.h"

struct asked { /* of the source of names */
	enum arg_kind kind;
	char *arg;
	int n;
};

static struct names get(void *ctx, enum arg_kind kind, const struct command *so_far)
{
	static char a[] = "it's $x", b[] = "two words", c[] = "web-a", d[] = "web-b",
		    e[] = "\xe5\x8f\xb0\xe5\x8c\x97", p[] = "primary", f[] = "www";
	static char *backends[] = { a, b, c, d, e };
	static char *pools[] = { p };
	static char *frontends[] = { f };
	struct asked *asked = ctx;

	asked->kind = kind;
	asked->n++;
	free(asked->arg);
	asked->arg = xstrdup(so_far->n_args ? so_far->args[so_far->n_args - 1] : "");
	if (kind == ARG_BACKEND || kind == ARG_MEMBER)
		return (struct names){ backends, ARRAY_LEN(backends), NULL };
	if (kind == ARG_POOL)
		return (struct names){ pools, 1, NULL };
	if (kind == ARG_FRONTEND)
		return (struct names){ frontends, 1, NULL };
	return (struct names){ NULL, 0, "nobody knows" };
}

static struct asked asked;

static int at(const char *marked, struct completion *c, struct tree_error *e)
{
	const struct name_source source = { get, &asked };
	size_t cursor = strcspn(marked, "|");
	_cleanup_free_ char *line = xasprintf("%.*s%s", (int)cursor, marked, marked + cursor + 1);

	assert_int_equal(marked[cursor], '|');
	return complete_at(tree_root, line, cursor, &source, c, e);
}

/* The candidates, "a|b"; the argument in front, the end behind them. */
static void offers(const char *marked, const char *want)
{
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str got = { 0 };
	struct tree_error e = { 0 };

	if (at(marked, &c, &e))
		fail_msg("%s: %s", marked, e.err.msg);
	if (c.argument)
		str_addf(&got, "%s:", c.argument->word);
	for (size_t i = 0; i < c.v.n; i++)
		str_addf(&got, "%s%s", i ? "|" : "", c.v.v[i].text);
	if (c.enter)
		str_add(&got, ";");
	assert_string_equal(str_z(&got), want);
}

static void test_keywords(void **state)
{
	offers("|", "show|set|sync|config|watch|help|quit|exit");
	offers("s|", "show|set|sync");
	offers("  sh|", "show");
	offers("show |", "version|frontends|backends|healthchecks|vpp");
	offers("sh v|", "version|vpp");
	offers("show vpp lb |", "state|counters");
	offers("set backend x |", "pause|resume|disable|enable");
	offers("show version |", ";");
	offers("show version|", "version");
	offers("x|", "");
	offers("\"sh|", "show");
	/* hidden ones lead on, and are not offered */
	offers("show frontend|", "frontends");
	offers("show lbs|", "");
	offers("show vpp lbs|", "");
	offers("sync vpp lbstate |", "<name>:www;");
}

static void test_cursor(void **state)
{
	offers("sh|ow backends", "show");
	offers("show |backends", "version|frontends|backends|healthchecks|vpp");
	offers("show b|ackends nonsense here", "backends");
	offers("|show", "show|set|sync|config|watch|help|quit|exit");
}

static void test_options(void **state)
{
	offers("watch events |", "num|log|backend|frontend;");
	offers("watch events backend |", "num|log|frontend;");
	offers("watch events log |", "level|num|backend|frontend;");
	offers("watch events log level |", "debug|info|warn|error");
	offers("watch events log level warn |", "num|backend|frontend;");
	offers("watch events num |", "<n>:");
	offers("watch events num 3 fr b lo l e |", ";");
}

static void test_names(void **state)
{
	offers("show backends |", "<name>:it's $x|two words|web-a|web-b|\xe5\x8f\xb0\xe5\x8c\x97;");
	assert_int_equal(asked.kind, ARG_BACKEND);
	offers("sh ba w|", "<name>:web-a|web-b");
	offers("sh ba web-a|", "<name>:web-a");
	offers("sh ba \"two|", "<name>:two words");
	offers("sh ba two\\ |", "<name>:two words");
	offers("sh ba \\|", "<name>:it's $x|two words|web-a|web-b|\xe5\x8f\xb0\xe5\x8c\x97");
	offers("sh ba zz|", "<name>:");
	offers("sync vpp lb state |", "<name>:www;");
	assert_int_equal(asked.kind, ARG_FRONTEND);
	offers("set frontend 'w w' pool |", "<pool>:primary");
	assert_int_equal(asked.kind, ARG_POOL);
	assert_string_equal(asked.arg, "w w");
	offers("set frontend www pool primary backend we|", "<backend>:web-a|web-b");
	assert_int_equal(asked.kind, ARG_MEMBER);
	assert_string_equal(asked.arg, "primary");
	offers("show healthchecks |", "<name>:;");
}

/* Keywords ask nobody. */
static void test_names_are_asked_for_when_needed(void **state)
{
	int before = asked.n;

	offers("show |", "version|frontends|backends|healthchecks|vpp");
	offers("watch events |", "num|log|backend|frontend;");
	assert_int_equal(asked.n, before);
	offers("set backend |", "<name>:it's $x|two words|web-a|web-b|\xe5\x8f\xb0\xe5\x8c\x97");
	assert_int_equal(asked.n, before + 1);
}

static void test_wrong_before(void **state)
{
	static const char *const rows[][3] = {
		{ "foo |", "unknown word \"foo\"", "foo" },
		{ "s b|", "ambiguous word \"s\": show, set or sync", "s" },
		{ "show version x |", "unexpected word \"x\"", "x" },
		{ "set fr f p p b b w 101 |", "weight \"101\"", "101" },
		{ "show backends '' |", "an empty name", "''" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct completion c = { 0 };
		struct tree_error e = { 0 };
		assert_true(at(rows[i][0], &c, &e) < 0);
		assert_ptr_equal(strstr(e.err.msg, rows[i][1]), e.err.msg);
		assert_memory_equal(rows[i][0] + e.start, rows[i][2], e.end - e.start);
		assert_null(c.typed);
	}
}

/* ---- Tab */

/* The line after Tab; "=" when nothing is put in. */
static void becomes(const char *marked, const char *want)
{
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str got = { 0 };
	_cleanup_(str_done) struct str text = { 0 };
	struct tree_error e = { 0 };
	const char *behind = strchr(marked, '|') + 1;

	assert_int_equal(at(marked, &c, &e), 0);
	if (completion_insert(&c, *behind != ' ', &text))
		str_addf(&got, "%.*s%s|%s", (int)c.start, marked, str_z(&text), behind);
	else
		str_add_c(&got, '=');
	assert_string_equal(str_z(&got), want);
}

static void test_insert(void **state)
{
	becomes("sh|", "show |");
	becomes("s|", "=");
	becomes("show|", "show |");
	becomes("show| backends", "show| backends");
	becomes("show b|x", "show backends |x");
	becomes("sh ba |", "=");
	becomes("sh ba w|", "sh ba web-|");
	becomes("sh ba web-|", "=");
	becomes("sh ba web-a|", "sh ba web-a |");
	becomes("show x|", "=");
	becomes("set frontend www pool |", "set frontend www pool primary |");
}

static void test_insert_quotes(void **state)
{
	becomes("sh ba tw|", "sh ba two\\ words |");
	becomes("sh ba \"tw|", "sh ba \"two words\" |");
	becomes("sh ba 'tw|", "sh ba 'two words' |");
	becomes("sh ba two\\|", "sh ba two\\ words |");
	becomes("sh ba i|", "sh ba it\\'s\\ $x |");
	becomes("sh ba 'i|", "sh ba 'it'\\''s $x' |");
	becomes("sh ba \"i|", "sh ba \"it's $x\" |");
	becomes("sh ba \"we|", "sh ba \"web-|");
	becomes("sh ba \xe5|", "sh ba \xe5\x8f\xb0\xe5\x8c\x97 |");
}

static struct names alike(void *ctx, enum arg_kind kind, const struct command *so_far)
{
	static char a[] = "\xc3\xa9t\xc3\xa9", b[] = "\xc3\xa9t\xc3\xa8";
	static char *v[] = { a, b };

	return (struct names){ v, 2, NULL };
}

/* What is shared ends at a whole character, though the bytes share more. */
static void test_insert_whole_characters(void **state)
{
	const struct name_source source = { alike, NULL };
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str text = { 0 };
	struct tree_error e;

	assert_int_equal(complete_at(tree_root, "sh ba ", 6, &source, &c, &e), 0);
	assert_true(completion_insert(&c, true, &text));
	assert_string_equal(str_z(&text), "\xc3\xa9t");
}

/* ---- lists */

static void columns_are(size_t width, const char *want)
{
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str got = { 0 };
	struct tree_error e = { 0 };

	assert_int_equal(at("sh ba |", &c, &e), 0);
	completion_columns(&c, width, &got);
	assert_string_equal(str_z(&got), want);
}

static void test_columns(void **state)
{
	columns_are(80, "  it's $x    two words  web-a      web-b      \xe5\x8f\xb0\xe5\x8c\x97\n");
	columns_are(36, "  it's $x    web-a      \xe5\x8f\xb0\xe5\x8c\x97\n  two words  web-b\n");
	columns_are(1, "  it's $x\n  two words\n  web-a\n  web-b\n  \xe5\x8f\xb0\xe5\x8c\x97\n");
}

static struct names many(void *ctx, enum arg_kind kind, const struct command *so_far)
{
	static char name[] = "n";
	static char *v[1000];

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		v[i] = name;
	return (struct names){ v, ARRAY_LEN(v), NULL };
}

static void test_long_lists_are_cut(void **state)
{
	const struct name_source source = { many, NULL };
	const struct style st = { 0 };
	_cleanup_(completion_done) struct completion c = { 0 };
	_cleanup_(str_done) struct str list = { 0 };
	_cleanup_(str_done) struct str help = { 0 };
	struct tree_error e;

	assert_int_equal(complete_at(tree_root, "sh ba ", 6, &source, &c, &e), 0);
	completion_columns(&c, 80, &list);
	completion_help(&c, &st, &help);
	assert_non_null(strstr(str_z(&list), "\n  ... and 800 more\n"));
	assert_non_null(strstr(str_z(&help), "\n  ... and 800 more\n"));
}

static void explains(const char *marked, const char *want)
{
	const struct name_source source = { get, &asked };
	const struct style st = { 0 };
	size_t cursor = strcspn(marked, "|");
	_cleanup_free_ char *line = xasprintf("%.*s%s", (int)cursor, marked, marked + cursor + 1);
	_cleanup_(str_done) struct str got = { 0 };

	complete_explain(tree_root, line, cursor, &source, &st, &got);
	assert_string_equal(str_z(&got), want);
}

static void test_explain(void **state)
{
	explains("sh v|", "  version  versions of this client and of the daemon\n"
			  "  vpp      what VPP has\n");
	explains("sh ba web|", "  <name>  one backend, with its last probe and history\n"
			       "  web-a\n  web-b\n");
	/* a whole word: and what follows it */
	explains("config|", "  config  the daemon's configuration file\n"
			    "  check   say what is wrong with the daemon's file\n"
			    "  reload  put the daemon's file into force\n");
	explains("sh ba web-a|", "  <name>  one backend, with its last probe and history\n"
				 "  web-a\n"
				 "  <Enter>  one backend, with its last probe and history\n");
	explains("sh ver |", "  <Enter>  versions of this client and of the daemon\n");
	explains("show healthchecks |", "  <name>     one health check, whole\n"
					"  <Enter>    health checks\n"
					"  no names:  nobody knows\n");
	explains("sh |ver", "  version       versions of this client and of the daemon\n"
			    "  frontends     frontends (VIPs) and their state\n"
			    "  backends      backends and their health\n"
			    "  healthchecks  health checks\n"
			    "  vpp           what VPP has\n");
	explains("show xyz|", "unknown word \"xyz\": expected version, frontends, backends, "
			      "healthchecks or vpp\n  show xyz\n       ^^^\n");
	explains("s b |", "ambiguous word \"s\": show, set or sync\n  s b \n  ^\n");
	explains("show version x|",
		 "unexpected word \"x\": the command is complete\n  show version x\n"
		 "               ^\n");
}

static int teardown(void **state)
{
	free(asked.arg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_are_asked_for_when_needed),
		cmocka_unit_test(test_wrong_before),
		cmocka_unit_test(test_insert),
		cmocka_unit_test(test_insert_quotes),
		cmocka_unit_test(test_insert_whole_characters),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_long_lists_are_cut),
		cmocka_unit_test(test_explain),
	};

	format_init();
	return cmocka_run_group_tests(tests, NULL, teardown);
}
