/* SPDX-License-Identifier: Apache-2.0 */
/* accept4 as gRPC's listener has it: what is an error of the listener, and what is not. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rpc/accept.h"

#define LIMIT 64 /* descriptors; the last eighth begins at 56 */

struct bed {
	struct sockaddr_un at;
	socklen_t len;
	int listener;
	struct rlimit before;
};

static int client_new(const struct bed *b)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&b->at, b->len), 0);
	return fd;
}

static int take(const struct bed *b)
{
	return accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
}

/* Take up descriptors until the next one would have this number. */
static void fill_up_to(int next)
{
	int fd;

	do
		fd = dup(STDIN_FILENO);
	while (fd >= 0 && fd < next - 1);
	assert_int_equal(fd, next - 1);
}

static int setup(void **state)
{
	static struct bed b;

	/* an abstract name, which the kernel chooses */
	b = (struct bed){ .at.sun_family = AF_UNIX, .len = sizeof b.at };
	b.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(b.listener >= 0);
	assert_int_equal(bind(b.listener, (struct sockaddr *)&b.at, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(b.listener, (struct sockaddr *)&b.at, &b.len), 0);
	assert_int_equal(listen(b.listener, 16), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &b.before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ LIMIT, b.before.rlim_max }), 0);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	const struct bed *b = *state;

	for (int fd = STDERR_FILENO + 1; fd < LIMIT; fd++)
		(void)close(fd);
	return setrlimit(RLIMIT_NOFILE, &b->before);
}

/* Threads that did not ask have the C library's. */
static void not_guarded(void **state)
{
	const struct bed *b = *state;
	int client = client_new(b), fd;

	fill_up_to(LIMIT - 4);
	fd = take(b);
	assert_int_equal(fd, LIMIT - 4); /* in the last eighth, and its own business */
	close(fd);
	close(client);
	client = client_new(b);
	fill_up_to(LIMIT);
	assert_int_equal(take(b), -1);
	assert_int_equal(errno, EMFILE);
}

/* Out of descriptors there is nobody; who waits is taken as soon as there are some. */
static void none_left(void **state)
{
	const struct bed *b = *state;
	int client = client_new(b), fd;
	char c;

	rpc_accept_guard();
	fill_up_to(LIMIT);
	assert_int_equal(take(b), -1);
	assert_int_equal(errno, EAGAIN);
	close(LIMIT / 2);
	fd = take(b);
	assert_int_equal(fd, LIMIT / 2);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(recv(client, &c, 1, 0), 1);
}

/* The last ones are not gRPC's: who would get one is hung up on, and the next tried. */
static void few_left(void **state)
{
	const struct bed *b = *state;
	int first = client_new(b), second = client_new(b);
	struct sockaddr_un from;
	socklen_t len = sizeof from;
	char c;

	rpc_accept_guard();
	fill_up_to(LIMIT - LIMIT / 8);
	assert_int_equal(accept4(b->listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(recv(first, &c, 1, 0), 0);
	assert_int_equal(recv(second, &c, 1, 0), 0);
	/* one lower number, and the next comes in */
	close(LIMIT / 2);
	first = client_new(b);
	assert_int_equal(first, LIMIT / 2);
	close(LIMIT / 2 + 1);
	assert_int_equal(take(b), LIMIT / 2 + 1);
}

static void on_signal(int signo)
{
	(void)signo;
}

struct knock {
	const struct bed *bed;
	pthread_t whom;
};

/* First a signal, then somebody to be taken. */
static void *knock(void *arg)
{
	const struct knock *k = arg;
	const struct timespec meanwhile = {
		.tv_nsec = 20000000
	}; /* it sleeps by then, as a rule */

	nanosleep(&meanwhile, NULL);
	assert_int_equal(pthread_kill(k->whom, SIGUSR1), 0);
	nanosleep(&meanwhile, NULL);
	(void)client_new(k->bed);
	return NULL;
}

/* A signal is no error; a descriptor that is no socket is one. */
static void other_errors(void **state)
{
	struct bed *b = *state;
	const struct sigaction sa = { .sa_handler = on_signal }; /* without SA_RESTART */
	struct knock k = { .bed = b, .whom = pthread_self() };
	struct sigaction before;
	pthread_t thread;

	rpc_accept_guard();
	assert_int_equal(accept4(STDIN_FILENO, NULL, NULL, 0), -1);
	assert_true(errno == ENOTSOCK || errno == EOPNOTSUPP || errno == EINVAL);
	close(b->listener);
	b->at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	b->len = sizeof b->at;
	b->listener = socket(AF_UNIX, SOCK_STREAM, 0); /* one that blocks */
	assert_int_equal(bind(b->listener, (struct sockaddr *)&b->at, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(b->listener, (struct sockaddr *)&b->at, &b->len), 0);
	assert_int_equal(listen(b->listener, 16), 0);
	assert_int_equal(sigaction(SIGUSR1, &sa, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, knock, &k), 0);
	assert_true(take(b) >= 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(not_guarded, setup, teardown),
		cmocka_unit_test_setup_teardown(none_left, setup, teardown),
		cmocka_unit_test_setup_teardown(few_left, setup, teardown),
		cmocka_unit_test_setup_teardown(other_errors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
