/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): /proc/self/statm, status, stat and fd, /proc/stat. Each figure comes from where it is
 * told best: CPU time from its clock, in nanoseconds; of /proc/self/stat, which has them all, an
 * emulator for another architecture fills in the time of the start alone. */
#include "metrics/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/dur.h"
#include "base/str.h"

/* The field of /proc/self/stat with the time of the start, as proc(5) counts, and its first one
 * after the name. */
enum { STAT_STATE = 3, STAT_START = 22 };

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

static int64_t ticks_ns(uint64_t ticks)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return (int64_t)(ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz);
}

/* The number after a prefix, in the file's first line that has it; 0 when there is none. */
static uint64_t read_number(const char *path, const char *prefix)
{
	char line[256];

	if (!read_line(path, prefix, line, sizeof line))
		return 0;
	return strtoull(line + strlen(prefix), NULL, 10);
}

/* In ticks since the machine was booted; 0 when unknown. */
static uint64_t start_ticks(void)
{
	char line[1024];
	char *at, *word, *save;
	unsigned i = STAT_STATE;

	if (!read_line("/proc/self/stat", "", line, sizeof line))
		return 0;
	at = strrchr(line, ')'); /* the name, in parentheses, may contain anything */
	word = at ? strtok_r(at + 1, " ", &save) : NULL;
	for (; word && i < STAT_START; i++)
		word = strtok_r(NULL, " ", &save);
	return word ? strtoull(word, NULL, 10) : 0;
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

static void write_start(struct exposition *x)
{
	uint64_t boot = read_number("/proc/stat", "btime "); /* Unix time in seconds */
	uint64_t start = start_ticks();

	if (boot && start)
		exposition_ns(x, NULL, (int64_t)boot * NS_PER_S + ticks_ns(start));
}

static void write_cpu(struct exposition *x)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0)
		exposition_ns(x, NULL, t.tv_sec * NS_PER_S + t.tv_nsec);
}

/* /proc/self/statm begins with all pages and the resident ones. */
static void write_memory(struct exposition *x, bool resident)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char line[256], *rest;
	uint64_t pages;

	if (!read_line("/proc/self/statm", "", line, sizeof line))
		return;
	pages = strtoull(line, &rest, 10);
	if (resident)
		pages = strtoull(rest, NULL, 10);
	exposition_uint(x, NULL, pages * page);
}

/* 0 is what could not be read. */
static void write_known(struct exposition *x, uint64_t v)
{
	if (v)
		exposition_uint(x, NULL, v);
}

bool process_write(enum metrics_id id, struct exposition *x)
{
	if (id == METRICS_PROCESS_CPU)
		write_cpu(x);
	else if (id == METRICS_PROCESS_START_TIME)
		write_start(x);
	else if (id == METRICS_PROCESS_RESIDENT || id == METRICS_PROCESS_VIRTUAL)
		write_memory(x, id == METRICS_PROCESS_RESIDENT);
	else if (id == METRICS_PROCESS_VIRTUAL_MAX)
		write_limit(x, RLIMIT_AS);
	else if (id == METRICS_PROCESS_OPEN_FDS)
		write_known(x, count_fds());
	else if (id == METRICS_PROCESS_MAX_FDS)
		write_limit(x, RLIMIT_NOFILE);
	else if (id == METRICS_PROCESS_THREADS)
		write_known(x, read_number("/proc/self/status", "Threads:"));
	else
		return false;
	return true;
}
