/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/state.h"

#include "base/json.h"

static void put_ip(struct json *j, const char *key, const struct ip46 *ip)
{
	struct str s = { 0 };
	ip46_format(ip, &s);
	json_field_str(j, key, str_z(&s));
	str_done(&s);
}

static void put_conf(struct json *j, const struct lb_conf *c)
{
	json_key(j, "conf");
	json_obj(j);
	put_ip(j, "ip4_src_address", &c->ip4_src);
	put_ip(j, "ip6_src_address", &c->ip6_src);
	json_field_u64(j, "sticky_buckets_per_core", c->sticky_buckets);
	json_field_u64(j, "flow_timeout", c->flow_timeout);
	json_obj_end(j);
}

static void put_clients(struct json *j, const struct api *a)
{
	json_key(j, "clients");
	json_arr(j);
	slots_foreach(&a->client_slots, i)
	{
		const struct api_client *c = a->clients[i];
		if (!c)
			continue;
		json_obj(j);
		json_field_u64(j, "index", c->index);
		json_field_str(j, "name", c->name);
		json_field_u64(j, "requests", c->requests);
		json_field_u64(j, "keepalives_answered", c->keepalives);
		json_obj_end(j);
	}
	json_arr_end(j);
}

static void put_calls(struct json *j, const struct api *a)
{
	json_key(j, "calls");
	json_obj(j);
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		if (a->calls[m] > 0)
			json_field_u64(j, vpp_msgs[m].name, a->calls[m]);
	}
	json_obj_end(j);
}

static void put_as(struct json *j, const struct lbplugin *p, uint32_t i)
{
	const struct lb_as *a = &p->ases.v[i];
	json_obj(j);
	json_field_u64(j, "index", i);
	put_ip(j, "address", &a->addr);
	json_field_u64(j, "weight", a->weight);
	json_field_u64(j, "buckets", a->buckets);
	json_field_u64(j, "flows", a->flows);
	json_field_bool(j, "used", a->used);
	json_field_u64(j, "in_use_since", a->last_used);
	json_obj_end(j);
}

static void put_vip(struct json *j, const struct lbplugin *p, uint32_t i)
{
	const struct lb_vip *v = &p->vips.v[i];
	struct str prefix = { 0 };
	ip46_prefix_format(&v->key.prefix, v->key.plen, &prefix);
	json_obj(j);
	json_field_u64(j, "index", i);
	json_field_str(j, "prefix", str_z(&prefix));
	json_field_u64(j, "protocol", v->key.protocol);
	json_field_u64(j, "port", v->key.port);
	json_field_str(j, "type", lb_vip_type_name(v->type));
	json_field_bool(j, "src_ip_sticky", v->src_ip_sticky);
	json_field_u64(j, "new_flows_table_length", v->new_length);
	json_field_bool(j, "used", v->used);
	json_key(j, "ases");
	json_arr(j);
	slots_foreach(&v->as_slots, s) put_as(j, p, v->ases.v[s]);
	json_arr_end(j);
	json_obj_end(j);
	str_done(&prefix);
}

void state_format(const struct api *a, const struct api_time *t, struct str *out)
{
	const struct lbplugin *p = &a->plugin;
	struct json j;
	json_init(&j, out);
	json_obj(&j);
	json_field_u64(&j, "uptime", t->uptime);
	json_field_u64(&j, "pid", a->opt.pid);
	json_field_str(&j, "version", a->opt.version);
	put_conf(&j, &p->conf);
	put_clients(&j, a);
	put_calls(&j, a);
	json_key(&j, "vips");
	json_arr(&j);
	slots_foreach(&p->vip_slots, i)
	{
		if (i > 0)
			put_vip(&j, p, i);
	}
	json_arr_end(&j);
	json_obj_end(&j);
}
