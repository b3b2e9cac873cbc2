/* SPDX-License-Identifier: Apache-2.0 */
/* Finding one's way through the tree, on the real table: nothing here talks to a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "maglevc/commands.h"
#include "maglevc/tree.h"

static int parse(const char *line, struct words *w, struct command *c, struct tree_error *e)
{
	assert_int_equal(words_split(line, w, &e->err), 0);
	return tree_parse(tree_root, w, c, e);
}

static void understood(const char *line, command_fn *run, const char *args)
{
	_cleanup_(words_done) struct words w = { 0 };
	_cleanup_(str_done) struct str got = { 0 };
	struct tree_error e = { 0 };
	struct command c;

	if (parse(line, &w, &c, &e))
		fail_msg("%s: %s", line, e.err.msg);
	assert_ptr_equal(c.node->run, run);
	for (size_t i = 0; i < c.n_args; i++)
		str_addf(&got, "%s%s", i ? "|" : "", c.args[i]);
	assert_string_equal(str_z(&got), args);
}

static void test_whole_words(void **state)
{
	understood("show version", cmd_show_version, "");
	understood("show frontends", cmd_show_frontends, "");
	understood("show frontends web", cmd_show_frontend, "web");
	understood("show backends", cmd_show_backends, "");
	understood("show backends web-a", cmd_show_backend, "web-a");
	understood("show healthchecks", cmd_show_checks, "");
	understood("show healthchecks http", cmd_show_check, "http");
	understood("show vpp lb state", cmd_show_lb_state, "");
	understood("show vpp info", cmd_show_vpp_info, "");
	understood("show vpp lb counters", cmd_show_lb_counters, "");
	understood("sh vp i", cmd_show_vpp_info, "");
	understood("set backend a pause", cmd_set_backend, "a");
	understood("set frontend f pool p backend b weight 0", cmd_set_weight, "f|p|b|0");
	understood("set frontend f pool p backend b weight 100 flush", cmd_set_weight, "f|p|b|100");
	understood("sync vpp lb state", cmd_sync, "");
	understood("sync vpp lb state f", cmd_sync, "f");
	understood("config check", cmd_config_check, "");
	understood("config reload", cmd_config_reload, "");
	understood("help", cmd_help, "");
	understood("quit", cmd_quit, "");
	understood("exit", cmd_quit, "");
	understood("watch events", cmd_watch, "");
}

/* Options: once each, in any order, with what is theirs behind them. */
static void test_options(void **state)
{
	static const char *const lines[] = {
		"watch events num 5 log level warn backend frontend",
		"watch events frontend backend log level warn num 5",
		"w e b log l w n 5 f",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		_cleanup_(words_done) struct words w = { 0 };
		struct tree_error e = { 0 };
		struct command c;
		if (parse(lines[i], &w, &c, &e))
			fail_msg("%s: %s", lines[i], e.err.msg);
		assert_ptr_equal(c.node->run, cmd_watch);
		assert_int_equal(c.n_args, 1);
		assert_string_equal(c.args[0], "5");
		assert_non_null(command_find(&c, "backend"));
		assert_non_null(command_find(&c, "frontend"));
		const struct node *const *level = command_find(&c, "level");
		assert_string_equal(level[1]->word, "warn");
		assert_null(command_find(&c, "info"));
	}
}

static void test_short_words(void **state)
{
	understood("sh ba nginx0", cmd_show_backend, "nginx0");
	understood("sh f", cmd_show_frontends, "");
	understood("sho h x", cmd_show_check, "x");
	understood("se b a p", cmd_set_backend, "a");
	understood("sy v l s", cmd_sync, "");
	understood("c r", cmd_config_reload, "");
	understood("set f f p p b b w 1 f", cmd_set_weight, "f|p|b|1");
}

static void test_aliases(void **state)
{
	understood("show frontend web", cmd_show_frontend, "web");
	understood("show backend", cmd_show_backends, "");
	understood("show healthcheck", cmd_show_checks, "");
	understood("show vpp lbstate", cmd_show_lb_state, "");
	understood("show vpp lbs", cmd_show_lb_state, ""); /* where no visible word begins so */
	understood("sync vpp lbstate web", cmd_sync, "web");
	understood("set backends a enable", cmd_set_backend, "a");
	understood("set frontends f pool p backend b weight 1", cmd_set_weight, "f|p|b|1");
}

/* A name is a name even where it looks like a keyword, or like several words. */
static void test_names(void **state)
{
	understood("show backends version", cmd_show_backend, "version");
	understood("show frontends \"two words\"", cmd_show_frontend, "two words");
	understood("set backend pause pause", cmd_set_backend, "pause");
}

static void test_actions(void **state)
{
	static const char *const rows[][2] = {
		{ "set backend a pause", "/maglev.Maglev/PauseBackend" },
		{ "set backend a resume", "/maglev.Maglev/ResumeBackend" },
		{ "set backend a disable", "/maglev.Maglev/DisableBackend" },
		{ "set backend a enable", "/maglev.Maglev/EnableBackend" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(words_done) struct words w = { 0 };
		struct tree_error e = { 0 };
		struct command c;
		assert_int_equal(parse(rows[i][0], &w, &c, &e), 0);
		assert_string_equal(c.node->data, rows[i][1]);
	}
}

/* `meant` is the part of the line that the carets go under; "" behind its end. */
static void refused(const char *line, const char *message, const char *meant)
{
	_cleanup_(words_done) struct words w = { 0 };
	struct tree_error e = { 0 };
	struct command c = { .n_args = 99 };

	assert_true(parse(line, &w, &c, &e) < 0);
	assert_string_equal(e.err.msg, message);
	assert_int_equal(c.n_args, 99); /* untouched */
	if (*meant) {
		assert_int_equal(e.end - e.start, strlen(meant));
		assert_memory_equal(line + e.start, meant, strlen(meant));
	} else {
		assert_true(e.start >= strlen(line));
	}
}

static void test_refused(void **state)
{
	refused("foo",
		"unknown word \"foo\": expected show, set, sync, config, watch, help, quit or exit",
		"foo");
	refused("shows",
		"unknown word \"shows\": expected show, set, sync, config, watch, help, quit or "
		"exit",
		"shows");
	refused("Show",
		"unknown word \"Show\": expected show, set, sync, config, watch, help, quit or "
		"exit",
		"Show");
	refused("s b", "ambiguous word \"s\": show, set or sync", "s");
	refused("show v", "ambiguous word \"v\": version or vpp", "v");
	refused("show xyz a",
		"unknown word \"xyz\": expected version, frontends, backends, "
		"healthchecks or vpp",
		"xyz");
	refused("show vpp lb figures", "unknown word \"figures\": expected state or counters",
		"figures");
	refused("show vpp stats", "unknown word \"stats\": expected info or lb", "stats");
	refused("watch", "incomplete command: expected events", "");
	refused("watch events num", "incomplete command: expected <n>", "");
	refused("watch events num 0", "\"0\": expected a number from 1 to 2147483647", "0");
	refused("watch events log log",
		"unknown word \"log\": expected level, num, backend or frontend", "log");
	refused("watch events level debug",
		"unknown word \"level\": expected num, log, backend or frontend", "level");
	refused("watch events log level loud",
		"unknown word \"loud\": expected debug, info, warn or error", "loud");
	refused("watch events fr b log num 3 x", "unexpected word \"x\": the command is complete",
		"x");
	refused("show version 1", "unexpected word \"1\": the command is complete", "1");
	refused("show backend a b", "unexpected word \"b\": the command is complete", "b");
	refused("\"\"",
		"unknown word \"\": expected show, set, sync, config, watch, help, quit or exit",
		"\"\"");
	refused("",
		"incomplete command: expected show, set, sync, config, watch, help, quit or exit",
		"");
	refused("show",
		"incomplete command: expected version, frontends, backends, healthchecks "
		"or vpp",
		"");
	refused("set backend", "incomplete command: expected <name>", "");
	refused("set backend a", "incomplete command: expected pause, resume, disable or enable",
		"");
	refused("set frontend f pool p backend b weight", "incomplete command: expected <0-100>",
		"");
	refused("set backend a p x", "unexpected word \"x\": the command is complete", "x");
	refused("show backends 'a", "a quote without its end", "'a");
}

static void test_arguments(void **state)
{
	static const char *const bad[] = { "101", "-1",  "1.5", "ten",
					   "+5",  "0x5", " 5",  "99999999999999999999" };

	refused("sync vpp lb state \"\"", "an empty name: expected <name>", "\"\"");
	refused("set backend '' pause", "an empty name: expected <name>", "''");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_cleanup_free_ char *line = xasprintf("set frontend f pool p backend b weight '%s'",
						      bad[i]);
		_cleanup_free_ char *message = xasprintf(
			"weight \"%s\": expected a number from 0 to 100", bad[i]);
		_cleanup_free_ char *meant = xasprintf("'%s'", bad[i]);
		refused(line, message, meant);
	}
}

/* ---- the table itself */

static void check_level(const struct node *level, int depth, int args)
{
	size_t keywords = 0, arguments = 0;

	assert_true(depth < WORDS_MAX);
	for (const struct node *k = level; k->word; k++) {
		assert_non_null(k->help);
		assert_true(k->run || k->next); /* leads somewhere */
		keywords += k->arg == ARG_NONE;
		arguments += k->arg != ARG_NONE;
		for (const struct node *o = level; o != k; o++)
			assert_string_not_equal(o->word, k->word);
		assert_true(args + (k->arg != ARG_NONE) <= COMMAND_ARGS_MAX);
		if (k->next)
			check_level(k->next, depth + 1, args + (k->arg != ARG_NONE));
		if (k->options)
			check_level(k->options, depth + 1, args);
	}
	/* keywords, or one argument: a name can never be taken for a keyword */
	assert_true(arguments == 0 || (arguments == 1 && keywords == 0));
}

static void test_table(void **state)
{
	check_level(tree_root, 1, 0);
}

static void add_syntax(void *ctx, const char *syntax, const char *help)
{
	assert_true(strlen(help) > 0);
	str_addf(ctx, "%s\n", syntax);
}

static void test_list(void **state)
{
	_cleanup_(str_done) struct str got = { 0 };

	tree_list(tree_root, add_syntax, &got);
	assert_string_equal(
		str_z(&got),
		"show version\nshow frontends [<name>]\nshow backends [<name>]\n"
		"show healthchecks [<name>]\nshow vpp info\nshow vpp lb state\nshow vpp lb "
		"counters\nset backend <name> pause\n"
		"set backend <name> resume\nset backend <name> disable\nset backend <name> enable\n"
		"set frontend <name> pool <pool> backend <backend> weight <0-100> [flush]\n"
		"sync vpp lb state [<name>]\nconfig check\nconfig reload\n"
		"watch events [num <n>] [log [level {debug|info|warn|error}]] [backend] "
		"[frontend]\nhelp\nquit\nexit\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_words), cmocka_unit_test(test_short_words),
		cmocka_unit_test(test_aliases),     cmocka_unit_test(test_names),
		cmocka_unit_test(test_actions),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_arguments),   cmocka_unit_test(test_table),
		cmocka_unit_test(test_list),        cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
