/* SPDX-License-Identifier: Apache-2.0 */
/* icmp probes with real sockets. Each test runs in a child of its own, in a network namespace of
 * its own, so that it can say what answers pings there; where that is not allowed, it is skipped by
 * name. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "harness.h"
#include "probe/icmp.h"

#define CHECK(WHAT)                                                                                \
	do {                                                                                       \
		if (!(WHAT)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #WHAT);                 \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define CHECK_RESULT(R, CODE, PART)                                                                \
	do {                                                                                       \
		const struct probe_result r_ = (R);                                                \
		if (r_.code != (CODE) || !strstr(r_.detail, (PART))) {                             \
			fprintf(stderr, "%s:%d: %s %s\n", __FILE__, __LINE__, code_name(r_.code),  \
				r_.detail);                                                        \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

enum { EXIT_SKIP = 77 };

/* ---- the child's world */

static void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(EXIT_SKIP);
	close(fd);
}

static void lo_up(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK(fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0);
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	CHECK(ioctl(fd, SIOCSIFFLAGS, &r) == 0);
	close(fd);
}

static void world_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		_exit(EXIT_SKIP);
	lo_up();
}

static void cap_net_raw_drop(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	CHECK(syscall(SYS_capget, &h, d) == 0);
	d[0].effective &= ~(1U << CAP_NET_RAW);
	d[0].permitted &= ~(1U << CAP_NET_RAW);
	d[0].inheritable &= ~(1U << CAP_NET_RAW);
	CHECK(syscall(SYS_capset, &h, d) == 0);
}

/* Run in a child; skip when it says so. */
static void in_a_world(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		world_enter();
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == EXIT_SKIP)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct healthcheck *ping(dur_ns timeout)
{
	struct healthcheck *c = check_new(HC_ICMP, 0);

	c->timeout = timeout;
	return c;
}

/* ---- answered by the kernel */

static void both_families(void)
{
	struct rig *rig = rig_new(2);
	struct addr a4 = addr_of("127.0.0.1"), a6 = addr_of("::1");
	struct healthcheck *c = ping(30 * NS_PER_S);

	CHECK_RESULT(rig_probe(rig, &a4, ping(30 * NS_PER_S)), CODE_L4OK, "echo reply");
	CHECK_RESULT(rig_probe(rig, &a6, ping(30 * NS_PER_S)), CODE_L4OK, "echo reply");
	/* many at once, over the same two sockets */
	for (uint32_t id = 0; id < 500; id++)
		rig_put(rig, id, id % 2 ? &a4 : &a6, c);
	rig_wait(rig, 502);
	for (size_t i = 0; i < 502; i++)
		CHECK_RESULT(rig->r[i], CODE_L4OK, "echo reply");
	healthcheck_unref(c);
	rig_free(rig);
}

static void raw_both_families(void)
{
	struct err e;

	CHECK(!probe_missing_icmp(&e));
	both_families();
}

static void dgram_both_families(void)
{
	file_write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	cap_net_raw_drop();
	struct err e;

	CHECK(!probe_missing_icmp(&e));
	both_families();
}

static void no_permission(void)
{
	struct addr a = addr_of("127.0.0.1");
	struct rig *rig;
	struct err e;

	file_write("/proc/sys/net/ipv4/ping_group_range", "1 0");
	cap_net_raw_drop();
	CHECK(probe_missing_icmp(&e));
	CHECK(strstr(e.msg, "CAP_NET_RAW") && strstr(e.msg, "ping_group_range"));
	rig = rig_new(1);
	CHECK_RESULT(rig_probe(rig, &a, ping(NS_PER_S)), CODE_LOCAL, "CAP_NET_RAW");
	rig_free(rig);
}

static void source_address(void)
{
	struct rig *rig = rig_new(1);
	struct addr a = addr_of("127.0.0.1"), a6 = addr_of("::1");
	struct healthcheck *c = ping(30 * NS_PER_S);

	c->src4 = addr_of("127.0.0.9");
	CHECK_RESULT(rig_probe(rig, &a, c), CODE_L4OK, "");
	c = ping(30 * NS_PER_S);
	c->src4 = addr_of("198.51.100.1");
	CHECK_RESULT(rig_probe(rig, &a, c), CODE_LOCAL, "source address");
	c = ping(30 * NS_PER_S);
	c->src6 = addr_of("2001:db8::99");
	CHECK_RESULT(rig_probe(rig, &a6, c), CODE_LOCAL, "source address");
	rig_free(rig);
}

static void unroutable(void)
{
	struct rig *rig = rig_new(1);
	struct addr a4 = addr_of("192.0.2.1"), a6 = addr_of("2001:db8::1");

	CHECK_RESULT(rig_probe(rig, &a4, ping(NS_PER_S)), CODE_LOCAL, "Network is unreachable");
	CHECK_RESULT(rig_probe(rig, &a6, ping(NS_PER_S)), CODE_LOCAL, "Network is unreachable");
	rig_free(rig);
}

/* ---- answered by the test: the kernel is told to keep quiet */

struct wire { /* a raw socket that sees our requests and sends what it likes */
	int in, out;
	uint8_t request[ICMP_ECHO_LEN]; /* the last one seen */
};

static void kernel_keeps_quiet(void)
{
	file_write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1");
}

static void wire_open(struct wire *w)
{
	w->in = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	w->out = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (w->in < 0 || w->out < 0)
		_exit(EXIT_SKIP);
}

static void wire_drain(struct wire *w)
{
	uint8_t p[256];

	while (recv(w->in, p, sizeof p, MSG_DONTWAIT) >= 0)
		continue;
}

static void wire_read(struct wire *w)
{
	uint8_t p[256];

	for (;;) {
		ssize_t n = recv(w->in, p, sizeof p, 0);

		if (n == 20 + ICMP_ECHO_LEN && p[20] == 8) {
			memcpy(w->request, p + 20, ICMP_ECHO_LEN);
			return;
		}
	}
}

static void wire_send(const struct wire *w, const char *from, const uint8_t *p, size_t n)
{
	struct sockaddr_storage src, dst;
	struct addr a = addr_of(from), to = addr_of("127.0.0.1");
	socklen_t len = addr_to_sockaddr(&a, 0, &src);
	uint8_t q[256];
	uint32_t sum = 0;

	memcpy(q, p, n);
	q[2] = q[3] = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(q[i] << 8 | q[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	q[2] = (uint8_t)(~sum >> 8);
	q[3] = (uint8_t)~sum;
	CHECK(bind(w->out, (struct sockaddr *)&src, len) == 0);
	len = addr_to_sockaddr(&to, 0, &dst);
	CHECK(sendto(w->out, q, n, 0, (struct sockaddr *)&dst, len) == (ssize_t)n);
}

static void forge_replies(const struct wire *w)
{
	uint8_t p[ICMP_ECHO_LEN];
	static const size_t spoil[] = { 4, 5, 6, 7, 8, 15, 23 }; /* identifier, sequence, nonce */

	memcpy(p, w->request, sizeof p);
	p[0] = 0;
	for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
		p[spoil[i]] ^= 1;
		wire_send(w, "127.0.0.1", p, sizeof p);
		p[spoil[i]] ^= 1;
	}
	wire_send(w, "127.0.0.2", p, sizeof p);     /* all right, but from elsewhere */
	wire_send(w, "127.0.0.1", p, sizeof p - 2); /* cut short */
}

static void forged_replies(void)
{
	struct wire w;
	struct rig *rig;
	struct addr a = addr_of("127.0.0.1");
	struct healthcheck *c = ping(NS_PER_S);
	struct probe_result *r;
	uint8_t p[ICMP_ECHO_LEN];

	kernel_keeps_quiet();
	wire_open(&w);
	rig = rig_new(1);
	rig_put(rig, 1, &a, c);
	wire_read(&w);
	forge_replies(&w);
	r = rig_verdict(rig, 1, 0);
	CHECK_RESULT(*r, CODE_L4TOUT, "no echo reply within 1s");
	/* and with the true reply behind the forged ones */
	probe_engine_remove(rig->e, 1);
	CHECK_RESULT(rig_probe(rig, &a, NULL), CODE_STATIC, ""); /* it is gone now */
	wire_drain(&w);
	c->timeout = 30 * NS_PER_S;
	rig_put(rig, 2, &a, c);
	wire_read(&w);
	forge_replies(&w);
	memcpy(p, w.request, sizeof p);
	p[0] = 0;
	wire_send(&w, "127.0.0.1", p, sizeof p);
	CHECK_RESULT(*rig_verdict(rig, 2, rig->n), CODE_L4OK, "echo reply");
	healthcheck_unref(c);
	rig_free(rig);
}

/* An ICMP error about the request that `w` has seen; `spoil`: a byte of the quote to change. */
static void error_send(const struct wire *w, int spoil)
{
	uint8_t p[8 + 20 + ICMP_ECHO_LEN] = { 3, 1 };

	p[8] = 0x45;
	p[8 + 3] = 20 + ICMP_ECHO_LEN;
	p[8 + 8] = 64;
	p[8 + 9] = 1;
	memcpy(p + 8 + 12, (const uint8_t[]){ 127, 0, 0, 1, 127, 0, 0, 1 }, 8);
	memcpy(p + 28, w->request, ICMP_ECHO_LEN);
	if (spoil >= 0)
		p[28 + spoil] ^= 1;
	wire_send(w, "127.0.0.3", p, sizeof p);
}

static void errors_told_apart(struct rig *rig, const struct wire *wire)
{
	struct wire w = *wire;
	struct addr a = addr_of("127.0.0.1");
	struct healthcheck *c = ping(30 * NS_PER_S);

	rig_put(rig, 1, &a, c);
	wire_read(&w);
	error_send(&w, 7);  /* about another sequence number */
	error_send(&w, 12); /* another nonce */
	error_send(&w, -1);
	CHECK_RESULT(*rig_verdict(rig, 1, 0), CODE_L4CON,
		     "host unreachable (ICMP type 3 code 1) from 127.0.0.3");
	CHECK(rig->n == 1);
	healthcheck_unref(c);
}

static void raw_errors(void)
{
	struct wire w;
	struct rig *rig;

	kernel_keeps_quiet();
	wire_open(&w);
	rig = rig_new(1);
	errors_told_apart(rig, &w);
	rig_free(rig);
}

static void dgram_errors(void)
{
	struct wire w;
	struct rig *rig;

	kernel_keeps_quiet();
	file_write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	wire_open(&w);
	cap_net_raw_drop();
	rig = rig_new(1);
	errors_told_apart(rig, &w);
	rig_free(rig);
}

#define WORLD_TEST(NAME)                                                                           \
	static void test_##NAME(void **state)                                                      \
	{                                                                                          \
		in_a_world(NAME);                                                                  \
	}
WORLD_TEST(raw_both_families)
WORLD_TEST(dgram_both_families)
WORLD_TEST(no_permission)
WORLD_TEST(source_address)
WORLD_TEST(unroutable)
WORLD_TEST(forged_replies)
WORLD_TEST(raw_errors)
WORLD_TEST(dgram_errors)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_both_families),
		cmocka_unit_test(test_dgram_both_families),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_source_address),
		cmocka_unit_test(test_unroutable),
		cmocka_unit_test(test_forged_replies),
		cmocka_unit_test(test_raw_errors),
		cmocka_unit_test(test_dgram_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
