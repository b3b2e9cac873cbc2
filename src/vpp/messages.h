/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/messages.h - the messages of VPP's binary API that we speak, and their ids in a given VPP.
 *
 * Field order and CRCs are those of VPP 26.10: src/vlibmemory/memclnt.api, src/vpp/api/vpe.api,
 * src/vlibmemory/vlib.api, src/vnet/ip/ip.api, src/plugins/lb/lb.api (version 1.2.0). A CRC stands
 * for the exact layout, so that a VPP whose names and CRCs match is one we can talk to.
 *
 * A prefix length is whatever byte came: VPP takes any, and tells an IPv6 VIP inside ::/96 as an
 * IPv4 one with the length it has (::/64 comes back as 0.0.0.0/64). */
#pragma once

#include "vpp/wire.h"

#define VPP_CLIENT_NAME     "vpp-maglev" /* in VPP's `show api clients` */
#define VPP_OLDEST          "26.10"
#define VPP_SOCKCLNT_CREATE 15  /* the one message id that is the same in every VPP */
#define VPP_MSG_NAME_SIZE   64  /* name and CRC in the message table */
#define VPP_TABLE_ROW       66  /* {u16 id, char name[64]} */
#define VPP_ROUTE_PATH      167 /* one fib_path of fib_types.api */
#define VPP_MSG_ID_NONE     0   /* no message has it */

/* A request that has a reply is followed by it, a dump by its details (asserted in the tests). */
enum vpp_msg {
	VPP_SOCKCLNT_CREATE_REQ,
	VPP_SOCKCLNT_CREATE_REPLY,
	VPP_SOCKCLNT_DELETE,
	VPP_SOCKCLNT_DELETE_REPLY,
	VPP_MEMCLNT_KEEPALIVE,
	VPP_MEMCLNT_KEEPALIVE_REPLY,
	VPP_SHOW_VERSION,
	VPP_SHOW_VERSION_REPLY,
	VPP_CONTROL_PING,
	VPP_CONTROL_PING_REPLY,
	VPP_CLI_INBAND,
	VPP_CLI_INBAND_REPLY,
	VPP_LB_CONF,
	VPP_LB_CONF_REPLY,
	VPP_LB_CONF_GET,
	VPP_LB_CONF_GET_REPLY,
	VPP_LB_ADD_DEL_VIP_V2,
	VPP_LB_ADD_DEL_VIP_V2_REPLY,
	VPP_LB_ADD_DEL_AS_V2,
	VPP_LB_ADD_DEL_AS_V2_REPLY,
	VPP_LB_AS_SET_WEIGHT,
	VPP_LB_AS_SET_WEIGHT_REPLY,
	VPP_LB_VIP_DUMP,
	VPP_LB_VIP_DETAILS,
	VPP_LB_AS_V2_DUMP,
	VPP_LB_AS_V2_DETAILS,
	VPP_LB_FLUSH_VIP,
	VPP_LB_FLUSH_VIP_REPLY,
	VPP_IP_ROUTE_LOOKUP,
	VPP_IP_ROUTE_LOOKUP_REPLY,
	VPP_MSG_N
};

extern const struct wire_msg vpp_msgs[VPP_MSG_N];

/* ---- bodies: a reply that says no more than yes or no is a struct vpp_retval, a request without
 * fields a struct vpp_empty */
struct vpp_empty {
	uint8_t unused;
};
struct vpp_retval {
	int32_t retval;
};
struct vpp_sockclnt_create {
	char name[64 + 1];
};
struct vpp_sockclnt_create_reply {
	int32_t response;
	uint32_t index;
	struct wire_rows message_table; /* VPP_TABLE_ROW bytes each */
};
struct vpp_sockclnt_delete {
	uint32_t index;
};
struct vpp_sockclnt_delete_reply {
	int32_t response; /* 1 in practice: not an error */
};
struct vpp_show_version_reply {
	int32_t retval;
	char program[32 + 1];
	char version[32 + 1];
	char build_date[32 + 1];
	char build_directory[256 + 1];
};
struct vpp_control_ping_reply {
	int32_t retval;
	uint32_t client_index, vpe_pid;
};
struct vpp_cli_inband {
	struct wire_bytes cmd;
};
struct vpp_cli_inband_reply {
	int32_t retval;
	struct wire_bytes reply;
};
struct vpp_lb_conf {
	struct addr ip4_src_address, ip6_src_address;
	uint32_t sticky_buckets_per_core, flow_timeout; /* seconds */
};
struct vpp_lb_conf_get_reply {
	int32_t retval;
	struct addr ip4_src_address, ip6_src_address;
	uint32_t sticky_buckets_per_core, flow_timeout;
};
struct vpp_lb_add_del_vip {
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
	uint32_t encap;
	uint8_t dscp;
	uint32_t type; /* of a Kubernetes service; always 0 */
	uint16_t target_port, node_port;
	uint32_t new_flows_table_length; /* 0 kills VPP */
	bool src_ip_sticky, is_del;
};
struct vpp_lb_add_del_as {
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
	struct addr as_address;
	uint8_t weight;
	bool is_del, is_flush;
};
struct vpp_lb_as_set_weight {
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
	struct addr as_address;
	uint8_t weight;
	bool is_flush;
};
struct vpp_lb_vip_dump {
	struct prefix pfx;
	uint8_t pfx_le, pfx_ge;
	uint8_t protocol;
	uint16_t port;
};
struct vpp_lb_vip_details {
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
	uint32_t encap;
	uint8_t dscp;
	uint32_t srv_type;
	uint16_t target_port;
	uint16_t flow_table_length; /* 65536 reads 0 */
};
struct vpp_lb_vip { /* lb_as_v2_dump, lb_flush_vip */
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
};
#define VPP_AS_USED 1u /* bit 0 of flags; a row without it is an AS that was deleted */
struct vpp_lb_as_v2_details {
	struct prefix pfx;
	uint8_t protocol;
	uint16_t port;
	struct addr as_address;
	uint8_t flags;
	uint32_t in_use_since;
	uint8_t weight;
	uint32_t num_buckets;
};
struct vpp_ip_route_lookup {
	uint32_t table_id;
	uint8_t exact;
	struct prefix pfx;
};
struct vpp_ip_route_lookup_reply {
	int32_t retval;
	uint32_t table_id, stats_index;
	struct prefix pfx;
	struct wire_rows paths; /* VPP_ROUTE_PATH bytes each */
};

/* Room for any decoded body. */
union vpp_body {
	int32_t retval; /* where the message has one, it comes first */
	struct vpp_empty empty;
	struct vpp_sockclnt_create sockclnt_create;
	struct vpp_sockclnt_create_reply sockclnt_create_reply;
	struct vpp_sockclnt_delete sockclnt_delete;
	struct vpp_sockclnt_delete_reply sockclnt_delete_reply;
	struct vpp_show_version_reply show_version_reply;
	struct vpp_control_ping_reply control_ping_reply;
	struct vpp_cli_inband cli_inband;
	struct vpp_cli_inband_reply cli_inband_reply;
	struct vpp_lb_conf lb_conf;
	struct vpp_lb_conf_get_reply lb_conf_get_reply;
	struct vpp_lb_add_del_vip lb_add_del_vip;
	struct vpp_lb_add_del_as lb_add_del_as;
	struct vpp_lb_as_set_weight lb_as_set_weight;
	struct vpp_lb_vip_dump lb_vip_dump;
	struct vpp_lb_vip_details lb_vip_details;
	struct vpp_lb_vip lb_vip;
	struct vpp_lb_as_v2_details lb_as_v2_details;
	struct vpp_ip_route_lookup ip_route_lookup;
	struct vpp_ip_route_lookup_reply ip_route_lookup_reply;
};

/* Does the message begin with an i32 retval (a *_reply but those of the socket handshake)? */
bool vpp_msg_has_retval(enum vpp_msg m);
/* The message that answers this request: its reply, or a dump's details. VPP_MSG_N for what is no
 * request. */
enum vpp_msg vpp_msg_answer(enum vpp_msg request);
/* Is the answer a stream of details that a control_ping has to end? */
bool vpp_msg_is_dump(enum vpp_msg request);

/* What a retval means, for people: "no such entry" for -6; "error" for those we never saw. */
const char *vpp_retval_text(int32_t retval);
#define VPP_ERR_NO_SUCH_ENTRY  (-6)  /* unknown VIP or AS */
#define VPP_ERR_INVALID_VALUE  (-70) /* table length or buckets that are no power of two */
#define VPP_ERR_ENCAP_DIFFERS  (-73) /* another encapsulation on this prefix */
#define VPP_ERR_EXISTS         (-81)
#define VPP_ERR_ADDRESS_FAMILY (-97)

/* ---- ids: which number each message has in one VPP, and back */
struct vpp_ids {
	uint16_t id[VPP_MSG_N];        /* VPP_MSG_ID_NONE: this VPP does not have it */
	uint8_t by_id[UINT16_MAX + 1]; /* enum vpp_msg + 1; 0: not one of ours */
};

/* Take the ids from a message table (VPP_TABLE_ROW bytes a row, any order). -ENOENT with `e`
 * naming every needed message that is missing or has another CRC, the CRC wanted, and the oldest
 * VPP that has them all; *ret is undefined then. Optional are memclnt_keepalive, lb_flush_vip and
 * their replies. */
int vpp_ids_load(const struct wire_rows *table, struct vpp_ids *ret, struct err *e);
/* The message with this id, or VPP_MSG_N. */
enum vpp_msg vpp_ids_find(const struct vpp_ids *ids, uint16_t id);
/* Append one row to a message table under construction (for those who play VPP). */
void vpp_table_add(struct str *table, uint16_t id, const char *name, const char *crc);
