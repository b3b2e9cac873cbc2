/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "maglev.pb-c.h"

static void forget(struct service *sv, struct rpc_call *c)
{
	for (size_t i = 0; i < sv->n_held; i++) {
		if (sv->held[i] == c) {
			sv->held[i] = sv->held[--sv->n_held];
			return;
		}
	}
}

static void cancelled(void *ctx, struct rpc_call *c)
{
	struct service *sv = ctx;

	sv->cancelled++;
	if (sv->keep_cancelled)
		return;
	forget(sv, c);
	rpc_call_fail(c, RPC_CANCELLED, "gone");
}

void service_release(struct service *sv)
{
	while (sv->n_held > 0)
		rpc_call_fail(sv->held[--sv->n_held], RPC_UNAVAILABLE, "released");
}

static void get_version(void *ctx, struct rpc_call *c, const ProtobufCMessage *request _unused_)
{
	struct service *sv = ctx;
	const struct rpc_peer *p = rpc_call_peer(c);
	Maglev__VersionInfo v = MAGLEV__VERSION_INFO__INIT;
	_cleanup_free_ char *text = xstrdup(p->text), *subject = xstrdup(p->subject);
	char flags[64];

	sv->calls++;
	sv->deadline = rpc_call_deadline(c);
	snprintf(flags, sizeof flags, "%s %s", p->local ? "local" : "remote",
		 p->authenticated ? "authenticated" : "anonymous");
	v.version = text;
	v.commit = subject;
	v.build_date = flags;
	rpc_call_reply(c, &v.base);
}

static void late(void *ctx, struct timer *t _unused_)
{
	struct service *sv = ctx;
	Maglev__BackendInfo b = MAGLEV__BACKEND_INFO__INIT;
	struct rpc_call *c = sv->late_call;
	char name[] = "late";

	b.name = name;
	sv->late_call = NULL;
	rpc_call_reply(c, &b.base);
}

static void hold(struct service *sv, struct rpc_call *c, bool on_cancel)
{
	assert(sv->n_held < SERVICE_HELD_MAX);
	sv->held[sv->n_held++] = c;
	if (on_cancel)
		rpc_call_on_cancel(c, cancelled, sv);
}

static void get_backend(void *ctx, struct rpc_call *c, const ProtobufCMessage *request)
{
	struct service *sv = ctx;
	const Maglev__GetBackendRequest *r = (const Maglev__GetBackendRequest *)request;
	Maglev__BackendInfo b = MAGLEV__BACKEND_INFO__INIT;

	sv->calls++;
	sv->deadline = rpc_call_deadline(c);
	if (strcmp(r->name, "hang") == 0 || strcmp(r->name, "never") == 0) {
		hold(sv, c, r->name[0] == 'h');
	} else if (strcmp(r->name, "late") == 0) {
		sv->late_call = c;
		timer_set(sv->loop, &sv->late, loop_now(sv->loop) + 20 * NS_PER_MS, late, sv);
	} else if (strcmp(r->name, "missing") == 0) {
		rpc_call_fail(c, RPC_NOT_FOUND, "backend \"%s\" not found", r->name);
	} else if (strcmp(r->name, "long") == 0) {
		rpc_call_fail(c, RPC_NOT_FOUND, "%05000d \xff", 7);
	} else if (strcmp(r->name, "big") == 0) {
		_cleanup_free_ char *name = xcalloc(1, SERVICE_BIG + 1);
		memset(name, 'x', SERVICE_BIG);
		b.name = name;
		rpc_call_reply(c, &b.base);
	} else if (strcmp(r->name, "bytes") == 0) {
		char bytes[] = "a\xff z";
		b.name = bytes;
		rpc_call_reply(c, &b.base);
	} else {
		_cleanup_free_ char *name = xstrndup(r->name, 100);
		b.name = name;
		b.counter = (int32_t)strlen(r->name);
		rpc_call_reply(c, &b.base);
	}
}

static void list_backends(void *ctx, struct rpc_call *c, const ProtobufCMessage *request _unused_)
{
	struct service *sv = ctx;
	Maglev__ListBackendsResponse l = MAGLEV__LIST_BACKENDS_RESPONSE__INIT;
	char text[64];
	char *names[] = { text };

	snprintf(text, sizeof text, "held %zu cancelled %d", sv->n_held, sv->cancelled);
	l.n_backend_names = 1;
	l.backend_names = names;
	rpc_call_reply(c, &l.base);
}

const struct rpc_method service_methods[] = {
	{ "/maglev.Maglev/GetVersion", &maglev__get_version_request__descriptor, get_version,
	  NULL },
	{ "/maglev.Maglev/GetBackend", &maglev__get_backend_request__descriptor, get_backend,
	  NULL },
	{ "/maglev.Maglev/ListBackends", &maglev__list_backends_request__descriptor, list_backends,
	  NULL },
};
const size_t service_n_methods = ARRAY_LEN(service_methods);
