/* SPDX-License-Identifier: Apache-2.0 */
/* The socket side of the simulator. A frame is cut from the stream, its payload goes to api_input,
 * frames come back through send_frame to whichever client they are for. The plugin's clock is the
 * loop's, scaled: see struct server_options. */
#include "lbsim/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "lbsim/conn.h"
#include "lbsim/listener.h"

struct server {
	struct loop *loop;
	struct listener *listener;
	struct api api;
	struct stats *stats;     /* or NULL */
	struct forward *forward; /* or NULL */
	struct list peers;
	unsigned n_peers;
	void (*died)(void *ctx, const char *why);
	void *died_ctx;
	dur_ns gc_interval;
	mono_ns started;
	uint32_t advanced; /* seconds of VPP's by which its clock was moved ahead */
	uint64_t gc_runs;
	struct timer gc, silence;
};

struct peer {
	struct list node;
	struct server *s;
	struct conn *conn;
	struct api_client *client;
};

/* ---- time */

#define VPP_GC_NS ((__int128)LB_GC_RUN * NS_PER_S) /* VPP's time between collections */

/* VPP's uptime in nanoseconds. At the fastest setting of the command line, 10 ms for 60 s, this
 * lasts for two weeks of real time. */
static int64_t uptime_ns(const struct server *s)
{
	dur_ns real = loop_now(s->loop) - s->started;
	__int128 scaled = real * VPP_GC_NS / s->gc_interval;
	return (int64_t)scaled + s->advanced * NS_PER_S;
}

struct api_time server_time(struct server *s)
{
	return (struct api_time){ .uptime = (uint32_t)(uptime_ns(s) / NS_PER_S),
				  .wall = loop_wall() };
}

/* Collections happen at whole multiples of 60 s of VPP's time, each seeing its own time. */
static void gc_catch_up(struct server *s)
{
	uint64_t due = (uint64_t)(uptime_ns(s) / (LB_GC_RUN * NS_PER_S));
	while (s->gc_runs < due) {
		s->gc_runs++;
		server_changed(s);
		lbplugin_gc(&s->api.plugin, (uint32_t)(s->gc_runs * LB_GC_RUN));
	}
}

static void on_gc(void *ctx, struct timer *t)
{
	struct server *s = ctx;
	gc_catch_up(s);
	int64_t left = (int64_t)(s->gc_runs + 1) * LB_GC_RUN * NS_PER_S - uptime_ns(s);
	dur_ns real = (dur_ns)(left * (__int128)s->gc_interval / VPP_GC_NS) + 1;
	timer_set(s->loop, t, loop_now(s->loop) + real, on_gc, s);
}

void server_advance(struct server *s, uint32_t seconds)
{
	s->advanced += seconds;
	on_gc(s, &s->gc);
}

/* ---- peers */

static void peer_free(struct peer *p)
{
	list_remove(&p->node);
	p->s->n_peers--;
	api_client_close(&p->s->api, p->client);
	free(p);
}

static void on_closed(void *ctx, const char *why)
{
	struct peer *p = ctx;
	if (why)
		log_warn("client-dropped", L_STR("client", p->client->name),
			 L_UINT("index", p->client->index), L_STR("reason", why));
	else
		log_info("client-disconnect", L_STR("client", p->client->name),
			 L_UINT("index", p->client->index));
	peer_free(p);
}

/* One frame, when it is all there. */
static ssize_t on_input(void *ctx, const uint8_t *p, size_t n)
{
	struct peer *peer = ctx;
	struct err err;
	uint32_t len;
	int r = wire_frame_get(p, n, &len);
	if (r == -EAGAIN)
		return 0;
	if (r) {
		log_warn("frame-too-long", L_STR("client", peer->client->name),
			 L_UINT("bytes", len));
		return -1;
	}
	if (n - WIRE_FRAME_HDR < len)
		return 0;
	gc_catch_up(peer->s);
	server_changed(peer->s);
	const struct api_time t = server_time(peer->s);
	if (api_input(&peer->s->api, peer->client, p + WIRE_FRAME_HDR, len, &t, &err)) {
		log_warn("bad-request", L_STR("client", peer->client->name),
			 L_STR("error", err.msg));
		return -1;
	}
	return WIRE_FRAME_HDR + (ssize_t)len;
}

static const struct conn_ops peer_ops = {
	.in_max = WIRE_FRAME_MAX + WIRE_FRAME_HDR + 1,
	.input = on_input,
	.closed = on_closed,
};

static void on_connect(void *ctx, int fd)
{
	struct server *s = ctx;
	struct peer *p = XNEW(struct peer);
	p->s = s;
	p->client = api_client_open(&s->api, p);
	if (!p->client) {
		log_warn("client-refused", L_UINT("connected", s->n_peers));
		close(fd);
		free(p);
		return;
	}
	p->conn = conn_new(s->loop, fd, &peer_ops, p);
	if (!p->conn) {
		log_warn("client-refused", L_STR("reason", "epoll"));
		api_client_close(&s->api, p->client);
		free(p);
		return;
	}
	list_add_tail(&s->peers, &p->node);
	s->n_peers++;
	log_info("client-connect", L_UINT("index", p->client->index));
}

static void send_frame(void *ctx, struct api_client *to, const char *frame, size_t n)
{
	struct peer *p = to->ctx;
	conn_send(p->conn, frame, n);
}

static void on_leave(void *ctx, struct api_client *c)
{
	struct peer *p = c->ctx;
	conn_finish(p->conn);
}

static void on_died(void *ctx, const char *why)
{
	struct server *s = ctx;
	s->died(s->died_ctx, why);
}

/* ---- life */

static uint32_t uptime(void *ctx)
{
	return server_time(ctx).uptime;
}

static void on_counted(void *ctx)
{
	struct server *s = ctx;
	if (s->stats)
		stats_changed(s->stats);
}

static int open_parts(struct server *s, const struct server_options *opt, struct err *err)
{
	if (opt->stats_path && *opt->stats_path) {
		s->stats = stats_new(s->loop, opt->stats_path, &s->api.plugin, err);
		if (!s->stats)
			return err->code;
	}
	if (opt->forward) {
		const struct forward_options fo = { .device = opt->forward,
						    .plugin = &s->api.plugin,
						    .uptime = uptime,
						    .counted = on_counted,
						    .ctx = s };
		s->forward = forward_new(s->loop, &fo, err);
		if (!s->forward)
			return err->code;
	}
	return 0;
}

struct server *server_new(struct loop *l, const struct server_options *opt, struct err *err)
{
	assert(opt->gc_interval > 0 && opt->api.died);
	struct server *s = XNEW(struct server);
	struct api_options api = opt->api;
	s->listener = listener_new(l, opt->path, SOCK_STREAM, on_connect, s, err);
	if (!s->listener) {
		free(s);
		return NULL;
	}
	s->loop = l;
	list_init(&s->peers);
	s->died = opt->api.died;
	s->died_ctx = opt->died_ctx;
	s->gc_interval = opt->gc_interval;
	s->started = loop_now_fresh(l);
	api.send = send_frame;
	api.leave = on_leave;
	api.died = on_died;
	api.ctx = s;
	api_init(&s->api, &api);
	if (open_parts(s, opt, err)) {
		server_free(s);
		return NULL;
	}
	on_gc(s, &s->gc);
	return s;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	timer_cancel(s->loop, &s->gc);
	timer_cancel(s->loop, &s->silence);
	listener_free(s->listener);
	server_drop(s);
	forward_free(s->forward);
	stats_free(s->stats);
	api_done(&s->api);
	free(s);
}

struct api *server_api(struct server *s)
{
	return &s->api;
}

struct stats *server_stats(struct server *s)
{
	return s->stats;
}

const struct forward *server_forward(const struct server *s)
{
	return s->forward;
}

void server_changed(struct server *s)
{
	if (s->stats)
		stats_changed(s->stats);
	if (s->forward)
		forward_changed(s->forward);
}

/* ---- tests' wishes */

static void pause_all(struct server *s, bool paused)
{
	listener_pause(s->listener, paused);
	if (s->stats)
		stats_pause(s->stats, paused);
	list_foreach (&s->peers, n)
		conn_pause(CONTAINER_OF(n, struct peer, node)->conn, paused);
}

static void on_silence_over(void *ctx, struct timer *t)
{
	pause_all(ctx, false);
}

void server_silence(struct server *s, dur_ns d)
{
	pause_all(s, true);
	timer_set(s->loop, &s->silence, loop_now(s->loop) + d, on_silence_over, s);
}

unsigned server_drop(struct server *s)
{
	unsigned n = s->n_peers;
	list_foreach (&s->peers, node) {
		struct peer *p = CONTAINER_OF(node, struct peer, node);
		conn_free(p->conn);
		peer_free(p);
	}
	return n;
}

unsigned server_send_raw(struct server *s, const void *p, size_t n)
{
	list_foreach (&s->peers, node)
		conn_send(CONTAINER_OF(node, struct peer, node)->conn, p, n);
	return s->n_peers;
}

unsigned server_send_keepalive(struct server *s)
{
	list_foreach (&s->peers, node)
		api_send_keepalive(&s->api, CONTAINER_OF(node, struct peer, node)->client);
	return s->n_peers;
}
