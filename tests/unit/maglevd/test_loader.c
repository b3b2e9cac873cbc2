/* SPDX-License-Identifier: Apache-2.0 */
/* The loader over real files: order, bounds, and an end with requests under way. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "maglevd/loader.h"

static char dir[] = "/tmp/maglev-loader-XXXXXX";
static char good[64], bad[64], wrong[64], missing[64];

static void put(char path[static 64], const char *name, const char *text)
{
	FILE *f;

	(void)snprintf(path, 64, "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_files(void **state)
{
	assert_non_null(mkdtemp(dir));
	put(good, "good",
	    "maglev:\n  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' "
	    "} }\n"
	    "  backends: { a: { address: 198.51.100.1 } }\n");
	put(bad, "bad", "maglev: [\n");
	put(wrong, "wrong",
	    "maglev:\n  backends: { a: { address: 198.51.100.1, healthcheck: none } }\n");
	(void)snprintf(missing, sizeof missing, "%s/missing", dir);
	return 0;
}

static int remove_files(void **state)
{
	(void)unlink(good);
	(void)unlink(bad);
	(void)unlink(wrong);
	return rmdir(dir);
}

/* What came, in order. */
struct seen {
	enum config_class class[2 * LOADER_PENDING_MAX];
	size_t n, n_gone;
	struct config *kept;
	char error[256];
};

static void on_loaded(void *ctx, struct loaded *l)
{
	struct seen *s = ctx;

	if (!l) {
		s->n_gone++;
		return;
	}
	assert_true(!l->config == (l->class != CONFIG_OK));
	if (l->report.parse_error)
		(void)snprintf(s->error, sizeof s->error, "%s", l->report.parse_error);
	if (l->config && !s->kept) {
		s->kept = l->config; /* taken: ours */
		l->config = NULL;
	}
	s->class[s->n++] = l->class;
}

static void turn_until(struct loop *loop, const struct seen *s, size_t n)
{
	while (s->n < n)
		loop_turn(loop, -1);
}

static void answers_come_in_order(void **state)
{
	const char *const paths[] = { good, bad, wrong, missing, good };
	static const enum config_class classes[] = { CONFIG_OK, CONFIG_PARSE_ERROR,
						     CONFIG_SEMANTIC_ERROR, CONFIG_PARSE_ERROR,
						     CONFIG_OK };
	struct loop *loop = loop_new();
	struct loader *l = loader_new(loop);
	struct seen s = { 0 };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_int_equal(loader_load(l, paths[i], on_loaded, &s, &e), 0);
	assert_int_equal(s.n, 0); /* never from inside */
	turn_until(loop, &s, ARRAY_LEN(paths));
	assert_memory_equal(s.class, classes, sizeof classes);
	assert_non_null(strstr(s.error, missing));
	assert_int_equal(s.kept->n_backends, 1);
	config_free(s.kept);
	loader_free(l);
	assert_int_equal(s.n_gone, 0);
	loop_free(loop);
}

static void more_than_the_bound_are_refused(void **state)
{
	struct loop *loop = loop_new();
	struct loader *l = loader_new(loop);
	struct seen s = { 0 };
	struct err e;

	for (int i = 0; i < LOADER_PENDING_MAX; i++)
		assert_int_equal(loader_load(l, good, on_loaded, &s, &e), 0);
	assert_int_equal(loader_load(l, good, on_loaded, &s, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "waiting"));
	turn_until(loop, &s, 1);
	assert_int_equal(loader_load(l, good, on_loaded, &s, &e), 0); /* room again */
	turn_until(loop, &s, LOADER_PENDING_MAX + 1);
	config_free(s.kept);
	loader_free(l);
	loop_free(loop);
}

static void whoever_waits_at_the_end_is_told(void **state)
{
	for (int round = 0; round < 20; round++) {
		struct loop *loop = loop_new();
		struct loader *l = loader_new(loop);
		struct seen s = { 0 };
		struct err e;

		for (int i = 0; i < 10; i++)
			assert_int_equal(loader_load(l, good, on_loaded, &s, &e), 0);
		if (round % 2)
			turn_until(loop, &s, 1);
		loader_free(l);
		assert_int_equal(s.n + s.n_gone, 10);
		config_free(s.kept);
		loop_free(loop);
	}
	loader_free(NULL);
}

/* The thread of this process with that name; 0: none. */
static pid_t thread_named(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	pid_t found = 0;

	assert_non_null(tasks);
	for (struct dirent *d; (d = readdir(tasks));) {
		char path[300], text[32] = "";
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
		f = d->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f && fgets(text, sizeof text, f) && strncmp(text, name, strlen(name)) == 0)
			found = (pid_t)strtol(d->d_name, NULL, 10);
		if (f)
			(void)fclose(f);
	}
	(void)closedir(tasks);
	return found;
}

/* Reading a file is never as urgent as a probe, whatever class the process runs in. */
static void it_steps_back_behind_probes(void **state)
{
	const struct sched_param one = { .sched_priority = 1 }, none = { 0 };
	struct loop *loop = loop_new();
	struct loader *l;
	struct seen s = { 0 };
	struct err e;
	pid_t tid;

	if (sched_setscheduler(0, SCHED_RR, &one) < 0)
		skip(); /* not allowed */
	l = loader_new(loop);
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	assert_int_equal(loader_load(l, good, on_loaded, &s, &e), 0);
	turn_until(loop, &s, 1);
	tid = thread_named("loader");
	assert_true(tid > 0);
	assert_int_equal(sched_getscheduler(tid), SCHED_OTHER);
	assert_true(getpriority(PRIO_PROCESS, (id_t)tid) > 0);
	loader_free(l);
	config_free(s.kept);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_in_order),
		cmocka_unit_test(more_than_the_bound_are_refused),
		cmocka_unit_test(whoever_waits_at_the_end_is_told),
		cmocka_unit_test(it_steps_back_behind_probes),
	};

	return cmocka_run_group_tests_name("loader", tests, make_files, remove_files);
}
