/* SPDX-License-Identifier: Apache-2.0 */
/* maglev-lbsim's model against a real VPP: the same random requests to both, every answer compared.
 *
 * Runs when MAGLEV_TEST_VPP_API names the API socket of a VPP whose lb plugin was never used (its
 * pools hand out index 1 first); is skipped (exit 77) otherwise. A VPP that has VIPs is refused.
 * All VIPs made here are deleted at the end; VPP forgets them within two minutes.
 *
 * Compared are return values, both dumps, `show lb`, `show lb vips [verbose]` and route lookups,
 * byte by byte but for ids, indices and pids. Garbage collection is compared too, which takes real
 * time: MAGLEV_TEST_VPP_SECONDS (150) says how long to go on. The model's clock follows VPP's
 * (`show clock`); requests keep away from the moments where a second, or a collection, begins.
 *
 * Left out is what kills VPP: a table of length 0, and the NAT encapsulations, whose collection
 * aborts when two VIPs share a server. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "lbsim/api.h"
#include "loop/loop.h"

#define SKIPPED     77
#define ANSWER_WAIT 30 /* seconds for one answer of VPP's */
/* Distance to a new second, for requests whose effect depends on it; and to VPP's collections,
 * which come a little later each time. */
#define EDGE_MS    150
#define GC_EDGE_MS 1500
#define BURST      150 /* requests, then a pause in which time passes */
#define PAUSE_MS   2000

struct answer {
	enum vpp_msg msg;
	uint8_t *p;
	size_t n;
};

struct answers {
	VEC(struct answer) v;
};

struct pair {
	int fd; /* VPP's side */
	uint32_t vpp_index;
	struct vpp_ids vpp_ids;
	int64_t clock_offset; /* VPP's uptime minus the monotonic clock, ns */
	struct api sim;
	struct api_client *sim_client;
	struct answers from_vpp, from_sim;
	uint32_t context;
	uint64_t requests, rows, refused, gc_runs;
};

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static void answers_clear(struct answers *a)
{
	for (size_t i = 0; i < a->v.n; i++)
		free(a->v.v[i].p);
	vec_clear(&a->v);
}

static void answers_add(struct answers *a, enum vpp_msg m, const uint8_t *p, size_t n)
{
	vec_push(&a->v, ((struct answer){ m, xmemdup(p, n), n }));
}

/* ---- VPP's side, blocking */

static void read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = recv(fd, (char *)p + at, n - at, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			die("VPP ended the connection, or does not answer");
		at += (size_t)r;
	}
}

/* One payload; the caller frees it. */
static uint8_t *vpp_read(struct pair *w, size_t *ret_n)
{
	uint8_t hdr[WIRE_FRAME_HDR];
	uint32_t n;
	read_all(w->fd, hdr, sizeof hdr);
	if (wire_frame_get(hdr, sizeof hdr, &n))
		die("VPP sent a frame that is too long");
	uint8_t *p = xmalloc(n);
	read_all(w->fd, p, n);
	*ret_n = n;
	return p;
}

static void vpp_write(struct pair *w, const struct str *frames)
{
	for (size_t at = 0; at < frames->len;) {
		ssize_t n = send(w->fd, frames->p + at, frames->len - at, MSG_NOSIGNAL);
		if (n <= 0)
			die("VPP ended the connection");
		at += (size_t)n;
	}
}

static void vpp_handshake(struct pair *w)
{
	const struct vpp_sockclnt_create hello = { .name = "lbsim-vs-vpp" };
	struct wire_hdr h = { .id = VPP_SOCKCLNT_CREATE };
	struct str out = { 0 };
	union vpp_body b;
	struct err err = { 0 };
	size_t n;
	wire_encode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REQ], &h, &hello, &out);
	vpp_write(w, &out);
	uint8_t *p = vpp_read(w, &n);
	if (wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY], p, n, &h, &b, &err) ||
	    vpp_ids_load(&b.sockclnt_create_reply.message_table, &w->vpp_ids, &err))
		die(err.msg);
	w->vpp_index = b.sockclnt_create_reply.index;
	free(p);
	str_done(&out);
}

/* ---- the model's side */

static void on_send(void *ctx, struct api_client *to, const char *frame, size_t n)
{
	struct pair *w = ctx;
	const uint8_t *p = (const uint8_t *)frame + WIRE_FRAME_HDR;
	uint16_t id;
	int r = wire_id(p, n - WIRE_FRAME_HDR, &id, NULL);
	assert(r == 0);
	(void)r;
	answers_add(&w->from_sim, vpp_ids_find(&w->sim.ids, id), p, n - WIRE_FRAME_HDR);
}

static void on_leave(void *ctx, struct api_client *c) {}

static void on_died(void *ctx, const char *why)
{
	die(why);
}

/* ---- time */

static int64_t vpp_uptime_ns(const struct pair *w)
{
	return loop_clock() + w->clock_offset;
}

static void sleep_ns(int64_t ns)
{
	struct timespec ts = { ns / NS_PER_S, ns % NS_PER_S };
	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* Wait until no boundary of `period` is nearer than `edge`. */
static void leave_edge(const struct pair *w, int64_t period, int64_t edge)
{
	for (;;) {
		int64_t at = vpp_uptime_ns(w) % period;
		if (at >= edge && at < period - edge)
			return;
		sleep_ns(at < edge ? edge - at : period - at + edge);
	}
}

/* A moment at which both sides agree on the second, and the model has collected what VPP has. */
static struct api_time settle(struct pair *w)
{
	leave_edge(w, LB_GC_RUN * NS_PER_S, GC_EDGE_MS * NS_PER_MS);
	leave_edge(w, NS_PER_S, EDGE_MS * NS_PER_MS);
	uint64_t now = (uint64_t)(vpp_uptime_ns(w) / NS_PER_S);
	for (; (w->gc_runs + 1) * LB_GC_RUN <= now; w->gc_runs++)
		lbplugin_gc(&w->sim.plugin, (uint32_t)((w->gc_runs + 1) * LB_GC_RUN));
	return (struct api_time){ .uptime = (uint32_t)now };
}

/* ---- one request to both */

static void encode(const struct vpp_ids *ids, uint32_t index, uint32_t context, enum vpp_msg m,
		   const void *body, struct str *out)
{
	const struct wire_hdr h = { ids->id[m], index, context };
	wire_encode(&vpp_msgs[m], &h, body, out);
}

static void ask_vpp(struct pair *w, enum vpp_msg m, const void *body)
{
	const struct vpp_empty none = { 0 };
	enum vpp_msg last = vpp_msg_is_dump(m) ? VPP_CONTROL_PING_REPLY : vpp_msg_answer(m), got;
	struct str out = { 0 };
	encode(&w->vpp_ids, w->vpp_index, w->context, m, body, &out);
	if (vpp_msg_is_dump(m))
		encode(&w->vpp_ids, w->vpp_index, w->context, VPP_CONTROL_PING, &none, &out);
	vpp_write(w, &out);
	do {
		size_t n;
		uint16_t id;
		uint8_t *p = vpp_read(w, &n);
		if (wire_id(p, n, &id, NULL))
			die("VPP sent an empty payload");
		got = vpp_ids_find(&w->vpp_ids, id);
		if (got != VPP_CONTROL_PING_REPLY)
			answers_add(&w->from_vpp, got, p, n);
		free(p);
	} while (got != last);
	str_done(&out);
}

static void ask_sim(struct pair *w, enum vpp_msg m, const void *body, const struct api_time *t)
{
	struct str out = { 0 };
	struct err err;
	encode(&w->sim.ids, w->sim_client->index, w->context, m, body, &out);
	if (api_input(&w->sim, w->sim_client, (const uint8_t *)out.p + WIRE_FRAME_HDR,
		      out.len - WIRE_FRAME_HDR, t, &err))
		die(err.msg);
	str_done(&out);
}

static void print_answer(const char *who, const struct answers *a, size_t i)
{
	if (i >= a->v.n) {
		printf("%s: nothing\n", who);
		return;
	}
	const struct answer *x = &a->v.v[i];
	printf("%s: %s ", who, x->msg < VPP_MSG_N ? vpp_msgs[x->msg].name : "?");
	for (size_t k = 0; k < x->n; k++)
		printf("%02x", x->p[k]);
	if (x->msg == VPP_CLI_INBAND_REPLY && x->n > 14)
		printf("\n%.*s", (int)x->n - 14, (const char *)x->p + 14);
	printf("\n");
}

static void mismatch(const struct pair *w, enum vpp_msg m, const void *body, size_t i)
{
	struct wire_dump d = { 0 };
	struct str s = { 0 };
	wire_dump(&vpp_msgs[m], body, &d);
	printf("DIFFERENT at request %" PRIu64 ", VPP's second %" PRId64 ": %s", w->requests,
	       vpp_uptime_ns(w) / NS_PER_S, vpp_msgs[m].name);
	for (size_t k = 0; k < d.n; k++) {
		str_clear(&s);
		log_attr_text(&d.a[k], &s);
		printf(" %s=%s", d.a[k].key, str_z(&s));
	}
	printf("\nanswer %zu of %zu (VPP) and %zu (model)\n", i, w->from_vpp.v.n, w->from_sim.v.n);
	print_answer("VPP  ", &w->from_vpp, i);
	print_answer("model", &w->from_sim, i);
	exit(1);
}

/* Bytes from the context on: the id is each one's own. */
static bool same(const struct answer *a, const struct answer *b)
{
	return a->msg == b->msg && a->n == b->n && memcmp(a->p + 2, b->p + 2, a->n - 2) == 0;
}

static int32_t retval_of(const struct answers *a)
{
	struct wire_hdr h;
	union vpp_body b;
	const struct answer *x = &a->v.v[0];
	if (wire_decode(&vpp_msgs[x->msg], x->p, x->n, &h, &b, NULL))
		die("undecodable answer");
	return b.retval;
}

/* Ask both, compare, and return the retval where there is one. */
static int32_t ask(struct pair *w, enum vpp_msg m, const void *body)
{
	const struct api_time t = settle(w);
	w->context++;
	w->requests++;
	answers_clear(&w->from_vpp);
	answers_clear(&w->from_sim);
	ask_vpp(w, m, body);
	ask_sim(w, m, body, &t);
	for (size_t i = 0; i < MAX(w->from_vpp.v.n, w->from_sim.v.n); i++) {
		if (i >= w->from_vpp.v.n || i >= w->from_sim.v.n ||
		    !same(&w->from_vpp.v.v[i], &w->from_sim.v.v[i]))
			mismatch(w, m, body, i);
	}
	w->rows += w->from_vpp.v.n;
	if (vpp_msg_is_dump(m))
		return 0;
	int32_t retval = retval_of(&w->from_vpp);
	w->refused += retval < 0;
	return retval;
}

static void cli(struct pair *w, const char *cmd)
{
	(void)ask(w, VPP_CLI_INBAND, &(struct vpp_cli_inband){ { cmd, (uint32_t)strlen(cmd) } });
}

/* ---- random requests out of a small world, so that they meet */

static const char *const prefixes[] = { "192.0.2.80/32",    "192.0.2.81/32",     "192.0.2.0/24",
					"192.0.2.7/24",     "2001:db8:1::1/128", "2001:db8:1::/64",
					"2001:db8:1::7/64", "::c000:250/128",    "0.0.0.0/0" };
static const char *const servers[] = { "198.51.100.10", "198.51.100.11", "198.51.100.12",
				       "198.51.100.13", "192.0.2.80",    "2001:db8::a",
				       "2001:db8::b",   "2001:db8::c",   "::c633:640a" };
static const uint16_t ports[] = { 0, 80, 443 };
static const uint8_t protocols[] = { 6, 6, 6, 17, 255 };
static const uint32_t encaps[] = { 0, 0, 0, 1, 1, 1, 2, 4, 9 };
static const uint32_t lengths[] = { 1, 2, 16, 256, 1024, 1024, 4096, 65536, 1000 };

#define PICK(R, A) ((A)[rng_below((R), ARRAY_LEN(A))])

static struct prefix random_prefix(struct rng *r)
{
	struct prefix p = { 0 };
	char text[64];
	snprintf(text, sizeof text, "%s", PICK(r, prefixes));
	char *slash = strchr(text, '/');
	*slash = '\0';
	if (addr_parse(text, &p.addr))
		die("a bad prefix in the table");
	p.len = (uint8_t)atoi(slash + 1);
	return p;
}

static struct addr random_server(struct rng *r)
{
	struct addr a;
	if (addr_parse(PICK(r, servers), &a))
		die("a bad server in the table");
	return a;
}

static uint8_t random_weight(struct rng *r)
{
	static const uint8_t weights[] = { 0, 0, 1, 10, 33, 50, 99, 100, 100, 255 };
	return PICK(r, weights);
}

static void random_vip(struct pair *w, struct rng *r)
{
	const struct vpp_lb_add_del_vip b = {
		.pfx = random_prefix(r),
		.protocol = PICK(r, protocols),
		.port = PICK(r, ports),
		.encap = PICK(r, encaps),
		.dscp = (uint8_t)rng_below(r, 256),
		.type = (uint32_t)rng_below(r, 2),
		.target_port = (uint16_t)rng_below(r, 65536),
		.new_flows_table_length = PICK(r, lengths),
		.src_ip_sticky = rng_below(r, 4) == 0,
		.is_del = rng_below(r, 3) == 0,
	};
	(void)ask(w, VPP_LB_ADD_DEL_VIP_V2, &b);
}

static void random_as(struct pair *w, struct rng *r)
{
	const struct vpp_lb_add_del_as b = {
		.pfx = random_prefix(r),
		.protocol = PICK(r, protocols),
		.port = PICK(r, ports),
		.as_address = random_server(r),
		.weight = random_weight(r),
		.is_del = rng_below(r, 3) == 0,
		.is_flush = rng_below(r, 2),
	};
	(void)ask(w, VPP_LB_ADD_DEL_AS_V2, &b);
}

static void random_set_weight(struct pair *w, struct rng *r)
{
	const struct vpp_lb_as_set_weight b = {
		.pfx = random_prefix(r),
		.protocol = PICK(r, protocols),
		.port = PICK(r, ports),
		.as_address = random_server(r),
		.weight = random_weight(r),
		.is_flush = rng_below(r, 2),
	};
	(void)ask(w, VPP_LB_AS_SET_WEIGHT, &b);
}

static void random_conf(struct pair *w, struct rng *r)
{
	static const uint32_t buckets[] = { 1024, 2048, 1000, LB_CONF_KEEP, 3 };
	static const uint32_t timeouts[] = { 40, 30, LB_CONF_KEEP };
	const struct vpp_lb_conf b = {
		.ip4_src_address = { ADDR_IP4, { 10, 0, 0, (uint8_t)rng_below(r, 4) } },
		.ip6_src_address = { ADDR_IP6, { 0x20, 1, [15] = (uint8_t)rng_below(r, 4) } },
		.sticky_buckets_per_core = PICK(r, buckets),
		.flow_timeout = PICK(r, timeouts),
	};
	(void)ask(w, VPP_LB_CONF, &b);
	(void)ask(w, VPP_LB_CONF_GET, &(struct vpp_empty){ 0 });
}

static void look(struct pair *w, struct rng *r)
{
	const struct vpp_ip_route_lookup route = { .table_id = rng_below(r, 20) == 0,
						   .exact = true,
						   .pfx = random_prefix(r) };
	const struct vpp_lb_vip some = { random_prefix(r), PICK(r, protocols), PICK(r, ports) };
	const struct vpp_lb_vip all = { .pfx.addr.family = ADDR_IP4 };
	const struct vpp_lb_vip_dump vips = { .pfx.addr.family = ADDR_IP4, .protocol = 255 };
	(void)ask(w, VPP_LB_VIP_DUMP, &vips);
	(void)ask(w, VPP_LB_AS_V2_DUMP, &all);
	(void)ask(w, VPP_LB_AS_V2_DUMP, &some);
	(void)ask(w, VPP_IP_ROUTE_LOOKUP, &route);
	cli(w, "show lb");
	cli(w, "show lb vips");
	cli(w, "show lb vips verbose");
}

static void random_request(struct pair *w, struct rng *r)
{
	uint64_t what = rng_below(r, 100);
	if (what < 25)
		random_vip(w, r);
	else if (what < 70)
		random_as(w, r);
	else if (what < 88)
		random_set_weight(w, r);
	else if (what < 91)
		random_conf(w, r);
	else
		look(w, r);
}

/* ---- beginning and end */

static int connect_vpp(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = ANSWER_WAIT };
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
	    connect(fd, (const struct sockaddr *)&sun, sizeof sun) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* Run a command on VPP alone; the text is valid until the next request. */
static const char *vpp_cli(struct pair *w, const char *cmd)
{
	struct wire_hdr h;
	union vpp_body b;
	answers_clear(&w->from_vpp);
	ask_vpp(w, VPP_CLI_INBAND, &(struct vpp_cli_inband){ { cmd, (uint32_t)strlen(cmd) } });
	answers_add(&w->from_vpp, VPP_MSG_N, (const uint8_t *)"", 1);
	const struct answer *x = &w->from_vpp.v.v[0];
	if (wire_decode(&vpp_msgs[VPP_CLI_INBAND_REPLY], x->p, x->n, &h, &b, NULL))
		die("undecodable answer");
	char *text = xstrndup(b.cli_inband_reply.reply.p, b.cli_inband_reply.reply.n);
	answers_clear(&w->from_vpp);
	answers_add(&w->from_vpp, VPP_MSG_N, (const uint8_t *)text, strlen(text) + 1);
	free(text);
	return (const char *)w->from_vpp.v.v[0].p;
}

static void follow_clock(struct pair *w)
{
	double now;
	int64_t before = loop_clock();
	const char *text = vpp_cli(w, "show clock");
	int64_t after = loop_clock();
	if (sscanf(text, "Time now %lf,", &now) != 1)
		die("VPP's `show clock` reads differently");
	w->clock_offset = (int64_t)(now * 1e9) - (before + after) / 2;
	w->gc_runs = (uint64_t)(now / LB_GC_RUN);
}

/* Exit 77 unless nobody has used the plugin, as far as can be seen. */
static void need_unused(struct pair *w)
{
	if (strstr(vpp_cli(w, "show lb"), " #vips: 1\n #ass: 0\n"))
		return;
	fprintf(stderr, "skipped: this VPP has VIPs, or had some: restart it\n");
	exit(SKIPPED);
}

/* Index 1 for the first VIP, and at first in_use_since 0: then its pools are fresh. */
static void need_fresh_pools(struct pair *w)
{
	struct vpp_lb_add_del_vip b = { .pfx = { .addr = { ADDR_IP4, { 192, 0, 2, 80 } },
						 .len = 32 },
					.protocol = 6,
					.port = 80,
					.new_flows_table_length = 1024 };
	(void)ask(w, VPP_LB_ADD_DEL_VIP_V2, &b);
	bool fresh = strstr(vpp_cli(w, "show lb vips verbose"), "ip4-gre4 [1] ");
	b.is_del = true;
	(void)ask(w, VPP_LB_ADD_DEL_VIP_V2, &b);
	if (fresh)
		return;
	fprintf(stderr, "skipped: this VPP's lb plugin was used before: restart VPP\n");
	exit(SKIPPED);
}

static void delete_all(struct pair *w)
{
	struct rng r;
	rng_init(&r, 1);
	struct lbplugin *p = &w->sim.plugin;
	slots_foreach(&p->vip_slots, i)
	{
		const struct lb_vip *v = &p->vips.v[i];
		if (i == 0 || !v->used)
			continue;
		const struct vpp_lb_add_del_vip b = {
			.pfx = { ip46_to_addr(&v->key.prefix),
				 ip46_prefix_len(&v->key.prefix, v->key.plen) },
			.protocol = v->key.protocol,
			.port = v->key.port,
			.new_flows_table_length = 1024,
			.is_del = true,
		};
		if (ask(w, VPP_LB_ADD_DEL_VIP_V2, &b) != 0)
			die("a VIP that cannot be deleted");
	}
	const struct vpp_lb_conf conf = {
		.ip4_src_address = { ADDR_IP4, { 255, 255, 255, 255 } },
		.ip6_src_address = { ADDR_IP6,
				     { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		.sticky_buckets_per_core = 1024,
		.flow_timeout = 40,
	};
	(void)ask(w, VPP_LB_CONF, &conf);
	look(w, &r);
}

static long seconds_wanted(void)
{
	const char *s = getenv("MAGLEV_TEST_VPP_SECONDS");
	long long n = 150;
	if (s && *s && str_to_i64(s, 1, 86400, &n))
		die("MAGLEV_TEST_VPP_SECONDS is no number of seconds");
	return (long)n;
}

static void run(struct pair *w)
{
	struct rng r;
	rng_init(&r, 1926);
	const mono_ns end = loop_clock() + seconds_wanted() * NS_PER_S;
	while (loop_clock() < end) {
		for (int i = 0; i < BURST && loop_clock() < end; i++)
			random_request(w, &r);
		look(w, &r);
		sleep_ns((int64_t)rng_below(&r, 2 * PAUSE_MS) * NS_PER_MS);
	}
	look(w, &r);
	delete_all(w);
}

int main(void)
{
	static struct pair w;
	const char *path = getenv("MAGLEV_TEST_VPP_API");
	const struct api_options opt = { .version = "model",
					 .build_date = "",
					 .seed = 1,
					 .send = on_send,
					 .leave = on_leave,
					 .died = on_died,
					 .ctx = &w };
	if (!path || !*path) {
		fprintf(stderr, "skipped: MAGLEV_TEST_VPP_API is not set\n");
		return SKIPPED;
	}
	w.fd = connect_vpp(path);
	vpp_handshake(&w);
	api_init(&w.sim, &opt);
	w.sim_client = api_client_open(&w.sim, NULL);
	need_unused(&w);
	follow_clock(&w);
	need_fresh_pools(&w);
	run(&w);
	printf("%" PRIu64 " requests, %" PRIu64 " of them refused, %" PRIu64
	       " answers compared, %" PRIu64 " collections seen: no difference\n",
	       w.requests, w.refused, w.rows, w.gc_runs);
	answers_clear(&w.from_vpp);
	answers_clear(&w.from_sim);
	vec_done(&w.from_vpp.v);
	vec_done(&w.from_sim.v);
	api_client_close(&w.sim, w.sim_client);
	api_done(&w.sim);
	close(w.fd);
	return 0;
}
