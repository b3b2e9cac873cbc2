/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/view.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

/* ---- the table */

void view_backends(struct str *out, const struct style *st, const Maglev__ListBackendsResponse *m)
{
	static const struct column columns[] = {
		{ "name" },    { "address" }, { "state" },     { "since" },
		{ "enabled" }, { "check" },   { "last code" },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns) };
	char age[DUR_STRLEN];

	for (size_t i = 0; i < m->n_backends; i++) {
		const Maglev__BackendInfo *b = m->backends[i];
		const Maglev__ProbeRecord *p = b->last_probe;
		table_text(&t, TINT_NONE, b->name);
		table_text(&t, TINT_NONE, b->address);
		table_text(&t, tint_state(b->state), b->state);
		age_text(st, b->since_unix_ns, age);
		table_textf(&t, TINT_NONE, b->since_unix_ns ? "%s ago" : "%s", age);
		table_text(&t, b->enabled ? TINT_NONE : TINT_QUIET, b->enabled ? "yes" : "no");
		table_text(&t, TINT_NONE, or_dash(b->healthcheck));
		table_text(&t, p ? tint_state(p->outcome) : TINT_NONE, p ? or_dash(p->code) : "-");
	}
	table_print(&t, st, out);
}

/* ---- one backend */

static void fact_state(struct table *t, const struct style *st, const Maglev__BackendInfo *b)
{
	char age[DUR_STRLEN], at[WALL_STRLEN];

	if (b->since_unix_ns)
		factf(t, "state", tint_state(b->state), "%s for %s, since %s", b->state,
		      age_text(st, b->since_unix_ns, age), time_text(b->since_unix_ns, at));
	else
		fact(t, "state", tint_state(b->state), b->state);
}

static void fact_frontends(struct table *t, const Maglev__BackendInfo *b)
{
	_cleanup_(str_done) struct str names = { 0 };

	for (size_t i = 0; i < b->n_frontend_names; i++)
		str_addf(&names, "%s%s", i ? ", " : "", b->frontend_names[i]);
	fact(t, "frontends", TINT_NONE, str_z(&names));
}

static void fact_certificate(struct table *t, const struct style *st, wall_ns not_after)
{
	char at[WALL_STRLEN], left[DUR_STRLEN];

	if (!not_after)
		return;
	time_text(not_after, at);
	dur_format_short(not_after > st->now ? not_after - st->now : st->now - not_after, left);
	if (not_after > st->now)
		factf(t, "certificate", TINT_NONE, "expires in %s, at %s", left, at);
	else
		factf(t, "certificate", TINT_BAD, "expired %s ago, at %s", left, at);
}

static void last_probe(struct str *out, const struct style *st, const Maglev__ProbeRecord *p)
{
	static const struct column columns[] = {
		{ "outcome" }, { "code" }, { "took", .right = true }, { "age", .right = true },
		{ "detail" },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns), 2 };
	char age[DUR_STRLEN];

	if (!p)
		return;
	heading(out, st, 0, "last probe");
	table_text(&t, tint_state(p->outcome), p->outcome);
	table_text(&t, TINT_NONE, or_dash(p->code));
	table_textf(&t, TINT_NONE, "%.3f ms", (double)p->duration_ns / (double)NS_PER_MS);
	table_text(&t, TINT_NONE, age_text(st, p->at_unix_ns, age));
	table_text(&t, TINT_NONE, p->detail);
	table_print(&t, st, out);
}

static void transitions(struct str *out, const struct style *st, const Maglev__BackendInfo *b)
{
	static const struct column columns[] = {
		{ "time" },   { "age", .right = true }, { "from" }, { "to" }, { "code" },
		{ "detail" },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_LEN(columns), 2 };
	char at[WALL_STRLEN], age[DUR_STRLEN];

	if (b->n_transitions == 0)
		return;
	heading(out, st, 0, "transitions");
	for (size_t i = 0; i < b->n_transitions; i++) {
		const Maglev__TransitionRecord *r = b->transitions[i];
		table_text(&t, TINT_NONE, time_text(r->at_unix_ns, at));
		table_text(&t, TINT_NONE, age_text(st, r->at_unix_ns, age));
		table_text(&t, tint_state(r->from), r->from);
		table_text(&t, tint_state(r->to), r->to);
		table_text(&t, TINT_NONE, or_dash(r->code));
		table_text(&t, TINT_NONE, r->detail);
	}
	table_print(&t, st, out);
}

void view_backend(struct str *out, const struct style *st, const Maglev__BackendInfo *b)
{
	_cleanup_(table_done) struct table t = facts();

	fact(&t, "name", TINT_NONE, b->name);
	fact(&t, "address", TINT_NONE, b->address);
	fact_state(&t, st, b);
	fact(&t, "enabled", b->enabled ? TINT_NONE : TINT_QUIET, b->enabled ? "yes" : "no");
	fact(&t, "check", TINT_NONE, *b->healthcheck ? b->healthcheck : "none, it is always up");
	factf(&t, "counter", TINT_NONE, "%d/%d", b->counter, b->counter_max);
	fact_frontends(&t, b);
	fact_certificate(&t, st, b->cert_not_after_unix_ns);
	table_print(&t, st, out);
	last_probe(out, st, b->last_probe);
	transitions(out, st, b);
}

void view_backend_state(struct str *out, const struct style *st, const Maglev__BackendInfo *b)
{
	enum tint tint = tint_state(b->state);

	text_safe(out, b->name);
	str_add(out, ": ");
	tint_begin(out, st, tint);
	text_safe(out, b->state);
	tint_end(out, st, tint);
	str_add_c(out, '\n');
}
