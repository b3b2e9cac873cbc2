/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the VIPs, by way of the kernel.
 *
 *   kernel --route of the VIP--> TUN device --> dataplane_packet --> raw socket --> kernel
 *
 * Everything but the decision is the kernel's: neighbours, routes to the ASes, fragments. The
 * routes of the VIPs are made and removed here, as the plugin does in VPP's own table. Where VPP
 * differs: the kernel takes a hop from the packet on its way in, and not from the outer header on
 * its way out.
 *
 * A turn of the loop takes at most BATCH packets, so that the API has its turns under load. */
#include "lbsim/forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "lbsim/dataplane.h"
#include "lbsim/tun.h"

#define BATCH        64
#define TELL_EVERY   (10 * NS_PER_MS) /* counters are passed on this often */
#define REPEAT_ERROR (10 * NS_PER_S)  /* the same error is logged again after so long */

struct buffer {
	uint8_t b[PACKET_OUTER_MAX + PACKET_MAX]; /* room in front for the outer headers */
};

struct batch { /* what goes out through one socket */
	int fd;
	unsigned n;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	union {
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} to[BATCH];
};

struct route { /* that was made, or tried */
	struct fib_key prefix;
	bool there;
};

enum count {
	RECEIVED,
	SENT,
	MALFORMED,
	NO_VIP,
	NO_SERVER,
	OTHER_ENCAP,
	TOO_LONG,
	SEND_ERRORS,
	COUNT_N
};

struct forward {
	struct loop *loop;
	struct forward_options opt;
	struct tun tun;
	struct loop_io io;
	struct batch ip4, ip6;
	struct buffer *buffers; /* BATCH of them */
	uint64_t counts[COUNT_N];
	struct timer tell;
	int last_error;
	mono_ns last_error_at;
	struct map routes;  /* struct route by prefix */
	uint64_t routes_at; /* fib.vip_changes when they were made */
	struct loop_defer follow;
};

/* ---- sending */

static void send_error(struct forward *f, int error)
{
	f->counts[SEND_ERRORS]++;
	if (error == f->last_error && loop_now(f->loop) - f->last_error_at < REPEAT_ERROR)
		return;
	f->last_error = error;
	f->last_error_at = loop_now(f->loop);
	log_warn("forward-send-error", L_STR("error", strerror(error)),
		 L_UINT("count", f->counts[SEND_ERRORS]));
}

/* A packet that cannot be sent is lost, as on any router; the others go. */
static void batch_send(struct forward *f, struct batch *b)
{
	for (unsigned i = 0; i < b->n;) {
		int n = sendmmsg(b->fd, b->msgs + i, b->n - i, MSG_DONTWAIT);

		if (n < 0) {
			send_error(f, errno);
			i++;
			continue;
		}
		f->counts[SENT] += (unsigned)n;
		i += (unsigned)n;
	}
	b->n = 0;
}

static void batch_add(struct batch *b, uint8_t *p, size_t n)
{
	unsigned i = b->n++;

	b->iov[i] = (struct iovec){ .iov_base = p, .iov_len = n };
	b->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &b->to[i],
					      .msg_namelen = sizeof b->to[i],
					      .msg_iov = &b->iov[i],
					      .msg_iovlen = 1 };
}

static int queue_gre4(struct forward *f, const struct packet *pkt, const struct ip46 *as,
		      struct buffer *buf)
{
	uint8_t *outer = buf->b + PACKET_OUTER_MAX - PACKET_GRE4_LEN;
	int r = packet_gre4(pkt, &f->opt.plugin->conf.ip4_src, as, outer);

	if (r)
		return r;
	f->ip4.to[f->ip4.n].ip4 = (struct sockaddr_in){ .sin_family = AF_INET };
	memcpy(&f->ip4.to[f->ip4.n].ip4.sin_addr, as->b + 12, 4);
	batch_add(&f->ip4, outer, pkt->len + PACKET_GRE4_LEN);
	return 0;
}

static int queue_gre6(struct forward *f, const struct packet *pkt, const struct ip46 *as,
		      struct buffer *buf)
{
	uint8_t *outer = buf->b + PACKET_OUTER_MAX - PACKET_GRE6_LEN;
	int r = packet_gre6(pkt, &f->opt.plugin->conf.ip6_src, as, outer);

	if (r)
		return r;
	f->ip6.to[f->ip6.n].ip6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(&f->ip6.to[f->ip6.n].ip6.sin6_addr, as->b, sizeof as->b);
	batch_add(&f->ip6, outer, pkt->len + PACKET_GRE6_LEN);
	return 0;
}

/* ---- one packet */

static void take_packet(struct forward *f, struct buffer *buf, size_t n)
{
	static const enum count counted[DATAPLANE_FATE_N] = {
		[DATAPLANE_NO_VIP] = NO_VIP,
		[DATAPLANE_NO_SERVER] = NO_SERVER,
		[DATAPLANE_OTHER_ENCAP] = OTHER_ENCAP,
	};
	struct lbplugin *p = f->opt.plugin;
	struct packet pkt;
	struct dataplane_verdict v;
	const struct ip46 *as;

	f->counts[RECEIVED]++;
	if (packet_parse(buf->b + PACKET_OUTER_MAX, n, &pkt, NULL)) {
		f->counts[MALFORMED]++;
		return;
	}
	v = dataplane_packet(p, &pkt, f->opt.uptime(f->opt.ctx));
	if (v.fate != DATAPLANE_SEND) {
		f->counts[counted[v.fate]]++;
		return;
	}
	as = &p->ases.v[v.as].addr;
	if (lb_vip_type_encap_is_ip4(p->vips.v[v.vip].type) ? queue_gre4(f, &pkt, as, buf)
							    : queue_gre6(f, &pkt, as, buf))
		f->counts[TOO_LONG]++;
}

static void on_tell(void *ctx, struct timer *t)
{
	struct forward *f = ctx;

	f->opt.counted(f->opt.ctx);
}

static void on_readable(void *ctx, uint32_t events)
{
	struct forward *f = ctx;

	for (int i = 0; i < BATCH; i++) {
		struct buffer *buf = &f->buffers[i];
		ssize_t n = read(f->tun.fd, buf->b + PACKET_OUTER_MAX, PACKET_MAX);

		if (n < 0)
			break; /* none left; level-triggered, so an error would come again */
		take_packet(f, buf, (size_t)n);
	}
	batch_send(f, &f->ip4);
	batch_send(f, &f->ip6);
	if (!timer_armed(&f->tell))
		timer_set(f->loop, &f->tell, loop_now(f->loop) + TELL_EVERY, on_tell, f);
}

/* ---- routes */

static void log_route(const char *msg, const struct fib_key *k, const char *error)
{
	struct str s = { 0 };

	ip46_prefix_format(&k->addr, k->plen, &s);
	if (error)
		log_warn(msg, L_STR("prefix", str_z(&s)), L_STR("error", error));
	else
		log_debug(msg, L_STR("prefix", str_z(&s)));
	str_done(&s);
}

static void route_add(struct forward *f, const struct fib_key *k)
{
	struct route *r = XNEW(struct route);
	struct err err = { 0 };

	r->prefix = *k;
	r->there = tun_route_add(&f->tun, k, &err) == 0;
	log_route(r->there ? "forward-route-added" : "forward-route-error", k,
		  r->there ? NULL : err.msg);
	map_put(&f->routes, &r->prefix, sizeof r->prefix, r);
}

static void route_del(struct forward *f, struct route *r)
{
	struct err err = { 0 };
	bool failed = r->there && tun_route_del(&f->tun, &r->prefix, &err);

	log_route(failed ? "forward-route-error" : "forward-route-removed", &r->prefix,
		  failed ? err.msg : NULL);
	map_del(&f->routes, &r->prefix, sizeof r->prefix);
	free(r);
}

static void follow_vips(void *ctx)
{
	struct forward *f = ctx;
	const struct fib *fib = &f->opt.plugin->fib;
	const struct fib_entry *e;
	struct route *r;
	size_t it = 0;

	if (f->routes_at == fib->vip_changes)
		return;
	f->routes_at = fib->vip_changes;
	while ((r = map_next(&f->routes, &it))) {
		e = fib_exact(fib, &r->prefix);
		if (!e || !e->vip)
			route_del(f, r);
	}
	it = 0;
	while ((e = map_next(&fib->by_key, &it)))
		if (e->vip && !map_get(&f->routes, &e->key, sizeof e->key))
			route_add(f, &e->key);
}

void forward_changed(struct forward *f)
{
	loop_defer_set(f->loop, &f->follow, follow_vips, f);
}

/* ---- life */

static int open_all(struct forward *f, struct err *err)
{
	int r = tun_open(&f->tun, f->opt.device, err);

	if (r)
		return r;
	f->ip4.fd = tun_raw_socket(true, err);
	if (f->ip4.fd >= 0)
		f->ip6.fd = tun_raw_socket(false, err);
	if (f->ip4.fd < 0 || f->ip6.fd < 0)
		return err->code;
	r = loop_io_add(f->loop, &f->io, f->tun.fd, EPOLLIN, on_readable, f);
	return r ? err_set_errno(err, -r, "epoll") : 0;
}

struct forward *forward_new(struct loop *l, const struct forward_options *opt, struct err *err)
{
	struct forward *f = XNEW(struct forward);

	f->loop = l;
	f->opt = *opt;
	f->tun.fd = f->tun.netlink = f->ip4.fd = f->ip6.fd = -1;
	if (open_all(f, err)) {
		forward_free(f);
		return NULL;
	}
	f->buffers = xcalloc(BATCH, sizeof *f->buffers);
	lbplugin_forward(f->opt.plugin);
	log_info("forwarding", L_STR("device", f->tun.name));
	return f;
}

void forward_free(struct forward *f)
{
	struct route *r;
	size_t it = 0;

	if (!f)
		return;
	loop_defer_cancel(&f->follow);
	timer_cancel(f->loop, &f->tell);
	loop_io_del(&f->io);
	while ((r = map_next(&f->routes, &it)))
		free(r); /* the routes themselves go with the device */
	map_done(&f->routes);
	if (f->ip4.fd >= 0)
		(void)close(f->ip4.fd);
	if (f->ip6.fd >= 0)
		(void)close(f->ip6.fd);
	tun_close(&f->tun);
	free(f->buffers);
	free(f);
}

void forward_format(const struct forward *f, struct str *out)
{
	static const char *const names[] = {
		[RECEIVED] = "received",   [SENT] = "sent",
		[MALFORMED] = "malformed", [NO_VIP] = "no_vip",
		[NO_SERVER] = "no_server", [OTHER_ENCAP] = "other_encap",
		[TOO_LONG] = "too_long",   [SEND_ERRORS] = "send_errors",
	};
	struct json j;

	_Static_assert(ARRAY_LEN(names) == COUNT_N, "a name for each count");
	json_init(&j, out);
	json_obj(&j);
	json_field_str(&j, "device", f->tun.name);
	for (enum count c = 0; c < COUNT_N; c++) {
		json_field_u64(&j, names[c], f->counts[c]);
	}
	json_obj_end(&j);
}
