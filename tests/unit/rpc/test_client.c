/* SPDX-License-Identifier: Apache-2.0 */
/* What the client says when something is in the way, and TLS from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "harness.h"
#include "maglev.pb-c.h"

#define LONG (60 * NS_PER_S)

static enum rpc_status call(struct rpc_client *c, char text[HARNESS_TEXT])
{
	Maglev__GetBackendRequest request = MAGLEV__GET_BACKEND_REQUEST__INIT;
	char name[] = "web-a";
	ProtobufCMessage *m;
	struct err e = { 0 };
	enum rpc_status st;

	request.name = name;
	st = rpc_client_call(c, "/maglev.Maglev/GetBackend", &request.base,
			     &maglev__backend_info__descriptor, LONG, &m, &e);
	snprintf(text, HARNESS_TEXT, "%s", st ? e.msg : ((Maglev__BackendInfo *)m)->name);
	if (!st)
		protobuf_c_message_free_unpacked(m, NULL);
	return st;
}

/* A port that nobody listens on, as long as the descriptor is open. */
static int quiet_port(int *ret_fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	*ret_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*ret_fd, (const struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static void test_refused(void **state)
{
	char text[HARNESS_TEXT], server[64], want[128];
	int fd;

	snprintf(server, sizeof server, "127.0.0.1:%d", quiet_port(&fd));
	assert_int_equal(harness_get_backend(server, NULL, "a", LONG, text), RPC_UNAVAILABLE);
	snprintf(want, sizeof want, "cannot reach %s: connection refused", server);
	assert_string_equal(text, want);
	close(fd);
}

static void test_no_socket(void **state)
{
	char text[HARNESS_TEXT];

	assert_int_equal(harness_get_backend("unix:/nonexistent/s", NULL, "a", LONG, text),
			 RPC_UNAVAILABLE);
	assert_string_equal(text, "cannot reach unix:/nonexistent/s: no such file or directory");
}

static void test_bad_options(void **state)
{
	static const char *const bad[] = {
		"", "localhost", "::1:9090", "unix:", "host:0", "host:x"
	};
	char text[HARNESS_TEXT], want[128];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(harness_get_backend(bad[i], NULL, "a", LONG, text), RPC_UNKNOWN);
		snprintf(want, sizeof want,
			 "server \"%s\": expected host:port, [v6]:port or unix:/path", bad[i]);
		assert_string_equal(text, want);
	}
	struct rpc_client_opts o = { .tls_ca = "/nonexistent" };
	assert_int_equal(harness_get_backend("localhost:1", &o, "a", LONG, text), RPC_UNKNOWN);
	assert_string_equal(text, "reading /nonexistent: No such file or directory");
	o = (struct rpc_client_opts){ .tls_cert = "/nonexistent" };
	assert_int_equal(harness_get_backend("localhost:1", &o, "a", LONG, text), RPC_UNKNOWN);
	assert_string_equal(text, "the TLS certificate /nonexistent needs a key");
	o = (struct rpc_client_opts){ .tls_key = "/nonexistent" };
	assert_int_equal(harness_get_backend("localhost:1", &o, "a", LONG, text), RPC_UNKNOWN);
	assert_string_equal(text, "the TLS key /nonexistent needs a certificate");
}

/* Somebody who speaks something else, or hangs up, or says nothing at all. */
static void test_no_grpc_server(void **state)
{
	char text[HARNESS_TEXT], server[64], want[128];
	int fd;

	snprintf(server, sizeof server, "127.0.0.1:%d", quiet_port(&fd));
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(harness_get_backend(server, NULL, "a", 300 * NS_PER_MS, text),
			 RPC_DEADLINE_EXCEEDED);
	snprintf(want, sizeof want, "no answer from %s within 300ms", server);
	assert_string_equal(text, want);
	close(fd);
}

/* One client over the life of two servers: every call says what is, none stays stuck. */
struct again {
	struct harness *h;
	struct rpc_client *client;
};
static struct again again;

static void works(struct harness *h)
{
	char text[HARNESS_TEXT];

	CHECK_INT(call(again.client, text), RPC_OK);
	CHECK_STR(text, "web-a");
}

static void unreachable(struct harness *h)
{
	char text[HARNESS_TEXT];

	/* the first may find the old connection before it finds that it ended */
	for (int i = 0; i < 3; i++) {
		CHECK_INT(call(again.client, text), RPC_UNAVAILABLE);
		if (i > 0 || !str_prefix(text, "the connection to "))
			CHECK(str_prefix(text, "cannot reach "));
	}
}

static void test_reconnects(void **state)
{
	struct harness h;
	char addr[128];
	struct err e = { 0 };

	harness_init(&h);
	snprintf(addr, sizeof addr, "unix:%s/s", h.dir);
	h.opts.addr = addr;
	again.client = rpc_client_new(&(struct rpc_client_opts){ .server = addr }, &e);
	unreachable(&h);
	for (int i = 0; i < 3; i++) {
		harness_start(&h);
		harness_run(&h, works);
		harness_run(&h, works);
		rpc_server_free(h.server);
		h.server = NULL;
		unreachable(&h);
	}
	rpc_client_free(again.client);
	harness_end(&h);
}

/* ---- TLS */

static void shell(const struct harness *h, const char *command)
{
	_cleanup_free_ char *line = xasprintf("cd %s && ( %s ) >log 2>&1 || { cat log; false; }",
					      h->dir, command);

	assert_int_equal(system(line), 0);
}

/* ca signs server (for localhost) and client; other.crt signs itself. */
static void make_certificates(const struct harness *h)
{
	shell(h,
	      "for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt "
	      "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.crt "
	      "|| exit 1; done");
	shell(h,
	      "echo subjectAltName=DNS:localhost >san; for n in server client; do "
	      "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=Ops/CN=$n "
	      "-keyout $n.key -out $n.csr && openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key "
	      "-CAcreateserial -days 2 -extfile san -out $n.crt || exit 1; done");
}

static struct tls_files {
	char ca[96], other[96], server_crt[96], server_key[96], client_crt[96], client_key[96];
} files;

static void start_tls(struct harness *h, bool mutual)
{
	harness_init(h);
	make_certificates(h);
	snprintf(files.ca, sizeof files.ca, "%s/ca.crt", h->dir);
	snprintf(files.other, sizeof files.other, "%s/other.crt", h->dir);
	snprintf(files.server_crt, sizeof files.server_crt, "%s/server.crt", h->dir);
	snprintf(files.server_key, sizeof files.server_key, "%s/server.key", h->dir);
	snprintf(files.client_crt, sizeof files.client_crt, "%s/client.crt", h->dir);
	snprintf(files.client_key, sizeof files.client_key, "%s/client.key", h->dir);
	h->opts.tls_cert = files.server_crt;
	h->opts.tls_key = files.server_key;
	h->opts.client_ca = mutual ? files.ca : NULL;
	harness_start(h);
}

static void tls_calls(struct harness *h)
{
	struct rpc_client_opts good = { .tls_ca = files.ca }, wrong = { .tls_ca = files.other };
	char text[HARNESS_TEXT], addr[64];

	CHECK_INT(harness_get_backend(h->target, &good, "a", LONG, text), RPC_OK);
	CHECK_INT(harness_get_backend(h->target, &wrong, "a", LONG, text), RPC_UNAVAILABLE);
	CHECK(strstr(text, "certificate verify failed"));
	/* the certificate is for localhost */
	snprintf(addr, sizeof addr, "127.0.0.1:%d", rpc_server_port(h->server));
	CHECK_INT(harness_get_backend(addr, &good, "a", LONG, text), RPC_UNAVAILABLE);
	CHECK(str_prefix(text, "cannot reach 127.0.0.1:"));
	/* without TLS at all */
	CHECK_INT(harness_get_backend(h->target, NULL, "a", LONG, text), RPC_UNAVAILABLE);
	CHECK(str_prefix(text, "cannot reach localhost:"));
}

static void test_tls(void **state)
{
	struct harness h;

	start_tls(&h, false);
	harness_run(&h, tls_calls);
	harness_end(&h);
}

static void mutual_calls(struct harness *h)
{
	struct rpc_client_opts good = { .tls_ca = files.ca,
					.tls_cert = files.client_crt,
					.tls_key = files.client_key };
	struct rpc_client_opts nobody = { .tls_ca = files.ca };
	char text[HARNESS_TEXT];

	CHECK_INT(harness_get_backend(h->target, &good, "a", LONG, text), RPC_OK);
	CHECK_INT(harness_get_backend(h->target, &nobody, "a", LONG, text), RPC_UNAVAILABLE);
	CHECK(str_prefix(text, "cannot reach localhost:"));
}

static void test_mutual_tls(void **state)
{
	struct harness h;

	start_tls(&h, true);
	harness_run(&h, mutual_calls);
	harness_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_bad_options), cmocka_unit_test(test_no_grpc_server),
		cmocka_unit_test(test_reconnects),  cmocka_unit_test(test_tls),
		cmocka_unit_test(test_mutual_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
