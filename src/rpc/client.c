/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC client for programs that do one thing after another.
 *
 * Two batches per call: RECV_STATUS_ON_CLIENT completes when the call ends, however it ends, and
 * has to be one of its own. The deadline is gRPC's; so waiting for both completions needs none (but
 * for asking, now and then, whether somebody wants to give up).
 *
 * gRPC words its own failures for its developers. Those that an operator meets (nobody listens, no
 * such host, no handshake, no answer in time) are put into a sentence here; what a server said is
 * passed on as it is. Which of the two a status is, its debug text alone tells. */
#include "rpc/client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/str.h"
#include "rpc/init.h"
#include "rpc/message.h"
#include "rpc/tls.h"

/* A list of 10,000 backends with their histories has some 10 MB. */
#define ANSWER_MAX (256 << 20)

/* The same as the server's (server.c): pings on both sides or none. */
#define KEEPALIVE_MS         30000
#define KEEPALIVE_TIMEOUT_MS 10000

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000

/* How often a waiting call asks whether it is wanted any longer. */
#define INTERRUPT_POLL (100 * NS_PER_MS)

/* For reading what came between two calls: it is there, or it is not. */
#define PEEK NS_PER_MS

struct rpc_client {
	char *server; /* as the user wrote it */
	char *target; /* as gRPC wants it */
	grpc_channel_credentials *creds;
	grpc_channel *channel;
	grpc_completion_queue *cq;
	bool (*interrupted)(void);
};

/* ---- making one */

/* The scheme is spelt out, so that no host name can be taken for one. */
static char *target_make(const char *server, struct err *e)
{
	char host[NI_MAXHOST];
	uint16_t port;

	if (str_prefix(server, "unix:") && server[5])
		return xstrdup(server);
	if (hostport_split(server, host, sizeof host, &port) || port == 0) {
		err_set(e, -EINVAL, "server \"%s\": expected host:port, [v6]:port or unix:/path",
			server);
		return NULL;
	}
	if (!*host)
		return xasprintf("dns:///localhost:%u", port);
	return xasprintf(strchr(host, ':') ? "dns:///[%s]:%u" : "dns:///%s:%u", host, port);
}

static grpc_channel *channel_make(const struct rpc_client *c)
{
	grpc_arg args[] = {
		rpc_arg_int(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
		rpc_arg_int(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
		rpc_arg_int(GRPC_ARG_ENABLE_RETRIES, 0),
		/* A new channel is to connect anew, not to share what an old one failed with. */
		rpc_arg_int(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
		rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, ANSWER_MAX),
		rpc_arg_int(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_MIN_MS),
		rpc_arg_int(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		rpc_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
	};
	grpc_channel_args all = { ARRAY_LEN(args), args };

	return grpc_channel_create(c->target, c->creds, &all);
}

struct rpc_client *rpc_client_new(const struct rpc_client_opts *o, struct err *e)
{
	struct rpc_client *c = XNEW(struct rpc_client);

	rpc_init();
	c->server = xstrdup(o->server);
	c->interrupted = o->interrupted;
	c->target = target_make(o->server, e);
	if (!c->target || rpc_tls_client(o->tls_ca, o->tls_cert, o->tls_key, &c->creds, e)) {
		rpc_client_free(c);
		return NULL;
	}
	c->cq = grpc_completion_queue_create_for_next(NULL);
	c->channel = channel_make(c);
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
		while (grpc_completion_queue_next(c->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
			       .type != GRPC_QUEUE_SHUTDOWN)
			; /* no call is under way: nothing but the shutdown itself */
		grpc_completion_queue_destroy(c->cq);
	}
	if (c->creds)
		grpc_channel_credentials_release(c->creds);
	free(c->server);
	free(c->target);
	free(c);
	rpc_shutdown();
}

/* ---- one call */

struct exchange {
	grpc_call *call;
	grpc_byte_buffer *request, *answer;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice details;
	const char *debug; /* gRPC's own words on a failure */
	bool interrupted;
};

static void exchange_done(struct exchange *x)
{
	grpc_metadata_array_destroy(&x->initial);
	grpc_metadata_array_destroy(&x->trailing);
	grpc_slice_unref(x->details);
	if (x->debug) {
		union {
			const char *given;
			void *freed;
		} d = { .given = x->debug };
		gpr_free(d.freed);
	}
	if (x->request)
		grpc_byte_buffer_destroy(x->request);
	if (x->answer)
		grpc_byte_buffer_destroy(x->answer);
	if (x->call)
		grpc_call_unref(x->call);
}

static void batch(struct exchange *x, const grpc_op *ops, size_t n)
{
	grpc_call_error r = grpc_call_start_batch(x->call, ops, n, x, NULL);

	assert(r == GRPC_CALL_OK);
}

static void exchange_start(struct exchange *x)
{
	grpc_op ops[5] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA,
		  /* fail at once when the server cannot be reached */
		  .flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET },
		{ .op = GRPC_OP_SEND_MESSAGE },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
		{ .op = GRPC_OP_RECV_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_MESSAGE },
	};
	grpc_op status = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	ops[1].data.send_message.send_message = x->request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &x->initial;
	ops[4].data.recv_message.recv_message = &x->answer;
	status.data.recv_status_on_client.trailing_metadata = &x->trailing;
	status.data.recv_status_on_client.status = &x->status;
	status.data.recv_status_on_client.status_details = &x->details;
	status.data.recv_status_on_client.error_string = &x->debug;
	batch(x, ops, ARRAY_LEN(ops));
	batch(x, &status, 1);
}

static grpc_byte_buffer *request_encode(const ProtobufCMessage *m)
{
	size_t n;
	uint8_t *bytes = rpc_message_encode(m, &n);
	grpc_slice slice = grpc_slice_new(bytes, n, free);
	grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return b;
}

static gpr_timespec soon(dur_ns d)
{
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(d, GPR_TIMESPAN));
}

/* One batch has ended. */
static void exchange_wait(struct rpc_client *c, struct exchange *x)
{
	for (;;) {
		gpr_timespec until = c->interrupted ? soon(INTERRUPT_POLL)
						    : gpr_inf_future(GPR_CLOCK_MONOTONIC);
		if (grpc_completion_queue_next(c->cq, until, NULL).type != GRPC_QUEUE_TIMEOUT)
			return;
		if (x->interrupted || !c->interrupted())
			continue;
		x->interrupted = true;
		grpc_call_cancel(x->call, NULL);
	}
}

static void exchange_run(struct rpc_client *c, const char *path, gpr_timespec deadline,
			 struct exchange *x)
{
	grpc_slice method = grpc_slice_from_copied_string(path);

	grpc_metadata_array_init(&x->initial);
	grpc_metadata_array_init(&x->trailing);
	x->details = grpc_empty_slice();
	x->call = grpc_channel_create_call(c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->cq, method,
					   NULL, deadline, NULL);
	grpc_slice_unref(method);
	exchange_start(x);
	for (int batches = 0; batches < 2; batches++)
		exchange_wait(c, x);
}

/* ---- what came of it */

static enum rpc_status answer_decode(const struct exchange *x, const ProtobufCMessageDescriptor *d,
				     ProtobufCMessage **ret, struct err *e)
{
	grpc_byte_buffer_reader reader;
	grpc_slice all;
	int r;

	if (!x->answer || !grpc_byte_buffer_reader_init(&reader, x->answer)) {
		err_set(e, -EPROTO, "the server's answer is empty");
		return RPC_INTERNAL;
	}
	all = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	r = rpc_message_decode(d, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all), ret, NULL);
	grpc_slice_unref(all);
	if (!r)
		return RPC_OK;
	err_set(e, -EPROTO, "the server's answer is no valid %s", d->name);
	return RPC_INTERNAL;
}

/* The cause at the end of gRPC's chain of explanations, which looks like "failed to connect to all
 * addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection
 * refused". */
static void cause(const char *text, struct str *out)
{
	const char *s = strstr(text, "last error: ");

	s = s ? s + strlen("last error: ") : text;
	for (const char *colon; (colon = strstr(s, ": "));)
		s = colon + 2;
	str_add(out, *s ? s : text);
	if (out->len > 1 && islower((unsigned char)out->p[1]))
		out->p[0] = (char)tolower((unsigned char)out->p[0]);
}

static int unreachable(const struct rpc_client *c, const char *text, struct err *e)
{
	_cleanup_(str_done) struct str why = { 0 };

	if (strstr(text, "DNS resolution failed"))
		return err_set(e, -EHOSTUNREACH, "cannot reach %s: the name does not resolve",
			       c->server);
	cause(text, &why);
	return err_set(e, -EHOSTUNREACH, "cannot reach %s: %s", c->server, str_z(&why));
}

/* gRPC's words for a connection that ends in the middle of a call. */
static bool is_lost(const char *text)
{
	static const char *const words[] = {
		"Broken pipe",    "Cancelling all calls", "Connection reset by peer",
		"GOAWAY",         "Server shutdown",      "Socket closed",
		"Stream removed", "Transport closed",     "keepalive watchdog timeout",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_prefix(text, words[i]))
			return true;
	return false;
}

/* Did the server send this status (rather than our own side make it up)? */
static bool from_server(const struct exchange *x, enum rpc_status status, const char *text)
{
	if (!x->debug || !strstr(x->debug, "Error received from peer"))
		return false; /* it never came to a call */
	/* Both sides watch the deadline; whichever is first, these are gRPC's words. */
	if (status == RPC_DEADLINE_EXCEEDED)
		return !str_eq(text, "Deadline Exceeded");
	return status != RPC_UNAVAILABLE || !is_lost(text);
}

static enum rpc_status failed(const struct rpc_client *c, const struct exchange *x, dur_ns timeout,
			      struct err *e)
{
	_cleanup_free_ char *text = xstrndup((const char *)GRPC_SLICE_START_PTR(x->details),
					     GRPC_SLICE_LENGTH(x->details));
	enum rpc_status status = (unsigned)x->status <= RPC_UNAUTHENTICATED
					 ? (enum rpc_status)x->status
					 : RPC_UNKNOWN;
	char dur[DUR_STRLEN];

	if (x->interrupted)
		err_set(e, -EINTR, "interrupted");
	else if (from_server(x, status, text) && *text)
		err_set(e, -EREMOTEIO, "%s", text);
	else if (from_server(x, status, text))
		err_set(e, -EREMOTEIO, "the server answered %s", rpc_status_name(status));
	else if (status == RPC_DEADLINE_EXCEEDED)
		err_set(e, -ETIMEDOUT, "no answer from %s within %s", c->server,
			dur_format(timeout, dur));
	else if (status == RPC_UNAVAILABLE && is_lost(text))
		err_set(e, -ECONNRESET, "the connection to %s was lost", c->server);
	else if (status == RPC_UNAVAILABLE)
		unreachable(c, text, e);
	else
		err_set(e, -EPROTO, "talking to %s: %s", c->server, text);
	return status;
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
	c->channel = channel_make(c);
}

enum rpc_status rpc_client_call(struct rpc_client *c, const char *path,
				const ProtobufCMessage *request,
				const ProtobufCMessageDescriptor *response, dur_ns timeout,
				ProtobufCMessage **ret, struct err *e)
{
	gpr_timespec deadline = soon(timeout);
	_cleanup_(exchange_done) struct exchange x = { .request = request_encode(request) };

	channel_refresh(c);
	exchange_run(c, path, deadline, &x);
	if (x.status == GRPC_STATUS_OK)
		return answer_decode(&x, response, ret, e);
	return failed(c, &x, timeout, e);
}
