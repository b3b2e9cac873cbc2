/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/mailbox.h"
#include "maglev.pb-c.h"

void harness_init(struct harness *h)
{
	memset(h, 0, sizeof *h);
	h->loop = loop_new();
	h->sv.loop = h->loop;
	strcpy(h->dir, "/tmp/test-rpc-XXXXXX");
	assert(mkdtemp(h->dir));
	h->opts = (struct rpc_server_opts){
		.loop = h->loop,
		.addr = "127.0.0.1:0",
		.methods = service_methods,
		.n_methods = service_n_methods,
		.ctx = &h->sv,
	};
}

void harness_start(struct harness *h)
{
	struct err e = { 0 };

	h->server = rpc_server_new(&h->opts, &e);
	if (!h->server) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
	if (rpc_server_port(h->server) > 0)
		snprintf(h->target, sizeof h->target, "localhost:%d", rpc_server_port(h->server));
	else
		snprintf(h->target, sizeof h->target, "%s", h->opts.addr);
}

void harness_end(struct harness *h)
{
	char command[128];

	service_release(&h->sv);
	rpc_server_free(h->server);
	service_release(&h->sv);
	loop_free(h->loop);
	snprintf(command, sizeof command, "rm -rf %s", h->dir);
	assert(system(command) == 0);
}

void harness_until(struct harness *h, const bool *flag)
{
	while (!*flag)
		loop_turn(h->loop, -1);
}

struct runner {
	struct harness *h;
	void (*fn)(struct harness *h);
	pthread_t thread;
	struct mailbox *mailbox;
	struct mail mail;
	bool returned;
};

static void *run(void *arg)
{
	struct runner *r = arg;

	r->fn(r->h);
	mailbox_post(r->mailbox, &r->mail);
	return NULL;
}

static void returned(void *ctx, struct mail *m _unused_)
{
	struct runner *r = ctx;

	r->returned = true;
}

struct runner *harness_spawn(struct harness *h, void (*fn)(struct harness *h))
{
	struct runner *r = XNEW(struct runner);

	r->h = h;
	r->fn = fn;
	r->mailbox = mailbox_new(h->loop, returned, r);
	assert(pthread_create(&r->thread, NULL, run, r) == 0);
	return r;
}

void harness_join(struct harness *h, struct runner *r)
{
	harness_until(h, &r->returned);
	pthread_join(r->thread, NULL);
	mailbox_free(r->mailbox, NULL, NULL);
	free(r);
}

void harness_run(struct harness *h, void (*fn)(struct harness *h))
{
	harness_join(h, harness_spawn(h, fn));
}

enum rpc_status harness_get_backend(const char *server, const struct rpc_client_opts *o,
				    const char *name, dur_ns timeout, char text[HARNESS_TEXT])
{
	struct rpc_client_opts opts = o ? *o : (struct rpc_client_opts){ 0 };
	Maglev__GetBackendRequest request = MAGLEV__GET_BACKEND_REQUEST__INIT;
	_cleanup_free_ char *copy = xstrdup(name);
	struct rpc_client *c;
	ProtobufCMessage *m;
	struct err e = { 0 };
	enum rpc_status st;

	opts.server = server;
	request.name = copy;
	c = rpc_client_new(&opts, &e);
	if (!c) {
		snprintf(text, HARNESS_TEXT, "%s", e.msg);
		return RPC_UNKNOWN;
	}
	st = rpc_client_call(c, "/maglev.Maglev/GetBackend", &request.base,
			     &maglev__backend_info__descriptor, timeout, &m, &e);
	if (st == RPC_OK) {
		snprintf(text, HARNESS_TEXT, "%s", ((Maglev__BackendInfo *)m)->name);
		protobuf_c_message_free_unpacked(m, NULL);
	} else {
		snprintf(text, HARNESS_TEXT, "%s", e.msg);
	}
	rpc_client_free(c);
	return st;
}
