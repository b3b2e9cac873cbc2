/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/view.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static void port_cell(struct table *t, uint32_t port)
{
	if (port)
		table_textf(t, TINT_NONE, "%u", port);
	else
		table_text(t, TINT_NONE, "all");
}

static const char *protocol_text(const char *protocol)
{
	return *protocol ? protocol : "any";
}

/* ---- the table */

static void up_cell(struct table *t, const Maglev__FrontendInfo *f)
{
	size_t up = 0, total = 0;

	for (size_t i = 0; i < f->n_pools; i++) {
		total += f->pools[i]->n_backends;
		for (size_t k = 0; k < f->pools[i]->n_backends; k++)
			up += strcmp(f->pools[i]->backends[k]->state, "up") == 0;
	}
	table_textf(t, up == total ? TINT_NONE : up ? TINT_WARN : TINT_BAD, "%zu/%zu", up, total);
}

void view_frontends(struct str *out, const struct style *st, const Maglev__ListFrontendsResponse *m)
{
	static const struct column columns[] = {
		{ "name" },
		{ "address" },
		{ "protocol" },
		{ "port", .right = true },
		{ "state" },
		{ "active pool" },
		{ "backends", .right = true },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns) };

	for (size_t i = 0; i < m->n_frontends; i++) {
		const Maglev__FrontendInfo *f = m->frontends[i];
		table_text(&t, TINT_NONE, f->name);
		table_text(&t, TINT_NONE, f->address);
		table_text(&t, TINT_NONE, protocol_text(f->protocol));
		port_cell(&t, f->port);
		table_text(&t, tint_state(f->state), f->state);
		table_text(&t, TINT_NONE, f->active_pool);
		up_cell(&t, f);
	}
	table_print(&t, st, out);
}

/* ---- pools */

static const struct column pool_columns[] = {
	{ "backend" },
	{ "state" },
	{ "weight", .right = true },
	{ "effective", .right = true },
	{ "share", .right = true },
	{ "" },
};

static void member_row(struct table *t, const Maglev__FrontendInfo *f,
		       const Maglev__PoolBackendInfo *b)
{
	bool serves = b->effective_weight > 0;

	table_text(t, TINT_NONE, b->name);
	table_text(t, tint_state(b->state), b->state);
	table_textf(t, TINT_NONE, "%d", b->weight);
	table_textf(t, serves ? TINT_NONE : TINT_QUIET, "%d", b->effective_weight);
	if (f->flow_table_length)
		table_textf(t, b->buckets ? TINT_NONE : TINT_QUIET, "%.1f%%",
			    100.0 * b->buckets / f->flow_table_length);
	else
		table_text(t, TINT_QUIET, "-");
	table_text(t, TINT_QUIET, b->enabled ? "" : "[disabled]");
}

/* A heading row: the pool's name where the backends' names are. */
static void pool_row(struct str *out, const struct style *st, const Maglev__FrontendInfo *f,
		     const Maglev__PoolInfo *p)
{
	_cleanup_(str_done) struct str name = { 0 };
	bool active = strcmp(p->name, f->active_pool) == 0;

	text_safe(&name, p->name);
	str_addf(out, "  %s", str_z(&name));
	if (active) {
		str_add_c(out, ' ');
		tint_begin(out, st, TINT_GOOD);
		str_add(out, "(active)");
		tint_end(out, st, TINT_GOOD);
	}
	str_add_c(out, '\n');
}

/* The pools' tables, or one of them. Columns are as wide as all pools need, so that they stand
 * under one another: all rows are laid out as one table, and its lines handed out again. */
static void pools_print(struct str *out, const struct style *st, const Maglev__FrontendInfo *f,
			const char *only)
{
	_cleanup_(table_done) struct table t = { pool_columns, ARRAY_LEN(pool_columns), 4 };
	_cleanup_(str_done) struct str text = { 0 };
	const char *line, *labels;
	size_t labels_len;

	for (size_t i = 0; i < f->n_pools; i++)
		for (size_t k = 0; k < f->pools[i]->n_backends; k++)
			member_row(&t, f, f->pools[i]->backends[k]);
	table_print(&t, st, &text);
	labels = str_z(&text);
	labels_len = strcspn(labels, "\n") + 1;
	line = labels + labels_len;
	for (size_t i = 0; i < f->n_pools; i++) {
		const Maglev__PoolInfo *p = f->pools[i];
		bool wanted = !only || strcmp(only, p->name) == 0;
		if (wanted) {
			pool_row(out, st, f, p);
			str_add_n(out, labels, labels_len);
		}
		for (size_t k = 0; k < p->n_backends; k++) {
			size_t len = strcspn(line, "\n") + 1;
			if (wanted)
				str_add_n(out, line, len);
			line += len;
		}
	}
}

void view_pool(struct str *out, const struct style *st, const Maglev__FrontendInfo *f,
	       const char *pool)
{
	bool known = false;

	for (size_t i = 0; i < f->n_pools; i++)
		known |= strcmp(f->pools[i]->name, pool) == 0;
	heading(out, st, 0, "pool");
	pools_print(out, st, f, known ? pool : NULL);
}

/* ---- one frontend */

void view_frontend(struct str *out, const struct style *st, const Maglev__FrontendInfo *f)
{
	_cleanup_(table_done) struct table t = facts();

	fact(&t, "name", TINT_NONE, f->name);
	if (*f->description)
		fact(&t, "description", TINT_NONE, f->description);
	fact(&t, "address", TINT_NONE, f->address);
	fact(&t, "protocol", TINT_NONE, protocol_text(f->protocol));
	if (f->port)
		factf(&t, "port", TINT_NONE, "%u", f->port);
	else
		fact(&t, "port", TINT_NONE, "all");
	fact(&t, "state", tint_state(f->state), f->state);
	fact(&t, "active pool", TINT_NONE, f->active_pool);
	fact(&t, "src-ip-sticky", TINT_NONE, f->src_ip_sticky ? "yes" : "no");
	fact(&t, "flush-on-down", TINT_NONE, f->flush_on_down ? "yes" : "no");
	factf(&t, "flow table", TINT_NONE, "%u buckets", f->flow_table_length);
	if (f->released)
		fact(&t, "released", TINT_NONE, "yes");
	else
		fact(&t, "released", TINT_WARN, "no, held back by the start-up warm-up");
	table_print(&t, st, out);
	heading(out, st, 0, "pools");
	pools_print(out, st, f, NULL);
}
