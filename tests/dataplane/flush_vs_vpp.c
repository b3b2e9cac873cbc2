/* SPDX-License-Identifier: Apache-2.0 */
/* What a flush costs: lb_as_set_weight with and without one, by the number of sticky buckets. The
 * plugin walks every thread's whole sticky table while all forwarding stands still; a thread has
 * one from its first packet on, so the packet generator sends some. Prints; fails only when VPP
 * does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "vppbed.h"

#define INTERFACE "pg4711"
#define N_CALLS   300

struct bed {
	struct vppbed vpp;
	struct str text;
	struct prefix vip;
	struct addr as;
};

/* 192.0.2.80 UDP 53, one AS. */
static void vip(struct bed *b, bool del)
{
	const struct vpp_lb_add_del_vip m = { .pfx = b->vip,
					      .protocol = 17,
					      .port = 53,
					      .new_flows_table_length = 1024,
					      .is_del = del };
	const struct vpp_lb_add_del_as a = { .pfx = b->vip,
					     .protocol = 17,
					     .port = 53,
					     .as_address = b->as,
					     .weight = 100,
					     .is_del = del,
					     .is_flush = del };

	if (!del)
		vppbed_send(&b->vpp, VPP_LB_ADD_DEL_VIP_V2, &m);
	vppbed_send(&b->vpp, VPP_LB_ADD_DEL_AS_V2, &a);
	if (del)
		vppbed_send(&b->vpp, VPP_LB_ADD_DEL_VIP_V2, &m);
	vppbed_wait(&b->vpp);
}

static void buckets(struct bed *b, uint32_t n)
{
	const struct vpp_lb_conf c = { .ip4_src_address = b->vpp.conf.ip4_src_address,
				       .ip6_src_address = b->vpp.conf.ip6_src_address,
				       .sticky_buckets_per_core = n,
				       .flow_timeout = 40 };

	vppbed_send(&b->vpp, VPP_LB_CONF, &c);
	vppbed_wait(&b->vpp);
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
}

/* Until a thread has its table, which `show lb` tells; how many have one. */
static unsigned traffic(struct bed *b)
{
	mono_ns began = loop_clock();
	unsigned n = 0;

	vppbed_cli(&b->vpp, &b->text,
		   "packet-generator new { name flush limit 20 interface " INTERFACE
		   " node ip4-input size 80-80 data { UDP: 192.0.2.1 - 192.0.2.20 -> 192.0.2.80 "
		   "UDP: 1234 -> 53 incrementing 8 } }");
	if (b->text.len > 0)
		vppbed_die("packet generator: %s", str_z(&b->text));
	vppbed_cli(&b->vpp, &b->text, "packet-generator enable-stream flush");
	do {
		if (loop_clock() - began > VPPBED_PATIENCE)
			vppbed_die("no packet reached the VIP");
		vppbed_cli(&b->vpp, &b->text, "show lb");
	} while (!strstr(str_z(&b->text), "core "));
	for (const char *p = str_z(&b->text); (p = strstr(p, "core ")); p++)
		n++;
	vppbed_cli(&b->vpp, &b->text, "packet-generator delete flush");
	return n;
}

static int cmp_ns(const void *x, const void *y)
{
	const dur_ns *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* Median of one call's time, from request to answer. */
static dur_ns cost(struct bed *b, bool flush)
{
	struct vpp_lb_as_set_weight m = {
		.pfx = b->vip, .protocol = 17, .port = 53, .as_address = b->as, .is_flush = flush
	};
	dur_ns took[N_CALLS];

	for (int i = 0; i < N_CALLS; i++) {
		mono_ns began = loop_clock();

		m.weight = i % 2 ? 100 : 0;
		vppbed_send(&b->vpp, VPP_LB_AS_SET_WEIGHT, &m);
		vppbed_wait(&b->vpp);
		took[i] = loop_clock() - began;
	}
	qsort(took, N_CALLS, sizeof took[0], cmp_ns);
	return took[N_CALLS / 2];
}

int main(void)
{
	static const uint32_t sizes[] = { 1024, 65536, 262144, 1048576 };
	struct bed b = { .vip.len = 32 };

	vppbed_open(&b.vpp);
	(void)addr_parse("192.0.2.80", &b.vip.addr);
	(void)addr_parse("198.51.100.1", &b.as);
	interface(&b, true);
	vip(&b, false);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned threads;
		dur_ns without, with;

		buckets(&b, sizes[i]);
		threads = traffic(&b);
		without = cost(&b, false);
		with = cost(&b, true);
		printf("%7u sticky buckets, %u thread(s) with a table: a weight %.3f ms, with a "
		       "flush %.3f ms\n",
		       sizes[i], threads, (double)without / 1e6, (double)with / 1e6);
	}
	vip(&b, true);
	interface(&b, false);
	str_done(&b.text);
	vppbed_close(&b.vpp);
	return 0;
}
