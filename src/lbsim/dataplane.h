/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/dataplane.h - what the lb plugin does with one packet (pure; src/plugins/lb/node.c).
 *
 * The route that the destination matches names the VIP, or, where VIPs of a prefix have ports, the
 * VIP of protocol and port; one that no VIP has goes to VIP 0, which never has a server. The sticky
 * table tells the AS of a flow that is known; another gets the AS of its bucket in the VIP's
 * new-flow table, and is remembered while there is room. */
#pragma once

#include "lbsim/lbplugin.h"
#include "lbsim/packet.h"

enum dataplane_fate {
	DATAPLANE_SEND,        /* to the AS, in GRE */
	DATAPLANE_NO_VIP,      /* no VIP's address: VPP's other business */
	DATAPLANE_NO_SERVER,   /* dropped, counted at its VIP */
	DATAPLANE_OTHER_ENCAP, /* NAT and L3DSR are not done here; the plugin would */
	DATAPLANE_FATE_N
};

struct dataplane_verdict {
	enum dataplane_fate fate;
	uint32_t vip;            /* index; unless DATAPLANE_NO_VIP */
	uint32_t as;             /* index; with DATAPLANE_SEND */
	enum lb_counter counter; /* that counted it; unless DATAPLANE_NO_VIP */
};

/* Decide, remember the flow, count. The plugin must forward (lbplugin_forward); `now` is VPP's
 * uptime. The only sticky table of a plugin with one worker is made by the first packet. */
struct dataplane_verdict dataplane_packet(struct lbplugin *p, const struct packet *pkt,
					  uint32_t now);
