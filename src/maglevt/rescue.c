/* SPDX-License-Identifier: Apache-2.0 */
/* A signal handler has no context, so what it needs is this file's: written before it is armed,
 * read by the handler alone from then on. Two threads may crash at once: the first one restores. */
#include "maglevt/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"

/* Of what was written to stderr meanwhile, as much is shown. */
#define ASIDE_MAX ((off_t)64 * 1024)
/* A terminal that takes nothing (a dead connection) is not waited for any longer. */
#define WRITE_PATIENCE_MS 1000

static struct {
	int fd;
	struct termios saved;
	char bytes[RESCUE_MAX];
	unsigned n;
	atomic_bool armed;
	int stderr_fd; /* the real one, while what is written goes to `aside`; else -1 */
	int aside;
} rescue = { .fd = -1, .stderr_fd = -1, .aside = -1 };

/* ---- in the handler, too: async-signal-safe calls only */

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		struct pollfd w = { .fd = fd, .events = POLLOUT };
		ssize_t done;

		if (poll(&w, 1, WRITE_PATIENCE_MS) <= 0 || !(w.revents & POLLOUT))
			return;
		done = write(fd, p, n);
		if (done <= 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

static void aside_show(void)
{
	char buf[1024];
	off_t at = 0;
	ssize_t n;

	if (rescue.stderr_fd < 0)
		return;
	(void)dup2(rescue.stderr_fd, STDERR_FILENO);
	while (at < ASIDE_MAX && (n = pread(rescue.aside, buf, sizeof buf, at)) > 0) {
		write_all(STDERR_FILENO, buf, (size_t)n);
		at += n;
	}
}

static void on_signal(int signo)
{
	int saved = errno;

	if (atomic_exchange(&rescue.armed, false)) {
		write_all(rescue.fd, rescue.bytes, rescue.n);
		(void)tcsetattr(rescue.fd, TCSANOW, &rescue.saved);
		aside_show();
	}
	errno = saved;
	/* SA_RESETHAND has put the default back; it takes effect as soon as this returns */
	(void)raise(signo);
}

/* ---- outside of it */

static int catch (int signo)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND | SA_ONSTACK };
	struct sigaction before;

	/* what the parent wants ignored (nohup) stays so */
	if (sigaction(signo, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
		return 0;
	sigfillset(&sa.sa_mask); /* one at a time; a crash in here ends it on the spot */
	return sigaction(signo, &sa, NULL);
}

int rescue_start(int fd, struct err *err)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP,  SIGQUIT, SIGSEGV, SIGABRT, SIGBUS,
				       SIGILL,  SIGFPE, SIGTRAP, SIGSYS,  SIGXCPU, SIGXFSZ };
	static char stack[32 * 1024]; /* for a crash by stack overflow */
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof stack };

	rescue.fd = fd;
	if (tcgetattr(fd, &rescue.saved) < 0)
		return err_set_errno(err, errno, "terminal settings");
	(void)sigaltstack(&alternative, NULL);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (catch (signals[i]) < 0)
			return err_set_errno(err, errno, "signal %d", signals[i]);
	return 0;
}

static void aside_open(void)
{
	if (rescue.stderr_fd >= 0 || !isatty(STDERR_FILENO))
		return;
	rescue.aside = memfd_create("maglevt-stderr", MFD_CLOEXEC);
	if (rescue.aside < 0)
		return;
	rescue.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (rescue.stderr_fd < 0 || dup2(rescue.aside, STDERR_FILENO) < 0) {
		close(rescue.aside);
		rescue.aside = -1;
	}
}

void rescue_arm(const char *bytes, unsigned n)
{
	rescue.n = MIN(n, RESCUE_MAX);
	memcpy(rescue.bytes, bytes, rescue.n);
	aside_open();
	atomic_store(&rescue.armed, true);
}

void rescue_disarm(void)
{
	if (!atomic_exchange(&rescue.armed, false))
		return;
	aside_show();
	if (rescue.stderr_fd >= 0) {
		close(rescue.stderr_fd);
		close(rescue.aside);
	}
	rescue.stderr_fd = rescue.aside = -1;
}
