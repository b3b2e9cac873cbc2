/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/view.h"

#include "base/alloc.h"

static void dur_cell(struct table *t, dur_ns d)
{
	char buf[DUR_STRLEN];

	table_text(t, TINT_NONE, d ? dur_format(d, buf) : "-");
}

static void fact_dur(struct table *t, const char *label, dur_ns d)
{
	char buf[DUR_STRLEN];

	fact(t, label, TINT_NONE, d ? dur_format(d, buf) : "-");
}

static void fact_bool(struct table *t, const char *label, bool v)
{
	fact(t, label, TINT_NONE, v ? "yes" : "no");
}

void view_checks(struct str *out, const struct style *st, const Maglev__ListHealthChecksResponse *m)
{
	static const struct column columns[] = {
		{ "name" },
		{ "type" },
		{ "port", .right = true },
		{ "interval", .right = true },
		{ "fast", .right = true },
		{ "down", .right = true },
		{ "timeout", .right = true },
		{ "rise", .right = true },
		{ "fall", .right = true },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns) };

	for (size_t i = 0; i < m->n_healthchecks; i++) {
		const Maglev__HealthCheckInfo *h = m->healthchecks[i];
		table_text(&t, TINT_NONE, h->name);
		table_text(&t, TINT_NONE, h->type);
		table_textf(&t, TINT_NONE, h->port ? "%u" : "-", h->port);
		dur_cell(&t, h->interval_ns);
		dur_cell(&t, h->fast_interval_ns);
		dur_cell(&t, h->down_interval_ns);
		dur_cell(&t, h->timeout_ns);
		table_textf(&t, TINT_NONE, "%d", h->rise);
		table_textf(&t, TINT_NONE, "%d", h->fall);
	}
	table_print(&t, st, out);
}

static void facts_http(struct table *t, const Maglev__HTTPParams *p)
{
	fact(t, "path", TINT_NONE, p->path);
	fact(t, "host", TINT_NONE, p->host);
	fact(t, "response-code", TINT_NONE, p->response_code);
	fact(t, "response-regexp", TINT_NONE, p->response_regexp);
	fact(t, "server-name", TINT_NONE, p->server_name);
	fact_bool(t, "insecure-skip-verify", p->insecure_skip_verify);
}

static void facts_tcp(struct table *t, const Maglev__TCPParams *p)
{
	fact_bool(t, "ssl", p->ssl);
	fact(t, "server-name", TINT_NONE, p->server_name);
	fact_bool(t, "insecure-skip-verify", p->insecure_skip_verify);
}

void view_check(struct str *out, const struct style *st, const Maglev__HealthCheckInfo *h)
{
	_cleanup_(table_done) struct table t = facts();

	fact(&t, "name", TINT_NONE, h->name);
	fact(&t, "type", TINT_NONE, h->type);
	if (h->port)
		factf(&t, "port", TINT_NONE, "%u", h->port);
	fact_dur(&t, "interval", h->interval_ns);
	fact_dur(&t, "fast-interval", h->fast_interval_ns);
	fact_dur(&t, "down-interval", h->down_interval_ns);
	fact_dur(&t, "timeout", h->timeout_ns);
	factf(&t, "rise", TINT_NONE, "%d", h->rise);
	factf(&t, "fall", TINT_NONE, "%d", h->fall);
	fact(&t, "probe-ipv4-src", TINT_NONE, h->probe_ipv4_src);
	fact(&t, "probe-ipv6-src", TINT_NONE, h->probe_ipv6_src);
	if (h->reuse_connection)
		fact_bool(&t, "reuse-connection", true);
	if (h->http)
		facts_http(&t, h->http);
	if (h->tcp)
		facts_tcp(&t, h->tcp);
	table_print(&t, st, out);
}
