/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' service as a program, for clients in other languages: prints "port N" (or -1) when it
 * listens, ends gracefully on SIGTERM. Usage: server_main ADDR [CERT KEY [CLIENT_CA]] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "service.h"

static void finished(void *ctx)
{
	struct service *sv = ctx;

	loop_stop(sv->loop, 0);
}

struct stopper {
	struct service *sv;
	struct rpc_server *server;
};

static void on_signal(void *ctx, int signo _unused_)
{
	struct stopper *st = ctx;

	rpc_server_shutdown(st->server, NS_PER_S, finished, st->sv);
}

int main(int argc, char **argv)
{
	static struct service sv;
	const int signos[] = { SIGTERM };
	struct err e = { 0 };
	struct loop *loop = loop_new();
	struct stopper st = { .sv = &sv };

	sv.loop = loop;
	loop_signals(loop, signos, 1, on_signal, &st);
	struct rpc_server_opts o = {
		.loop = loop,
		.addr = argc > 1 ? argv[1] : "127.0.0.1:0",
		.tls_cert = argc > 3 ? argv[2] : NULL,
		.tls_key = argc > 3 ? argv[3] : NULL,
		.client_ca = argc > 4 ? argv[4] : NULL,
		.methods = service_methods,
		.n_methods = service_n_methods,
		.ctx = &sv,
		.read_timeout = getenv("READ_TIMEOUT_MS")
					? strtoll(getenv("READ_TIMEOUT_MS"), NULL, 10) * NS_PER_MS
					: 0,
	};
	st.server = rpc_server_new(&o, &e);
	if (!st.server) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	printf("port %d\n", rpc_server_port(st.server));
	fflush(stdout);
	int code = loop_run(loop);
	service_release(&sv);
	rpc_server_free(st.server);
	loop_free(loop);
	return code;
}
