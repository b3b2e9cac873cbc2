/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a probe can cost: its system calls (and OpenSSL's work), in a loop, and nothing
 * else. No check of an answer, no parser, no deadline, no record; the same socket options and the
 * same pace as the probe engine: starts keep to the same grid.
 *
 *   bareloop tcp|http|https PORT ADDRESSES RATE
 *
 * Probes the first ADDRESSES addresses from 127.1.0.0 on in turn, RATE times a second, until it is
 * killed. The certificate must be of "bench", from a CA of the default store (SSL_CERT_FILE). */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/loop.h"

#define BASE 0x7f010000U

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\nUser-Agent: maglevd/2.0.0\r\n"
			      "Accept: */*\r\nConnection: close\r\n\r\n";

struct bare {
	enum { TCP, HTTP, HTTPS } kind;
	uint16_t port;
	uint32_t addresses, next;
	int64_t rate;
	dur_ns grid;
	int ep;
	SSL_CTX *tls;
	SSL **sessions; /* by descriptor */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void probe_open(struct bare *b)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(b->port),
				  .sin_addr.s_addr = htonl(BASE + b->next++ % b->addresses) };
	struct linger reset = { .l_onoff = 1 };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	int off = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
		die("connect");
	ev.data.fd = fd;
	epoll_ctl(b->ep, EPOLL_CTL_ADD, fd, &ev);
}

static void probe_close(struct bare *b, int fd)
{
	if (b->tls) {
		SSL_free(b->sessions[fd]);
		b->sessions[fd] = NULL;
	}
	close(fd);
}

static void tls_event(struct bare *b, int fd)
{
	SSL *ssl = b->sessions[fd];
	char buf[16384];

	ERR_clear_error();
	if (!ssl) {
		ssl = b->sessions[fd] = SSL_new(b->tls);
		SSL_set_fd(ssl, fd);
		SSL_set1_host(ssl, "bench");
		char name[] = "bench"; /* the macro casts const away */
		SSL_set_tlsext_host_name(ssl, name);
	}
	if (!SSL_is_init_finished(ssl)) {
		int r = SSL_connect(ssl);

		if (r == 1)
			SSL_write(ssl, request, sizeof request - 1);
		else if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
			probe_close(b, fd);
	} else if (SSL_read(ssl, buf, sizeof buf) > 0) {
		probe_close(b, fd);
	}
}

static void probe_event(struct bare *b, int fd, uint32_t events)
{
	char buf[16384];

	if (b->kind == HTTPS) {
		tls_event(b, fd);
		return;
	}
	if (b->kind == HTTP && !(events & EPOLLIN)) {
		(void)!send(fd, request, sizeof request - 1, MSG_NOSIGNAL);
		return;
	}
	if (b->kind == HTTP)
		(void)!recv(fd, buf, sizeof buf, 0);
	probe_close(b, fd);
}

static void run(struct bare *b)
{
	struct epoll_event got[256];
	mono_ns gap = NS_PER_S / b->rate, due = loop_clock(), now;

	for (;;) {
		mono_ns wake;
		struct timespec ts;
		int n;

		for (now = loop_clock(); due <= now; due += gap)
			probe_open(b);
		wake = b->grid ? (due + b->grid - 1) / b->grid * b->grid : due;
		ts = (struct timespec){ .tv_nsec = MAX(wake - now, 0) };
		n = epoll_pwait2(b->ep, got, 256, &ts, NULL);
		for (int i = 0; i < n; i++)
			probe_event(b, got[i].data.fd, got[i].events);
	}
}

/* As the engine's: ten starts on a point, steps of 4 to 16 ms, but 1 % of the interval at the most.
 */
static dur_ns grid(const struct bare *b)
{
	dur_ns most = MIN(MAX(10 * NS_PER_S / b->rate, 4 * NS_PER_MS),
			  NS_PER_S / 100 * b->addresses / b->rate);
	dur_ns step = 16 * NS_PER_MS;

	while (step > most)
		step = step > NS_PER_MS ? step / 2 : 0;
	return step;
}

static void tls_setup(struct bare *b)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	b->sessions = xcalloc(files.rlim_cur, sizeof(SSL *));
	b->tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(b->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(b->tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(b->tls, SSL_OP_NO_TICKET);
	if (SSL_CTX_set_default_verify_paths(b->tls) != 1)
		die("default trust store");
}

int main(int argc, char **argv)
{
	struct bare b = { 0 };

	if (argc != 5)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	b.kind = strcmp(argv[1], "https") == 0 ? HTTPS : strcmp(argv[1], "http") == 0 ? HTTP : TCP;
	b.port = (uint16_t)atoi(argv[2]);
	b.addresses = (uint32_t)atoi(argv[3]);
	b.rate = atoi(argv[4]);
	b.grid = grid(&b);
	b.ep = epoll_create1(EPOLL_CLOEXEC);
	if (b.kind == HTTPS)
		tls_setup(&b);
	run(&b);
}
