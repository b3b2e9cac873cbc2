/* SPDX-License-Identifier: Apache-2.0 */
/* Idle streams: they last, and a peer that vanished is noticed on either side. Between the two
 * stands a firewall (here: a proxy on the same loop) that may cease to let anything through, and
 * tells nobody. The times are a thousandth of the usual. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

#include "base/alloc.h"
#include "maglev.pb-c.h"
#include "rpc/asyncclient.h"
#include "rpc/stream.h"

/* Notices soon; pings often and waits for the answers; does not ping. */
static const struct rpc_keepalive soon = { 60 * NS_PER_MS, 20 * NS_PER_MS };
static const struct rpc_keepalive often = { 60 * NS_PER_MS, 3600 * NS_PER_S };
static const struct rpc_keepalive never = { 3600 * NS_PER_S, 3600 * NS_PER_S };

#define PATIENCE (60 * NS_PER_S)

/* ---- the firewall: one connection */

struct leg {
	struct firewall *fw;
	struct loop_io io;
	int fd;
	uint64_t bytes; /* that came from it */
};

struct firewall {
	struct loop *loop;
	struct loop_io io;
	int listener, port, server_port;
	struct leg client, server;
	bool dropping;
};

static void loopback(struct sockaddr_in *sa, int port)
{
	*sa = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void leg_close(struct leg *leg)
{
	if (leg->fd < 0)
		return;
	loop_io_del(&leg->io);
	close(leg->fd);
	leg->fd = -1;
}

static void forward(void *ctx, uint32_t events _unused_)
{
	struct leg *from = ctx;
	struct firewall *fw = from->fw;
	struct leg *to = from == &fw->client ? &fw->server : &fw->client;
	char buf[65536];
	ssize_t n = recv(from->fd, buf, sizeof buf, MSG_DONTWAIT);

	if (n > 0 && !fw->dropping) {
		from->bytes += (uint64_t)n;
		assert_int_equal(send(to->fd, buf, (size_t)n, MSG_NOSIGNAL), n);
	} else if (n == 0 && !fw->dropping) {
		leg_close(&fw->client);
		leg_close(&fw->server);
	} else if (n == 0) {
		leg_close(from);
	}
}

static void leg_open(struct firewall *fw, struct leg *leg, int fd)
{
	leg->fw = fw;
	leg->fd = fd;
	assert_true(fd >= 0);
	assert_int_equal(loop_io_add(fw->loop, &leg->io, fd, EPOLLIN, forward, leg), 0);
}

static void come(void *ctx, uint32_t events _unused_)
{
	struct firewall *fw = ctx;
	struct sockaddr_in sa;
	int in = accept(fw->listener, NULL, NULL), out;

	if (fw->dropping || fw->client.fd >= 0) {
		close(in);
		return;
	}
	out = socket(AF_INET, SOCK_STREAM, 0);
	loopback(&sa, fw->server_port);
	assert_int_equal(connect(out, (const struct sockaddr *)&sa, sizeof sa), 0);
	leg_open(fw, &fw->client, in);
	leg_open(fw, &fw->server, out);
}

static void firewall_start(struct firewall *fw, struct loop *l, int server_port)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof sa;

	*fw = (struct firewall){ .loop = l, .server_port = server_port };
	fw->client.fd = fw->server.fd = -1;
	fw->listener = socket(AF_INET, SOCK_STREAM, 0);
	loopback(&sa, 0);
	assert_int_equal(bind(fw->listener, (const struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fw->listener, 8), 0);
	assert_int_equal(getsockname(fw->listener, (struct sockaddr *)&sa, &len), 0);
	fw->port = ntohs(sa.sin_port);
	assert_int_equal(loop_io_add(l, &fw->io, fw->listener, EPOLLIN, come, fw), 0);
}

static void firewall_end(struct firewall *fw)
{
	leg_close(&fw->client);
	leg_close(&fw->server);
	loop_io_del(&fw->io);
	close(fw->listener);
}

/* ---- the two */

struct bed {
	struct loop *loop;
	struct firewall fw;
	struct rpc_server *server;
	struct rpc_async *client;
	struct rpc_stream *stream;
	int closed, opened, messages, ended;
};

static void on_closed(void *ctx, struct rpc_stream *st)
{
	struct bed *b = ctx;

	b->closed++;
	if (b->stream == st)
		b->stream = NULL;
}

static const struct rpc_stream_ops stream_ops = { .closed = on_closed };

static void watch_events(void *ctx, struct rpc_call *c, const ProtobufCMessage *request _unused_)
{
	struct bed *b = ctx;

	b->stream = rpc_stream_open(c, &stream_ops, b);
}

static const struct rpc_method method = { .path = "/maglev.Maglev/WatchEvents",
					  .request = &maglev__watch_request__descriptor,
					  .fn = watch_events,
					  .kind = RPC_SERVER_STREAM };

static void on_opened(void *ctx)
{
	((struct bed *)ctx)->opened++;
}

static void on_message(void *ctx, const ProtobufCMessage *m _unused_)
{
	((struct bed *)ctx)->messages++;
}

static void on_ended(void *ctx, enum rpc_status status _unused_, const char *text _unused_)
{
	((struct bed *)ctx)->ended++;
}

static const struct rpc_watch_ops watch_ops = { on_opened, on_message, on_ended };

#define UNTIL(B, COND)                                                                             \
	do {                                                                                       \
		mono_ns end_ = loop_clock() + PATIENCE;                                            \
		while (!(COND)) {                                                                  \
			assert_true(loop_clock() < end_);                                          \
			loop_turn((B)->loop, 20 * NS_PER_MS);                                      \
		}                                                                                  \
	} while (0)

static void bed_start(struct bed *b, struct rpc_keepalive server, struct rpc_keepalive client)
{
	static const Maglev__WatchRequest request = MAGLEV__WATCH_REQUEST__INIT;
	struct rpc_server_opts so = { .addr = "127.0.0.1:0",
				      .methods = &method,
				      .n_methods = 1,
				      .ctx = b,
				      .keepalive = server };
	struct rpc_async_opts co = { .server.keepalive = client };
	struct err e = { 0 };
	char target[32];

	memset(b, 0, sizeof *b);
	b->loop = so.loop = co.loop = loop_new();
	b->server = rpc_server_new(&so, &e);
	assert_non_null(b->server);
	firewall_start(&b->fw, b->loop, rpc_server_port(b->server));
	(void)snprintf(target, sizeof target, "127.0.0.1:%d", b->fw.port);
	co.server.server = target;
	b->client = rpc_async_new(&co, &e);
	assert_non_null(b->client);
	(void)rpc_async_watch(b->client,
			      &(struct rpc_watch_request){ .path = method.path,
							   .request = &request.base,
							   .response = &maglev__event__descriptor,
							   .ops = &watch_ops,
							   .ctx = b });
	UNTIL(b, b->opened == 1 && b->stream);
}

static void bed_end(struct bed *b)
{
	rpc_async_free(b->client);
	rpc_server_free(b->server);
	firewall_end(&b->fw);
	loop_free(b->loop);
}

static void send_one(struct bed *b)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	struct rpc_packed *p = rpc_packed_one(&m.base);

	rpc_stream_send(b->stream, p);
	rpc_packed_unref(p);
}

/* Pings of both sides pass for as long as dozens of keepalive times: nobody takes them for too
 * many, or a late answer for none. */
static void test_idle_streams_last(void **state _unused_)
{
	struct bed b;
	/* A ping has 8 bytes and a head of 9, and so has its answer: thirty each. */
	const uint64_t want = 30 * 2 * 17;
	uint64_t from_client, from_server;

	bed_start(&b, often, often);
	from_client = b.fw.client.bytes;
	from_server = b.fw.server.bytes;
	UNTIL(&b,
	      b.fw.client.bytes >= from_client + want && b.fw.server.bytes >= from_server + want);
	assert_int_equal(b.closed + b.ended, 0);
	send_one(&b);
	UNTIL(&b, b.messages == 1);
	assert_int_equal(b.opened, 1);
	bed_end(&b);
}

static void test_the_server_notices(void **state _unused_)
{
	struct bed b;

	bed_start(&b, soon, never);
	b.fw.dropping = true;
	UNTIL(&b, b.closed == 1);
	assert_int_equal(b.ended, 0); /* the client knows nothing of it */
	bed_end(&b);
}

static void test_the_client_notices(void **state _unused_)
{
	struct bed b;

	bed_start(&b, never, soon);
	b.fw.dropping = true;
	UNTIL(&b, b.ended == 1);
	assert_int_equal(b.closed, 0);
	/* And comes back when it can. */
	leg_close(&b.fw.client);
	leg_close(&b.fw.server);
	b.fw.dropping = false;
	UNTIL(&b, b.opened == 2);
	bed_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_streams_last),
		cmocka_unit_test(test_the_server_notices),
		cmocka_unit_test(test_the_client_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
