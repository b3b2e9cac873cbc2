/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct model *model_new(const struct vips *vips, mono_ns now)
{
	struct model *m = XNEW(struct model);

	m->vips = vips;
	m->of = xcalloc(vips->n, sizeof *m->of);
	m->since = now;
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->vips->n; i++)
		tally_done(&m->of[i].tally);
	free(m->of);
	free(m);
}

void model_reset(struct model *m, mono_ns now)
{
	const struct vips *vips = m->vips;
	struct vip_stats *of = m->of;

	for (size_t i = 0; i < vips->n; i++) {
		tally_done(&of[i].tally);
		of[i] = (struct vip_stats){ 0 };
	}
	*m = (struct model){ .vips = vips, .of = of, .since = now };
}

/* ---- the rate */

static void rate_count(struct model *m, mono_ns now)
{
	int64_t second = now / NS_PER_S;
	size_t at = (size_t)second % RATE_SECONDS;

	if (m->rate[at].second != second) {
		m->rate[at].second = second;
		m->rate[at].n = 0;
	}
	m->rate[at].n++;
}

double model_rate(const struct model *m, mono_ns now)
{
	int64_t second = now / NS_PER_S, first = (m->since + NS_PER_S - 1) / NS_PER_S;
	int64_t from = MAX(second - RATE_WINDOW, first);
	uint64_t n = 0;

	if (from >= second)
		return 0;
	for (int64_t s = from; s < second; s++)
		if (m->rate[(size_t)s % RATE_SECONDS].second == s)
			n += m->rate[(size_t)s % RATE_SECONDS].n;
	return (double)n / (double)(second - from);
}

/* ---- one probe */

static enum anomaly_kind kind_of(enum code code)
{
	static const struct {
		enum code code;
		enum anomaly_kind kind;
	} kinds[] = {
		{ CODE_L4TOUT, ANOMALY_TIMEOUT }, { CODE_L6TOUT, ANOMALY_TIMEOUT },
		{ CODE_L7TOUT, ANOMALY_TIMEOUT }, { CODE_L7STS, ANOMALY_HTTP_ERR },
		{ CODE_L7RSP, ANOMALY_HTTP_ERR }, { CODE_L4CON, ANOMALY_NET_ERR },
		{ CODE_L6RSP, ANOMALY_NET_ERR },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].code == code)
			return kinds[i].kind;
	return ANOMALY_LOCAL;
}

/* A word for a column: the C library's texts are those of the C locale. */
static const char *word_of(const struct reading *r)
{
	static const struct {
		const char *text, *word;
	} words[] = {
		{ "Connection refused", "refused" },      { "Connection reset", "reset" },
		{ "No route to host", "no route" },       { "Network is unreachable", "unreach" },
		{ "reached itself", "refused" },          { "Too many open files", "no fds" },
		{ "Cannot assign requested", "no port" },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(r->detail, words[i].text))
			return words[i].word;
	switch (kind_of(r->code)) {
	case ANOMALY_TIMEOUT:
		return "timeout";
	case ANOMALY_HTTP_ERR:
		return "bad http";
	case ANOMALY_NET_ERR:
		return r->code == CODE_L6RSP ? "tls" : "net";
	case ANOMALY_LOCAL:
	case ANOMALY_SPIKE:
	case ANOMALY_KIND_N:
		break;
	}
	return "local";
}

static void last_set(struct vip_stats *s, const struct reading *r, enum outcome outcome)
{
	s->last_ok = outcome == OUTCOME_PASS;
	s->last_local = outcome == OUTCOME_INCONCLUSIVE;
	if (r->status && (s->last_ok || r->code == CODE_L7STS))
		snprintf(s->last, sizeof s->last, "%d", r->status);
	else
		snprintf(s->last, sizeof s->last, "%s", s->last_ok ? "ok" : word_of(r));
}

static void anomaly(struct model *m, const struct reading *r, enum anomaly_kind kind,
		    const char *text)
{
	m->of[r->vip].anomalies[kind]++;
	anomalies_add(&m->anomalies,
		      &(struct anomaly_event){ kind, r->vip, text, r->now, r->wall });
}

static void spike_look(struct model *m, const struct reading *r)
{
	const struct samples *s = &m->of[r->vip].samples;
	dur_ns p95 = (dur_ns)samples_percentile(s, 95) * NS_PER_US;
	char text[ANOMALY_TEXT_LEN];

	if (s->n_ok < SPIKE_SAMPLES || r->latency <= SPIKE_LEAST ||
	    r->latency <= SPIKE_FACTOR * p95)
		return;
	snprintf(text, sizeof text, "%.1f ms, p95 was %.1f ms", (double)r->latency / NS_PER_MS,
		 (double)p95 / NS_PER_MS);
	anomaly(m, r, ANOMALY_SPIKE, text);
}

static uint32_t to_us(dur_ns d)
{
	return (uint32_t)MIN(MAX(d, 0) / NS_PER_US, (dur_ns)UINT32_MAX);
}

void model_take(struct model *m, const struct reading *r)
{
	enum outcome outcome = code_outcome(r->code);
	struct vip_stats *s;

	assert(r->vip < m->vips->n);
	s = &m->of[r->vip];
	rate_count(m, r->now);
	last_set(s, r, outcome);
	if (outcome == OUTCOME_PASS)
		spike_look(m, r);
	else
		anomaly(m, r, kind_of(r->code), r->detail);
	if (r->field)
		tally_add(&s->tally, r->field, r->now);
	if (outcome == OUTCOME_INCONCLUSIVE) {
		s->inconclusive++;
		m->inconclusive++;
		return;
	}
	s->n++;
	m->n++;
	s->failed += outcome == OUTCOME_FAIL;
	m->failed += outcome == OUTCOME_FAIL;
	samples_add(&s->samples, outcome == OUTCOME_PASS, to_us(r->latency));
}

/* ---- what it adds up to */

enum vip_state model_state(const struct model *m, size_t vip)
{
	const struct vip_stats *s = &m->of[vip];

	if (m->vips->v[vip].scheme == SCHEME_NONE)
		return VIP_NOT_PROBED;
	if (s->n == 0)
		return VIP_WAITING;
	if (!samples_at(&s->samples, s->samples.n - 1u).ok)
		return VIP_BAD;
	return s->samples.n_ok == s->samples.n ? VIP_GOOD : VIP_SHAKY;
}

bool model_failed(const struct model *m, size_t vip)
{
	const struct vip_stats *s = &m->of[vip];

	return m->vips->v[vip].scheme != SCHEME_NONE && (s->n == 0 || s->failed > 0);
}

/* ---- order */

const char *order_name(enum order o)
{
	static const char *const names[ORDER_N] = { "name", "address", "worst", "slowest" };

	assert(o < ORDER_N);
	return names[o];
}

bool order_changes(enum order o)
{
	return o == ORDER_WORST || o == ORDER_SLOWEST;
}

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_address(const struct vip *a, const struct vip *b)
{
	int c = addr_cmp(&a->key.addr, &b->key.addr);

	if (c == 0)
		c = cmp_u64(a->key.port, b->key.port);
	return c ? c : cmp_u64(a->key.proto, b->key.proto);
}

static int by_name(const struct vip *a, const struct vip *b)
{
	int c = strverscmp(a->name, b->name);

	return c ? c : by_address(a, b);
}

static int by_worst(const struct model *m, uint32_t a, uint32_t b)
{
	static const uint8_t rank[VIP_STATE_N] = { [VIP_BAD] = 0,
						   [VIP_WAITING] = 1,
						   [VIP_SHAKY] = 2,
						   [VIP_GOOD] = 3,
						   [VIP_NOT_PROBED] = 4 };
	const struct vip_stats *sa = &m->of[a], *sb = &m->of[b];
	int c = cmp_u64(rank[model_state(m, a)], rank[model_state(m, b)]);

	if (c == 0)
		c = cmp_u64(samples_ok_permille(&sa->samples), samples_ok_permille(&sb->samples));
	return c ? c : cmp_u64(sb->failed, sa->failed);
}

static int by_slowest(const struct model *m, uint32_t a, uint32_t b)
{
	bool pa = m->vips->v[a].scheme != SCHEME_NONE, pb = m->vips->v[b].scheme != SCHEME_NONE;

	if (pa != pb)
		return pa ? -1 : 1;
	return cmp_u64(samples_percentile(&m->of[b].samples, 95),
		       samples_percentile(&m->of[a].samples, 95));
}

struct ordering {
	const struct model *m;
	enum order o;
};

static int order_cmp(const void *pa, const void *pb, void *ctx)
{
	const struct ordering *x = ctx;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	const struct vip *va = &x->m->vips->v[a], *vb = &x->m->vips->v[b];
	int c = 0;

	if (x->o == ORDER_ADDRESS)
		c = by_address(va, vb);
	else if (x->o == ORDER_WORST)
		c = by_worst(x->m, a, b);
	else if (x->o == ORDER_SLOWEST)
		c = by_slowest(x->m, a, b);
	return c ? c : by_name(va, vb);
}

size_t model_order(const struct model *m, enum order o, const struct filter *filter, uint32_t *ret)
{
	struct ordering x = { m, o };
	size_t n = 0;

	for (size_t i = 0; i < m->vips->n; i++)
		if (filter_matches(filter, m->vips->v[i].name))
			ret[n++] = (uint32_t)i;
	qsort_r(ret, n, sizeof *ret, order_cmp, &x);
	return n;
}
