/* SPDX-License-Identifier: Apache-2.0 */
#include "subscribers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "rpc/endpoint.h"
#include "rpc/init.h"
#include "rpc/queue.h"

#define PATH "/maglev.Maglev/WatchEvents"

struct subscriber {
	struct subscribers *all;
	grpc_channel *channel;
	struct rpc_exchange exchange;
	struct rpc_tag headers_tag, message_tag, status_tag;
	size_t replay; /* messages still to come */
	bool counting, finished, ended;
	uint64_t events, hash;
};

struct subscribers {
	struct subscribers_opts opts;
	struct rpc_endpoint endpoint;
	grpc_completion_queue *cq;
	struct subscriber *v;
	size_t started, begun, finished, ended;
	struct subscriber *first_ended;
};

/* So many connect at a time: they are one thread, and a server gives a connection 10 s to say
 * something. */
#define AT_A_TIME 64

static void start_more(struct subscribers *all);

static bool has(const uint8_t *p, size_t n, const char *word)
{
	return memmem(p, n, word, strlen(word)) != NULL;
}

/* FNV-1a, over the events and where each begins. */
static void hash_event(struct subscriber *s, const uint8_t *p, size_t n)
{
	uint64_t h = (s->hash ^ n) * 0x100000001b3;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	s->hash = h;
}

static void event(struct subscriber *s, const uint8_t *p, size_t n)
{
	struct subscribers *all = s->all;

	if (s->replay > 0) {
		if (--s->replay == 0) {
			all->begun++;
			start_more(all);
		}
		return;
	}
	if (!s->counting && (!all->opts.first || has(p, n, all->opts.first)))
		s->counting = true;
	if (!s->counting || s->finished)
		return;
	s->events++;
	hash_event(s, p, n);
	if (all->opts.last && has(p, n, all->opts.last)) {
		s->finished = true;
		all->finished++;
	}
}

static void on_message(struct rpc_tag *t, bool ok)
{
	struct subscriber *s = CONTAINER_OF(t, struct subscriber, message_tag);
	grpc_byte_buffer_reader reader;
	grpc_slice all;

	if (!ok || !s->exchange.answer)
		return;
	if (grpc_byte_buffer_reader_init(&reader, s->exchange.answer)) {
		all = grpc_byte_buffer_reader_readall(&reader);
		event(s, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
		grpc_slice_unref(all);
		grpc_byte_buffer_reader_destroy(&reader);
	}
	rpc_exchange_receive(&s->exchange, &s->message_tag);
}

static void on_headers(struct rpc_tag *t _unused_, bool ok _unused_) {}

static void on_status(struct rpc_tag *t, bool ok _unused_)
{
	struct subscriber *s = CONTAINER_OF(t, struct subscriber, status_tag);

	s->ended = true;
	s->all->ended++;
	if (!s->all->first_ended)
		s->all->first_ended = s;
}

static void subscribe(struct subscriber *s)
{
	struct subscribers *all = s->all;

	s->headers_tag.fn = on_headers;
	s->message_tag.fn = on_message;
	s->status_tag.fn = on_status;
	s->replay = all->opts.replay;
	s->hash = 0xcbf29ce484222325;
	s->channel = rpc_endpoint_channel(&all->endpoint);
	rpc_exchange_init(&s->exchange, s->channel, all->cq, PATH,
			  rpc_request_encode(&all->opts.request.base),
			  gpr_inf_future(GPR_CLOCK_MONOTONIC));
	rpc_exchange_start(&s->exchange, false, &s->headers_tag, &s->status_tag);
	rpc_exchange_receive(&s->exchange, &s->message_tag);
}

static void start_more(struct subscribers *all)
{
	while (all->started < all->opts.n && all->started < all->begun + AT_A_TIME)
		subscribe(&all->v[all->started++]);
}

struct subscribers *subscribers_new(const struct subscribers_opts *o)
{
	struct subscribers *all = XNEW(struct subscribers);
	struct err e = { 0 };

	rpc_init();
	all->opts = *o;
	if (rpc_endpoint_init(&all->endpoint, &(struct rpc_client_opts){ .server = o->target },
			      &e)) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	all->cq = grpc_completion_queue_create_for_next(NULL);
	all->v = xcalloc(o->n, sizeof *all->v);
	for (size_t i = 0; i < o->n; i++)
		all->v[i].all = all;
	start_more(all);
	return all;
}

bool subscribers_run(struct subscribers *all, bool (*enough)(const struct subscribers *s),
		     dur_ns max)
{
	gpr_timespec end = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
					gpr_time_from_nanos(max, GPR_TIMESPAN));

	while (!enough(all)) {
		grpc_event ev = grpc_completion_queue_next(all->cq, end, NULL);
		if (ev.type == GRPC_QUEUE_TIMEOUT)
			return enough(all);
		struct rpc_tag *t = ev.tag;
		atomic_load_explicit(&t->fn, memory_order_acquire)(t, ev.success);
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t distinct(const struct subscribers *all)
{
	uint64_t *h = xcalloc(all->opts.n, sizeof *h);
	size_t n = all->opts.n > 0;

	for (size_t i = 0; i < all->opts.n; i++)
		h[i] = all->v[i].hash;
	qsort(h, all->opts.n, sizeof *h, by_value);
	for (size_t i = 1; i < all->opts.n; i++)
		n += h[i] != h[i - 1];
	free(h);
	return n;
}

void subscribers_tally(const struct subscribers *all, struct subscribers_tally *ret)
{
	struct err e = { 0 };

	*ret = (struct subscribers_tally){ .begun = all->begun,
					   .finished = all->finished,
					   .ended = all->ended,
					   .min = UINT64_MAX,
					   .sequences = distinct(all) };
	for (size_t i = 0; i < all->opts.n; i++) {
		ret->min = MIN(ret->min, all->v[i].events);
		ret->max = MAX(ret->max, all->v[i].events);
		ret->total += all->v[i].events;
	}
	if (all->first_ended)
		(void)rpc_exchange_failed(&all->endpoint, &all->first_ended->exchange, 0, &e);
	(void)snprintf(ret->end_text, sizeof ret->end_text, "%s", e.msg);
}

bool subscribers_all_begun(const struct subscribers *all)
{
	return all->begun == all->opts.n || all->ended > 0;
}

bool subscribers_all_finished(const struct subscribers *all)
{
	return all->finished == all->opts.n || all->ended > 0;
}

void subscribers_free(struct subscribers *all)
{
	for (size_t i = 0; i < all->started; i++)
		(void)grpc_call_cancel(all->v[i].exchange.call, NULL);
	grpc_completion_queue_shutdown(all->cq);
	while (grpc_completion_queue_next(all->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
		       .type != GRPC_QUEUE_SHUTDOWN)
		;
	for (size_t i = 0; i < all->started; i++) {
		rpc_exchange_done(&all->v[i].exchange);
		grpc_channel_destroy(all->v[i].channel);
	}
	grpc_completion_queue_destroy(all->cq);
	rpc_endpoint_done(&all->endpoint);
	free(all->v);
	free(all);
	rpc_shutdown();
}
