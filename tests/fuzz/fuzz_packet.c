/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of the TUN device: any bytes, read no further than they go; what was understood
 * has an outcome, and can be wrapped. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lbsim/dataplane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void add_vip(struct lbplugin *p, const char *prefix, uint8_t len, uint16_t port,
		    const char *as)
{
	struct prefix pfx = { .len = len };
	struct addr addr;
	struct lb_vip_args a = { .new_length = 16 };

	if (addr_parse(prefix, &pfx.addr) || addr_parse(as, &addr))
		abort();
	a.key = lb_key(&pfx, 6, port);
	a.encap = addr.family == ADDR_IP6;
	const struct ip46 ip = ip46_from_addr(&addr);
	assert(lbplugin_vip_add(p, &a, 0, NULL) == 0);
	assert(lbplugin_as_add(p, &a.key, &ip, 1, false, 0) == 0);
}

static void check(struct lbplugin *p, const struct packet *pkt)
{
	uint8_t outer[PACKET_OUTER_MAX];
	struct dataplane_verdict first = dataplane_packet(p, pkt, 0),
				 second = dataplane_packet(p, pkt, 0);

	assert(first.fate == second.fate && first.vip == second.vip && first.as == second.as);
	if (first.fate != DATAPLANE_SEND)
		return;
	(void)packet_gre4(pkt, &p->conf.ip4_src, &p->ases.v[first.as].addr, outer);
	(void)packet_gre6(pkt, &p->conf.ip6_src, &p->ases.v[first.as].addr, outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lbplugin p;
	struct packet pkt;

	lbplugin_init(&p);
	lbplugin_forward(&p);
	p.conf.sticky_buckets = 4;
	add_vip(&p, "0.0.0.0", 1, 0, "2001:db8::1");
	add_vip(&p, "192.0.2.80", 32, 80, "10.0.0.1");
	add_vip(&p, "2000::", 3, 0, "10.0.0.1");
	if (packet_parse(data, n, &pkt, NULL) == 0) {
		assert(pkt.p == data && pkt.len <= n);
		check(&p, &pkt);
	}
	lbplugin_done(&p);
	return 0;
}
