/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC client for programs that do one thing after another.
 *
 * A call is two batches (endpoint.h), and both completions are waited for. The deadline is gRPC's;
 * so waiting needs none, but for asking, now and then, whether somebody wants to give up. */
#include "rpc/client.h"

#include <errno.h>
#include <stdlib.h>

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include "base/alloc.h"
#include "rpc/endpoint.h"
#include "rpc/init.h"
#include "rpc/queue.h"

/* How often a waiting call asks whether it is wanted any longer. */
#define INTERRUPT_POLL (100 * NS_PER_MS)

/* For reading what came between two calls: it is there, or it is not. */
#define PEEK NS_PER_MS

struct rpc_client {
	struct rpc_endpoint endpoint;
	grpc_channel *channel;
	grpc_completion_queue *cq;
	bool (*interrupted)(void);
};

/* ---- making one */

struct rpc_client *rpc_client_new(const struct rpc_client_opts *o, struct err *e)
{
	struct rpc_client *c = XNEW(struct rpc_client);

	rpc_init();
	c->interrupted = o->interrupted;
	if (rpc_endpoint_init(&c->endpoint, o, e)) {
		rpc_client_free(c);
		return NULL;
	}
	c->cq = grpc_completion_queue_create_for_next(NULL);
	c->channel = rpc_endpoint_channel(&c->endpoint);
	return c;
}

void rpc_client_free(struct rpc_client *c)
{
	if (!c)
		return;
	if (c->channel)
		grpc_channel_destroy(c->channel);
	if (c->cq) {
		grpc_completion_queue_shutdown(c->cq);
		rpc_queue_drain(c->cq); /* no call is under way: nothing but the shutdown itself */
		grpc_completion_queue_destroy(c->cq);
	}
	rpc_endpoint_done(&c->endpoint);
	free(c);
	rpc_shutdown();
}

/* ---- one call */

static gpr_timespec soon(dur_ns d)
{
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(d, GPR_TIMESPAN));
}

/* One batch has ended. True once the call was given up. */
static bool batch_wait(struct rpc_client *c, const struct rpc_exchange *x, bool given_up)
{
	for (;;) {
		gpr_timespec until = c->interrupted ? soon(INTERRUPT_POLL)
						    : gpr_inf_future(GPR_CLOCK_MONOTONIC);
		if (grpc_completion_queue_next(c->cq, until, NULL).type != GRPC_QUEUE_TIMEOUT)
			return given_up;
		if (given_up || !c->interrupted || !c->interrupted())
			continue;
		given_up = true;
		grpc_call_cancel(x->call, NULL);
	}
}

/* Nothing is read between calls: look now whether the connection has ended meanwhile (a daemon was
 * restarted), so that this call makes a new one. And a channel that could not connect fails calls
 * on the spot until its next attempt: start over. */
static void channel_refresh(struct rpc_client *c)
{
	if (grpc_channel_check_connectivity_state(c->channel, 0) == GRPC_CHANNEL_READY)
		(void)grpc_completion_queue_next(c->cq, soon(PEEK), NULL);
	if (grpc_channel_check_connectivity_state(c->channel, 0) != GRPC_CHANNEL_TRANSIENT_FAILURE)
		return;
	grpc_channel_destroy(c->channel);
	c->channel = rpc_endpoint_channel(&c->endpoint);
}

enum rpc_status rpc_client_call(struct rpc_client *c, const char *path,
				const ProtobufCMessage *request,
				const ProtobufCMessageDescriptor *response, dur_ns timeout,
				ProtobufCMessage **ret, struct err *e)
{
	gpr_timespec deadline = soon(timeout);
	_cleanup_(rpc_exchange_done) struct rpc_exchange x = { 0 };
	struct rpc_tag tags[2] = { { NULL }, { NULL } }; /* which of them comes is of no interest */
	bool given_up = false;

	channel_refresh(c);
	rpc_exchange_init(&x, c->channel, c->cq, path, rpc_request_encode(request), deadline);
	rpc_exchange_start(&x, true, &tags[0], &tags[1]);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		given_up = batch_wait(c, &x, given_up);
	if (x.status == GRPC_STATUS_OK)
		return rpc_exchange_decode(&x, response, ret, e);
	enum rpc_status status = rpc_exchange_failed(&c->endpoint, &x, timeout, e);
	if (given_up)
		err_set(e, -EINTR, "interrupted");
	return status;
}
