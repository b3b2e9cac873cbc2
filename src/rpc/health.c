/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/health.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/str.h"
#include "health.pb-c.h"
#include "rpc/stream.h"

typedef Grpc__Health__V1__HealthCheckRequest health_request;
typedef Grpc__Health__V1__HealthCheckResponse health_response;

#define SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define NO_SERVICE  GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct rpc_health {
	const char *service;
	bool serving, stopped;
	struct list watchers; /* of struct watcher */
};

struct watcher {
	struct list node;
	struct rpc_stream *stream;
	bool known; /* a service we have */
};

struct rpc_health *rpc_health_new(const char *service)
{
	struct rpc_health *h = XNEW(struct rpc_health);

	h->service = service;
	list_init(&h->watchers);
	return h;
}

void rpc_health_free(struct rpc_health *h)
{
	free(h);
}

static bool is_known(const struct rpc_health *h, const char *service)
{
	return !*service || str_eq(service, h->service);
}

static void check(void *ctx, struct rpc_call *call, const ProtobufCMessage *request)
{
	const struct rpc_health *h = ctx;
	const char *service = ((const health_request *)request)->service;
	health_response answer = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	if (!is_known(h, service)) {
		rpc_call_fail(call, RPC_NOT_FOUND, "service \"%s\" not found", service);
		return;
	}
	answer.status = h->serving ? SERVING : NOT_SERVING;
	rpc_call_reply(call, &answer.base);
}

/* ---- Watch */

static void tell(const struct rpc_health *h, const struct watcher *w)
{
	health_response answer = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	struct rpc_packed *p;

	answer.status = !w->known ? NO_SERVICE : h->serving ? SERVING : NOT_SERVING;
	p = rpc_packed_one(&answer.base);
	rpc_stream_send(w->stream, p);
	rpc_packed_unref(p);
}

static void watcher_end(struct watcher *w)
{
	rpc_stream_end(w->stream, RPC_UNAVAILABLE, "shutting down");
	list_remove(&w->node);
	free(w);
}

static void watcher_gone(void *ctx, struct rpc_stream *st _unused_)
{
	struct watcher *w = ctx;

	list_remove(&w->node);
	free(w);
}

static const struct rpc_stream_ops watcher_ops = { .closed = watcher_gone };

static void watch(void *ctx, struct rpc_call *call, const ProtobufCMessage *request)
{
	struct rpc_health *h = ctx;
	struct watcher *w = XNEW(struct watcher);

	w->known = is_known(h, ((const health_request *)request)->service);
	w->stream = rpc_stream_open(call, &watcher_ops, w);
	list_add_tail(&h->watchers, &w->node);
	tell(h, w);
	if (h->stopped)
		watcher_end(w);
}

void rpc_health_set(struct rpc_health *h, bool serving)
{
	if (h->serving == serving)
		return;
	h->serving = serving;
	list_foreach (&h->watchers, node) {
		const struct watcher *w = CONTAINER_OF(node, struct watcher, node);
		if (w->known)
			tell(h, w);
	}
}

void rpc_health_stop(struct rpc_health *h)
{
	rpc_health_set(h, false);
	h->stopped = true;
	list_foreach (&h->watchers, node)
		watcher_end(CONTAINER_OF(node, struct watcher, node));
}

static const struct rpc_method methods[] = {
	{ .path = "/grpc.health.v1.Health/Check",
	  .request = &grpc__health__v1__health_check_request__descriptor,
	  .fn = check,
	  .while_stopping = true },
	{ .path = "/grpc.health.v1.Health/Watch",
	  .request = &grpc__health__v1__health_check_request__descriptor,
	  .fn = watch,
	  .kind = RPC_SERVER_STREAM,
	  .while_stopping = true },
};

struct rpc_service rpc_health_service(struct rpc_health *h)
{
	return (struct rpc_service){ methods, ARRAY_LEN(methods), h };
}
