/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/summary.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "maglevt/figures.h"
#include "maglevt/grid.h"

size_t summary_failed(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->vips->n; i++)
		n += model_failed(m, i);
	return n;
}

/* ---- text */

/* As a terminal may see it: what is printed is often looked at in one. */
static void text_add(struct str *out, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n;) {
		uint32_t c;
		int width;
		size_t len = grid_char(false, text + i, n - i, &c, &width);

		if (c == 0xfffd)
			str_add_c(out, '?');
		else
			str_add_n(out, text + i, len);
		i += len;
	}
}

static void padded_add(struct str *out, const char *text, int width)
{
	struct grid g = { 0 };
	int missing = width - grid_width(&g, text);

	text_add(out, text);
	str_addf(out, "%*s", MAX(missing, 0), "");
}

static void tally_text(const struct tally *t, const char *header, struct str *out)
{
	char share[FIGURE_LEN];

	str_addf(out, "    %s:", header);
	for (size_t i = 0; i < t->n; i++) {
		str_add(out, i ? ", " : " ");
		text_add(out, t->v[i].value);
		str_addf(out, " %" PRIu64 " (%s)", t->v[i].n,
			 figure_share(t->v[i].n, t->total, share));
	}
	if (t->others)
		str_addf(out, ", others %" PRIu64, t->others);
	str_add_c(out, '\n');
}

static void anomalies_text(const struct vip_stats *s, struct str *out)
{
	const char *sep = "    anomalies:";

	for (enum anomaly_kind k = 0; k < ANOMALY_KIND_N; k++) {
		if (!s->anomalies[k])
			continue;
		str_addf(out, "%s %s %" PRIu64, sep, anomaly_kind_name(k), s->anomalies[k]);
		sep = ",";
	}
	if (*sep == ',')
		str_add_c(out, '\n');
}

static void latency_text(const struct samples *s, struct str *out)
{
	static const unsigned percentiles[] = { 50, 95, 99, 100 };
	char buf[FIGURE_LEN];

	for (size_t i = 0; i < ARRAY_LEN(percentiles); i++)
		str_addf(out, " %7s",
			 s->n_ok ? figure_latency(samples_percentile(s, percentiles[i]), buf)
				 : "-");
}

static void vip_text(const struct summary *s, size_t i, int name, int endpoint, struct str *out)
{
	const struct vip *v = &s->model->vips->v[i];
	const struct vip_stats *st = &s->model->of[i];
	char buf[FIGURE_LEN];

	padded_add(out, v->name, name + 2);
	padded_add(out, v->endpoint, endpoint + 2);
	if (v->scheme == SCHEME_NONE) {
		str_addf(out, "%s\n", v->why_not);
		return;
	}
	str_addf(out, "%-5s %8" PRIu64 " %7" PRIu64 " %6s", scheme_name(v->scheme), st->n,
		 st->failed,
		 st->n ? figure_percent((unsigned)((st->n - st->failed) * 1000 / st->n), buf)
		       : "-");
	latency_text(&st->samples, out);
	str_addf(out, "  %s\n", *st->last ? st->last : "no answer");
	if (st->tally.total)
		tally_text(&st->tally, s->header, out);
	anomalies_text(st, out);
}

static int widest(const struct model *m, bool names)
{
	struct grid g = { 0 };
	int w = 0;

	for (size_t i = 0; i < m->vips->n; i++)
		w = MAX(w, grid_width(&g, names ? m->vips->v[i].name : m->vips->v[i].endpoint));
	return MIN(MAX(w, names ? 3 : 7), 60);
}

void summary_text(const struct summary *s, struct str *out)
{
	const struct model *m = s->model;
	int name = widest(m, true), endpoint = widest(m, false);
	size_t failed = summary_failed(m), probed = vips_probed(m->vips);

	str_addf(out, "%-*s  %-*s  %-5s %8s %7s %6s %7s %7s %7s %7s  %s\n", name, "VIP", endpoint,
		 "ADDRESS", "HOW", "N", "FAIL", "OK %", "p50", "p95", "p99", "max", "LAST");
	for (size_t i = 0; i < m->vips->n; i++)
		vip_text(s, i, name, endpoint, out);
	str_addf(out, "\n%zu VIP%s probed, %zu failed; %" PRIu64 " probes, %" PRIu64 " failed",
		 probed, probed == 1 ? "" : "s", failed, m->n, m->failed);
	if (m->inconclusive)
		str_addf(out, ", %" PRIu64 " inconclusive", m->inconclusive);
	str_addf(out, "; %.1f s\n", (double)s->duration / NS_PER_S);
}

/* ---- JSON */

static void key_ms(struct json *j, const char *key, uint32_t us)
{
	json_key(j, key);
	json_f64(j, us / 1000.0);
}

static void window_json(struct json *j, const struct samples *s)
{
	json_key(j, "window");
	json_obj(j);
	json_field_u64(j, "n", s->n);
	json_field_u64(j, "ok", s->n_ok);
	if (s->n_ok) {
		key_ms(j, "p50_ms", samples_percentile(s, 50));
		key_ms(j, "p95_ms", samples_percentile(s, 95));
		key_ms(j, "p99_ms", samples_percentile(s, 99));
		key_ms(j, "max_ms", samples_percentile(s, 100));
	}
	json_obj_end(j);
}

static void tally_json(struct json *j, const struct tally *t)
{
	json_key(j, "tally");
	json_arr(j);
	for (size_t i = 0; i < t->n; i++) {
		json_obj(j);
		json_field_str(j, "value", t->v[i].value);
		json_field_u64(j, "count", t->v[i].n);
		json_key(j, "share");
		json_f64(j, (double)(uint64_t)((double)t->v[i].n * 10000 / (double)t->total + 0.5) /
				    10000);
		json_obj_end(j);
	}
	json_arr_end(j);
	json_field_u64(j, "tally_others", t->others);
}

static void anomalies_json(struct json *j, const uint64_t *n)
{
	json_key(j, "anomalies");
	json_obj(j);
	for (enum anomaly_kind k = 0; k < ANOMALY_KIND_N; k++)
		json_field_u64(j, anomaly_kind_name(k), n[k]);
	json_obj_end(j);
}

static void probed_json(struct json *j, const struct model *m, size_t i)
{
	const struct vip_stats *s = &m->of[i];

	json_field_str(j, "scheme", scheme_name(m->vips->v[i].scheme));
	json_field_u64(j, "probe_port", m->vips->v[i].probe_port);
	json_field_bool(j, "failed", model_failed(m, i));
	json_field_u64(j, "probes", s->n);
	json_field_u64(j, "failures", s->failed);
	json_field_u64(j, "inconclusive", s->inconclusive);
	json_field_str(j, "last", s->last);
	window_json(j, &s->samples);
	tally_json(j, &s->tally);
	anomalies_json(j, s->anomalies);
}

static void vip_json(struct json *j, const struct model *m, size_t i)
{
	const struct vip *v = &m->vips->v[i];
	char text[ADDR_STRLEN];

	json_obj(j);
	json_field_str(j, "name", v->name);
	json_field_str(j, "address", addr_format(&v->key.addr, text));
	json_field_str(j, "protocol", vip_proto_name(v->key.proto));
	json_field_u64(j, "port", v->key.port);
	json_field_bool(j, "probed", v->scheme != SCHEME_NONE);
	if (v->scheme != SCHEME_NONE)
		probed_json(j, m, i);
	else
		json_field_str(j, "why", v->why_not);
	json_obj_end(j);
}

void summary_json(const struct summary *s, struct str *out)
{
	const struct model *m = s->model;
	int64_t milliseconds = s->duration / NS_PER_MS;
	struct json j;

	json_init(&j, out);
	json_obj(&j);
	json_field_str(&j, "version", s->version);
	json_key(&j, "seconds");
	json_f64(&j, (double)milliseconds / 1000);
	json_field_str(&j, "header", s->header);
	json_field_u64(&j, "vips_probed", vips_probed(m->vips));
	json_field_u64(&j, "vips_failed", summary_failed(m));
	json_field_u64(&j, "probes", m->n);
	json_field_u64(&j, "failures", m->failed);
	json_field_u64(&j, "inconclusive", m->inconclusive);
	anomalies_json(&j, m->anomalies.total);
	json_key(&j, "vips");
	json_arr(&j);
	for (size_t i = 0; i < m->vips->n; i++)
		vip_json(&j, m, i);
	json_arr_end(&j);
	json_obj_end(&j);
	str_add_c(out, '\n');
}
