/* SPDX-License-Identifier: Apache-2.0 */
/* One call, from the completion queue to the owner's loop and back.
 *
 *   slot's tag ──> rpc_call_begin ──(refused)──────────────────> call_send ──> sent_tag
 *                       │ decoded, listed                            ^
 *                       v                                            │
 *                  arrival message ──> handler ──> reply or fail ────┘
 *
 * A batch with RECV_CLOSE_ON_SERVER runs beside all that; when it comes back cancelled (client
 * gone, deadline passed), a cancel message follows the arrival into the same mailbox, so the owner
 * sees them in order. The owner then lets go of gRPC's call at once, without waiting for the
 * handler to end ours: gRPC's shutdown waits for its calls, and must not wait for handlers.
 *
 * The batches of one call are started by one thread at a time: by the gRPC thread until the arrival
 * is posted, by the owner from then on. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
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
#include "rpc/core.h"
#include "rpc/message.h"

/* Calls with the owner at a time. Each holds a decoded request (RPC_REQUEST_MAX on the wire) and
 * some work; a thousand simultaneous clients are more than a control plane has. */
#define CALLS_MAX 1024

/* An error text travels in a header, of which clients take 8 KiB in all (percent-encoded: three
 * times as long at worst). */
#define STATUS_TEXT_MAX 1024

/* Answers that clients have not taken yet. The largest (everything about 10,000 backends) has some
 * 10 MB; clients that ask and do not read must not fill the memory with them. Small ones are always
 * sent: what is small does not add up to much before its time is over. */
#define UNSENT_BYTES_MAX   (64u << 20)
#define UNSENT_BYTES_SMALL (64u << 10)

static void call_free(struct rpc_call *c)
{
	if (!c->orphan && c->stream)
		rpc_call_unsent_remove(c);
	if (!c->orphan && c->counted)
		atomic_fetch_sub(&c->server->streams, 1);
	if (!c->orphan)
		atomic_fetch_sub(&c->server->live, 1);
	rpc_stream_free(c->stream);
	if (c->gcall)
		grpc_call_unref(c->gcall);
	if (c->request)
		protobuf_c_message_free_unpacked(c->request, NULL);
	if (c->response)
		grpc_byte_buffer_destroy(c->response);
	free(c->peer_text);
	free(c->peer_subject);
	free(c);
}

void rpc_call_ref(struct rpc_call *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void rpc_call_unref(struct rpc_call *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		call_free(c);
}

/* ---- who calls */

/* gRPC writes an address as a URI: "ipv6:%5B::1%5D:40000". */
static char *percent_decoded(const char *s)
{
	struct str out = { 0 };

	for (; *s; s++) {
		int high = *s == '%' ? hex_digit(s[1]) : -1;
		int low = high >= 0 ? hex_digit(s[2]) : -1;
		if (low < 0 || high + low == 0) {
			str_add_c(&out, *s);
			continue;
		}
		str_add_c(&out, (char)(high << 4 | low));
		s += 2;
	}
	return str_take(&out);
}

/* Only what is plainly a Unix socket or a loopback address is local: an unknown form is not. */
static bool peer_is_local(const char *text)
{
	char host[ADDR_STRLEN];
	struct addr a;
	uint16_t port;

	if (str_prefix(text, "unix:"))
		return true;
	if (!str_prefix(text, "ipv4:") && !str_prefix(text, "ipv6:"))
		return false;
	return hostport_split(text + 5, host, sizeof host, &port) == 0 &&
	       addr_parse(host, &a) == 0 && addr_loopback(&a);
}

/* The certificate's subject; "" when there is none. With client_ca no connection comes this far
 * without a verified certificate, so that having one is being authenticated. */
static void peer_certificate(struct rpc_call *c)
{
	grpc_auth_context *ctx = grpc_call_auth_context(c->gcall);
	grpc_auth_property_iterator it;
	const grpc_auth_property *p;

	if (!ctx)
		return;
	it = grpc_auth_context_find_properties_by_name(ctx, GRPC_X509_PEM_CERT_PROPERTY_NAME);
	c->peer.authenticated = c->server->mutual && grpc_auth_property_iterator_next(&it) != NULL;
	it = grpc_auth_context_find_properties_by_name(ctx, GRPC_X509_SUBJECT_PROPERTY_NAME);
	p = grpc_auth_property_iterator_next(&it);
	if (c->peer.authenticated && p)
		c->peer_subject = xstrndup(p->value, p->value_length);
	grpc_auth_context_release(ctx);
}

static void peer_fill(struct rpc_call *c)
{
	char *uri = grpc_call_get_peer(c->gcall);

	c->peer_text = percent_decoded(uri ? uri : "");
	gpr_free(uri);
	c->peer.local = peer_is_local(c->peer_text);
	peer_certificate(c);
	if (!c->peer_subject)
		c->peer_subject = xstrdup("");
	c->peer.text = c->peer_text;
	c->peer.subject = c->peer_subject;
}

static mono_ns deadline_mono(gpr_timespec t)
{
	gpr_timespec left;

	if (gpr_time_cmp(t, gpr_inf_future(t.clock_type)) == 0)
		return INT64_MAX;
	left = gpr_time_sub(t, gpr_now(t.clock_type));
	if (left.tv_sec > INT32_MAX)
		return INT64_MAX;
	return loop_clock() + left.tv_sec * NS_PER_S + left.tv_nsec;
}

/* ---- batches */

static void closed(struct rpc_tag *t, bool ok _unused_)
{
	struct rpc_call *c = CONTAINER_OF(t, struct rpc_call, closed_tag);

	/* A call that was never handed over has been answered by this thread: nobody to tell. */
	if (c->cancelled && c->listed) {
		rpc_call_ref(c);
		mailbox_post(c->server->mailbox, &c->cancel.mail);
	}
	rpc_call_unref(c);
}

/* RECV_CLOSE_ON_SERVER completes only when the call ends: a batch of its own. */
static void watch_close(struct rpc_call *c)
{
	grpc_op op;
	grpc_call_error r;

	memset(&op, 0, sizeof op);
	op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
	op.data.recv_close_on_server.cancelled = &c->cancelled;
	rpc_call_ref(c);
	rpc_tag_arm(&c->closed_tag);
	r = grpc_call_start_batch(c->gcall, &op, 1, &c->closed_tag, NULL);
	assert(r == GRPC_CALL_OK);
}

static void sent(struct rpc_tag *t, bool ok _unused_)
{
	struct rpc_call *c = CONTAINER_OF(t, struct rpc_call, sent_tag);

	if (c->response)
		rpc_call_unsent_remove(c);
	rpc_call_unref(c);
}

void rpc_call_count_end(struct rpc_call *c, enum rpc_status status)
{
	if (!atomic_exchange(&c->end_counted, true))
		rpc_tally_handled(c->tally, status, loop_clock() - c->began);
}

void rpc_call_count_gone(struct rpc_call *c)
{
	rpc_call_count_end(c, c->deadline <= loop_clock() ? RPC_DEADLINE_EXCEEDED : RPC_CANCELLED);
}

/* Everything an answer consists of; `response` is c's, or NULL when status says no. */
static void call_send(struct rpc_call *c, enum rpc_status status, const char *text)
{
	grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_call_error r;
	size_t n = 1;

	if (c->response) {
		rpc_tally_sent(c->tally);
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = c->response;
	}
	ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[n].data.send_status_from_server.status = (grpc_status_code)status;
	ops[n++].data.send_status_from_server.status_details = *text ? &details : NULL;
	rpc_call_count_end(c, status);
	rpc_call_ref(c);
	rpc_tag_arm(&c->sent_tag);
	r = grpc_call_start_batch(c->gcall, ops, n, &c->sent_tag, NULL);
	assert(r == GRPC_CALL_OK);
	grpc_slice_unref(details);
}

/* ---- arrival, on the gRPC thread */

static struct rpc_call *call_new(struct rpc_slot *slot)
{
	struct rpc_call *c = XNEW(struct rpc_call);

	atomic_init(&c->refs, 1);
	atomic_fetch_add(&slot->server->live, 1);
	c->server = slot->server;
	c->method = slot->method;
	c->ctx = slot->ctx;
	c->gcall = slot->gcall;
	c->tally = slot->method ? &slot->tally : NULL;
	c->began = loop_clock();
	c->deadline = deadline_mono(slot->method ? slot->deadline : slot->details.deadline);
	c->arrival = (struct rpc_msg){ .kind = RPC_MSG_CALL, .call = c };
	c->cancel = (struct rpc_msg){ .kind = RPC_MSG_CANCEL, .call = c };
	c->closed_tag.fn = closed;
	c->sent_tag.fn = sent;
	slot->gcall = NULL;
	return c;
}

enum rpc_status rpc_call_decode(const struct rpc_method *m, grpc_byte_buffer *payload,
				ProtobufCMessage **ret, struct err *e)
{
	grpc_byte_buffer_reader reader;
	grpc_slice all;
	int r;

	if (!payload) {
		err_set(e, -EBADMSG, "the call carries no request");
		return RPC_INVALID_ARGUMENT;
	}
	if (grpc_byte_buffer_length(payload) > RPC_REQUEST_MAX) {
		err_set(e, -EMSGSIZE, "a request has at most %u bytes", RPC_REQUEST_MAX);
		return RPC_RESOURCE_EXHAUSTED;
	}
	if (!grpc_byte_buffer_reader_init(&reader, payload)) {
		err_set(e, -EBADMSG, "the request cannot be decompressed");
		return RPC_INTERNAL;
	}
	all = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	r = rpc_message_decode(m->request, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all), ret,
			       e);
	grpc_slice_unref(all);
	return r ? RPC_INVALID_ARGUMENT : RPC_OK;
}

/* The path of a method nobody knows, fit for a message. */
static void unknown_method(const grpc_slice *path, struct err *e)
{
	char name[80];
	size_t n = MIN(GRPC_SLICE_LENGTH(*path), sizeof name - 1);

	for (size_t i = 0; i < n; i++) {
		uint8_t b = GRPC_SLICE_START_PTR(*path)[i];
		name[i] = b > 0x20 && b < 0x7f ? (char)b : '?';
	}
	name[n] = '\0';
	err_set(e, -ENOSYS, "unknown method %s", name);
}

/* Streams are counted until they are gone altogether, since what is left of one (gRPC's part of
 * it, a status that its client does not read) is the larger part. */
static enum rpc_status admit(struct rpc_call *c, struct err *e)
{
	struct rpc_server *s = c->server;
	bool streams = c->method->kind != RPC_UNARY;

	if (s->closing) {
		err_set(e, -ESHUTDOWN, "shutting down");
		return RPC_UNAVAILABLE;
	}
	if (streams && atomic_load(&s->streams) >= RPC_STREAMS_MAX) {
		err_set(e, -EBUSY, "more than %d streams at a time", RPC_STREAMS_MAX);
		return RPC_RESOURCE_EXHAUSTED;
	}
	if (!streams && s->n_calls >= CALLS_MAX) {
		err_set(e, -EBUSY, "more than %d calls at a time", CALLS_MAX);
		return RPC_RESOURCE_EXHAUSTED;
	}
	if (streams)
		atomic_fetch_add(&s->streams, 1);
	else
		s->n_calls++;
	c->counted = streams;
	return RPC_OK;
}

static enum rpc_status hand_over(struct rpc_call *c, struct err *e)
{
	struct rpc_server *s = c->server;
	enum rpc_status status;

	pthread_mutex_lock(&s->lock);
	status = admit(c, e);
	if (!status) {
		c->listed = true;
		list_add_tail(&s->calls, &c->node);
		/* Under the lock: whoever finds the call in the list finds its message in the
		 * mailbox, or delivered. */
		mailbox_post(s->mailbox, &c->arrival.mail);
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}

void rpc_call_begin(struct rpc_slot *slot)
{
	struct rpc_call *c = call_new(slot);
	enum rpc_status status = RPC_OK;
	struct err e = { 0 };

	rpc_tally_started(c->tally);
	peer_fill(c);
	watch_close(c);
	if (!slot->method) {
		unknown_method(&slot->details.method, &e);
		status = RPC_UNIMPLEMENTED;
	} else if (slot->method->kind != RPC_BIDI_STREAM) {
		status = rpc_call_decode(slot->method, slot->payload, &c->request, &e);
		if (!status)
			rpc_tally_received(c->tally);
	}
	if (!status)
		status = hand_over(c, &e);
	if (status) {
		call_send(c, status, e.msg);
		rpc_call_unref(c);
	}
}

/* ---- the owner's side */

void rpc_call_arrived(struct rpc_call *c)
{
	if (c->server->draining && !c->method->while_stopping)
		rpc_call_fail(c, RPC_UNAVAILABLE, "shutting down");
	else
		c->method->fn(c->ctx, c, c->request);
}

static void tell_gone(struct rpc_call *c)
{
	void (*fn)(void *ctx, struct rpc_call *call) = c->cancel_fn;

	c->cancel_fn = NULL;
	if (fn)
		fn(c->cancel_ctx, c);
}

void rpc_call_let_go(struct rpc_call *c)
{
	c->gone = true;
	if (c->gcall)
		grpc_call_unref(c->gcall);
	c->gcall = NULL;
}

void rpc_call_cancelled(struct rpc_call *c)
{
	if (c->stream) {
		rpc_stream_gone(c->stream);
	} else if (!c->ended) {
		rpc_call_count_gone(c);
		rpc_call_let_go(c);
		tell_gone(c);
	}
	rpc_call_unref(c);
}

static void unlist(struct rpc_call *c)
{
	struct rpc_server *s = c->server;

	if (c->orphan)
		return;
	pthread_mutex_lock(&s->lock);
	list_remove(&c->node);
	s->n_calls -= !c->counted;
	pthread_mutex_unlock(&s->lock);
}

void rpc_call_abandon(struct rpc_call *c)
{
	unlist(c);
	c->orphan = true;
	if (c->stream) {
		rpc_stream_gone(c->stream);
		return;
	}
	rpc_call_let_go(c);
	tell_gone(c);
}

void rpc_call_close(struct rpc_call *c)
{
	if (!c->ended)
		unlist(c);
	c->ended = true;
	rpc_call_unref(c);
}

/* ---- answers under way */

/* Cancel the calls whose answers were not taken in time, and look again while there are others. */
static void unsent_expire(void *ctx, struct timer *t)
{
	struct rpc_server *s = ctx;
	mono_ns now = loop_now(s->loop);
	bool any;

	pthread_mutex_lock(&s->lock);
	list_foreach (&s->unsent, node) {
		struct rpc_call *c = CONTAINER_OF(node, struct rpc_call, node);
		if (c->ended_at + s->unsent_max > now)
			break;
		/* Being in the list, its last batch is under way, so that gcall is there. */
		grpc_call_cancel(c->gcall, NULL);
	}
	any = !list_empty(&s->unsent);
	pthread_mutex_unlock(&s->lock);
	if (any)
		timer_set(s->loop, t, now + s->unsent_max / 4, unsent_expire, s);
}

void rpc_call_unsent_remove(struct rpc_call *c)
{
	struct rpc_server *s = c->server;

	pthread_mutex_lock(&s->lock);
	list_remove(&c->node);
	s->unsent_bytes -= c->response_len;
	pthread_mutex_unlock(&s->lock);
}

void rpc_call_unsent_add(struct rpc_call *c)
{
	struct rpc_server *s = c->server;

	c->ended_at = loop_now(s->loop);
	pthread_mutex_lock(&s->lock);
	list_add_tail(&s->unsent, &c->node);
	s->unsent_bytes += c->response_len;
	pthread_mutex_unlock(&s->lock);
	if (!timer_armed(&s->unsent_timer))
		timer_set(s->loop, &s->unsent_timer, c->ended_at + s->unsent_max, unsent_expire, s);
}

static void call_end(struct rpc_call *c, enum rpc_status status, const char *text)
{
	assert(!c->ended && !c->stream); /* exactly one answer */
	c->ended = true;
	unlist(c);
	if (c->response)
		rpc_call_unsent_add(c);
	if (!c->gone)
		call_send(c, status, text);
	rpc_call_unref(c);
}

static bool unsent_has_room(struct rpc_server *s, size_t n)
{
	bool room;

	pthread_mutex_lock(&s->lock);
	room = n <= UNSENT_BYTES_SMALL || s->unsent_bytes == 0 ||
	       s->unsent_bytes + n <= UNSENT_BYTES_MAX;
	pthread_mutex_unlock(&s->lock);
	return room;
}

void rpc_call_reply(struct rpc_call *c, const ProtobufCMessage *response)
{
	size_t n;
	uint8_t *bytes;
	grpc_slice slice;

	assert(c->method->kind == RPC_UNARY);
	if (c->gone) {
		call_end(c, RPC_OK, "");
		return;
	}
	bytes = rpc_message_encode(response, &n);
	if (!unsent_has_room(c->server, n)) {
		free(bytes);
		call_end(c, RPC_RESOURCE_EXHAUSTED, "too many answers wait to be read");
		return;
	}
	slice = grpc_slice_new(bytes, n, free);
	c->response = grpc_raw_byte_buffer_create(&slice, 1);
	c->response_len = n;
	grpc_slice_unref(slice);
	call_end(c, RPC_OK, "");
}

/* Cut to `max` bytes, not inside a character, and make it UTF-8 throughout. */
static void text_trim(struct str *s, size_t max)
{
	struct str out = { 0 };

	for (size_t at = 0; at < s->len && out.len < max;) {
		unsigned cp;
		size_t n = utf8_decode(s->p + at, s->len - at, &cp);
		if (n && out.len + n > max)
			break;
		if (n)
			str_add_n(&out, s->p + at, n);
		else
			str_add_c(&out, '?');
		at += n ? n : 1;
	}
	str_done(s);
	*s = out;
}

void rpc_call_fail(struct rpc_call *c, enum rpc_status status, const char *fmt, ...)
{
	_cleanup_(str_done) struct str text = { 0 };
	va_list ap;

	assert(status != RPC_OK);
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	text_trim(&text, STATUS_TEXT_MAX);
	call_end(c, status, str_z(&text));
}

void rpc_call_tell_gone(struct rpc_call *c)
{
	if (c->orphan)
		return;
	rpc_call_ref(c);
	mailbox_post(c->server->mailbox, &c->cancel.mail);
}

void rpc_call_on_cancel(struct rpc_call *c, void (*fn)(void *ctx, struct rpc_call *c), void *ctx)
{
	assert(!c->ended && !c->cancel_fn);
	c->cancel_fn = fn;
	c->cancel_ctx = ctx;
	if (c->gone)
		rpc_call_tell_gone(c);
}

mono_ns rpc_call_deadline(const struct rpc_call *c)
{
	return c->deadline;
}

const struct rpc_method *rpc_call_method(const struct rpc_call *c)
{
	return c->method;
}

const struct rpc_peer *rpc_call_peer(const struct rpc_call *c)
{
	return &c->peer;
}
