/* SPDX-License-Identifier: Apache-2.0 */
/* The message descriptions, and the search of a VPP's message table for them. */
#include "vpp/messages.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define F  WIRE_F
#define FA WIRE_F_AS

static const struct wire_field f_retval[] = { F(vpp_retval, retval) };
static const struct wire_field f_sockclnt_create[] = {
	FA(vpp_sockclnt_create, name, WIRE_STR, 64),
};
static const struct wire_field f_sockclnt_create_reply[] = {
	F(vpp_sockclnt_create_reply, response),
	F(vpp_sockclnt_create_reply, index),
	FA(vpp_sockclnt_create_reply, message_table, WIRE_ROWS16, VPP_TABLE_ROW),
};
static const struct wire_field f_sockclnt_delete[] = { F(vpp_sockclnt_delete, index) };
static const struct wire_field f_sockclnt_delete_reply[] = {
	F(vpp_sockclnt_delete_reply, response),
};
static const struct wire_field f_show_version_reply[] = {
	F(vpp_show_version_reply, retval),
	FA(vpp_show_version_reply, program, WIRE_STR, 32),
	FA(vpp_show_version_reply, version, WIRE_STR, 32),
	FA(vpp_show_version_reply, build_date, WIRE_STR, 32),
	FA(vpp_show_version_reply, build_directory, WIRE_STR, 256),
};
static const struct wire_field f_control_ping_reply[] = {
	F(vpp_control_ping_reply, retval),
	F(vpp_control_ping_reply, client_index),
	F(vpp_control_ping_reply, vpe_pid),
};
static const struct wire_field f_cli_inband[] = { F(vpp_cli_inband, cmd) };
static const struct wire_field f_cli_inband_reply[] = {
	F(vpp_cli_inband_reply, retval),
	F(vpp_cli_inband_reply, reply),
};
static const struct wire_field f_lb_conf[] = {
	FA(vpp_lb_conf, ip4_src_address, WIRE_IP4, 0),
	FA(vpp_lb_conf, ip6_src_address, WIRE_IP6, 0),
	F(vpp_lb_conf, sticky_buckets_per_core),
	F(vpp_lb_conf, flow_timeout),
};
static const struct wire_field f_lb_conf_get_reply[] = {
	F(vpp_lb_conf_get_reply, retval),
	FA(vpp_lb_conf_get_reply, ip4_src_address, WIRE_IP4, 0),
	FA(vpp_lb_conf_get_reply, ip6_src_address, WIRE_IP6, 0),
	F(vpp_lb_conf_get_reply, sticky_buckets_per_core),
	F(vpp_lb_conf_get_reply, flow_timeout),
};
static const struct wire_field f_lb_add_del_vip[] = {
	F(vpp_lb_add_del_vip, pfx),
	F(vpp_lb_add_del_vip, protocol),
	F(vpp_lb_add_del_vip, port),
	F(vpp_lb_add_del_vip, encap),
	F(vpp_lb_add_del_vip, dscp),
	F(vpp_lb_add_del_vip, type),
	F(vpp_lb_add_del_vip, target_port),
	F(vpp_lb_add_del_vip, node_port),
	F(vpp_lb_add_del_vip, new_flows_table_length),
	F(vpp_lb_add_del_vip, src_ip_sticky),
	F(vpp_lb_add_del_vip, is_del),
};
static const struct wire_field f_lb_add_del_as[] = {
	F(vpp_lb_add_del_as, pfx),      F(vpp_lb_add_del_as, protocol),
	F(vpp_lb_add_del_as, port),     F(vpp_lb_add_del_as, as_address),
	F(vpp_lb_add_del_as, weight),   F(vpp_lb_add_del_as, is_del),
	F(vpp_lb_add_del_as, is_flush),
};
static const struct wire_field f_lb_as_set_weight[] = {
	F(vpp_lb_as_set_weight, pfx),    F(vpp_lb_as_set_weight, protocol),
	F(vpp_lb_as_set_weight, port),   F(vpp_lb_as_set_weight, as_address),
	F(vpp_lb_as_set_weight, weight), F(vpp_lb_as_set_weight, is_flush),
};
static const struct wire_field f_lb_vip_dump[] = {
	F(vpp_lb_vip_dump, pfx),      F(vpp_lb_vip_dump, pfx_le), F(vpp_lb_vip_dump, pfx_ge),
	F(vpp_lb_vip_dump, protocol), F(vpp_lb_vip_dump, port),
};
static const struct wire_field f_lb_vip_details[] = {
	F(vpp_lb_vip_details, pfx),         F(vpp_lb_vip_details, protocol),
	F(vpp_lb_vip_details, port),        F(vpp_lb_vip_details, encap),
	F(vpp_lb_vip_details, dscp),        F(vpp_lb_vip_details, srv_type),
	F(vpp_lb_vip_details, target_port), F(vpp_lb_vip_details, flow_table_length),
};
static const struct wire_field f_lb_vip[] = {
	F(vpp_lb_vip, pfx),
	F(vpp_lb_vip, protocol),
	F(vpp_lb_vip, port),
};
static const struct wire_field f_lb_as_v2_details[] = {
	F(vpp_lb_as_v2_details, pfx),    F(vpp_lb_as_v2_details, protocol),
	F(vpp_lb_as_v2_details, port),   F(vpp_lb_as_v2_details, as_address),
	F(vpp_lb_as_v2_details, flags),  F(vpp_lb_as_v2_details, in_use_since),
	F(vpp_lb_as_v2_details, weight), F(vpp_lb_as_v2_details, num_buckets),
};
static const struct wire_field f_ip_route_lookup[] = {
	F(vpp_ip_route_lookup, table_id),
	F(vpp_ip_route_lookup, exact),
	F(vpp_ip_route_lookup, pfx),
};
static const struct wire_field f_ip_route_lookup_reply[] = {
	F(vpp_ip_route_lookup_reply, retval),
	F(vpp_ip_route_lookup_reply, table_id),
	F(vpp_ip_route_lookup_reply, stats_index),
	F(vpp_ip_route_lookup_reply, pfx),
	FA(vpp_ip_route_lookup_reply, paths, WIRE_ROWS8, VPP_ROUTE_PATH),
};

#define MSG(NAME, CRC, SHAPE, BODY, FIELDS)                                                        \
	{                                                                                          \
		(NAME), (CRC), (SHAPE), (FIELDS), ARRAY_LEN(FIELDS), sizeof(struct BODY)           \
	}
#define MSG_BARE(NAME, CRC)                                                                        \
	{                                                                                          \
		(NAME), (CRC), WIRE_REQUEST, NULL, 0, sizeof(struct vpp_empty)                     \
	}
#define REQ(NAME, CRC, BODY, FIELDS)   MSG(NAME, CRC, WIRE_REQUEST, BODY, FIELDS)
#define REPLY(NAME, CRC, BODY, FIELDS) MSG(NAME, CRC, WIRE_REPLY, BODY, FIELDS)
#define YESNO(NAME)                    MSG(NAME, "e8d4e804", WIRE_REPLY, vpp_retval, f_retval)

/* The handshake is the exception in shape: its request has no client index, its reply has one. */
const struct wire_msg vpp_msgs[VPP_MSG_N] = {
	[VPP_SOCKCLNT_CREATE_REQ] = REPLY("sockclnt_create", "455fb9c4", vpp_sockclnt_create,
					  f_sockclnt_create),
	[VPP_SOCKCLNT_CREATE_REPLY] = REQ("sockclnt_create_reply", "35166268",
					  vpp_sockclnt_create_reply, f_sockclnt_create_reply),
	[VPP_SOCKCLNT_DELETE] = REQ("sockclnt_delete", "8ac76db6", vpp_sockclnt_delete,
				    f_sockclnt_delete),
	[VPP_SOCKCLNT_DELETE_REPLY] = REPLY("sockclnt_delete_reply", "8f38b1ee",
					    vpp_sockclnt_delete_reply, f_sockclnt_delete_reply),
	[VPP_MEMCLNT_KEEPALIVE] = MSG_BARE("memclnt_keepalive", "51077d14"),
	[VPP_MEMCLNT_KEEPALIVE_REPLY] = YESNO("memclnt_keepalive_reply"),
	[VPP_SHOW_VERSION] = MSG_BARE("show_version", "51077d14"),
	[VPP_SHOW_VERSION_REPLY] = REPLY("show_version_reply", "c919bde1", vpp_show_version_reply,
					 f_show_version_reply),
	[VPP_CONTROL_PING] = MSG_BARE("control_ping", "51077d14"),
	[VPP_CONTROL_PING_REPLY] = REPLY("control_ping_reply", "f6b0b8ca", vpp_control_ping_reply,
					 f_control_ping_reply),
	[VPP_CLI_INBAND] = REQ("cli_inband", "f8377302", vpp_cli_inband, f_cli_inband),
	[VPP_CLI_INBAND_REPLY] = REPLY("cli_inband_reply", "05879051", vpp_cli_inband_reply,
				       f_cli_inband_reply),
	[VPP_LB_CONF] = REQ("lb_conf", "56cd3261", vpp_lb_conf, f_lb_conf),
	[VPP_LB_CONF_REPLY] = YESNO("lb_conf_reply"),
	[VPP_LB_CONF_GET] = MSG_BARE("lb_conf_get", "51077d14"),
	[VPP_LB_CONF_GET_REPLY] = REPLY("lb_conf_get_reply", "923427ac", vpp_lb_conf_get_reply,
					f_lb_conf_get_reply),
	[VPP_LB_ADD_DEL_VIP_V2] = REQ("lb_add_del_vip_v2", "7c520e0f", vpp_lb_add_del_vip,
				      f_lb_add_del_vip),
	[VPP_LB_ADD_DEL_VIP_V2_REPLY] = YESNO("lb_add_del_vip_v2_reply"),
	[VPP_LB_ADD_DEL_AS_V2] = REQ("lb_add_del_as_v2", "2f1d3b0e", vpp_lb_add_del_as,
				     f_lb_add_del_as),
	[VPP_LB_ADD_DEL_AS_V2_REPLY] = YESNO("lb_add_del_as_v2_reply"),
	[VPP_LB_AS_SET_WEIGHT] = REQ("lb_as_set_weight", "2d89bdbd", vpp_lb_as_set_weight,
				     f_lb_as_set_weight),
	[VPP_LB_AS_SET_WEIGHT_REPLY] = YESNO("lb_as_set_weight_reply"),
	[VPP_LB_VIP_DUMP] = REQ("lb_vip_dump", "56110cb7", vpp_lb_vip_dump, f_lb_vip_dump),
	[VPP_LB_VIP_DETAILS] = REPLY("lb_vip_details", "1329ec9b", vpp_lb_vip_details,
				     f_lb_vip_details),
	[VPP_LB_AS_V2_DUMP] = REQ("lb_as_v2_dump", "1063f819", vpp_lb_vip, f_lb_vip),
	[VPP_LB_AS_V2_DETAILS] = REPLY("lb_as_v2_details", "90064aae", vpp_lb_as_v2_details,
				       f_lb_as_v2_details),
	[VPP_LB_FLUSH_VIP] = REQ("lb_flush_vip", "1063f819", vpp_lb_vip, f_lb_vip),
	[VPP_LB_FLUSH_VIP_REPLY] = YESNO("lb_flush_vip_reply"),
	[VPP_IP_ROUTE_LOOKUP] = REQ("ip_route_lookup", "710d6471", vpp_ip_route_lookup,
				    f_ip_route_lookup),
	[VPP_IP_ROUTE_LOOKUP_REPLY] = REPLY("ip_route_lookup_reply", "5d8febcb",
					    vpp_ip_route_lookup_reply, f_ip_route_lookup_reply),
};

bool vpp_msg_has_retval(enum vpp_msg m)
{
	const struct wire_msg *w = &vpp_msgs[m];

	return w->n_fields > 0 && strcmp(w->fields[0].name, "retval") == 0;
}

bool vpp_msg_is_dump(enum vpp_msg request)
{
	return request == VPP_LB_VIP_DUMP || request == VPP_LB_AS_V2_DUMP;
}

enum vpp_msg vpp_msg_answer(enum vpp_msg request)
{
	assert(request < VPP_MSG_N);
	return request % 2 == 0 ? request + 1 : VPP_MSG_N;
}

const char *vpp_retval_text(int32_t retval)
{
	switch (retval) {
	case 0:
		return "success";
	case VPP_ERR_NO_SUCH_ENTRY:
		return "no such entry";
	case VPP_ERR_INVALID_VALUE:
		return "invalid value";
	case VPP_ERR_ENCAP_DIFFERS:
		return "another encapsulation on this prefix";
	case VPP_ERR_EXISTS:
		return "already exists";
	case VPP_ERR_ADDRESS_FAMILY:
		return "wrong address family";
	default:
		return "error";
	}
}

/* ---- ids */

static bool msg_optional(enum vpp_msg m)
{
	return m == VPP_MEMCLNT_KEEPALIVE || m == VPP_MEMCLNT_KEEPALIVE_REPLY ||
	       m == VPP_LB_FLUSH_VIP || m == VPP_LB_FLUSH_VIP_REPLY;
}

struct table_row {
	uint16_t id;
	char name[VPP_MSG_NAME_SIZE + 1];
};

static void row_get(const struct wire_rows *t, uint32_t i, struct table_row *ret)
{
	const uint8_t *p = t->p + (size_t)i * VPP_TABLE_ROW;

	ret->id = (uint16_t)(p[0] << 8 | p[1]);
	memcpy(ret->name, p + 2, VPP_MSG_NAME_SIZE);
	ret->name[VPP_MSG_NAME_SIZE] = '\0';
}

#define CRC_LEN 8

/* The CRC in "name_crc" when it is this message's row, else NULL. */
static const char *row_crc(const struct table_row *r, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(r->name, name, n) != 0 || r->name[n] != '_' ||
	    strlen(r->name + n + 1) != CRC_LEN ||
	    strspn(r->name + n + 1, "0123456789abcdef") != CRC_LEN)
		return NULL;
	return r->name + n + 1;
}

/* What keeps one message from being usable; *why is extended, comma-separated. */
static void complain(struct str *why, const struct wire_msg *m, const char *other_crc)
{
	if (why->len > 0)
		str_add(why, ", ");
	if (other_crc[0] != '\0')
		str_addf(why, "%s has CRC %s where %s is wanted", m->name, other_crc, m->crc);
	else
		str_addf(why, "%s (CRC %s) is missing", m->name, m->crc);
}

static void ids_find_one(const struct wire_rows *table, enum vpp_msg m, struct vpp_ids *ids,
			 struct str *why)
{
	char other[CRC_LEN + 1] = "";
	struct table_row r;
	const char *crc;

	for (uint32_t i = 0; i < table->n; i++) {
		row_get(table, i, &r);
		crc = row_crc(&r, vpp_msgs[m].name);
		if (!crc || r.id == VPP_MSG_ID_NONE)
			continue;
		if (strcmp(crc, vpp_msgs[m].crc) == 0) {
			ids->id[m] = r.id;
			ids->by_id[r.id] = (uint8_t)(m + 1);
			return;
		}
		memcpy(other, crc, sizeof other);
	}
	if (!msg_optional(m))
		complain(why, &vpp_msgs[m], other);
}

int vpp_ids_load(const struct wire_rows *table, struct vpp_ids *ret, struct err *e)
{
	struct str why = { 0 };
	int r = 0;

	memset(ret, 0, sizeof *ret);
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++)
		ids_find_one(table, m, ret, &why);
	if (why.len > 0)
		r = err_set(e, -ENOENT, "VPP >= %s is needed: %s", VPP_OLDEST, str_z(&why));
	str_done(&why);
	return r;
}

enum vpp_msg vpp_ids_find(const struct vpp_ids *ids, uint16_t id)
{
	uint8_t m = ids->by_id[id];

	return m > 0 ? (enum vpp_msg)(m - 1) : VPP_MSG_N;
}

void vpp_table_add(struct str *table, uint16_t id, const char *name, const char *crc)
{
	char row[VPP_TABLE_ROW + 1] = { (char)(id >> 8), (char)id };
	int n = snprintf(row + 2, VPP_MSG_NAME_SIZE, "%s_%s", name, crc);

	assert(n > 0 && n < VPP_MSG_NAME_SIZE);
	str_add_n(table, row, VPP_TABLE_ROW);
}
