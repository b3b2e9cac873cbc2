/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/lbplugin.h - VPP's lb plugin as a model (pure: no socket, clock or log; time is a
 * parameter).
 *
 * Follows src/plugins/lb/{lb.c,api.c} of VPP 26.10 call by call: the same checks in the same order
 * with the same numbers, the same index allocation, the same leftovers in reused slots, the same
 * garbage collection. Unless lbplugin_forward was called nothing is forwarded: an AS has a number
 * of sticky flows that somebody sets (lbplugin_set_flows), because collection waits for them. With
 * it, flows are those of a real sticky table, which lbsim/dataplane.h fills.
 *
 * `now` is VPP's uptime in whole seconds; it does not go backwards.
 *
 * A call returns VPP's retval: 0, or a negative VNET_API_ERROR_*. LB_DEATH stands for a request
 * that kills a real VPP; the model is unchanged then, and the caller must stop answering. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "base/map.h"
#include "lbsim/fib.h"
#include "lbsim/flow.h"
#include "lbsim/ip46.h"
#include "lbsim/slots.h"

/* VNET_API_ERROR_* that the plugin gives (src/vnet/error.h). */
#define LB_ERR_NO_SUCH_ENTRY  (-6)
#define LB_ERR_MEMORY_SIZE    (-70) /* no power of two */
#define LB_ERR_ARGUMENT       (-73) /* another encapsulation on the prefix */
#define LB_ERR_EXISTS         (-81)
#define LB_ERR_ADDRESS_FAMILY (-97)
#define LB_DEATH              INT32_MIN

#define LB_GC_RUN     60         /* seconds: the timer, and between two collections of one VIP */
#define LB_GC_AS_WAIT 10         /* seconds from an AS's removal to its collection */
#define LB_CONF_KEEP  UINT32_MAX /* in lb_conf: leave as it is */

/* A VPP out of heap dies; these stand for its heap. */
#define LB_VIPS_MAX 65536u
#define LB_ASES_MAX (1u << 20)

enum lb_vip_type { /* as in lb.h, where 0 is what an impossible encapsulation turns into */
		   LB_IP6_GRE6,
		   LB_IP6_GRE4,
		   LB_IP4_GRE6,
		   LB_IP4_GRE4,
		   LB_IP4_L3DSR,
		   LB_IP4_NAT4,
		   LB_IP6_NAT6,
		   LB_TYPE_N
};
const char *lb_vip_type_name(enum lb_vip_type t);  /* "ip4-gre4" */
bool lb_vip_type_encap_is_ip4(enum lb_vip_type t); /* are its ASes IPv4? */

enum lb_counter {
	LB_COUNTER_NEXT,
	LB_COUNTER_FIRST,
	LB_COUNTER_UNTRACKED,
	LB_COUNTER_NO_SERVER,
	LB_COUNTER_N
};
const char *lb_counter_name(enum lb_counter c); /* "packet from existing sessions" */

struct lb_conf {
	struct ip46 ip4_src, ip6_src;
	uint32_t sticky_buckets, flow_timeout;
};

struct lb_key {
	struct ip46 prefix;
	uint8_t plen; /* over 128 bits */
	uint8_t protocol;
	uint16_t port; /* 0: all ports, and protocol is 255 then */
};

struct lb_vip_args {
	struct lb_key key;
	uint32_t encap; /* as in the API: 0 GRE4, 1 GRE6, 2 L3DSR, 3 NAT4, 4 NAT6 */
	uint8_t dscp;
	uint32_t srv_type; /* as in the API, which the plugin reads byte-swapped */
	uint16_t target_port;
	uint32_t new_length;
	bool src_ip_sticky;
};

struct lb_as {
	struct ip46 addr;
	uint32_t vip;
	bool used; /* false: removed, waiting for collection */
	uint8_t weight;
	uint32_t last_used; /* when it was removed last; a reused slot keeps its predecessor's */
	uint32_t buckets;   /* its share of the VIP's table */
	uint64_t flows;     /* sticky flows that refer to it */
	uint32_t dpo;
};

struct lb_vip {
	struct lb_key key;
	enum lb_vip_type type;
	bool used;
	bool src_ip_sticky;
	uint8_t dscp_or_srv_type; /* one byte in the plugin; a reused slot keeps both */
	uint16_t target_port;
	uint32_t new_length;
	uint32_t last_gc;
	uint64_t counters[LB_COUNTER_N];
	struct slots as_slots; /* a pool of its own: it gives the order of dumps */
	VEC(uint32_t) ases;    /* by as_slots: index into lbplugin.ases */
	uint32_t *table; /* new_length ASes by bucket; NULL: nothing is forwarded, or no AS yet */
};

struct lbplugin { /* lbplugin_init first */
	struct lb_conf conf;
	struct slots vip_slots, as_slots; /* index 0 of both is a placeholder nobody gets */
	VEC(struct lb_vip) vips;
	VEC(struct lb_as) ases;
	struct fib fib;
	bool sticky_table; /* exists once a flow came */
	bool forwards;
	struct flow_table *sticky; /* when forwarding, from the first packet on */
	struct map vip_by_key;     /* the live ones: struct vip_ref */
};

void lbplugin_init(struct lbplugin *p);
void lbplugin_done(struct lbplugin *p);
/* Packets will come (lbsim/dataplane.h). Before any VIP was added (asserted). */
void lbplugin_forward(struct lbplugin *p);

/* A VIP's key from what the API carries: port 0 forces protocol 255, the prefix is masked. */
struct lb_key lb_key(const struct prefix *pfx, uint8_t protocol, uint16_t port);

/* -70 (nothing changes). A new number of buckets drops every sticky flow, at once (in VPP: with the
 * next packet). */
int32_t lbplugin_conf(struct lbplugin *p, const struct lb_conf *c);

/* -81 the VIP exists, or an all-port and a per-port VIP would share the prefix; -73; -70; -97; in
 * that order. LB_DEATH: a table of length 0 (2^32 entries), or longer than TABLE_LEN_MAX, which a
 * VPP may hold and this model does not. *ret_index (may be NULL): the VIP's index. */
int32_t lbplugin_vip_add(struct lbplugin *p, const struct lb_vip_args *a, uint32_t now,
			 uint32_t *ret_index);
/* -6. Its ASes are removed with it, without a flush. */
int32_t lbplugin_vip_del(struct lbplugin *p, const struct lb_key *k, uint32_t now);

/* -6 no such VIP; -81; -97. A removed AS that was not collected yet is revived. */
int32_t lbplugin_as_add(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			uint8_t weight, bool flush, uint32_t now);
/* -6. An AS that is removed already can be removed again. */
int32_t lbplugin_as_del(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			bool flush, uint32_t now);
int32_t lbplugin_as_set_weight(struct lbplugin *p, const struct lb_key *k, const struct ip46 *addr,
			       uint8_t weight, bool flush); /* -6, of a removed one too */

/* Always 0. An unknown VIP flushes another one: the plugin goes on with an index it never set; here
 * it is the live VIP with the lowest index. */
int32_t lbplugin_flush_vip(struct lbplugin *p, const struct lb_key *k);

/* The timer's work, every LB_GC_RUN seconds. */
void lbplugin_gc(struct lbplugin *p, uint32_t now);

/* The AS of this VIP (by index, live or not) with this address, removed ones too; 0 or -6. */
int32_t lbplugin_find_as(const struct lbplugin *p, uint32_t vip, const struct ip46 *addr,
			 uint32_t *ret_index);
/* Which live VIP a packet is for whose route is `k`'s prefix: the all-port one, or that of protocol
 * and port; VIP 0, the placeholder, when there is neither. */
uint32_t lbplugin_vip_of(const struct lbplugin *p, const struct lb_key *k);
/* The table of a worker that has a packet now. NULL: its size is one that VPP has no memory for, or
 * 0 (a real one would read some other memory); no flow is remembered then. */
struct flow_table *lbplugin_sticky(struct lbplugin *p);
/* How many entries of the sticky table have not expired; without forwarding: how many somebody
 * set. */
uint64_t lbplugin_sticky_used(const struct lbplugin *p, uint32_t now);

/* As if traffic had left this many sticky flows at the AS; not when forwarding (asserted). */
void lbplugin_set_flows(struct lbplugin *p, uint32_t as, uint64_t flows);
/* As if traffic had come for the VIP with this index: `packets` of this kind, which its route
 * counts with their bytes. */
void lbplugin_count(struct lbplugin *p, uint32_t vip, enum lb_counter kind, uint64_t packets,
		    uint64_t bytes);
