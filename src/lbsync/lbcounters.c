/* SPDX-License-Identifier: Apache-2.0 */
/* VIPs come with the text (lbcounters_vips), stats indices with the answers to ip_route_lookup,
 * figures with each scrape of the segment. A VIP is taken for the same one as before while its key
 * and pool index are, and we did not add or remove one on its prefix meanwhile; then its route is
 * too.
 *
 * Lookups go out few at a time, so that a weight change never waits behind a thousand of them. */
#include "lbsync/lbcounters.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/vec.h"
#include "vpp/client.h"
#include "vpp/statsconn.h"

#define FRESH        (1 * NS_PER_S)
#define READY_WITHIN (1 * NS_PER_S)
#define BUSY_RETRY   (100 * NS_PER_MS) /* VPP was changing the segment */
#define WINDOW       16
#define NOT_READ     "VPP's stats have not been read yet"

enum route_state { ROUTE_WANTED, ROUTE_ASKED, ROUTE_KNOWN, ROUTE_NONE };

struct vip {
	uint32_t index;
	enum route_state route;
	uint32_t route_index;
};

struct lookup { /* a request under way */
	struct lbcounters *c;
	bool busy;
	bool stale; /* its prefix changed meanwhile: the answer is void */
	struct prefix prefix;
};

struct lbcounters {
	struct lbcounters_opts o;
	char *path;
	struct vpp_statsconn *conn; /* NULL: switched off */
	struct vpp_client *client;  /* NULL: no session */
	struct timer scrape, settle;
	struct loop_defer settled;
	bool waiting;          /* `ready` is owed */
	bool said;             /* the trouble was logged */
	char why[ERR_MSG_MAX]; /* no figures; "": there are */

	VEC(struct vip) vips;             /* parallel to the next */
	VEC(struct lbcounters_vip) shown; /* sorted by key */
	struct lookup lookups[WINDOW];
	uint64_t boot_s;
	wall_ns at; /* of the figures; 0: none yet */
	mono_ns at_mono;
};

static void ready(void *ctx)
{
	struct lbcounters *c = ctx;

	if (!c->waiting)
		return;
	c->waiting = false;
	timer_cancel(c->o.loop, &c->settle);
	loop_defer_cancel(&c->settled);
	c->o.ready(c->o.ctx);
}

static void on_settle(void *ctx, struct timer *t)
{
	ready(ctx);
}

static void trouble(struct lbcounters *c, const char *why)
{
	snprintf(c->why, sizeof c->why, "%s", why);
	if (!c->said)
		log_warn("vpp-lb-stats-error", L_STR("path", c->path), L_STR("reason", why));
	c->said = true;
	ready(c);
}

/* ---- routes */

static void ask_routes(struct lbcounters *c);

static bool same_prefix(const struct lbcounters *c, size_t i, const struct prefix *p)
{
	return prefix_cmp(&c->shown.v[i].key.prefix, p) == 0;
}

/* The first VIP whose prefix is not less. */
static size_t first_of(const struct lbcounters *c, const struct prefix *p)
{
	size_t lo = 0, hi = c->shown.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (prefix_cmp(&c->shown.v[mid].key.prefix, p) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void set_route(struct lbcounters *c, const struct prefix *p, enum route_state st,
		      uint32_t index)
{
	for (size_t i = first_of(c, p); i < c->shown.n && same_prefix(c, i, p); i++) {
		c->vips.v[i].route = st;
		c->vips.v[i].route_index = index;
	}
}

static void on_route(void *ctx, const struct vpp_answer *a)
{
	struct lookup *l = ctx;
	struct lbcounters *c = l->c;
	const struct vpp_ip_route_lookup_reply *r;

	l->busy = false;
	if (a->status < 0)
		return;
	r = &a->body->ip_route_lookup_reply;
	/* An exact lookup that finds nothing says so; whatever else it found is not ours. */
	if (!l->stale && r->retval == 0 && prefix_cmp(&r->pfx, &l->prefix) == 0)
		set_route(c, &l->prefix, ROUTE_KNOWN, r->stats_index);
	else if (!l->stale)
		set_route(c, &l->prefix, ROUTE_NONE, 0);
	ask_routes(c);
}

static bool ask_route(struct lbcounters *c, struct lookup *l, const struct prefix *p)
{
	const struct vpp_ip_route_lookup m = { .exact = 1, .pfx = *p };

	*l = (struct lookup){ .c = c, .busy = true, .prefix = *p };
	if (vpp_client_send(c->client, VPP_IP_ROUTE_LOOKUP, &m, on_route, l) < 0) {
		l->busy = false; /* going down, or full: the next text asks again */
		return false;
	}
	set_route(c, p, ROUTE_ASKED, 0);
	return true;
}

/* Without the segment an index is of no use. */
static void ask_routes(struct lbcounters *c)
{
	size_t next = 0;

	if (!c->client || !c->conn || !vpp_statsconn_mem(c->conn))
		return;
	for (size_t i = 0; i < WINDOW; i++) {
		if (c->lookups[i].busy)
			continue;
		while (next < c->vips.n && c->vips.v[next].route != ROUTE_WANTED)
			next++;
		if (next == c->vips.n ||
		    !ask_route(c, &c->lookups[i], &c->shown.v[next].key.prefix))
			return;
	}
}

/* Look again; what is under way about it is void. */
static void doubt(struct lbcounters *c, const struct prefix *p)
{
	for (size_t i = 0; i < WINDOW; i++) {
		if (c->lookups[i].busy && prefix_cmp(&c->lookups[i].prefix, p) == 0)
			c->lookups[i].stale = true;
	}
	set_route(c, p, ROUTE_WANTED, 0);
}

void lbcounters_vip_changed(struct lbcounters *c, const struct vip_key *key)
{
	doubt(c, &key->prefix);
}

/* ---- VIPs */

static ssize_t find(const struct lbcounters *c, const struct vip_key *key)
{
	for (size_t i = first_of(c, &key->prefix); i < c->shown.n; i++) {
		int r = vip_key_cmp(&c->shown.v[i].key, key);

		if (r >= 0)
			return r == 0 ? (ssize_t)i : -1;
	}
	return -1;
}

/* One that was there before keeps its route, and its figures until the next scrape. False: there is
 * nothing yet to be shown of it. */
static bool take_vip(const struct lbcounters *c, const struct lbtext_vip *t, struct vip *ret,
		     struct lbcounters_vip *ret_shown)
{
	ssize_t old = find(c, &t->key);

	if (old >= 0 && c->vips.v[old].index == t->index) {
		*ret = c->vips.v[old];
		*ret_shown = c->shown.v[old];
		return true;
	}
	*ret = (struct vip){ .index = t->index };
	*ret_shown = (struct lbcounters_vip){ .key = t->key };
	return false;
}

/* VIPs of one prefix share the route: when one of them is new, all have to ask. */
static void share_doubt(struct lbcounters *c)
{
	for (size_t i = 0; i < c->vips.n; i++) {
		if (c->vips.v[i].route == ROUTE_WANTED)
			doubt(c, &c->shown.v[i].key.prefix);
	}
}

static void on_scrape(void *ctx, struct timer *t);

/* New ones have no figures, and zeros would be taken for a counter that began anew: there are none
 * at all until the segment was read again, which is now unless VPP is changing it. */
static void read_new(struct lbcounters *c)
{
	c->at = 0;
	if (!c->conn || !vpp_statsconn_mem(c->conn))
		return;
	snprintf(c->why, sizeof c->why, NOT_READ);
	on_scrape(c, &c->scrape);
}

void lbcounters_vips(struct lbcounters *c, const struct lbtext *t)
{
	bool all_known = true;
	struct vip *vips = xcalloc(t->n, sizeof *vips);
	struct lbcounters_vip *shown = xcalloc(t->n, sizeof *shown);

	for (size_t i = 0; i < t->n; i++)
		all_known &= take_vip(c, &t->v[i], &vips[i], &shown[i]);
	vec_done(&c->vips);
	vec_done(&c->shown);
	c->vips.v = vips;
	c->shown.v = shown;
	c->vips.n = c->vips.cap = c->shown.n = c->shown.cap = t->n;
	share_doubt(c);
	if (!all_known)
		read_new(c);
	ask_routes(c);
}

/* ---- scrapes */

/* While a route is being looked up again, what was known of it stays. */
static void show(const struct vip *v, const struct vpp_stats_figures *got,
		 struct lbcounters_vip *ret)
{
	const struct vpp_stats_figures was = ret->figures;

	ret->figures = *got;
	if (v->route == ROUTE_KNOWN || v->route == ROUTE_NONE) {
		ret->route_known = v->route == ROUTE_KNOWN;
		return;
	}
	ret->figures.route_packets = was.route_packets;
	ret->figures.route_bytes = was.route_bytes;
}

static int read_segment(struct lbcounters *c, struct err *e)
{
	_cleanup_free_ struct vpp_stats_vip *ask = xcalloc(c->vips.n, sizeof *ask);
	_cleanup_free_ struct vpp_stats_figures *got = xcalloc(c->vips.n, sizeof *got);
	int r;

	for (size_t i = 0; i < c->vips.n; i++) {
		const struct vip *v = &c->vips.v[i];

		ask[i] = (struct vpp_stats_vip){ .index = v->index,
						 .route_known = v->route == ROUTE_KNOWN,
						 .route_index = v->route_index };
	}
	r = vpp_stats_read(vpp_statsconn_mem(c->conn), ask, c->vips.n, got, &c->boot_s, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->vips.n; i++)
		show(&c->vips.v[i], &got[i], &c->shown.v[i]);
	c->at = loop_wall();
	c->at_mono = loop_clock();
	c->why[0] = '\0';
	return 0;
}

static void on_scrape(void *ctx, struct timer *t)
{
	struct lbcounters *c = ctx;
	struct err e;
	int r = read_segment(c, &e);

	if (r == -EAGAIN) {
		timer_set(c->o.loop, t, loop_clock() + BUSY_RETRY, on_scrape, c);
		return;
	}
	if (r < 0) {
		/* Who asked between two scrapes comes here, too: the next one finds no memory. */
		timer_cancel(c->o.loop, t);
		vpp_statsconn_renew(c->conn);
		trouble(c, e.msg);
		return;
	}
	c->said = false;
	timer_set(c->o.loop, t, loop_clock() + LBCOUNTERS_INTERVAL, on_scrape, c);
	ready(c);
}

static void on_opened(void *ctx)
{
	struct lbcounters *c = ctx;

	on_scrape(c, &c->scrape);
	ask_routes(c);
}

static void on_failed(void *ctx, const char *why)
{
	trouble(ctx, why);
}

/* ---- the session */

void lbcounters_connect(struct lbcounters *c, struct vpp_client *client)
{
	c->client = client;
	c->waiting = true;
	if (!c->conn) {
		loop_defer_set(c->o.loop, &c->settled, ready, c);
		return;
	}
	snprintf(c->why, sizeof c->why, NOT_READ);
	timer_set(c->o.loop, &c->settle, loop_clock() + READY_WITHIN, on_settle, c);
	vpp_statsconn_start(c->conn);
}

void lbcounters_disconnect(struct lbcounters *c)
{
	c->client = NULL;
	c->waiting = c->said = false;
	c->boot_s = 0;
	c->at = 0;
	vec_clear(&c->vips);
	vec_clear(&c->shown);
	memset(c->lookups, 0, sizeof c->lookups);
	timer_cancel(c->o.loop, &c->scrape);
	timer_cancel(c->o.loop, &c->settle);
	loop_defer_cancel(&c->settled);
	if (c->conn)
		vpp_statsconn_stop(c->conn);
}

/* ---- for the others */

bool lbcounters_boottime(const struct lbcounters *c, wall_ns *ret)
{
	if (c->boot_s == 0 || c->boot_s > INT64_MAX / NS_PER_S)
		return false;
	*ret = (wall_ns)c->boot_s * NS_PER_S;
	return true;
}

int lbcounters_last(const struct lbcounters *c, const struct lbcounters_vip **ret, size_t *ret_n,
		    wall_ns *ret_at, struct err *e)
{
	if (!c->conn)
		return err_set(e, -ENODATA,
			       "VPP's counters are switched off (--vpp-stats-addr is empty)");
	if (!c->client)
		return err_set(e, -ENODATA, "VPP is not connected");
	if (c->at == 0 || !vpp_statsconn_mem(c->conn))
		return err_set(e, -ENODATA, "%s", c->why);
	*ret = c->shown.v;
	*ret_n = c->shown.n;
	*ret_at = c->at;
	return 0;
}

int lbcounters_read(struct lbcounters *c, const struct lbcounters_vip **ret, size_t *ret_n,
		    wall_ns *ret_at, struct err *e)
{
	bool open = c->client && c->conn && vpp_statsconn_mem(c->conn);

	if (open && (c->at == 0 || loop_clock() - c->at_mono > FRESH))
		on_scrape(c, &c->scrape);
	return lbcounters_last(c, ret, ret_n, ret_at, e);
}

/* ---- life */

struct lbcounters *lbcounters_new(const struct lbcounters_opts *o)
{
	struct lbcounters *c = XNEW(struct lbcounters);
	const struct vpp_statsconn_opts so = {
		.loop = o->loop, .path = o->path, .ctx = c, .opened = on_opened, .failed = on_failed
	};

	c->o = *o;
	if (*o->path)
		c->conn = vpp_statsconn_new(&so);
	c->path = xstrdup(o->path);
	c->o.path = c->path;
	return c;
}

void lbcounters_free(struct lbcounters *c)
{
	if (!c)
		return;
	lbcounters_disconnect(c);
	vpp_statsconn_free(c->conn);
	vec_done(&c->vips);
	vec_done(&c->shown);
	free(c->path);
	free(c);
}
