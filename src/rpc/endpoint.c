/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC words its own failures for its developers. Those that an operator meets (nobody listens, no
 * such host, no handshake, no answer in time) are put into a sentence here; what a server said is
 * passed on as it is. Which of the two a status is, its debug text alone tells.
 *
 * RECV_STATUS_ON_CLIENT completes when a call ends, however it ends, and has to be a batch of its
 * own. */
#include "rpc/endpoint.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
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

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000

/* ---- the server */

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

int rpc_endpoint_init(struct rpc_endpoint *ep, const struct rpc_client_opts *o, struct err *e)
{
	struct rpc_endpoint made = { .target = target_make(o->server, e),
				     .keepalive = o->keepalive };

	if (!made.target)
		return e->code;
	if (rpc_tls_client(o->tls_ca, o->tls_cert, o->tls_key, &made.creds, e)) {
		free(made.target);
		return e->code;
	}
	made.server = xstrdup(o->server);
	*ep = made;
	return 0;
}

void rpc_endpoint_done(struct rpc_endpoint *ep)
{
	if (ep->creds)
		grpc_channel_credentials_release(ep->creds);
	free(ep->server);
	free(ep->target);
	*ep = (struct rpc_endpoint){ 0 };
}

grpc_channel *rpc_endpoint_channel(const struct rpc_endpoint *ep)
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
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, rpc_keepalive_ms(&ep->keepalive)),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
			    rpc_keepalive_timeout_ms(&ep->keepalive)),
		rpc_arg_int(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		rpc_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
	};
	grpc_channel_args all = { ARRAY_LEN(args), args };

	return grpc_channel_create(ep->target, ep->creds, &all);
}

/* ---- one call */

grpc_byte_buffer *rpc_request_encode(const ProtobufCMessage *m)
{
	size_t n;
	uint8_t *bytes = rpc_message_encode(m, &n);
	grpc_slice slice = grpc_slice_new(bytes, n, free);
	grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return b;
}

void rpc_exchange_init(struct rpc_exchange *x, grpc_channel *channel, grpc_completion_queue *cq,
		       const char *path, grpc_byte_buffer *request, gpr_timespec deadline)
{
	grpc_slice method = grpc_slice_from_copied_string(path);

	*x = (struct rpc_exchange){ .request = request, .details = grpc_empty_slice() };
	grpc_metadata_array_init(&x->initial);
	grpc_metadata_array_init(&x->trailing);
	x->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, cq, method, NULL,
					   deadline, NULL);
	grpc_slice_unref(method);
}

static void batch(const struct rpc_exchange *x, const grpc_op *ops, size_t n, struct rpc_tag *tag)
{
	grpc_call_error r;

	rpc_tag_arm(tag);
	r = grpc_call_start_batch(x->call, ops, n, tag, NULL);
	assert(r == GRPC_CALL_OK);
}

void rpc_exchange_start(struct rpc_exchange *x, bool whole, struct rpc_tag *tag,
			struct rpc_tag *status_tag)
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
	batch(x, ops, ARRAY_LEN(ops) - !whole, tag);
	batch(x, &status, 1, status_tag);
}

void rpc_exchange_receive(struct rpc_exchange *x, struct rpc_tag *tag)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	if (x->answer)
		grpc_byte_buffer_destroy(x->answer);
	x->answer = NULL;
	op.data.recv_message.recv_message = &x->answer;
	batch(x, &op, 1, tag);
}

void rpc_exchange_done(struct rpc_exchange *x)
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

/* ---- what came of it */

enum rpc_status rpc_exchange_decode(const struct rpc_exchange *x,
				    const ProtobufCMessageDescriptor *d, ProtobufCMessage **ret,
				    struct err *e)
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

static int unreachable(const struct rpc_endpoint *ep, const char *text, struct err *e)
{
	_cleanup_(str_done) struct str why = { 0 };

	if (strstr(text, "DNS resolution failed"))
		return err_set(e, -EHOSTUNREACH, "cannot reach %s: the name does not resolve",
			       ep->server);
	cause(text, &why);
	return err_set(e, -EHOSTUNREACH, "cannot reach %s: %s", ep->server, str_z(&why));
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
static bool from_server(const struct rpc_exchange *x, enum rpc_status status, const char *text)
{
	if (!x->debug || !strstr(x->debug, "Error received from peer"))
		return false; /* it never came to a call */
	/* Both sides watch the deadline; whichever is first, these are gRPC's words. */
	if (status == RPC_DEADLINE_EXCEEDED)
		return !str_eq(text, "Deadline Exceeded");
	return status != RPC_UNAVAILABLE || !is_lost(text);
}

static char *details_text(const struct rpc_exchange *x)
{
	return xstrndup((const char *)GRPC_SLICE_START_PTR(x->details),
			GRPC_SLICE_LENGTH(x->details));
}

static enum rpc_status status_of(const struct rpc_exchange *x)
{
	return (unsigned)x->status <= RPC_UNAUTHENTICATED ? (enum rpc_status)x->status
							  : RPC_UNKNOWN;
}

enum rpc_status rpc_exchange_failed(const struct rpc_endpoint *ep, const struct rpc_exchange *x,
				    dur_ns timeout, struct err *e)
{
	_cleanup_free_ char *text = details_text(x);
	enum rpc_status status = status_of(x);
	char dur[DUR_STRLEN];

	if (from_server(x, status, text) && *text)
		err_set(e, -EREMOTEIO, "%s", text);
	else if (from_server(x, status, text))
		err_set(e, -EREMOTEIO, "the server answered %s", rpc_status_name(status));
	else if (status == RPC_DEADLINE_EXCEEDED)
		err_set(e, -ETIMEDOUT, "no answer from %s within %s", ep->server,
			dur_format(timeout, dur));
	else if (status == RPC_UNAVAILABLE && is_lost(text))
		err_set(e, -ECONNRESET, "the connection to %s was lost", ep->server);
	else if (status == RPC_UNAVAILABLE)
		unreachable(ep, text, e);
	else
		err_set(e, -EPROTO, "talking to %s: %s", ep->server, text);
	return status;
}

bool rpc_exchange_answered(const struct rpc_exchange *x)
{
	_cleanup_free_ char *text = details_text(x);

	return from_server(x, status_of(x), text);
}
