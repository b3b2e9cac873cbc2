/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a snapshot out, family by family, a piece at a time: called by whoever serves it, on his
 * thread, as fast as his client reads. A position is a family and a row in it: a backend, a
 * frontend or a VIP. Families without a function here are among the rows, or are the process's own.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "core/pools.h"
#include "maglevd/snapshot_internal.h"
#include "metrics/process.h"

#define PIECE (64u << 10) /* written at a time, a row more or less */

struct row_writer {
	size_t (*count)(const struct snapshot *s);
	void (*write)(const struct snapshot *s, size_t row, struct exposition *x);
};

static const char *text(const struct snapshot *s, uint32_t offset)
{
	return offset == SNAPSHOT_NO_STRING ? "" : s->strings.p + offset;
}

/* ---- backends */

static size_t count_backends(const struct snapshot *s)
{
	return s->n_backends;
}

static void write_state(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];
	char addr[ADDR_STRLEN];

	addr_format(&b->addr, addr);
	for (enum health_state st = 0; st < COUNTERS_STATES; st++)
		exposition_uint(x,
				(const char *[]){ text(s, b->name), addr, text(s, b->check),
						  health_state_name(st) },
				b->state == st);
}

static void write_health(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];

	exposition_int(x, (const char *[]){ text(s, b->name) }, b->health);
}

static void write_enabled(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];

	exposition_uint(x, (const char *[]){ text(s, b->name) }, b->enabled);
}

static void write_transitions(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];

	for (enum health_state from = 0; from < COUNTERS_STATES; from++)
		for (enum health_state to = 0; to < COUNTERS_STATES; to++)
			if (b->counters.transitions[from][to])
				exposition_uint(x,
						(const char *[]){ text(s, b->name),
								  health_state_name(from),
								  health_state_name(to) },
						b->counters.transitions[from][to]);
}

static void write_cert_expiry(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];

	if (b->cert_not_after)
		exposition_ns(x, (const char *[]){ text(s, b->name) }, b->cert_not_after - s->at);
}

static void write_outcome(const struct snapshot *s, const struct snapshot_backend *b, enum code c,
			  enum outcome o, uint32_t n, struct exposition *x)
{
	if (n)
		exposition_uint(x,
				(const char *[]){ text(s, b->name), b->type,
						  counters_result_name(o), code_name(c) },
				n);
}

static void write_probes(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];

	for (enum code c = CODE_NONE + 1; c < COUNTERS_CODES; c++) {
		write_outcome(s, b, c, code_outcome(c), b->counters.probes[c], x);
		write_outcome(s, b, c, OUTCOME_INCONCLUSIVE, b->counters.doubted[c], x);
	}
}

static void write_durations(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_backend *b = &s->backends[row];
	uint64_t counts[METRICS_PROBE_BUCKETS + 1], total = 0;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		counts[i] = b->counters.durations[i];
		total += counts[i];
	}
	if (total)
		exposition_histogram(x, (const char *[]){ text(s, b->name), b->type }, counts,
				     b->counters.duration_ns);
}

/* ---- frontends */

static size_t count_frontends(const struct snapshot *s)
{
	return s->n_frontends;
}

static void write_frontend_state(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct snapshot_frontend *fe = &s->frontends[row];

	for (enum frontend_state st = 0; st < FRONTEND_STATE_N; st++)
		exposition_uint(x, (const char *[]){ text(s, fe->name), frontend_state_name(st) },
				fe->state == st);
}

static void write_member(const struct snapshot *s, const struct snapshot_frontend *fe, size_t i,
			 bool effective, struct exposition *x)
{
	const struct snapshot_member *m = &s->members.v[fe->first_member + i];

	exposition_uint(x,
			(const char *[]){ text(s, fe->name), text(s, m->pool),
					  text(s, s->backends[m->backend].name) },
			effective ? m->effective : m->weight);
}

static void write_weights(const struct snapshot *s, size_t row, struct exposition *x)
{
	for (size_t i = 0; i < s->frontends[row].n_members; i++)
		write_member(s, &s->frontends[row], i, /* effective= */ false, x);
}

static void write_effective(const struct snapshot *s, size_t row, struct exposition *x)
{
	for (size_t i = 0; i < s->frontends[row].n_members; i++)
		write_member(s, &s->frontends[row], i, /* effective= */ true, x);
}

/* ---- one of each */

static size_t count_one(const struct snapshot *s _unused_)
{
	return 1;
}

static void write_lateness(const struct snapshot *s, size_t row _unused_, struct exposition *x)
{
	exposition_histogram(x, NULL, s->lateness.counts, s->lateness.sum_ns);
}

/* ---- VIPs */

static size_t count_vips(const struct snapshot *s)
{
	return s->n_vips;
}

static void write_vip_packets(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct lbcounters_vip *v = &s->vips[row];
	const struct {
		const char *kind;
		uint64_t n;
	} kinds[] = { { "first", v->figures.first },
		      { "next", v->figures.next },
		      { "untracked", v->figures.untracked },
		      { "no_server", v->figures.no_server } };
	char prefix[PREFIX_STRLEN], port[8];

	prefix_format(&v->key.prefix, prefix);
	(void)snprintf(port, sizeof port, "%u", v->key.port);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		exposition_uint(x,
				(const char *[]){ prefix, vip_proto_name(v->key.proto), port,
						  kinds[i].kind },
				kinds[i].n);
}

/* Figures of the route are the prefix's, which several VIPs may share: the first of them tells. */
static const struct lbcounters_vip *route_of(const struct snapshot *s, size_t row)
{
	const struct lbcounters_vip *v = &s->vips[row];

	for (size_t i = row; i-- > 0 && prefix_cmp(&s->vips[i].key.prefix, &v->key.prefix) == 0;)
		if (s->vips[i].route_known)
			return NULL;
	return v->route_known ? v : NULL;
}

static void write_route(const struct lbcounters_vip *v, uint64_t value, struct exposition *x)
{
	char prefix[PREFIX_STRLEN];

	exposition_uint(x, (const char *[]){ prefix_format(&v->key.prefix, prefix) }, value);
}

static void write_route_packets(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct lbcounters_vip *v = route_of(s, row);

	if (v)
		write_route(v, v->figures.route_packets, x);
}

static void write_route_bytes(const struct snapshot *s, size_t row, struct exposition *x)
{
	const struct lbcounters_vip *v = route_of(s, row);

	if (v)
		write_route(v, v->figures.route_bytes, x);
}

/* ---- all of it */

static const struct row_writer writers[METRICS_ID_N] = {
	[METRICS_BACKEND_STATE] = { count_backends, write_state },
	[METRICS_BACKEND_HEALTH] = { count_backends, write_health },
	[METRICS_BACKEND_ENABLED] = { count_backends, write_enabled },
	[METRICS_BACKEND_TRANSITIONS] = { count_backends, write_transitions },
	[METRICS_BACKEND_CERT_EXPIRY] = { count_backends, write_cert_expiry },
	[METRICS_PROBE_TOTAL] = { count_backends, write_probes },
	[METRICS_PROBE_DURATION] = { count_backends, write_durations },
	[METRICS_PROBE_LATENESS] = { count_one, write_lateness },
	[METRICS_FRONTEND_STATE] = { count_frontends, write_frontend_state },
	[METRICS_POOL_WEIGHT] = { count_frontends, write_weights },
	[METRICS_POOL_EFFECTIVE_WEIGHT] = { count_frontends, write_effective },
	[METRICS_VIP_PACKETS] = { count_vips, write_vip_packets },
	[METRICS_VIP_ROUTE_PACKETS] = { count_vips, write_route_packets },
	[METRICS_VIP_ROUTE_BYTES] = { count_vips, write_route_bytes },
};

static void family_begin(const struct snapshot *s, enum metrics_id id, struct exposition *x)
{
	exposition_family(x, &metrics_families[id]);
	if (!writers[id].write && !process_write(id, x))
		metrics_rows_write(&s->rows, id, x);
}

bool snapshot_write(const struct metrics_content *c, struct metrics_pos *pos, struct exposition *x)
{
	const struct snapshot *s = CONTAINER_OF((struct metrics_content *)(uintptr_t)c,
						struct snapshot, content);

	for (; pos->family < METRICS_ID_N; pos->family++, pos->row = 0) {
		const struct row_writer *w = &writers[pos->family];
		size_t n = w->write ? w->count(s) : 0;

		if (pos->row == 0)
			family_begin(s, (enum metrics_id)pos->family, x);
		while (pos->row < n) {
			w->write(s, pos->row++, x);
			if (x->out.len >= PIECE)
				return true;
		}
	}
	exposition_end(x);
	return false;
}
