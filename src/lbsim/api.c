/* SPDX-License-Identifier: Apache-2.0 */
/* One table of handlers, indexed by message. A handler that changes something returns a retval and
 * nothing else; refusals ordered by a test, the journal and the answer are done around it, in one
 * place (run_change). A handler that reads answers for itself. */
#include "lbsim/api.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "lbsim/cli.h"

#define ERR_NO_SUCH_FIB (-3)

struct call {
	struct api *a;
	struct api_client *from;
	enum vpp_msg msg;
	struct wire_hdr hdr;
	union vpp_body in;
	const struct api_time *t;
};

/* ---- message ids */

static void shuffle(struct rng *r, uint16_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = rng_below(r, i);
		uint16_t t = v[i - 1];
		v[i - 1] = v[j];
		v[j] = t;
	}
}

/* Ids for our messages out of 1..API_TABLE_ROWS, at random; the handshake's two are fixed. */
static void ids_draw(struct api *a, struct rng *r)
{
	uint16_t free_ids[API_TABLE_ROWS];
	size_t n = 0;
	for (uint16_t id = 1; id <= API_TABLE_ROWS; id++) {
		if (id != VPP_SOCKCLNT_CREATE && id != VPP_SOCKCLNT_CREATE + 1)
			free_ids[n++] = id;
	}
	shuffle(r, free_ids, n);
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		uint16_t id = free_ids[--n];
		if (m == VPP_SOCKCLNT_CREATE_REQ || m == VPP_SOCKCLNT_CREATE_REPLY)
			id = (uint16_t)(VPP_SOCKCLNT_CREATE + (m == VPP_SOCKCLNT_CREATE_REPLY));
		a->ids.id[m] = id;
		a->ids.by_id[id] = (uint8_t)(m + 1);
	}
}

static bool dropped(const struct api *a, enum vpp_msg m)
{
	return a->opt.dropped && a->opt.dropped[m];
}

/* The rows come in no order, as from VPP's hash table. */
static void table_make(struct api *a, struct rng *r)
{
	uint16_t order[API_TABLE_ROWS];
	for (uint16_t i = 0; i < API_TABLE_ROWS; i++)
		order[i] = (uint16_t)(i + 1);
	shuffle(r, order, API_TABLE_ROWS);
	for (size_t i = 0; i < API_TABLE_ROWS; i++) {
		enum vpp_msg m = vpp_ids_find(&a->ids, order[i]);
		char name[32], crc[9];
		if (m < VPP_MSG_N && dropped(a, m))
			continue;
		snprintf(name, sizeof name, "other_message_%u", order[i]);
		snprintf(crc, sizeof crc, "%08x", (unsigned)rng_u64(r));
		vpp_table_add(&a->table, order[i], m < VPP_MSG_N ? vpp_msgs[m].name : name,
			      m < VPP_MSG_N ? vpp_msgs[m].crc : crc);
		a->table_rows++;
	}
}

enum vpp_msg api_msg_find(const char *name)
{
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		if (strcmp(vpp_msgs[m].name, name) == 0)
			return m;
	}
	return VPP_MSG_N;
}

/* ---- life */

void api_init(struct api *a, const struct api_options *opt)
{
	struct rng r;
	memset(a, 0, sizeof *a);
	a->opt = *opt;
	rng_init(&r, opt->seed);
	ids_draw(a, &r);
	table_make(a, &r);
	lbplugin_init(&a->plugin);
	uint32_t listener = slots_get(&a->client_slots);
	assert(listener == 0);
	(void)listener;
}

void api_done(struct api *a)
{
	assert(slots_count(&a->client_slots) == 1);
	slots_done(&a->client_slots);
	lbplugin_done(&a->plugin);
	str_done(&a->table);
	str_done(&a->out);
	wire_dump_done(&a->dump);
}

struct api_client *api_client_open(struct api *a, void *ctx)
{
	if (slots_count(&a->client_slots) > API_CLIENTS_MAX)
		return NULL;
	struct api_client *c = XNEW(struct api_client);
	uint32_t i = slots_get(&a->client_slots);
	assert(i < ARRAY_LEN(a->clients));
	a->clients[i] = c;
	c->index = API_INDEX_SOCKET | i;
	c->ctx = ctx;
	return c;
}

void api_client_close(struct api *a, struct api_client *c)
{
	uint32_t i = c->index & ~API_INDEX_SOCKET;
	a->clients[i] = NULL;
	slots_put(&a->client_slots, i);
	free(c);
}

/* ---- answers */

/* Whom an index names; NULL for nobody. */
static struct api_client *client_find(const struct api *a, uint32_t index)
{
	uint32_t i = index & ~API_INDEX_SOCKET;
	if (!(index & API_INDEX_SOCKET) || i >= ARRAY_LEN(a->clients))
		return NULL;
	return a->clients[i];
}

static void send_to(struct api *a, struct api_client *to, enum vpp_msg m, uint32_t context,
		    const void *body)
{
	const struct wire_hdr h = { .id = a->ids.id[m], .context = context };
	str_clear(&a->out);
	wire_encode(&vpp_msgs[m], &h, body, &a->out);
	a->opt.send(a->opt.ctx, to, a->out.p, a->out.len);
}

static void answer(const struct call *c, const void *body)
{
	struct api_client *to = client_find(c->a, c->hdr.client_index);
	if (to)
		send_to(c->a, to, vpp_msg_answer(c->msg), c->hdr.context, body);
}

void api_send_keepalive(struct api *a, struct api_client *c)
{
	const struct wire_hdr h = { .id = a->ids.id[VPP_MEMCLNT_KEEPALIVE],
				    .client_index = c->index,
				    .context = c->index };
	const struct vpp_empty none = { 0 };
	str_clear(&a->out);
	wire_encode(&vpp_msgs[VPP_MEMCLNT_KEEPALIVE], &h, &none, &a->out);
	a->opt.send(a->opt.ctx, c, a->out.p, a->out.len);
}

/* ---- calls that change something */

static int32_t do_conf(const struct call *c)
{
	const struct vpp_lb_conf *in = &c->in.lb_conf;
	const struct lb_conf conf = {
		.ip4_src = ip46_from_addr(&in->ip4_src_address),
		.ip6_src = ip46_from_addr(&in->ip6_src_address),
		.sticky_buckets = in->sticky_buckets_per_core,
		.flow_timeout = in->flow_timeout,
	};
	return lbplugin_conf(&c->a->plugin, &conf);
}

static int32_t do_vip(const struct call *c)
{
	const struct vpp_lb_add_del_vip *in = &c->in.lb_add_del_vip;
	const struct lb_vip_args args = {
		.key = lb_key(&in->pfx, in->protocol, in->port),
		.encap = in->encap,
		.dscp = in->dscp,
		.srv_type = in->type,
		.target_port = in->target_port,
		.new_length = in->new_flows_table_length,
		.src_ip_sticky = in->src_ip_sticky,
	};
	if (in->is_del)
		return lbplugin_vip_del(&c->a->plugin, &args.key, c->t->uptime);
	return lbplugin_vip_add(&c->a->plugin, &args, c->t->uptime, NULL);
}

static int32_t do_as(const struct call *c)
{
	const struct vpp_lb_add_del_as *in = &c->in.lb_add_del_as;
	const struct lb_key k = lb_key(&in->pfx, in->protocol, in->port);
	const struct ip46 as = ip46_from_addr(&in->as_address);
	if (in->is_del)
		return lbplugin_as_del(&c->a->plugin, &k, &as, in->is_flush, c->t->uptime);
	return lbplugin_as_add(&c->a->plugin, &k, &as, in->weight, in->is_flush, c->t->uptime);
}

static int32_t do_weight(const struct call *c)
{
	const struct vpp_lb_as_set_weight *in = &c->in.lb_as_set_weight;
	const struct lb_key k = lb_key(&in->pfx, in->protocol, in->port);
	const struct ip46 as = ip46_from_addr(&in->as_address);
	return lbplugin_as_set_weight(&c->a->plugin, &k, &as, in->weight, in->is_flush);
}

static int32_t do_flush(const struct call *c)
{
	const struct lb_key k = lb_key(&c->in.lb_vip.pfx, c->in.lb_vip.protocol, c->in.lb_vip.port);
	return lbplugin_flush_vip(&c->a->plugin, &k);
}

/* ---- calls that read */

/* It only gives the client a name and the table: VPP knows the connection since it accepted it. */
static void read_create(const struct call *c)
{
	const struct vpp_sockclnt_create_reply r = {
		.index = c->from->index,
		.message_table = { (const uint8_t *)c->a->table.p, c->a->table_rows },
	};
	memcpy(c->from->name, c->in.sockclnt_create.name, sizeof c->from->name);
	send_to(c->a, c->from, VPP_SOCKCLNT_CREATE_REPLY, c->hdr.context, &r);
}

/* 1 means done. VPP closes the connection that the request came on. */
static void read_delete(const struct call *c)
{
	struct api_client *asks = client_find(c->a, c->hdr.client_index);
	bool known = client_find(c->a, c->in.sockclnt_delete.index);
	const struct vpp_sockclnt_delete_reply r = { .response = known ? 1 : -1 };
	if (!asks)
		return;
	answer(c, &r);
	if (!known)
		return;
	asks->leaving = true;
	c->a->opt.leave(c->a->opt.ctx, asks);
}

static void read_keepalive_reply(const struct call *c)
{
	c->from->keepalives++;
}

static void read_version(const struct call *c)
{
	struct vpp_show_version_reply r = { .program = "vpe", .build_directory = "maglev-lbsim" };
	snprintf(r.version, sizeof r.version, "%.31s", c->a->opt.version);
	snprintf(r.build_date, sizeof r.build_date, "%.31s", c->a->opt.build_date);
	answer(c, &r);
}

static void read_ping(const struct call *c)
{
	const struct vpp_control_ping_reply r = { .client_index = c->hdr.client_index,
						  .vpe_pid = c->a->opt.pid };
	answer(c, &r);
}

/* What does not fit into a frame is cut off: no client could take it. */
static void read_cli(const struct call *c)
{
	struct str text = { 0 }, version = { 0 };
	const struct wire_bytes *cmd = &c->in.cli_inband.cmd;
	str_addf(&version, "%s built by lbsim on localhost at %s", c->a->opt.version,
		 c->a->opt.build_date);
	const struct cli_vpp vpp = { .plugin = &c->a->plugin,
				     .version = str_z(&version),
				     .now = c->t->uptime };
	int32_t retval = cli_run(&vpp, cmd->n ? cmd->p : "", cmd->n, &text);
	const size_t most = WIRE_FRAME_MAX - 64;
	if (text.len > most)
		log_warn("cli-reply-cut", L_UINT("bytes", text.len));
	const uint32_t n = (uint32_t)MIN(text.len, most);
	const struct vpp_cli_inband_reply r = { .retval = retval, .reply = { text.p, n } };
	answer(c, &r);
	str_done(&text);
	str_done(&version);
}

/* In this family, whatever it looks like. */
static struct addr addr_as(const struct ip46 *ip, uint8_t family)
{
	struct addr a = { .family = family };
	if (family == ADDR_IP4)
		memcpy(a.b, ip->b + 12, 4);
	else
		memcpy(a.b, ip->b, 16);
	return a;
}

static void read_conf(const struct call *c)
{
	const struct lb_conf *conf = &c->a->plugin.conf;
	const struct vpp_lb_conf_get_reply r = {
		.ip4_src_address = addr_as(&conf->ip4_src, ADDR_IP4),
		.ip6_src_address = addr_as(&conf->ip6_src, ADDR_IP6),
		.sticky_buckets_per_core = conf->sticky_buckets,
		.flow_timeout = conf->flow_timeout,
	};
	answer(c, &r);
}

static struct prefix vip_prefix(const struct lb_vip *v)
{
	return (struct prefix){ .addr = ip46_to_addr(&v->key.prefix),
				.len = ip46_prefix_len(&v->key.prefix, v->key.plen) };
}

static uint32_t vip_encap(enum lb_vip_type t)
{
	static const uint8_t encap[LB_TYPE_N] = {
		[LB_IP4_GRE4] = 0,  [LB_IP6_GRE4] = 0, [LB_IP4_GRE6] = 1, [LB_IP6_GRE6] = 1,
		[LB_IP4_L3DSR] = 2, [LB_IP4_NAT4] = 3, [LB_IP6_NAT6] = 4,
	};
	return encap[t];
}

/* The request's filter is not looked at. srv_type and target_port go out in the host's byte order,
 * and dscp and srv_type are one byte. */
static void read_vips(const struct call *c)
{
	const struct lbplugin *p = &c->a->plugin;
	slots_foreach(&p->vip_slots, i)
	{
		const struct lb_vip *v = &p->vips.v[i];
		if (i == 0 || !v->used)
			continue;
		const struct vpp_lb_vip_details r = {
			.pfx = vip_prefix(v),
			.protocol = v->key.protocol,
			.port = v->key.port,
			.encap = vip_encap(v->type),
			.dscp = v->dscp_or_srv_type,
			.srv_type = (uint32_t)v->dscp_or_srv_type << 24,
			.target_port = __builtin_bswap16(v->target_port),
			.flow_table_length = (uint16_t)v->new_length,
		};
		answer(c, &r);
	}
}

static void send_ases(const struct call *c, const struct lb_vip *v)
{
	slots_foreach(&v->as_slots, s)
	{
		const struct lb_as *a = &c->a->plugin.ases.v[v->ases.v[s]];
		const struct vpp_lb_as_v2_details r = {
			.pfx = vip_prefix(v),
			.protocol = v->key.protocol,
			.port = v->key.port,
			.as_address = ip46_to_addr(&a->addr),
			.flags = a->used ? VPP_AS_USED : 0,
			.in_use_since = a->last_used,
			.weight = a->weight,
			.num_buckets = a->buckets,
		};
		answer(c, &r);
	}
}

/* The prefix's 16 bytes are compared as they came, where IPv4 stands in the first four, with those
 * of the VIP, where it stands in the last four: an IPv4 filter finds nothing. Removed VIPs are in,
 * and neither lengths nor a protocol that port 0 would force are looked at. */
static void read_ases(const struct call *c)
{
	const struct lbplugin *p = &c->a->plugin;
	const struct vpp_lb_vip *in = &c->in.lb_vip;
	struct ip46 raw;
	memcpy(raw.b, in->pfx.addr.b, sizeof raw.b);
	bool all = ip46_eq(&raw, &(struct ip46){ 0 });
	slots_foreach(&p->vip_slots, i)
	{
		const struct lb_vip *v = &p->vips.v[i];
		if (all || (ip46_eq(&raw, &v->key.prefix) && in->protocol == v->key.protocol &&
			    in->port == v->key.port))
			send_ases(c, v);
	}
}

enum { PATH_NORMAL, PATH_DROP = 2 }; /* fib_types.api */

/* One fib_path: no interface, weight 1, and what it does. VPP has more to say of an AS's route when
 * the AS can be reached; nobody looks at it. */
static void path_make(const struct fib *f, const struct fib_entry *e,
		      uint8_t path[static VPP_ROUTE_PATH])
{
	memset(path, 0, VPP_ROUTE_PATH);
	memset(path, 0xff, 4);
	path[12] = 1;
	path[17] = fib_drops(f, e) ? PATH_DROP : PATH_NORMAL;
	path[25] = !e->key.is_ip4;
}

/* 0 with the entry, or VPP's retval. */
static int32_t route_find(const struct fib *f, const struct vpp_ip_route_lookup *in,
			  const struct fib_entry **ret)
{
	bool is_ip4 = in->pfx.addr.family == ADDR_IP4;
	const struct ip46 ip = ip46_from_addr(&in->pfx.addr);
	const struct fib_key k = fib_key(&ip, (uint8_t)(in->pfx.len + (is_ip4 ? 96 : 0)), is_ip4);
	if (in->table_id != 0)
		return ERR_NO_SUCH_FIB;
	const struct fib_entry *e = in->exact ? fib_exact(f, &k) : fib_longest(f, &k);
	if (!e)
		return LB_ERR_NO_SUCH_ENTRY;
	*ret = e;
	return 0;
}

static void read_route(const struct call *c)
{
	struct vpp_ip_route_lookup_reply r = { .pfx.addr.family = ADDR_IP4 };
	uint8_t path[VPP_ROUTE_PATH];
	const struct fib_entry *e;
	r.retval = route_find(&c->a->plugin.fib, &c->in.ip_route_lookup, &e);
	if (r.retval == 0) {
		bool is_ip4 = e->key.is_ip4;
		r.stats_index = e->index;
		r.pfx.addr = addr_as(&e->key.addr, is_ip4 ? ADDR_IP4 : ADDR_IP6);
		r.pfx.len = (uint8_t)(e->key.plen - (is_ip4 ? 96 : 0));
		path_make(&c->a->plugin.fib, e, path);
		r.paths = (struct wire_rows){ path, 1 };
	}
	answer(c, &r);
}

/* ---- dispatch */

struct handler {
	int32_t (*change)(const struct call *c);
	void (*read)(const struct call *c);
};

static const struct handler handlers[VPP_MSG_N] = {
	[VPP_SOCKCLNT_CREATE_REQ] = { .read = read_create },
	[VPP_SOCKCLNT_DELETE] = { .read = read_delete },
	[VPP_MEMCLNT_KEEPALIVE_REPLY] = { .read = read_keepalive_reply },
	[VPP_SHOW_VERSION] = { .read = read_version },
	[VPP_CONTROL_PING] = { .read = read_ping },
	[VPP_CLI_INBAND] = { .read = read_cli },
	[VPP_LB_CONF] = { .change = do_conf },
	[VPP_LB_CONF_GET] = { .read = read_conf },
	[VPP_LB_ADD_DEL_VIP_V2] = { .change = do_vip },
	[VPP_LB_ADD_DEL_AS_V2] = { .change = do_as },
	[VPP_LB_AS_SET_WEIGHT] = { .change = do_weight },
	[VPP_LB_VIP_DUMP] = { .read = read_vips },
	[VPP_LB_AS_V2_DUMP] = { .read = read_ases },
	[VPP_LB_FLUSH_VIP] = { .change = do_flush },
	[VPP_IP_ROUTE_LOOKUP] = { .read = read_route },
};

static void note(const struct call *c, const int32_t *retval, bool injected)
{
	struct err err;
	if (!c->a->opt.journal && !log_enabled(LVL_DEBUG))
		return;
	wire_dump(&vpp_msgs[c->msg], &c->in, &c->a->dump);
	if (log_enabled(LVL_DEBUG)) {
		struct log_attr attrs[WIRE_FIELDS_MAX + 2] = {
			L_STR("client", c->from->name), L_STR("call", vpp_msgs[c->msg].name)
		};
		memcpy(attrs + 2, c->a->dump.a, c->a->dump.n * sizeof attrs[0]);
		log_write(LVL_DEBUG, "api-call", attrs, c->a->dump.n + 2);
	}
	if (!c->a->opt.journal || (!retval && !c->a->opt.journal_reads))
		return;
	const struct journal_entry e = {
		.at = c->t->wall,
		.client = c->from->name,
		.client_index = c->from->index,
		.call = vpp_msgs[c->msg].name,
		.fields = c->a->dump.a,
		.n_fields = c->a->dump.n,
		.has_retval = retval,
		.retval = retval ? *retval : 0,
		.injected = injected,
	};
	if (journal_add(c->a->opt.journal, &e, &err))
		log_error("journal-error", L_STR("error", err.msg));
}

static void run_change(const struct call *c)
{
	struct api_refusal *no = &c->a->refuse[c->msg];
	bool injected = no->left > 0;
	int32_t retval = injected ? no->retval : handlers[c->msg].change(c);
	if (injected)
		no->left--;
	if (retval == LB_DEATH) {
		c->a->dead = true;
		c->a->opt.died(c->a->opt.ctx, "the request needs more memory than VPP has (a "
					      "new_flows_table_length of 0 asks for 2^32 entries)");
		return;
	}
	note(c, &retval, injected);
	answer(c, &(struct vpp_retval){ retval });
}

static void run(const struct call *c)
{
	c->from->requests++;
	c->a->calls[c->msg]++;
	if (handlers[c->msg].change)
		return run_change(c);
	note(c, NULL, false);
	handlers[c->msg].read(c);
}

/* The request this id stands for, or VPP_MSG_N when VPP would say that it has no handler. */
static enum vpp_msg request_find(const struct api *a, uint16_t id)
{
	enum vpp_msg m = vpp_ids_find(&a->ids, id);
	if (m == VPP_MSG_N || dropped(a, m) || (!handlers[m].change && !handlers[m].read))
		return VPP_MSG_N;
	return m;
}

int api_input(struct api *a, struct api_client *c, const uint8_t *payload, size_t n,
	      const struct api_time *t, struct err *err)
{
	struct call call = { .a = a, .from = c, .t = t };
	uint16_t id;
	if (a->dead || c->leaving)
		return 0;
	int r = wire_id(payload, n, &id, err);
	if (r)
		return r;
	call.msg = request_find(a, id);
	if (call.msg == VPP_MSG_N) {
		log_warn("api-no-handler", L_STR("client", c->name), L_UINT("id", id));
		return 0;
	}
	r = wire_decode(&vpp_msgs[call.msg], payload, n, &call.hdr, &call.in, err);
	if (r)
		return r;
	run(&call);
	return 0;
}

int api_refuse(struct api *a, const char *name, int32_t retval, uint32_t count, struct err *err)
{
	enum vpp_msg m = api_msg_find(name);
	if (m == VPP_MSG_N || !handlers[m].change)
		return err_set(err, -EINVAL, "%s is no call that changes something", name);
	if (retval == 0 || retval == LB_DEATH)
		return err_set(err, -EINVAL, "%d is no refusal", retval);
	a->refuse[m] = (struct api_refusal){ retval, count };
	return 0;
}
