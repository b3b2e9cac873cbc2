/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/log.h"
#include "syncbed.h"

#define PATIENCE (60 * NS_PER_S)

/* ---- the log */

static void tap(void *ctx, enum log_level l, wall_ns at, const char *msg, const struct log_attr *a,
		size_t n)
{
	struct str *out = ctx;

	str_addf(out, "%s %s", log_level_name(l), msg);
	for (size_t i = 0; i < n; i++) {
		str_addf(out, " %s=", a[i].key);
		log_attr_text(&a[i], out);
	}
	str_add_c(out, '\n');
}

size_t bed_logged(struct syncbed *b, const char *text)
{
	size_t n = 0;

	for (const char *p = str_z(&b->log); (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

/* ---- what lbsync asks */

static struct fe *fe_of(const struct lbsync_vip *v)
{
	return CONTAINER_OF((struct lbsync_vip *)(uintptr_t)v, struct fe, sync);
}

static void desired(void *ctx, const struct lbsync_vip *v, struct plan_vip *ret)
{
	const struct fe *f = fe_of(v);

	*ret = f->want;
	ret->as = xmemdup(f->as, f->want.n_as * sizeof f->as[0]);
}

static const char *name(void *ctx, const struct lbsync_vip *v)
{
	return fe_of(v)->name;
}

static bool has_unknown(void *ctx, const struct lbsync_vip *v)
{
	return fe_of(v)->unknown;
}

static void flushed(void *ctx, const struct lbsync_vip *v, const struct addr *as)
{
	struct fe *f = fe_of(v);

	for (size_t i = 0; i < f->want.n_as; i++) {
		if (!addr_eq(&f->as[i].addr, as))
			continue;
		f->as[i].flush_now = false;
		f->flushed++;
	}
}

static void vpp_conf(void *ctx, struct vpp_conf *ret)
{
	*ret = ((struct syncbed *)ctx)->conf;
}

/* ---- life */

static void on_died(void *ctx, const char *why)
{
	((struct syncbed *)ctx)->sim_death = why;
}

void bed_init(struct syncbed *b, size_t n_fes)
{
	memset(b, 0, sizeof *b);
	b->loop = loop_new();
	strcpy(b->dir, "/tmp/maglev-test-lbsync-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/api.sock", b->dir);
	snprintf(b->stats_path, sizeof b->stats_path, "%s/stats.sock", b->dir);
	b->sim_opt = (struct server_options){ .gc_interval = 60 * NS_PER_S,
					      .api = { .version = "26.10-test",
						       .build_date = "2026-11-20",
						       .pid = 4242,
						       .seed = 1,
						       .died = on_died } };
	b->conf = (struct vpp_conf){ .sync_interval = 3600 * NS_PER_S,
				     .sticky_buckets_per_core = 65536,
				     .flow_timeout = 40 * NS_PER_S };
	assert_int_equal(addr_parse("192.0.2.1", &b->conf.src4), 0);
	assert_int_equal(addr_parse("2001:db8::1", &b->conf.src6), 0);
	b->fes = xcalloc(n_fes, sizeof *b->fes);
	b->n_fes = n_fes;
	for (size_t i = 0; i < n_fes; i++)
		snprintf(b->fes[i].name, sizeof b->fes[i].name, "fe%zu", i);
}

void bed_done(struct syncbed *b)
{
	log_set_tap(LVL_OFF, NULL, NULL);
	bed_stop(b);
	bed_sim_stop(b);
	loop_free(b->loop);
	assert_int_equal(rmdir(b->dir), 0);
	str_done(&b->log);
	free(b->fes);
}

void bed_sim_start(struct syncbed *b)
{
	struct err e = { 0 };

	b->sim_opt.path = b->path;
	b->sim_opt.stats_path = b->stats_path;
	b->sim_opt.died_ctx = b;
	b->sim_opt.api.seed++;
	b->sim = server_new(b->loop, &b->sim_opt, &e);
	if (!b->sim)
		fail_msg("%s", e.msg);
}

void bed_sim_stop(struct syncbed *b)
{
	server_free(b->sim);
	b->sim = NULL;
}

void bed_add(struct syncbed *b, struct fe *f)
{
	f->sync.key = f->want.key;
	f->added = true;
	lbsync_add(b->s, &f->sync);
}

void bed_forget(struct syncbed *b, struct fe *f)
{
	f->added = false;
	lbsync_forget(b->s, &f->sync);
}

void bed_start(struct syncbed *b)
{
	const struct lbsync_opts o = { .loop = b->loop,
				       .api_path = b->path,
				       .stats_path = b->stats_path,
				       .started = b->started ? b->started : loop_clock(),
				       .source = { .ctx = b,
						   .desired = desired,
						   .name = name,
						   .has_unknown = has_unknown,
						   .flushed = flushed,
						   .vpp_conf = vpp_conf } };

	log_set_tap(b->tap_debug ? LVL_DEBUG : LVL_INFO, tap, &b->log);
	b->s = lbsync_new(&o);
	for (size_t i = 0; i < b->n_fes; i++) {
		if (b->fes[i].want.n_as > 0)
			bed_add(b, &b->fes[i]);
	}
}

void bed_stop(struct syncbed *b)
{
	lbsync_free(b->s);
	b->s = NULL;
}

/* ---- frontends */

void fe_fill(struct fe *f, const char *vip, uint8_t proto, uint16_t port, const char *as_prefix,
	     int first, int n)
{
	char text[ADDR_STRLEN];
	struct addr a;

	assert_int_equal(addr_parse(vip, &a), 0);
	f->want = (struct plan_vip){
		.key = { .prefix = prefix_host(&a), .proto = proto, .port = port },
		.sticky = STICKY_NO,
		.table_len = 1024,
		.as = f->as,
		.n_as = (size_t)n,
	};
	assert_true(n <= FE_ASES);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof text, strchr(as_prefix, ':') ? "%s%x" : "%s%d", as_prefix,
			 first + i);
		f->as[i] = (struct plan_as){ .weight = 100 };
		assert_int_equal(addr_parse(text, &f->as[i].addr), 0);
	}
	f->want.encap = f->as[0].addr.family == ADDR_IP6 ? ENCAP_GRE6 : ENCAP_GRE4;
}

/* ---- waiting */

void bed_until(struct syncbed *b, bool (*pred)(struct syncbed *b))
{
	mono_ns give_up = loop_clock() + PATIENCE;

	while (!pred(b)) {
		assert_true(loop_clock() < give_up);
		loop_turn(b->loop, 50 * NS_PER_MS);
	}
}

static bool settled(struct syncbed *b)
{
	const struct lbsync *s = b->s;

	return s->connected && s->job == JOB_NONE && !s->full_wanted && !s->conf_wanted &&
	       s->mirror.valid && list_empty(&s->dirty) && list_empty(&s->syncs) &&
	       list_empty(&s->reads) && !s->mirror.text_stale && !list_linked(&s->next.node) &&
	       vpp_client_open_requests(s->client) == 0;
}

void bed_settle(struct syncbed *b)
{
	bed_until(b, settled);
}

void bed_turn_for(struct syncbed *b, dur_ns d)
{
	mono_ns until = loop_clock() + d;

	while (loop_clock() < until)
		loop_turn(b->loop, until - loop_clock());
}

struct sync_wait {
	bool done;
	int status;
	struct lbsync_counts counts;
};

static void sync_done(void *ctx, int status, const struct lbsync_counts *c)
{
	struct sync_wait *w = ctx;

	assert_false(w->done);
	w->done = true;
	w->status = status;
	w->counts = *c;
}

struct lbsync_counts bed_sync(struct syncbed *b, struct fe *f)
{
	mono_ns give_up = loop_clock() + PATIENCE;
	struct sync_wait w = { 0 };
	struct err e;
	int r = lbsync_request(b->s, f ? &f->sync : NULL, sync_done, &w, &e);

	if (r < 0)
		fail_msg("%s", e.msg);
	while (!w.done) {
		assert_true(loop_clock() < give_up);
		loop_turn(b->loop, 50 * NS_PER_MS);
	}
	assert_int_equal(w.status, 0);
	return w.counts;
}

/* ---- the plugin */

struct lbplugin *bed_plugin(struct syncbed *b)
{
	return &server_api(b->sim)->plugin;
}

const struct lb_vip *bed_vip(struct syncbed *b, const struct fe *f)
{
	const struct vip_key *k = &f->want.key;
	struct lb_key key = lb_key(&k->prefix, k->proto, k->port);
	uint32_t i = lbplugin_vip_of(bed_plugin(b), &key);
	const struct lb_vip *v = &bed_plugin(b)->vips.v[i];

	return i != 0 && v->key.port == k->port ? v : NULL; /* 0 is a placeholder */
}

struct lb_as *bed_as(struct syncbed *b, const struct fe *f, int i)
{
	const struct lb_vip *v = bed_vip(b, f);
	struct ip46 a = ip46_from_addr(&f->as[i].addr);
	uint32_t as;

	if (!v || lbplugin_find_as(bed_plugin(b), (uint32_t)(v - bed_plugin(b)->vips.v), &a, &as))
		return NULL;
	return bed_plugin(b)->ases.v[as].used ? &bed_plugin(b)->ases.v[as] : NULL;
}

size_t bed_n_vips(struct syncbed *b)
{
	struct lbplugin *p = bed_plugin(b);
	size_t n = 0;

	for (size_t i = 1; i < p->vips.n; i++)
		n += p->vips.v[i].used;
	return n;
}

static size_t n_ases(struct syncbed *b, const struct lb_vip *v)
{
	const struct lbplugin *p = bed_plugin(b);
	size_t n = 0;

	for (size_t i = 1; i < p->ases.n; i++)
		n += p->ases.v[i].used && &p->vips.v[p->ases.v[i].vip] == v;
	return n;
}

static void assert_vip_equal(struct syncbed *b, const struct fe *f)
{
	const struct lb_vip *v = bed_vip(b, f);

	assert_non_null(v);
	assert_int_equal(v->new_length, f->want.table_len);
	assert_int_equal(v->src_ip_sticky, f->want.sticky == STICKY_YES);
	assert_int_equal(lb_vip_type_encap_is_ip4(v->type), f->want.encap == ENCAP_GRE4);
	assert_int_equal(n_ases(b, v), f->want.n_as);
	for (int i = 0; i < (int)f->want.n_as; i++) {
		assert_non_null(bed_as(b, f, i));
		if (!f->as[i].keep)
			assert_int_equal(bed_as(b, f, i)->weight, f->as[i].weight);
	}
}

void bed_assert_equal(struct syncbed *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_fes; i++) {
		if (!b->fes[i].added)
			continue;
		assert_vip_equal(b, &b->fes[i]);
		n++;
	}
	assert_int_equal(bed_n_vips(b), n);
	assert_null(b->sim_death);
}

uint64_t bed_calls(struct syncbed *b, enum vpp_msg m)
{
	return server_api(b->sim)->calls[m];
}

uint64_t bed_writes(struct syncbed *b)
{
	return bed_calls(b, VPP_LB_ADD_DEL_VIP_V2) + bed_calls(b, VPP_LB_ADD_DEL_AS_V2) +
	       bed_calls(b, VPP_LB_AS_SET_WEIGHT) + bed_calls(b, VPP_LB_FLUSH_VIP);
}

uint64_t bed_reads(struct syncbed *b)
{
	return bed_calls(b, VPP_LB_VIP_DUMP) + bed_calls(b, VPP_LB_AS_V2_DUMP);
}

void bed_refuse(struct syncbed *b, const char *call, int32_t retval, uint32_t count)
{
	struct err e = { 0 };

	if (api_refuse(server_api(b->sim), call, retval, count, &e) < 0)
		fail_msg("%s", e.msg);
}
