/* SPDX-License-Identifier: Apache-2.0 */
#include "config/recreate.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "config/report.h"

static int cmp(const struct frontend_conf *a, const struct frontend_conf *b)
{
	int r = addr_cmp(&a->addr, &b->addr);

	if (r == 0)
		r = a->proto - b->proto;
	return r ? r : a->port - b->port;
}

static int cmp_indirect(const void *a, const void *b)
{
	return cmp(*(const struct frontend_conf *const *)a,
		   *(const struct frontend_conf *const *)b);
}

/* The frontends by VIP, whatever their names. The caller frees. */
static const struct frontend_conf **by_vip(const struct config *c)
{
	const struct frontend_conf **v = xcalloc(c->n_frontends, sizeof(void *));

	for (size_t i = 0; i < c->n_frontends; i++)
		v[i] = &c->frontends[i];
	if (c->n_frontends > 0)
		qsort(v, c->n_frontends, sizeof(void *), cmp_indirect);
	return v;
}

/* "flow-table-length from 1024 to 2048, src-ip-sticky to true"; nothing when VPP keeps it. */
static void add_changes(struct str *out, const struct frontend_conf *old,
			const struct frontend_conf *new_)
{
	if (old->flow_table_length != new_->flow_table_length)
		str_addf(out, "flow-table-length from %u to %u", old->flow_table_length,
			 new_->flow_table_length);
	if (old->src_ip_sticky != new_->src_ip_sticky)
		str_addf(out, "%ssrc-ip-sticky to %s", out->len ? ", " : "",
			 new_->src_ip_sticky ? "true" : "false");
	if (old->backend_family != new_->backend_family)
		str_addf(out, "%sthe backends to IPv%d", out->len ? ", " : "",
			 new_->backend_family == ADDR_IP6 ? 6 : 4);
}

static char *warning(const struct frontend_conf *f, const char *changes)
{
	static const struct path section = { .key = "frontends" };
	struct path p = PATH_KEY(&section, f->name);
	char addr[ADDR_STRLEN];
	struct str s = { 0 };

	path_add(&s, &p);
	str_addf(&s, ": live flows of VIP %s", addr_format(&f->addr, addr));
	if (f->port)
		str_addf(&s, " %s port %u", vip_proto_name(f->proto), f->port);
	str_addf(&s, " will be dropped: VPP has to make it anew to change %s", changes);
	return str_take(&s);
}

void config_warn_recreated(const struct config *running, const struct config *new_,
			   struct config_report *rep)
{
	_cleanup_free_ const struct frontend_conf **old = by_vip(running);
	struct reporter r = { .file = "maglevd", .rep = rep };

	for (size_t i = 0; i < new_->n_frontends; i++) {
		_cleanup_(str_done) struct str changes = { 0 };
		const struct frontend_conf *f = &new_->frontends[i], **o;

		o = running->n_frontends
			    ? bsearch(&f, old, running->n_frontends, sizeof(void *), cmp_indirect)
			    : NULL;
		if (o)
			add_changes(&changes, *o, f);
		if (changes.len > 0)
			report_plain(&r, warning(f, str_z(&changes)));
	}
	report_finish(&r);
}
