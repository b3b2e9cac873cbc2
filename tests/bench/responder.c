/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks probe: one process, one epoll loop; on 0.0.0.0 it is every address of
 * 127.0.0.0/8.
 *
 * Each request is answered with a small 200 and the connection stays open until the client leaves.
 *   responder COUNTER ADDRESS HTTP_PORT [HTTPS_PORT CERTIFICATE KEY] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* A listener, or a connection; its address is epoll's datum. */
struct peer {
	int fd;
	bool listening;
	bool tls;
	SSL *ssl;
};

static uint64_t *requests; /* answered; in a file that the bench maps, too */
static SSL_CTX *tls_ctx;
static int ep;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void peer_add(struct peer *p, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = p };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &ev) < 0)
		die("epoll_ctl");
}

static void listen_on(const char *address, const char *port, bool tls)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct peer *p = XNEW(struct peer);
	int on = 1;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die(address);
	*p = (struct peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
			    .listening = true,
			    .tls = tls };
	setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(p->fd, (struct sockaddr *)&to, sizeof to) < 0 || listen(p->fd, 4096) < 0)
		die("listen");
	peer_add(p, EPOLLIN);
}

static void take_all(const struct peer *listener)
{
	int fd;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct peer *p = XNEW(struct peer);

		*p = (struct peer){ .fd = fd, .tls = listener->tls };
		if (p->tls) {
			p->ssl = SSL_new(tls_ctx);
			SSL_set_fd(p->ssl, fd);
			SSL_set_accept_state(p->ssl);
		}
		peer_add(p, EPOLLIN);
	}
}

static void drop(struct peer *p)
{
	SSL_free(p->ssl);
	close(p->fd);
	free(p);
}

static bool serve_tls(const struct peer *p)
{
	char buf[2048];
	int n;

	ERR_clear_error(); /* what is left of another connection would count as this one's */
	n = SSL_read(p->ssl, buf, sizeof buf);

	if (n <= 0)
		return SSL_get_error(p->ssl, n) == SSL_ERROR_WANT_READ;
	++*requests;
	return SSL_write(p->ssl, ANSWER, sizeof ANSWER - 1) > 0;
}

static bool serve(const struct peer *p)
{
	char buf[2048];

	if (p->tls)
		return serve_tls(p);
	if (recv(p->fd, buf, sizeof buf, 0) <= 0)
		return false;
	++*requests;
	return send(p->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) > 0;
}

static void run(void)
{
	struct epoll_event got[256];

	for (;;) {
		int n = epoll_wait(ep, got, 256, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = got[i].data.ptr;

			if (p->listening)
				take_all(p);
			else if (!serve(p))
				drop(p);
		}
	}
}

static void counter_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, sizeof *requests) < 0)
		die(path);
	requests = mmap(NULL, sizeof *requests, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (requests == MAP_FAILED)
		die("mmap");
}

static void tls_open(const char *cert, const char *key)
{
	tls_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_options(tls_ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(tls_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls_ctx, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(tls_ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls_ctx, key, SSL_FILETYPE_PEM) != 1)
		die(cert);
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc != 4 && argc != 7)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	ep = epoll_create1(EPOLL_CLOEXEC);
	counter_open(argv[1]);
	listen_on(argv[2], argv[3], false);
	if (argc == 7) {
		tls_open(argv[5], argv[6]);
		listen_on(argv[2], argv[4], true);
	}
	run();
}
