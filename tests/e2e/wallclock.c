/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: a wall clock that tests can set, without touching the machine's.
 *
 * MAGLEV_TEST_CLOCK names a file of eight bytes, nanoseconds to add to CLOCK_REALTIME; whoever
 * writes to it moves the clock at once. All other clocks stay as they are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset(void)
{
	static const volatile int64_t *mapped;
	static const int64_t none;
	const char *path = getenv("MAGLEV_TEST_CLOCK");
	int fd;
	void *p;

	if (mapped)
		return mapped;
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	mapped = p == MAP_FAILED ? &none : p;
	return mapped;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	int64_t ns;

	if (r != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return r;
	ns = ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec + *offset();
	ts->tv_sec = ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
