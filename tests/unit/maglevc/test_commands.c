/* SPDX-License-Identifier: Apache-2.0 */
/* Every command against a daemon with fixed answers: what it asks, what it prints (plain, in
 * colour, as JSON), how it ends. The files in tests/data/maglevc/ are the expectation, one per
 * command; with UPDATE_GOLDEN=1 in the environment they are written anew, for a person to look
 * through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "canned.h"
#include "loop/mailbox.h"
#include "maglevc/session.h"
#include "maglevc/tree.h"

static const struct {
	const char *golden, *line;
} commands[] = {
	{ "show-frontends", "show frontends" },
	{ "show-frontends-name", "show frontends web" },
	{ "show-frontends-held", "sh fr every-port" },
	{ "show-frontends-none", "show frontend web-z" },
	{ "show-backends", "show backends" },
	{ "show-backends-name", "sh ba web-a" },
	{ "show-backends-static", "show backend static" },
	{ "show-backends-none", "show backends web-z" },
	{ "show-healthchecks", "show healthchecks" },
	{ "show-healthchecks-http", "show healthchecks http-check" },
	{ "show-healthchecks-tls", "show healthcheck tls" },
	{ "show-vpp-info", "show vpp info" },
	{ "show-vpp-lb-counters", "sh vpp lb counters" },
	{ "show-vpp-lb-state", "show vpp lb state" },
	{ "show-vpp-lbstate", "show vpp lbstate" },
	{ "set-backend-pause", "set backend web-a pause" },
	{ "set-backend-resume", "set backend web-a resume" },
	{ "set-backend-disable", "set backend web-a disable" },
	{ "set-backend-enable", "set backend web-a enable" },
	{ "set-backend-refused", "set backend web-c resume" },
	{ "set-weight", "set frontend web pool primary backend web-b weight 70" },
	{ "set-weight-flush", "set fr web p fallback b web-b w 0 f" },
	{ "sync", "sync vpp lb state" },
	{ "sync-name", "sync vpp lbstate web" },
	{ "sync-errors", "sync vpp lb state refused" },
	{ "sync-warming-up", "sync vpp lb state warm" },
	{ "config-check", "config check" },
	{ "config-reload", "config reload" },
	{ "watch-events", "watch events" },
	{ "watch-events-num", "watch events num 2" },
	{ "watch-events-kinds", "w e fr b log level warn" },
	{ "watch-events-backend", "watch events backend" },
	{ "watch-events-frontend", "watch events frontend" },
	{ "watch-events-debug", "watch events log level debug" },
	{ "watch-events-info", "watch events log level info" },
	{ "watch-events-error", "watch events log level error" },
	{ "help", "help" },
	{ "quit", "quit" },
	{ "exit", "exit" },
	{ "watch-unknown", "watch events backend level" },
	{ "unknown", "show backend web-a transitions" },
	{ "ambiguous", "s" },
	{ "incomplete", "set backend" },
};

struct run {
	const char *server, *line;
	bool colour, json;
	struct str *out;
};

static void *run_thread(void *arg)
{
	struct run *r = arg;
	struct session ss = {
		.daemon.server = r->server,
		.timeout = 60 * NS_PER_S,
		.json = r->json,
		.style = { r->colour, CANNED_NOW },
	};
	struct words w = { 0 };
	int code;

	if (words_split(r->line, &w, NULL))
		abort();
	code = session_run(&ss, &w);
	str_add(r->out, str_z(&ss.out));
	if (ss.error.len)
		str_addf(r->out, "error: %s\n", str_z(&ss.error));
	str_addf(r->out, "exit %d\n", code);
	words_done(&w);
	session_done(&ss);
	return NULL;
}

struct fixture {
	struct loop *loop;
	struct rpc_server *server;
	struct canned canned;
	char target[32];
	const char *dir;
};

struct waiter {
	struct run run;
	struct mailbox *mailbox;
	struct mail mail;
	bool done;
};

static void *wait_thread(void *arg)
{
	struct waiter *w = arg;

	run_thread(&w->run);
	mailbox_post(w->mailbox, &w->mail);
	return NULL;
}

static void waited(void *ctx, struct mail *m _unused_)
{
	((struct waiter *)ctx)->done = true;
}

/* The client blocks: it has a thread, the daemon has this one. */
static void run_command(struct fixture *f, const char *line, bool colour, bool json,
			struct str *out)
{
	struct waiter w = { .run = { f->target, line, colour, json, out } };
	pthread_t thread;

	w.mailbox = mailbox_new(f->loop, waited, &w);
	assert_int_equal(pthread_create(&thread, NULL, wait_thread, &w), 0);
	while (!w.done)
		loop_turn(f->loop, -1);
	pthread_join(thread, NULL);
	mailbox_free(w.mailbox, NULL, NULL);
}

/* Escape sequences as people can read them. */
static void add_visible(struct str *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\x1b')
			str_add(out, "\xe2\x90\x9b");
		else
			str_add_c(out, *s);
}

static char *record(struct fixture *f, const char *line)
{
	struct str all = { 0 };
	_cleanup_(str_done) struct str plain = { 0 };
	_cleanup_(str_done) struct str colour = { 0 };
	_cleanup_(str_done) struct str json = { 0 };

	str_clear(&f->canned.requests);
	run_command(f, line, false, false, &plain);
	str_addf(&all, "$ maglevc %s\n%s\n", line, str_z(&plain));
	str_addf(&all, "asked: %s\n", f->canned.requests.len ? str_z(&f->canned.requests) : "-\n");
	run_command(f, line, true, false, &colour);
	str_add(&all, "in colour:\n");
	add_visible(&all, str_z(&colour));
	run_command(f, line, false, true, &json);
	str_addf(&all, "\nas JSON:\n%s", str_z(&json));
	return str_take(&all);
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	struct str s = { 0 };
	char buf[4096];
	size_t n;

	if (!in)
		return NULL;
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		str_add_n(&s, buf, n);
	fclose(in);
	return str_take(&s);
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void test_golden(void **state)
{
	struct fixture *f = *state;
	int differ = 0;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s.txt", f->dir, commands[i].golden);
		_cleanup_free_ char *got = record(f, commands[i].line);
		_cleanup_free_ char *want = NULL;

		if (getenv("UPDATE_GOLDEN"))
			write_file(path, got);
		want = read_file(path);
		if (want && strcmp(want, got) == 0)
			continue;
		fprintf(stderr, "%s differs; now:\n%s\n", path, got);
		differ++;
	}
	assert_int_equal(differ, 0);
}

/* Is there a recorded line that has this node in it and, for a command that ends there and nowhere
 * further on, ends at it? (What "show version" prints is this build's own: test_show_version.) */
static bool is_recorded(const struct node *node)
{
	const bool last = node->run && !node->next && !node->options;
	bool found = false;

	for (size_t i = 0; i <= ARRAY_LEN(commands) && !found; i++) {
		const char *line = i < ARRAY_LEN(commands) ? commands[i].line : "show version";
		struct words w = { 0 };
		struct command c = { 0 };
		struct tree_error e;

		assert_int_equal(words_split(line, &w, NULL), 0);
		if (tree_parse(tree_root, &w, &c, &e) == 0)
			for (size_t k = 0; k < c.n_path; k++)
				found |= c.path[k] == node && (!last || k + 1 == c.n_path);
		words_done(&w);
	}
	return found;
}

static int count_unrecorded(const struct node *level)
{
	int n = 0;

	for (; level && level->word; level++) {
		if (level->hidden)
			continue;
		if (!is_recorded(level)) {
			fprintf(stderr, "no line of test_golden has \"%s\" (%s)\n", level->word,
				level->help);
			n++;
		}
		n += count_unrecorded(level->next) + count_unrecorded(level->options);
	}
	return n;
}

/* A command that is new in the tree has its recorded output, too. */
static void test_every_command_is_recorded(void **state _unused_)
{
	assert_int_equal(count_unrecorded(tree_root), 0);
}

/* Nothing that a daemon says gets to the terminal raw, whatever the command. */
static void test_no_raw_control(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		_cleanup_(str_done) struct str out = { 0 };
		run_command(f, commands[i].line, false, false, &out);
		for (size_t k = 0; k < out.len; k++)
			assert_true((unsigned char)out.p[k] >= 0x20 || out.p[k] == '\n');
	}
}

/* Colour adds nothing but colour. */
static void test_colour_is_all(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		_cleanup_(str_done) struct str plain = { 0 };
		_cleanup_(str_done) struct str colour = { 0 };
		_cleanup_(str_done) struct str stripped = { 0 };
		run_command(f, commands[i].line, false, false, &plain);
		run_command(f, commands[i].line, true, false, &colour);
		for (const char *p = str_z(&colour); *p; p++)
			if (*p == '\x1b')
				p += strcspn(p, "m");
			else
				str_add_c(&stripped, *p);
		assert_string_equal(str_z(&stripped), str_z(&plain));
	}
}

static void test_show_version(void **state)
{
	struct fixture *f = *state;
	_cleanup_(str_done) struct str out = { 0 };
	_cleanup_(str_done) struct str json = { 0 };

	run_command(f, "show version", false, false, &out);
	assert_ptr_equal(strstr(str_z(&out), "maglevc  2"), str_z(&out));
	assert_non_null(strstr(str_z(&out), "\nmaglevd  2.0.0 (commit 1a2b3c4, built "
					    "2026-11-01T12:00:00Z)\nstarted  "
					    "2026-11-17T06:00:00.000Z, 3d4h ago\nexit 0\n"));
	run_command(f, "show version", false, true, &json);
	assert_string_equal(str_z(&json),
			    "{\"version\":\"2.0.0\",\"commit\":\"1a2b3c4\",\"buildDate\":"
			    "\"2026-11-01T12:00:00Z\",\"startedUnixNs\":\"1794895200000000000\"}\n"
			    "exit 0\n");
}

/* The daemon is away: its own version is all that this client can tell. */
static void test_unreachable(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct run r = { "unix:/nonexistent/s", "show version", false, false, &out };

	run_thread(&r);
	assert_ptr_equal(strstr(str_z(&out), "maglevc  2"), str_z(&out));
	assert_non_null(strstr(str_z(&out), "\nerror: cannot reach unix:/nonexistent/s: no such "
					    "file or directory\nexit 1\n"));
}

static void test_bad_server(void **state)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct run r = { "nonsense", "show backends", false, false, &out };

	run_thread(&r);
	assert_string_equal(str_z(&out), "error: server \"nonsense\": expected host:port, "
					 "[v6]:port or unix:/path\nexit 2\n");
}

static int setup(void **state)
{
	static struct fixture f;
	struct err e = { 0 };

	format_init();
	f.dir = getenv("GOLDEN_DIR");
	if (!f.dir)
		f.dir = "tests/data/maglevc";
	f.loop = loop_new();
	f.server = rpc_server_new(&(struct rpc_server_opts){ .loop = f.loop,
							     .addr = "127.0.0.1:0",
							     .methods = canned_methods,
							     .n_methods = canned_n_methods,
							     .ctx = &f.canned },
				  &e);
	if (!f.server) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	snprintf(f.target, sizeof f.target, "127.0.0.1:%d", rpc_server_port(f.server));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rpc_server_free(f->server);
	loop_free(f->loop);
	str_done(&f->canned.requests);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_every_command_is_recorded),
		cmocka_unit_test(test_no_raw_control),
		cmocka_unit_test(test_colour_is_all),
		cmocka_unit_test(test_show_version),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_bad_server),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
