/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/view.h"

#include "base/alloc.h"

static void conf(struct str *out, const struct style *st, const Maglev__VPPLBConf *c)
{
	_cleanup_(table_done) struct table t = facts();

	if (!c)
		return;
	fact(&t, "ipv4-src-address", TINT_NONE, c->ipv4_src_address);
	fact(&t, "ipv6-src-address", TINT_NONE, c->ipv6_src_address);
	factf(&t, "sticky buckets", TINT_NONE, "%u per core", c->sticky_buckets_per_core);
	factf(&t, "flow timeout", TINT_NONE, "%us", c->flow_timeout);
	table_print(&t, st, out);
}

/* "vip 192.0.2.1/32 tcp port 80", then what it belongs to. */
static void vip_title(struct str *out, const struct style *st, const Maglev__VPPLBVIP *v)
{
	_cleanup_(str_done) struct str title = { 0 };
	bool known = *v->frontend_name;

	str_addf(&title, "%s %s", v->prefix, v->protocol);
	if (v->port)
		str_addf(&title, " port %u", v->port);
	tint_begin(out, st, TINT_LABEL);
	str_add(out, "vip");
	tint_end(out, st, TINT_LABEL);
	str_add_c(out, ' ');
	text_safe(out, str_z(&title));
	str_add(out, "  ");
	tint_begin(out, st, known ? TINT_LABEL : TINT_WARN);
	str_add(out, known ? "frontend" : "not configured");
	tint_end(out, st, known ? TINT_LABEL : TINT_WARN);
	if (known) {
		str_add_c(out, ' ');
		text_safe(out, v->frontend_name);
	}
	str_add_c(out, '\n');
}

static void vip_facts(struct str *out, const struct style *st, const Maglev__VPPLBVIP *v)
{
	_cleanup_(table_done) struct table t = facts();

	t.indent = 2;
	fact(&t, "encap", TINT_NONE, v->encap);
	factf(&t, "flow table", TINT_NONE, "%u buckets", v->flow_table_length);
	fact(&t, "src-ip-sticky", TINT_NONE, v->src_ip_sticky ? "yes" : "no");
	table_print(&t, st, out);
}

static void vip_servers(struct str *out, const struct style *st, const Maglev__VPPLBVIP *v)
{
	static const struct column columns[] = {
		{ "address" },
		{ "weight", .right = true },
		{ "buckets", .right = true },
		{ "share", .right = true },
		{ "backend" },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns), 2 };

	for (size_t i = 0; i < v->n_application_servers; i++) {
		const Maglev__VPPLBAS *as = v->application_servers[i];
		enum tint tint = as->num_buckets ? TINT_NONE : TINT_QUIET;
		table_text(&t, TINT_NONE, as->address);
		table_textf(&t, TINT_NONE, "%u", as->weight);
		table_textf(&t, tint, "%u", as->num_buckets);
		if (v->flow_table_length)
			table_textf(&t, tint, "%.1f%%",
				    100.0 * as->num_buckets / v->flow_table_length);
		else
			table_text(&t, tint, "-");
		table_text(&t, *as->backend_name ? TINT_NONE : TINT_WARN,
			   *as->backend_name ? as->backend_name : "not configured");
	}
	if (v->n_application_servers)
		table_print(&t, st, out);
}

void view_lb_state(struct str *out, const struct style *st, const Maglev__VPPLBState *m)
{
	conf(out, st, m->conf);
	for (size_t i = 0; i < m->n_vips; i++) {
		if (out->len)
			str_add_c(out, '\n');
		vip_title(out, st, m->vips[i]);
		vip_facts(out, st, m->vips[i]);
		vip_servers(out, st, m->vips[i]);
	}
}

void view_vpp_info(struct str *out, const struct style *st, const Maglev__VPPInfo *m)
{
	char at[WALL_STRLEN], age[DUR_STRLEN];
	_cleanup_(table_done) struct table t = facts();

	fact(&t, "version", TINT_NONE, m->version);
	fact(&t, "build date", TINT_NONE, m->build_date);
	fact(&t, "build directory", TINT_NONE, m->build_directory);
	factf(&t, "pid", TINT_NONE, "%u", m->pid);
	/* VPP's stats tell it, and may be missing. */
	fact(&t, "boot time", TINT_NONE, time_text(m->boottime_ns, at));
	fact(&t, "uptime", TINT_NONE, age_text(st, m->boottime_ns, age));
	factf(&t, "connected since", TINT_NONE, "%s, %s ago", time_text(m->connecttime_ns, at),
	      age_text(st, m->connecttime_ns, age));
	table_print(&t, st, out);
}

/* What the route counts belongs to the prefix: VIPs that share one show the same. */
void view_lb_counters(struct str *out, const struct style *st, const Maglev__VPPLBCounters *m)
{
	static const struct column columns[] = {
		{ "prefix" },
		{ "protocol" },
		{ "port", .right = true },
		{ "frontend" },
		{ "first", .right = true },
		{ "next", .right = true },
		{ "untracked", .right = true },
		{ "no-server", .right = true },
		{ "packets", .right = true },
		{ "bytes", .right = true },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns) };

	for (size_t i = 0; i < m->n_vips; i++) {
		const Maglev__VIPCounters *v = m->vips[i];
		const uint64_t counts[] = { v->first_packets,     v->next_packets,
					    v->untracked_packets, v->no_server_packets,
					    v->route_packets,     v->route_bytes };
		bool known = *v->frontend_name;

		table_text(&t, TINT_NONE, v->prefix);
		table_text(&t, TINT_NONE, v->protocol);
		if (v->port)
			table_textf(&t, TINT_NONE, "%u", v->port);
		else
			table_text(&t, TINT_NONE, "-");
		table_text(&t, known ? TINT_NONE : TINT_WARN,
			   known ? v->frontend_name : "not configured");
		for (size_t k = 0; k < ARRAY_LEN(counts); k++)
			table_textf(&t, counts[k] ? TINT_NONE : TINT_QUIET, "%llu",
				    (unsigned long long)counts[k]);
	}
	table_print(&t, st, out);
}

void view_sync(struct str *out, const struct style *st, const Maglev__SyncVPPLBStateResponse *m)
{
	_cleanup_(table_done) struct table t = facts();

	factf(&t, "VIPs added", TINT_NONE, "%u", m->vip_added);
	factf(&t, "VIPs removed", TINT_NONE, "%u", m->vip_removed);
	factf(&t, "ASes added", TINT_NONE, "%u", m->as_added);
	factf(&t, "ASes removed", TINT_NONE, "%u", m->as_removed);
	factf(&t, "weights updated", TINT_NONE, "%u", m->as_weight_updated);
	factf(&t, "errors", m->errors ? TINT_BAD : TINT_NONE, "%u", m->errors);
	table_print(&t, st, out);
}
