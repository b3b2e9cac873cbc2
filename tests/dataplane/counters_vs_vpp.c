/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a real VPP: traffic of its packet generator to VIPs that lbsync made; what lbcounters
 * reads must be what was sent, and what `show lb vips verbose` prints.
 *
 * Wants MAGLEV_TEST_VPP_STATS, the stats socket, beside MAGLEV_TEST_VPP_API. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "lbsync/lbcounters.h"
#include "lbsync/lbsync.h"
#include "vppbed.h"

#define INTERFACE "pg4711" /* of the packet generator */
#define N         4

struct fe {
	struct lbsync_vip sync;
	struct plan_vip want;
	struct plan_as as;
};

struct bed {
	struct vppbed vpp;
	struct lbsync *s;
	struct vpp_conf conf;
	struct fe fes[N];
	bool synced;
	struct str text;
};

/* ---- what lbsync asks */

static struct fe *fe_of(const struct lbsync_vip *v)
{
	return CONTAINER_OF((struct lbsync_vip *)(uintptr_t)v, struct fe, sync);
}

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	const struct fe *f = fe_of(v);

	*ret = f->want;
	ret->as = xmemdup(&f->as, sizeof f->as);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return "frontend";
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	return false;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as) {}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	*ret = ((struct bed *)ctx)->conf;
}

/* ---- frontends: two share an address, one has no server, one is of IPv6 */

static void fill(struct fe *f, const char *vip, uint8_t proto, uint16_t port, uint8_t weight)
{
	struct addr a;

	(void)addr_parse(vip, &a);
	(void)addr_parse("198.51.100.10", &f->as.addr);
	f->as.weight = weight;
	f->want = (struct plan_vip){
		.key = { .prefix = prefix_host(&a), .proto = proto, .port = port },
		.encap = ENCAP_GRE4,
		.sticky = STICKY_NO,
		.table_len = 1024,
		.n_as = 1
	};
	f->sync.key = f->want.key;
}

static void fill_all(struct bed *b)
{
	fill(&b->fes[0], "203.0.113.80", PROTO_UDP, 53, 100);
	fill(&b->fes[1], "203.0.113.80", PROTO_UDP, 54, 100);
	fill(&b->fes[2], "203.0.113.90", PROTO_ANY, 0, 0);
	fill(&b->fes[3], "2001:db8:80::1", PROTO_UDP, 53, 100);
}

/* ---- waiting */

static void turn(struct bed *b, mono_ns began, const char *what)
{
	loop_turn(b->vpp.loop, 100 * NS_PER_MS);
	if (loop_clock() - began > VPPBED_PATIENCE)
		vppbed_die("%s did not come", what);
}

static void on_synced(void *ctx, int status, const struct lbsync_counts *c)
{
	if (status < 0 || c->n[LBSYNC_ERROR] > 0)
		vppbed_die("a sync failed");
	((struct bed *)ctx)->synced = true;
}

static void sync_all(struct bed *b)
{
	mono_ns began = loop_clock();
	struct err e;

	b->synced = false;
	if (lbsync_request(b->s, NULL, on_synced, b, &e) < 0)
		vppbed_die("%s", e.msg);
	while (!b->synced)
		turn(b, began, "a sync's end");
}

/* ---- figures */

static const struct lbcounters_vip *read_one(struct bed *b, const struct fe *f)
{
	const struct lbcounters_vip *v;
	struct err e;
	wall_ns at;
	size_t n;

	if (lbcounters_read(lbsync_counters(b->s), &v, &n, &at, &e) < 0)
		vppbed_die("%s", e.msg);
	for (size_t i = 0; i < n; i++) {
		if (vip_key_cmp(&v[i].key, &f->want.key) == 0)
			return &v[i];
	}
	return NULL;
}

static bool all_known(struct bed *b)
{
	for (size_t i = 0; i < N; i++) {
		const struct lbcounters_vip *v = read_one(b, &b->fes[i]);

		if (!v || !v->route_known)
			return false;
	}
	return true;
}

static void wait_known(struct bed *b)
{
	mono_ns began = loop_clock();

	while (!all_known(b))
		turn(b, began, "what is counted");
}

/* ---- traffic */

static void generate(struct bed *b, const char *node, const char *data, unsigned packets)
{
	vppbed_cli(&b->vpp, &b->text,
		   "packet-generator new { name maglev limit %u interface " INTERFACE
		   " node %s size 80-80 data { %s incrementing 8 } }",
		   packets, node, data);
	if (b->text.len > 0)
		vppbed_die("packet generator: %s", str_z(&b->text));
	vppbed_cli(&b->vpp, &b->text, "packet-generator enable-stream maglev");
}

/* The figures of this VIP come to be these; the stream is removed then. */
static void expect(struct bed *b, const struct fe *f, const struct vpp_stats_figures *want)
{
	mono_ns began = loop_clock();
	const struct vpp_stats_figures *got;

	do {
		turn(b, began, "the packets' count");
		got = &read_one(b, f)->figures;
	} while (memcmp(got, want, sizeof *got) != 0);
	vppbed_cli(&b->vpp, &b->text, "packet-generator delete maglev");
}

static void interface(struct bed *b, bool on)
{
	if (!on) {
		vppbed_cli(&b->vpp, &b->text, "delete packet-generator interface " INTERFACE);
		return;
	}
	vppbed_cli(&b->vpp, &b->text, "create packet-generator interface " INTERFACE);
	vppbed_cli(&b->vpp, &b->text, "set interface state " INTERFACE " up");
	vppbed_cli(&b->vpp, &b->text, "enable ip4 interface " INTERFACE);
	vppbed_cli(&b->vpp, &b->text, "enable ip6 interface " INTERFACE);
	vppbed_cli(&b->vpp, &b->text, "show interface " INTERFACE);
	if (!strstr(str_z(&b->text), INTERFACE))
		vppbed_die("no packet generator: %s", str_z(&b->text));
}

static void traffic(struct bed *b)
{
	/* One flow: its first packet, then known ones. The route counts for both VIPs on it. */
	generate(b, "ip4-input", "UDP: 192.0.2.77 -> 203.0.113.80 UDP: 1234 -> 53", 10);
	expect(b, &b->fes[0],
	       &(struct vpp_stats_figures){
		       .first = 1, .next = 9, .route_packets = 10, .route_bytes = 800 });
	generate(b, "ip4-input", "UDP: 192.0.2.77 -> 203.0.113.80 UDP: 1234 -> 54", 5);
	expect(b, &b->fes[1],
	       &(struct vpp_stats_figures){
		       .first = 1, .next = 4, .route_packets = 15, .route_bytes = 1200 });
	generate(b, "ip6-input", "UDP: 2001:db8::77 -> 2001:db8:80::1 UDP: 1234 -> 53", 7);
	expect(b, &b->fes[3],
	       &(struct vpp_stats_figures){
		       .first = 1, .next = 6, .route_packets = 7, .route_bytes = 560 });
	/* Nobody serves. Later packets of that flow find its entry, for AS 0, and are untracked. */
	generate(b, "ip4-input", "UDP: 192.0.2.77 -> 203.0.113.90 UDP: 1234 -> 53", 1);
	expect(b, &b->fes[2],
	       &(struct vpp_stats_figures){
		       .no_server = 1, .route_packets = 1, .route_bytes = 80 });
}

static void connect_lbsync(struct bed *b, const char *stats)
{
	const struct lbsync_opts o = {
		.loop = b->vpp.loop,
		.api_path = getenv("MAGLEV_TEST_VPP_API"),
		.stats_path = stats,
		.started = loop_clock(),
		.source = { b, desired, name, has_unknown, flushed, vpp_conf },
	};
	mono_ns began = loop_clock();

	b->conf = (struct vpp_conf){ .sync_interval = 3600 * NS_PER_S,
				     .sticky_buckets_per_core = 65536,
				     .flow_timeout = 40 * NS_PER_S };
	(void)addr_parse("192.0.2.1", &b->conf.src4);
	(void)addr_parse("2001:db8::1", &b->conf.src6);
	b->s = lbsync_new(&o);
	while (!lbsync_connected(b->s))
		turn(b, began, "the connection");
}

int main(void)
{
	const char *stats = getenv("MAGLEV_TEST_VPP_STATS");
	struct bed b = { 0 };
	struct lbsync_vpp vpp;

	if (!stats || !*stats)
		return VPPBED_SKIPPED;
	vppbed_open(&b.vpp);
	fill_all(&b);
	connect_lbsync(&b, stats);
	if (!lbsync_vpp_info(b.s, &vpp) || vpp.booted_at == 0)
		vppbed_die("no boot time");
	for (size_t i = 0; i < N; i++)
		lbsync_add(b.s, &b.fes[i].sync);
	sync_all(&b);
	wait_known(&b);
	interface(&b, true);
	traffic(&b);
	interface(&b, false);
	printf("%s: counters as sent\n", vpp.version);
	for (size_t i = 0; i < N; i++)
		lbsync_forget(b.s, &b.fes[i].sync);
	sync_all(&b);
	lbsync_free(b.s);
	str_done(&b.text);
	vppbed_close(&b.vpp);
	return 0;
}
