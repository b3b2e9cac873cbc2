/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): /proc/self/stat, /proc/stat, /proc/self/fd. */
#include "metrics/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/dur.h"

struct stat_figures {
	uint64_t user_ticks, system_ticks, threads, start_ticks, virtual_bytes, resident_pages;
};

static bool read_stat(struct stat_figures *ret)
{
	char line[1024];
	const char *after;
	FILE *f = fopen("/proc/self/stat", "re");
	bool ok = f && fgets(line, sizeof line, f);

	if (f)
		(void)fclose(f);
	/* The name, in parentheses, may contain anything. */
	after = ok ? strrchr(line, ')') : NULL;
	/* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt | utime stime |
	 * cutime cstime priority nice | threads | itrealvalue | starttime vsize rss */
	return after && sscanf(after + 1,
			       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
			       " %*d %*d %*d %*d %" SCNu64 " %*d %" SCNu64 " %" SCNu64 " %" SCNu64,
			       &ret->user_ticks, &ret->system_ticks, &ret->threads,
			       &ret->start_ticks, &ret->virtual_bytes, &ret->resident_pages) == 6;
}

static int64_t ticks_ns(uint64_t ticks)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return (int64_t)(ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz);
}

/* When the machine was booted, Unix time in seconds; 0 when unknown. */
static uint64_t boot_time(void)
{
	char line[256];
	uint64_t ret = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return 0;
	while (!ret && fgets(line, sizeof line, f))
		(void)sscanf(line, "btime %" SCNu64, &ret);
	(void)fclose(f);
	return ret;
}

static uint64_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n - 1; /* the directory's own */
}

static void write_limit(struct exposition *x, __rlimit_resource_t resource)
{
	struct rlimit l;

	if (getrlimit(resource, &l) == 0 && l.rlim_cur != RLIM_INFINITY)
		exposition_uint(x, NULL, l.rlim_cur);
}

static void write_start(struct exposition *x, const struct stat_figures *s)
{
	uint64_t boot = boot_time();

	if (boot)
		exposition_ns(x, NULL, (int64_t)boot * NS_PER_S + ticks_ns(s->start_ticks));
}

bool process_write(enum metrics_id id, struct exposition *x)
{
	struct stat_figures s = { 0 };
	bool known = read_stat(&s);
	uint64_t fds;

	if (id == METRICS_PROCESS_OPEN_FDS) {
		fds = count_fds();
		if (fds)
			exposition_uint(x, NULL, fds);
	} else if (id == METRICS_PROCESS_MAX_FDS) {
		write_limit(x, RLIMIT_NOFILE);
	} else if (id == METRICS_PROCESS_VIRTUAL_MAX) {
		write_limit(x, RLIMIT_AS);
	} else if (id < METRICS_PROCESS_CPU || id > METRICS_PROCESS_THREADS) {
		return false;
	} else if (!known) {
		return true;
	} else if (id == METRICS_PROCESS_CPU) {
		exposition_ns(x, NULL, ticks_ns(s.user_ticks + s.system_ticks));
	} else if (id == METRICS_PROCESS_START_TIME) {
		write_start(x, &s);
	} else if (id == METRICS_PROCESS_RESIDENT) {
		exposition_uint(x, NULL, s.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE));
	} else if (id == METRICS_PROCESS_VIRTUAL) {
		exposition_uint(x, NULL, s.virtual_bytes);
	} else if (id == METRICS_PROCESS_THREADS) {
		exposition_uint(x, NULL, s.threads);
	}
	return true;
}
