/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync with many VIPs: the first full sync, a settled one, and one change to VPP's answer.
 *
 * VPP is the simulator in a process of its own, or the one that MAGLEV_TEST_VPP_API names, which
 * has to be empty. The longest of the loop's turns, in CPU time, is what a probe's outcome could
 * have had to wait: the stall. Everything made is removed at the end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "lbsim/server.h"
#include "lbsync/lbsync.h"
#include "vpp/client.h"

#define N_VIPS    1000
#define N_ASES    10
#define N_CHANGES 1000
#define PATIENCE  (600 * NS_PER_S)

struct fe {
	struct lbsync_vip sync;
	struct plan_vip want;
	struct plan_as as[N_ASES];
};

struct bed {
	struct loop *loop;
	struct lbsync *s;
	struct vpp_conf conf;
	struct fe fes[N_VIPS];
	bool answered;
	struct lbsync_counts counts;
	dur_ns stall; /* the longest turn since it was cleared */
	size_t n_vips;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench_lbsync: %s\n", what);
	exit(1);
}

/* ---- VPP's part */

static void on_died(void *ctx, const char *why)
{
	_exit(1);
}

static _Noreturn void simulate(const char *path)
{
	struct err e;
	const struct server_options o = { .path = path,
					  .gc_interval = 60 * NS_PER_S,
					  .api = { .version = "bench",
						   .build_date = "",
						   .pid = 1,
						   .seed = 1,
						   .died = on_died } };
	struct loop *l = loop_new();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!server_new(l, &o, &e))
		_exit(1);
	_exit(loop_run(l));
}

/* ---- what lbsync asks */

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	const struct fe *f = CONTAINER_OF((struct lbsync_vip *)(uintptr_t)v, struct fe, sync);

	*ret = f->want;
	ret->as = xmemdup(f->as, sizeof f->as);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return "frontend";
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	return false;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as) {}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	*ret = ((struct bed *)ctx)->conf;
}

/* ---- turning */

/* Of this thread: what others on the machine take is no stall of ours. */
static dur_ns cpu_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void turn(struct bed *b)
{
	dur_ns began = cpu_clock();

	/* It sleeps where it can: VPP's main thread may have to share a core with it. */
	loop_turn(b->loop, 100 * NS_PER_MS);
	b->stall = MAX(b->stall, cpu_clock() - began);
}

static void on_done(void *ctx, int status, const struct lbsync_counts *c)
{
	struct bed *b = ctx;

	if (status < 0)
		die("VPP went away");
	b->answered = true;
	b->counts = *c;
}

static dur_ns sync_now(struct bed *b, struct fe *f)
{
	mono_ns began = loop_clock();
	struct err e;

	b->answered = false;
	if (lbsync_request(b->s, f ? &f->sync : NULL, on_done, b, &e) < 0)
		die(e.msg);
	while (!b->answered) {
		turn(b);
		if (loop_clock() - began > PATIENCE)
			die("no answer");
	}
	if (b->counts.n[LBSYNC_ERROR] > 0)
		die("a call was refused");
	return loop_clock() - began;
}

static void on_state(void *ctx, int status, const struct plan_state *st,
		     const struct vpp_lb_conf *conf)
{
	struct bed *b = ctx;

	b->answered = true;
	b->n_vips = status < 0 ? 1 : st->n_vips;
}

static void need_empty(struct bed *b)
{
	struct err e;

	b->answered = false;
	if (lbsync_read(b->s, on_state, b, &e) < 0)
		die(e.msg);
	while (!b->answered)
		loop_turn(b->loop, NS_PER_S);
	if (b->n_vips > 0)
		die("this VPP has VIPs already");
}

static double cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static uint64_t calls(const struct bed *b)
{
	static const enum vpp_msg writing[] = { VPP_LB_ADD_DEL_VIP_V2, VPP_LB_ADD_DEL_AS_V2,
						VPP_LB_AS_SET_WEIGHT, VPP_LB_CONF };
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(writing); i++)
		n += vpp_client_stats(lbsync_client(b->s), writing[i])->send_ok;
	return n;
}

/* What was asked of VPP without changing it: every such call stops the forwarding too. */
static uint64_t reads(const struct bed *b)
{
	static const enum vpp_msg reading[] = { VPP_LB_CONF_GET, VPP_LB_VIP_DUMP, VPP_LB_AS_V2_DUMP,
						VPP_CLI_INBAND, VPP_IP_ROUTE_LOOKUP };
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(reading); i++)
		n += vpp_client_stats(lbsync_client(b->s), reading[i])->send_ok;
	return n;
}

/* ---- the measurements */

static void fill(struct fe *f, size_t i)
{
	(void)addr_parse("203.0.0.0", &f->want.key.prefix.addr);
	f->want.key.prefix.addr.b[2] = (uint8_t)(i / 250);
	f->want.key.prefix.addr.b[3] = (uint8_t)(1 + i % 250);
	f->want.key.prefix.len = 32;
	f->want.key.proto = PROTO_TCP;
	f->want.key.port = 80;
	f->want.encap = ENCAP_GRE4;
	f->want.sticky = STICKY_NO;
	f->want.table_len = 1024;
	f->want.n_as = N_ASES;
	for (size_t k = 0; k < N_ASES; k++) {
		f->as[k] = (struct plan_as){ .weight = 100, .flush_on_zero = true };
		(void)addr_parse("198.51.100.0", &f->as[k].addr);
		f->as[k].addr.b[3] = (uint8_t)(10 + k);
	}
	f->sync.key = f->want.key;
}

static void first_and_settled(struct bed *b)
{
	uint64_t before = calls(b);
	double cpu = cpu_ms();
	dur_ns took;

	for (size_t i = 0; i < N_VIPS; i++) {
		fill(&b->fes[i], i);
		lbsync_add(b->s, &b->fes[i].sync);
	}
	b->stall = 0;
	took = sync_now(b, NULL);
	printf("first full sync, %d VIPs x %d ASes: %.1f ms, %llu writing calls, CPU %.1f ms, "
	       "longest turn of the loop %.2f ms\n",
	       N_VIPS, N_ASES, (double)took / 1e6, (unsigned long long)(calls(b) - before),
	       cpu_ms() - cpu, (double)b->stall / 1e6);
	for (mono_ns until = loop_clock() + NS_PER_S; loop_clock() < until;)
		turn(b);
	before = calls(b);
	cpu = cpu_ms();
	b->stall = 0;
	took = sync_now(b, NULL);
	printf("settled full sync of the same: %.1f ms, %llu writing calls, CPU %.1f ms, longest "
	       "turn %.2f ms\n",
	       (double)took / 1e6, (unsigned long long)(calls(b) - before), cpu_ms() - cpu,
	       (double)b->stall / 1e6);
	if (calls(b) != before)
		die("a settled sync wrote");
}

static int cmp_ns(const void *a, const void *b)
{
	const dur_ns *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void changes(struct bed *b)
{
	static dur_ns took[N_CHANGES];
	uint64_t before = calls(b), read = reads(b);

	for (size_t i = 0; i < N_CHANGES; i++) {
		struct fe *f = &b->fes[i * 7 % N_VIPS];
		struct plan_as *as = &f->as[i % N_ASES];

		as->weight = as->weight ? 0 : 100;
		took[i] = sync_now(b, f);
	}
	if (calls(b) - before != N_CHANGES)
		die("one change is one call");
	if (reads(b) != read)
		die("a change was planned with a read");
	qsort(took, N_CHANGES, sizeof took[0], cmp_ns);
	printf("change to VPP's answer, %d frontends: median %.3f ms, p99 %.3f ms, worst %.3f ms\n",
	       N_VIPS, (double)took[N_CHANGES / 2] / 1e6, (double)took[N_CHANGES * 99 / 100] / 1e6,
	       (double)took[N_CHANGES - 1] / 1e6);
}

/* 10,000 ASes at once: all of them differ, and then none does. */
static void planner(struct bed *b)
{
	struct plan_state want = { 0 }, none = { 0 };
	struct plan plan = { 0 };
	mono_ns began;
	dur_ns all, same;

	want.vips = xcalloc(N_VIPS, sizeof *want.vips);
	for (size_t i = 0; i < N_VIPS; i++)
		desired(NULL, &b->fes[i].sync, &want.vips[i]);
	want.n_vips = N_VIPS;
	plan_state_sort(&want);
	began = loop_clock();
	plan_build(&want, &none, PLAN_FULL, NULL, 0, &plan);
	all = loop_clock() - began;
	began = loop_clock();
	plan_build(&want, &want, PLAN_FULL, NULL, 0, &plan);
	same = loop_clock() - began;
	printf("planner, %d ASes: %.2f ms when all are missing, %.2f ms when none is\n",
	       N_VIPS * N_ASES, (double)all / 1e6, (double)same / 1e6);
	plan_done(&plan);
	plan_state_done(&want);
}

static void connect_vpp(struct bed *b, const char *path)
{
	const struct lbsync_opts o = {
		.loop = b->loop,
		.api_path = path,
		.started = loop_clock(),
		.source = { b, desired, name, has_unknown, flushed, vpp_conf },
	};
	mono_ns began = loop_clock();

	b->conf = (struct vpp_conf){ .sync_interval = 3600 * NS_PER_S,
				     .sticky_buckets_per_core = 1024,
				     .flow_timeout = 40 * NS_PER_S,
				     .startup_min_delay = 3600 * NS_PER_S,
				     .startup_max_delay = 3600 * NS_PER_S };
	(void)addr_parse("192.0.2.1", &b->conf.src4);
	(void)addr_parse("2001:db8::1", &b->conf.src6);
	b->s = lbsync_new(&o);
	while (!lbsync_connected(b->s)) {
		loop_turn(b->loop, NS_PER_S);
		if (loop_clock() - began > PATIENCE)
			die(lbsync_why_down(b->s));
	}
	need_empty(b);
	b->conf.startup_min_delay = b->conf.startup_max_delay = 0;
	lbsync_reloaded(b->s);
}

int main(void)
{
	const char *path = getenv("MAGLEV_TEST_VPP_API");
	struct bed *b = XNEW(struct bed);
	char own[64];
	pid_t sim = 0;

	log_set_level(LVL_ERROR);
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* some take their time, and may be cut short */
	if (!path) {
		snprintf(own, sizeof own, "/tmp/maglev-bench-%d.sock", (int)getpid());
		path = own;
		sim = fork();
		if (sim == 0)
			simulate(path);
	}
	b->loop = loop_new();
	connect_vpp(b, path);
	first_and_settled(b);
	changes(b);
	planner(b);
	for (size_t i = 0; i < N_VIPS; i++)
		lbsync_forget(b->s, &b->fes[i].sync);
	sync_now(b, NULL);
	lbsync_free(b->s);
	loop_free(b->loop);
	free(b);
	if (sim > 0) {
		(void)kill(sim, SIGTERM);
		(void)waitpid(sim, NULL, 0);
		(void)unlink(path);
	}
	return 0;
}
