/* SPDX-License-Identifier: Apache-2.0 */
/* Probes in a named network namespace. Needs CAP_SYS_ADMIN and iproute2 for making one; skipped by
 * name without. */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "harness.h"

static char ns[64];

static int sh(const char *fmt, const char *arg)
{
	char cmd[256];

	snprintf(cmd, sizeof cmd, fmt, arg);
	return system(cmd); /* NOLINT: fixed commands */
}

static void ns_add(void)
{
	if (sh("ip netns add %s 2>/dev/null", ns) != 0)
		skip();
	assert_int_equal(sh("ip -n %s link set lo up", ns), 0);
}

static void ns_del(void)
{
	assert_int_equal(sh("ip netns del %s", ns), 0);
}

static int name_namespace(void **state)
{
	snprintf(ns, sizeof ns, "maglev-test-%d", getpid());
	return 0;
}

/* A listener here; inside the namespace nobody listens on 127.0.0.1. */
static struct healthcheck *quick(const struct server *s)
{
	struct healthcheck *c = check_new(HC_TCP, s->port);

	c->interval = c->down_interval = c->fast_interval = 20 * NS_PER_MS;
	return c;
}

/* Wait for a result with this code (of any later probe). */
static struct probe_result *wait_code(struct rig *rig, enum code code)
{
	for (size_t i = rig->n;; i++) {
		rig_wait(rig, i + 1);
		if (rig->r[i].code == code)
			return &rig->r[i];
	}
}

static void test_probes_live_inside(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = quick(s), *ping = check_new(HC_ICMP, 0);
	struct rig *rig;

	ns_add();
	rig = rig_new_netns(1, ns);
	rig_put(rig, 1, &s->addr, c);
	wait_code(rig, CODE_L4CON); /* refused in there */
	rig_put(rig, 2, &s->addr, ping);
	assert_code(*rig_verdict(rig, 2, 0), CODE_L4OK); /* its own lo answers */
	probe_engine_set_netns(rig->e, NULL);
	wait_code(rig, CODE_L4OK);
	probe_engine_set_netns(rig->e, ns);
	wait_code(rig, CODE_L4CON);
	healthcheck_unref(c);
	healthcheck_unref(ping);
	rig_free(rig);
	server_free(s);
	ns_del();
}

static void test_missing_then_made_then_gone(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = quick(s);
	struct rig *rig;

	ns_add(); /* may we? */
	ns_del();
	rig = rig_new_netns(2, ns);
	rig_put(rig, 1, &s->addr, c);
	assert_detail(*wait_code(rig, CODE_LOCAL), ns);
	rig_put(rig, 2, &s->addr, NULL); /* needs no network */
	wait_code(rig, CODE_STATIC);
	ns_add();
	wait_code(rig, CODE_L4CON);
	ns_del();
	assert_detail(*wait_code(rig, CODE_LOCAL), "No such file");
	ns_add(); /* another one of the same name */
	wait_code(rig, CODE_L4CON);
	probe_engine_set_netns(rig->e, NULL);
	wait_code(rig, CODE_L4OK);
	healthcheck_unref(c);
	rig_free(rig);
	server_free(s);
	ns_del();
}

/* A move during a probe: it starts over on the other side, and leaves no result behind. */
static void test_move_in_flight(void **state)
{
	struct server *s = server_new("127.0.0.1", serve_silence);
	struct healthcheck *c = check_new(HC_HTTP, s->port);
	struct rig *rig;

	ns_add();
	rig = rig_new(1);
	rig_put(rig, 1, &s->addr, c);
	while (s->connections == 0)
		loop_turn(rig->l, 10 * NS_PER_MS);
	probe_engine_set_netns(rig->e, ns);
	rig_wait(rig, 1);
	assert_code(rig->r[0], CODE_L4CON);
	assert_int_equal(rig->n, 1);
	healthcheck_unref(c);
	rig_free(rig);
	server_free(s);
	ns_del();
}

/* Works for everybody: not a namespace, no permission. */
static void test_without_permission(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct none[2] = { 0 };
		struct err e;
		struct rig *rig;
		struct addr a = addr_of("127.0.0.1");
		struct probe_result r;

		if (syscall(SYS_capset, &h, none) < 0 || !probe_missing_netns(&e) ||
		    !strstr(e.msg, "CAP_SYS_ADMIN"))
			_exit(1);
		rig = rig_new_netns(1, "no-such-namespace");
		r = rig_probe(rig, &a, check_new(HC_TCP, 9));
		rig_free(rig);
		_exit(r.code == CODE_LOCAL && strstr(r.detail, "no-such-namespace") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes_live_inside),
		cmocka_unit_test(test_missing_then_made_then_gone),
		cmocka_unit_test(test_move_in_flight),
		cmocka_unit_test(test_without_permission),
	};

	return cmocka_run_group_tests(tests, name_namespace, NULL);
}
