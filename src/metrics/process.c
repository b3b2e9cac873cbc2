/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): /proc/self/stat, /proc/stat, /proc/self/fd. */
#include "metrics/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/dur.h"
#include "base/str.h"

/* Fields of /proc/self/stat that we want, by their numbers in proc(5). */
enum stat_field {
	STAT_STATE = 3, /* the first after the name */
	STAT_UTIME = 14,
	STAT_STIME = 15,
	STAT_THREADS = 20,
	STAT_START = 22,
	STAT_VSIZE = 23,
	STAT_RSS = 24,
	STAT_N
};

struct stat_figures {
	uint64_t v[STAT_N]; /* 0 for what is no number */
};

static bool read_line(const char *path, const char *prefix, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(ret, (int)size, f))
		found = str_prefix(ret, prefix);
	if (f)
		(void)fclose(f);
	return found;
}

static bool read_stat(struct stat_figures *ret)
{
	char line[1024];
	char *at, *word, *save;
	size_t i = STAT_STATE;

	if (!read_line("/proc/self/stat", "", line, sizeof line))
		return false;
	at = strrchr(line, ')'); /* the name, in parentheses, may contain anything */
	if (!at)
		return false;
	for (word = strtok_r(at + 1, " ", &save); word && i < STAT_N;
	     word = strtok_r(NULL, " ", &save))
		ret->v[i++] = strtoull(word, NULL, 10);
	return i == STAT_N;
}

static int64_t ticks_ns(uint64_t ticks)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return (int64_t)(ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz);
}

/* When the machine was booted, Unix time in seconds; 0 when unknown. */
static uint64_t boot_time(void)
{
	static const char prefix[] = "btime ";
	char line[256];

	if (!read_line("/proc/stat", prefix, line, sizeof line))
		return 0;
	return strtoull(line + strlen(prefix), NULL, 10);
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
		exposition_ns(x, NULL, (int64_t)boot * NS_PER_S + ticks_ns(s->v[STAT_START]));
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
		exposition_ns(x, NULL, ticks_ns(s.v[STAT_UTIME] + s.v[STAT_STIME]));
	} else if (id == METRICS_PROCESS_START_TIME) {
		write_start(x, &s);
	} else if (id == METRICS_PROCESS_RESIDENT) {
		exposition_uint(x, NULL, s.v[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE));
	} else if (id == METRICS_PROCESS_VIRTUAL) {
		exposition_uint(x, NULL, s.v[STAT_VSIZE]);
	} else if (id == METRICS_PROCESS_THREADS) {
		exposition_uint(x, NULL, s.v[STAT_THREADS]);
	}
	return true;
}
