/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's command line: what it asks for, what beats what, and what is printed. */
#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"

struct options {
	const char *name;
	int level, completed;
};

static size_t table(void *options, struct flag *ret)
{
	struct options *o = options;
	const struct flag flags[] = {
		{ "name", NULL, FLAG_STRING, "nobody", "NAME", "who", .to_string = &o->name },
		COMMAND_LOG_LEVEL("T_LOG_LEVEL", &o->level),
	};
	return command_flags(flags, ARRAY_LEN(flags), ret);
}

static int complete(void *options, struct err *err)
{
	struct options *o = options;
	o->completed++;
	return *o->name ? 0 : err_set(err, -EINVAL, "--name must not be empty");
}

static void epilogue(struct str *out)
{
	str_add(out, "and that is all\n");
}

static const struct command command = {
	.program = "prog",
	.synopsis = "prog [flags]",
	.table = table,
	.complete = complete,
	.epilogue = epilogue,
};

#define ARGV(...) ((char *[]){ (char[]){ "prog" }, ##__VA_ARGS__, NULL })
#define A(S)      ((char[]){ S })

static int parse(struct options *o, char **argv, struct err *err)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	*o = (struct options){ 0 };
	return command_parse(&command, o, argc, argv, err);
}

static void test_run(void **state)
{
	struct options o;
	struct err err = { 0 };
	assert_int_equal(parse(&o, ARGV(), &err), COMMAND_RUN);
	assert_string_equal(o.name, "nobody");
	assert_int_equal(o.level, LVL_INFO);
	assert_int_equal(o.completed, 1);
	for (int i = 0; command_log_levels[i]; i++) {
		enum log_level level;
		assert_int_equal(setenv("T_LOG_LEVEL", command_log_levels[i], 1), 0);
		assert_int_equal(parse(&o, ARGV(), &err), COMMAND_RUN);
		assert_int_equal(log_level_parse(command_log_levels[i], &level), 0);
		assert_int_equal(o.level, (int)level);
	}
	assert_int_equal(unsetenv("T_LOG_LEVEL"), 0);
}

static void test_mistakes(void **state)
{
	struct options o;
	struct err err = { 0 };
	assert_int_equal(parse(&o, ARGV(A("--nonsense")), &err), -EINVAL);
	assert_string_equal(err.msg, "unknown flag --nonsense");
	assert_int_equal(parse(&o, ARGV(A("-name=x"), A("serve")), &err), -EINVAL);
	assert_string_equal(err.msg, "unexpected argument \"serve\"");
	assert_int_equal(o.completed, 0);
	assert_int_equal(parse(&o, ARGV(A("-name=")), &err), -EINVAL);
	assert_string_equal(err.msg, "--name must not be empty");
	assert_int_equal(parse(&o, ARGV(A("--log-level"), A("loud")), &err), -EINVAL);
	assert_string_equal(err.msg,
			    "--log-level: \"loud\" is not one of debug, info, warn, error");
}

static void test_help_and_version(void **state)
{
	struct options o;
	struct err err = { 0 };
	assert_int_equal(parse(&o, ARGV(A("-help"), A("--nonsense")), &err), COMMAND_HELP);
	assert_int_equal(parse(&o, ARGV(A("--version"), A("--help")), &err), COMMAND_HELP);
	assert_int_equal(parse(&o, ARGV(A("--help"), A("word")), &err), COMMAND_HELP);
	assert_int_equal(parse(&o, ARGV(A("--version"), A("--name=")), &err), COMMAND_VERSION);
	assert_int_equal(o.completed, 0);
	assert_int_equal(parse(&o, ARGV(A("--version"), A("--nonsense")), &err), -EINVAL);
}

/* What command_start prints to file descriptor `fd`, and what it says. */
static char *printed(int fd, char *arg, bool *ret_go_on, int *ret_code)
{
	FILE *to = fd == STDOUT_FILENO ? stdout : stderr;
	char path[] = "/tmp/test_command.XXXXXX";
	int file = mkstemp(path), saved = dup(fd);
	assert_true(file >= 0 && saved >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fflush(to), 0);
	assert_int_equal(dup2(file, fd), fd);
	struct options o = { 0 };
	*ret_go_on = command_start(&command, &o, 2, ARGV(arg), ret_code);
	assert_int_equal(fflush(to), 0);
	assert_int_equal(dup2(saved, fd), fd);
	static char text[4096];
	ssize_t n = pread(file, text, sizeof text - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(file);
	close(saved);
	return text;
}

static void test_start(void **state)
{
	bool go_on = true;
	int code = -1;
	char *text = printed(STDOUT_FILENO, A("--help"), &go_on, &code);
	assert_false(go_on);
	assert_int_equal(code, EXIT_SUCCESS);
	assert_int_equal(strncmp(text, "usage: prog [flags]\n  --name NAME\n", 34), 0);
	assert_non_null(strstr(text, "--log-level LEVEL"));
	assert_non_null(strstr(text, "--version"));
	assert_string_equal(strstr(text, "  --help"),
			    "  --help\n        print this and exit\nand that is all\n");

	text = printed(STDOUT_FILENO, A("-version"), &go_on, &code);
	assert_false(go_on);
	assert_int_equal(code, EXIT_SUCCESS);
	assert_int_equal(strncmp(text, "prog ", 5), 0);

	text = printed(STDERR_FILENO, A("--name"), &go_on, &code);
	assert_false(go_on);
	assert_int_equal(code, COMMAND_EXIT_USAGE);
	assert_int_equal(strncmp(text, "prog: --name needs a value\n\nusage: prog", 39), 0);

	code = -1;
	text = printed(STDERR_FILENO, A("--name=x"), &go_on, &code);
	assert_true(go_on);
	assert_int_equal(code, -1);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
