/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways lead here: the stream of events, and answers to what was asked. Their order between each
 * other is not known: a list may have been written before an event that came first. So a list never
 * takes back a backend's later transition, and frontends that an event concerned while a list was
 * on its way are asked for again: an event leaves its mark, an answer about that one frontend takes
 * it away.
 *
 * Nor is a list's word on a backend's state passed on at once: it may have overtaken the event,
 * which a busy maglevd sends some moments later, and the event tells readers more, at the price of
 * one record instead of a state fetched by each of them. What must not be waited for: a state that
 * no event told until the next refresh, or when the stream itself shows that events were missed.
 *
 * maglevd does not send effective weights with a transition. They are not worked out here, either:
 * whoever shows what the daemon does should ask the daemon. */
#include "dashboard/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dashboard/render.h"

/* Transitions kept of a backend between two refreshes, beside maglevd's. */
#define HISTORY_MAX 100

void feed_init(struct feed *f, struct store *s, struct broker *b)
{
	*f = (struct feed){ .store = s, .broker = b };
	heartbeat_init(&f->heartbeat);
}

void feed_done(struct feed *f)
{
	heartbeat_done(&f->heartbeat);
}

/* ---- small things */

static const char *frontend_name(const ProtobufCMessage *m)
{
	return ((const Maglev__FrontendInfo *)(const void *)m)->name;
}

static const char *backend_name(const ProtobufCMessage *m)
{
	return ((const Maglev__BackendInfo *)(const void *)m)->name;
}

/* A string of a message that protobuf-c unpacked. */
static void set_text(char **field, const char *text)
{
	char *old = *field;

	*field = xstrdup(text);
	if (old != (const char *)protobuf_c_empty_string)
		free(old);
}

static void changed(struct feed *f)
{
	f->store->revision++;
}

/* An event's data, begun. */
struct event {
	struct str out;
	struct json j;
};

static void event_open(struct event *e, const struct feed *f)
{
	*e = (struct event){ 0 };
	json_init(&e->j, &e->out);
	json_obj(&e->j);
	json_field_str(&e->j, "maglevd", f->store->name);
}

static void event_close(struct event *e)
{
	json_obj_end(&e->j);
}

static void publish(struct feed *f, struct feed_now now, const char *type, struct event *e)
{
	event_close(e);
	broker_publish(f->broker, now.mono, type, LVL_OFF, str_z(&e->out));
	str_done(&e->out);
}

static void publish_resync(struct feed *f, struct feed_now now, const char *reason)
{
	struct event e;

	event_open(&e, f);
	json_field_str(&e.j, "reason", reason);
	event_close(&e);
	broker_publish_resync(f->broker, now.mono, str_z(&e.out));
	str_done(&e.out);
}

/* ---- marks on frontends */

static void mark(struct feed *f, struct object *o)
{
	if (!o || o->dirty)
		return;
	o->dirty = true;
	f->n_dirty++;
	f->wants |= FEED_FRONTENDS;
}

static void unmark(struct feed *f, struct object *o)
{
	f->n_dirty -= o->dirty;
	o->dirty = false;
}

static void mark_all(struct feed *f)
{
	for (size_t i = 0; i < f->store->frontends.all.n; i++)
		mark(f, f->store->frontends.all.v[i]);
}

static void mark_frontends_of(struct feed *f, const Maglev__BackendInfo *b)
{
	for (size_t i = 0; i < b->n_frontend_names; i++)
		mark(f, catalog_get(&f->store->frontends, b->frontend_names[i]));
}

const char *feed_take_dirty(struct feed *f)
{
	for (size_t i = 0; f->n_dirty && i < f->store->frontends.all.n; i++) {
		struct object *o = f->store->frontends.all.v[i];

		if (!o->dirty)
			continue;
		unmark(f, o);
		return o->name;
	}
	return NULL;
}

void feed_asked(struct feed *f)
{
	f->believe = f->believe || f->missed;
	f->missed = false;
	for (size_t i = 0; i < f->store->frontends.all.n; i++)
		unmark(f, f->store->frontends.all.v[i]);
}

/* ---- the connection */

void feed_status(struct feed *f, struct feed_now now, bool connected, const char *why)
{
	struct store *s = f->store;
	struct event e;

	if (connected == s->connected && strcmp(s->last_error, why) == 0)
		return;
	if (connected != s->connected)
		s->since = now.wall;
	if (connected && !s->connected) {
		f->resync = "maglevd is connected";
		f->wants |= FEED_REFRESH;
	}
	s->connected = connected;
	free(s->last_error);
	s->last_error = xstrdup(why);
	changed(f);
	event_open(&e, f);
	render_status_fields(&e.j, s);
	publish(f, now, "maglevd-status", &e);
}

void feed_stream_cut(struct feed *f)
{
	heartbeat_forget(&f->heartbeat, NULL);
}

/* ---- backends */

static Maglev__TransitionRecord *copy_transition(const Maglev__TransitionRecord *t)
{
	return (Maglev__TransitionRecord *)(void *)catalog_copy(&t->base);
}

static void prepend(Maglev__BackendInfo *b, const Maglev__TransitionRecord *t)
{
	if (b->n_transitions >= HISTORY_MAX)
		maglev__transition_record__free_unpacked(b->transitions[--b->n_transitions], NULL);
	b->transitions = xreallocarray(b->transitions, b->n_transitions + 1,
				       sizeof(*b->transitions));
	memmove(b->transitions + 1, b->transitions, b->n_transitions * sizeof(*b->transitions));
	b->transitions[0] = copy_transition(t);
	b->n_transitions++;
}

/* Has a list brought it already? */
static bool is_recorded(const Maglev__BackendInfo *b, const Maglev__TransitionRecord *t)
{
	for (size_t i = 0; i < b->n_transitions; i++)
		if (b->transitions[i]->at_unix_ns == t->at_unix_ns &&
		    strcmp(b->transitions[i]->to, t->to) == 0)
			return true;
	return false;
}

static void apply_transition(Maglev__BackendInfo *b, const Maglev__TransitionRecord *t)
{
	set_text(&b->state, t->to);
	b->since_unix_ns = t->at_unix_ns;
	if (strcmp(t->to, "disabled") == 0)
		b->enabled = false;
	else if (strcmp(t->from, "disabled") == 0)
		b->enabled = true;
	if (strcmp(t->to, "up") == 0)
		b->counter = b->counter_max;
	else if (strcmp(t->to, "down") == 0)
		b->counter = 0;
	if (!is_recorded(b, t))
		prepend(b, t);
}

static bool probed(const char *state)
{
	return strcmp(state, "up") == 0 || strcmp(state, "down") == 0 ||
	       strcmp(state, "unknown") == 0;
}

static void on_transition(struct feed *f, struct feed_now now, struct object *o,
			  const Maglev__TransitionRecord *t)
{
	Maglev__BackendInfo *b = store_backend(o);
	struct event e;

	apply_transition(b, t);
	if (b->transitions[0]->at_unix_ns == t->at_unix_ns)
		o->dirty = false;
	catalog_rehash(o);
	mark_frontends_of(f, b);
	f->wants |= FEED_LB;
	if (!probed(t->to))
		heartbeat_forget(&f->heartbeat, b->name);
	changed(f);
	event_open(&e, f);
	json_field_str(&e.j, "backend", b->name);
	render_transition_fields(&e.j, t);
	json_field_bool(&e.j, "enabled", b->enabled);
	publish(f, now, "backend", &e);
}

static void on_backend(struct feed *f, struct feed_now now, const Maglev__BackendEvent *m)
{
	const Maglev__TransitionRecord *t = m->transition;
	struct object *o = catalog_get(&f->store->backends, m->backend_name);
	bool real = t && strcmp(t->from, t->to) != 0;

	if (!t || (!real && !f->store->loaded))
		return;
	if (o && real && f->store->loaded) {
		on_transition(f, now, o, t);
	} else if (real || !o || strcmp(store_backend(o)->state, t->to) != 0) {
		/* we know less than we thought, or the first lists may be older than this */
		f->wants |= FEED_REFRESH;
		f->missed = true;
	}
}

void feed_backend(struct feed *f, const Maglev__BackendInfo *m)
{
	const struct object *o = catalog_get(&f->store->backends, m->name);

	if (o && store_backend(o)->since_unix_ns > m->since_unix_ns)
		return;
	/* A state that the stream has not told yet is left to it: its event would be none. */
	if (o && strcmp(store_backend(o)->state, m->state) == 0 &&
	    catalog_put(&f->store->backends, m->name, &m->base, backend_name))
		changed(f);
}

/* Does a list say of a backend what no event tells? */
static bool is_other(const Maglev__BackendInfo *a, const Maglev__BackendInfo *b)
{
	if (strcmp(a->address, b->address) != 0 || strcmp(a->healthcheck, b->healthcheck) != 0 ||
	    a->n_frontend_names != b->n_frontend_names)
		return true;
	if (a->enabled != b->enabled && strcmp(a->state, b->state) == 0)
		return true;
	for (size_t i = 0; i < a->n_frontend_names; i++)
		if (strcmp(a->frontend_names[i], b->frontend_names[i]) != 0)
			return true;
	return false;
}

/* Are readers to learn of what a list says about a backend by beginning anew? A state that is only
 * ahead of its event is marked, and left to that until the next list. */
static bool is_news(const struct feed *f, struct object *o, const Maglev__BackendInfo *m)
{
	const Maglev__BackendInfo *known = store_backend(o);
	bool was_ahead = o->dirty;

	if (is_other(known, m))
		return true;
	if (strcmp(known->state, m->state) == 0)
		return was_ahead;
	o->dirty = true;
	return was_ahead || f->believe || known->since_unix_ns == m->since_unix_ns;
}

void feed_backends(struct feed *f, const Maglev__ListBackendsResponse *m)
{
	ProtobufCMessage **msgs = xcalloc(m->n_backends + 1, sizeof *msgs);
	struct catalog *c = &f->store->backends;
	bool news = false;

	for (size_t i = 0; i < m->n_backends; i++) {
		struct object *o = catalog_get(c, m->backends[i]->name);
		bool older = o && store_backend(o)->since_unix_ns > m->backends[i]->since_unix_ns;

		msgs[i] = older ? o->msg : &m->backends[i]->base;
		news = (o && !older && is_news(f, o, m->backends[i])) || news;
	}
	if (catalog_load(c, msgs, m->n_backends, backend_name) || news)
		f->resync = f->resync ? f->resync : "the backends are others";
	free(msgs);
	changed(f);
}

/* ---- frontends */

static void publish_frontend(struct feed *f, struct feed_now now, const Maglev__FrontendInfo *m,
			     const char *from)
{
	struct event e;

	event_open(&e, f);
	json_field_str(&e.j, "frontend", m->name);
	json_field_str(&e.j, "from", from);
	json_field_str(&e.j, "to", m->state);
	json_field_i64(&e.j, "at_ms", now.wall / NS_PER_MS);
	json_key(&e.j, "info");
	render_frontend(&e.j, m);
	publish(f, now, "frontend", &e);
}

static void on_frontend(struct feed *f, struct feed_now now, const Maglev__FrontendEvent *m)
{
	struct object *o = catalog_get(&f->store->frontends, m->frontend_name);
	Maglev__FrontendInfo *info = o ? (Maglev__FrontendInfo *)(void *)o->msg : NULL;
	_cleanup_free_ char *from = NULL;

	if (!m->transition || !f->store->loaded)
		return;
	if (!info) {
		f->wants |= FEED_REFRESH;
		return;
	}
	if (strcmp(m->transition->from, m->transition->to) != 0)
		mark(f, o);
	if (strcmp(info->state, m->transition->to) == 0)
		return;
	from = xstrdup(info->state);
	set_text(&info->state, m->transition->to);
	catalog_rehash(o);
	changed(f);
	publish_frontend(f, now, info, from);
}

void feed_frontend(struct feed *f, struct feed_now now, const Maglev__FrontendInfo *m)
{
	const struct object *o = catalog_get(&f->store->frontends, m->name);
	_cleanup_free_ char *from = o ? xstrdup(store_frontend(o)->state) : NULL;

	if (!o || !catalog_put(&f->store->frontends, m->name, &m->base, frontend_name))
		return;
	changed(f);
	publish_frontend(f, now, m, from);
}

/* The state that is known of a frontend when a list says another; NULL: it does not. */
static char *state_before(const struct feed *f, const Maglev__FrontendInfo *m)
{
	const struct object *o = catalog_get(&f->store->frontends, m->name);

	if (!o || strcmp(store_frontend(o)->state, m->state) == 0)
		return NULL;
	return xstrdup(store_frontend(o)->state);
}

/* Those that the list changed, one by one. */
static void publish_changed(struct feed *f, struct feed_now now,
			    const Maglev__ListFrontendsResponse *m, char *const *before)
{
	for (size_t i = 0; i < m->n_frontends; i++) {
		struct object *o = catalog_get(&f->store->frontends, m->frontends[i]->name);
		const Maglev__FrontendInfo *info = store_frontend(o);

		if (o->changed)
			publish_frontend(f, now, info, before[i] ? before[i] : info->state);
		o->changed = false;
	}
}

void feed_frontends(struct feed *f, struct feed_now now, const Maglev__ListFrontendsResponse *m)
{
	struct catalog *c = &f->store->frontends;
	ProtobufCMessage **msgs = xcalloc(m->n_frontends + 1, sizeof *msgs);
	char **before = xcalloc(m->n_frontends + 1, sizeof *before);
	size_t n = 0;

	for (size_t i = 0; i < m->n_frontends; i++) {
		msgs[i] = &m->frontends[i]->base;
		before[i] = state_before(f, m->frontends[i]);
	}
	if (catalog_load(c, msgs, m->n_frontends, frontend_name))
		f->resync = f->resync ? f->resync : "the frontends are others";
	free(msgs);
	changed(f);
	f->n_dirty = 0;
	for (size_t i = 0; i < c->all.n; i++) {
		n += c->all.v[i]->changed;
		f->n_dirty += c->all.v[i]->dirty;
	}
	if (n > FEED_SINGLY_MAX)
		f->resync = f->resync ? f->resync : "many frontends changed";
	if (!f->resync)
		publish_changed(f, now, m, before);
	for (size_t i = 0; i < m->n_frontends; i++)
		free(before[i]);
	free(before);
}

/* ---- the rest of a refresh */

void feed_version(struct feed *f, const Maglev__VersionInfo *m)
{
	maglev__version_info__free_unpacked(f->store->version, NULL);
	f->store->version = (Maglev__VersionInfo *)(void *)catalog_copy(&m->base);
	changed(f);
}

void feed_healthchecks(struct feed *f, const Maglev__ListHealthChecksResponse *m)
{
	Maglev__ListHealthChecksResponse **at = &f->store->healthchecks;

	if (*at && catalog_same(&(*at)->base, &m->base))
		return;
	if (*at)
		f->resync = f->resync ? f->resync : "the health checks are others";
	maglev__list_health_checks_response__free_unpacked(*at, NULL);
	*at = (Maglev__ListHealthChecksResponse *)(void *)catalog_copy(&m->base);
	changed(f);
}

void feed_refreshed(struct feed *f, struct feed_now now)
{
	f->store->loaded = true;
	f->store->refreshed = now.wall;
	changed(f);
	f->believe = false;
	if (!f->resync)
		return;
	publish_resync(f, now, f->resync);
	f->resync = NULL;
	for (size_t i = 0; i < f->store->backends.all.n; i++)
		f->store->backends.all.v[i]->dirty = false;
}

/* ---- VPP */

static void drop_lb(struct feed *f)
{
	struct store *s = f->store;

	maglev__vpplbstate__free_unpacked(s->lb, NULL);
	s->lb = NULL;
	maglev__vpplbcounters__free_unpacked(s->counters, NULL);
	s->counters = NULL;
}

void feed_vpp(struct feed *f, struct feed_now now, const Maglev__VPPInfo *m, const char *why)
{
	struct store *s = f->store;
	struct event e;

	if (catalog_same(m ? &m->base : NULL, s->vpp ? &s->vpp->base : NULL) &&
	    (m || strcmp(s->vpp_error, why) == 0))
		return;
	maglev__vppinfo__free_unpacked(s->vpp, NULL);
	s->vpp = m ? (Maglev__VPPInfo *)(void *)catalog_copy(&m->base) : NULL;
	free(s->vpp_error);
	s->vpp_error = xstrdup(m ? "" : why);
	if (m)
		f->wants |= FEED_LB;
	else
		drop_lb(f);
	changed(f);
	event_open(&e, f);
	render_vpp_fields(&e.j, s);
	publish(f, now, "vpp-status", &e);
}

static int vip_order(const Maglev__VPPLBVIP *a, const Maglev__VPPLBVIP *b)
{
	int r = strcmp(a->prefix, b->prefix);

	r = r ? r : strcmp(a->protocol, b->protocol);
	return r ? r : (a->port > b->port) - (a->port < b->port);
}

static int by_key(const void *a, const void *b)
{
	return vip_order(*(Maglev__VPPLBVIP *const *)a, *(Maglev__VPPLBVIP *const *)b);
}

static Maglev__VPPLBVIP **sorted(const Maglev__VPPLBState *m, size_t *ret_n)
{
	size_t n = m ? m->n_vips : 0;
	Maglev__VPPLBVIP **v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = m->vips[i];
	qsort(v, n, sizeof(*v), by_key);
	*ret_n = n;
	return v;
}

static Maglev__VPPLBVIP *find_vip(Maglev__VPPLBVIP **v, size_t n, Maglev__VPPLBVIP *key)
{
	Maglev__VPPLBVIP **at = bsearch(&key, v, n, sizeof(*v), by_key);

	return at ? *at : NULL;
}

static void write_removed(struct json *j, const Maglev__VPPLBVIP *v)
{
	json_obj(j);
	json_field_str(j, "prefix", v->prefix);
	json_field_str(j, "protocol", v->protocol);
	json_field_i64(j, "port", v->port);
	json_obj_end(j);
}

/* What is new or other in `to`, and what is gone from `from` (NULL: there was nothing). */
static void write_lb_changes(struct json *j, const Maglev__VPPLBState *from,
			     const Maglev__VPPLBState *to)
{
	size_t n, m;
	_cleanup_free_ Maglev__VPPLBVIP **old = sorted(from, &n);
	_cleanup_free_ Maglev__VPPLBVIP **new = sorted(to, &m);

	json_key(j, "vips");
	json_arr(j);
	for (size_t i = 0; i < to->n_vips; i++) {
		const Maglev__VPPLBVIP *was = find_vip(old, n, to->vips[i]);

		if (!was || !catalog_same(&was->base, &to->vips[i]->base))
			render_lb_vip(j, to->vips[i]);
	}
	json_arr_end(j);
	json_key(j, "removed");
	json_arr(j);
	for (size_t i = 0; i < n; i++)
		if (!find_vip(new, m, old[i]))
			write_removed(j, old[i]);
	json_arr_end(j);
}

void feed_lb(struct feed *f, struct feed_now now, const Maglev__VPPLBState *m)
{
	struct store *s = f->store;
	struct event e;

	s->lb_at = now.wall;
	event_open(&e, f);
	json_field_i64(&e.j, "at_ms", s->lb_at / NS_PER_MS);
	json_key(&e.j, "conf");
	render_lb_conf(&e.j, m->conf);
	write_lb_changes(&e.j, s->lb, m);
	publish(f, now, "lb-state", &e);
	maglev__vpplbstate__free_unpacked(s->lb, NULL);
	s->lb = (Maglev__VPPLBState *)(void *)catalog_copy(&m->base);
	changed(f);
}

void feed_counters(struct feed *f, struct feed_now now, const Maglev__VPPLBCounters *m)
{
	struct store *s = f->store;
	struct event e;

	maglev__vpplbcounters__free_unpacked(s->counters, NULL);
	s->counters = (Maglev__VPPLBCounters *)(void *)catalog_copy(&m->base);
	changed(f);
	event_open(&e, f);
	render_counters_fields(&e.j, m);
	event_close(&e);
	broker_flash(f->broker, now.mono, "counters", str_z(&e.out));
	str_done(&e.out);
}

/* ---- the log */

static const char *attr(const Maglev__LogEvent *m, const char *key)
{
	for (size_t i = 0; i < m->n_attrs; i++)
		if (strcmp(m->attrs[i]->key, key) == 0)
			return m->attrs[i]->value;
	return "";
}

/* Folded, not told one by one. */
static bool fold(struct feed *f, struct feed_now now, const Maglev__LogEvent *m)
{
	long long took = 0;

	if (str_prefix(m->msg, "vpp-api-")) {
		heartbeat_vpp(&f->heartbeat, str_prefix(m->msg, "vpp-api-send"));
		return true;
	}
	if (strcmp(m->msg, "probe-start") == 0) {
		heartbeat_probe_start(&f->heartbeat, attr(m, "backend"), now.mono);
		return true;
	}
	if (strcmp(m->msg, "probe-done") != 0)
		return false;
	(void)str_to_i64(attr(m, "duration_ns"), 0, INT64_MAX, &took);
	heartbeat_probe_end(&f->heartbeat, attr(m, "backend"), attr(m, "code"), took);
	return true;
}

/* "frontend/pool/backend weight 5": whatever frontend's name that begins with. */
static void mark_target(struct feed *f, const char *target)
{
	for (const char *slash = strchr(target, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *name = xstrndup(target, (size_t)(slash - target));

		mark(f, catalog_get(&f->store->frontends, name));
	}
}

static void on_admin(struct feed *f, const Maglev__LogEvent *m)
{
	if (strcmp(attr(m, "result"), "OK") != 0)
		return;
	f->wants |= FEED_LB;
	if (strcmp(attr(m, "method"), "SetFrontendPoolBackendWeight") == 0)
		mark_target(f, attr(m, "target"));
}

/* What a record means beside its words. */
static void heed(struct feed *f, struct feed_now now, const Maglev__LogEvent *m)
{
	if (strcmp(m->msg, "vpp-connect") == 0) {
		f->wants |= FEED_VPP | FEED_LB;
	} else if (strcmp(m->msg, "vpp-disconnect") == 0) {
		feed_vpp(f, now, NULL, attr(m, "reason"));
	} else if (strcmp(m->msg, "vpp-lb-sync-done") == 0) {
		/* Of debug when there was nothing to do; else VPP has it by now. */
		f->wants |= strcmp(m->level, "debug") == 0 ? 0 : FEED_LB;
	} else if (strcmp(m->msg, "vpp-lb-warmup") == 0) {
		mark_all(f);
	} else if (strcmp(m->msg, "grpc-admin") == 0) {
		on_admin(f, m);
	} else if (strcmp(m->msg, "config-reload-done") == 0) {
		f->resync = "configuration reloaded";
		f->missed = true; /* should a list from before it use the resync up */
		f->wants |= FEED_REFRESH | FEED_LB;
	}
}

static void publish_log(struct feed *f, struct feed_now now, const Maglev__LogEvent *m)
{
	enum log_level level = LVL_INFO;
	struct event e;

	(void)log_level_parse(m->level, &level);
	event_open(&e, f);
	json_field_i64(&e.j, "at_ms", m->at_unix_ns / NS_PER_MS);
	json_field_str(&e.j, "level", m->level);
	json_field_str(&e.j, "msg", m->msg);
	json_key(&e.j, "attrs");
	json_arr(&e.j);
	for (size_t i = 0; i < m->n_attrs; i++) {
		json_arr(&e.j);
		json_str(&e.j, m->attrs[i]->key);
		json_str(&e.j, m->attrs[i]->value);
		json_arr_end(&e.j);
	}
	json_arr_end(&e.j);
	event_close(&e);
	broker_publish(f->broker, now.mono, "log", level, str_z(&e.out));
	str_done(&e.out);
}

static void on_log(struct feed *f, struct feed_now now, const Maglev__LogEvent *m)
{
	if (fold(f, now, m))
		return;
	publish_log(f, now, m);
	heed(f, now, m);
}

void feed_event(struct feed *f, struct feed_now now, const Maglev__Event *m)
{
	if (m->event_case == MAGLEV__EVENT__EVENT_BACKEND)
		on_backend(f, now, m->backend);
	else if (m->event_case == MAGLEV__EVENT__EVENT_FRONTEND)
		on_frontend(f, now, m->frontend);
	else if (m->event_case == MAGLEV__EVENT__EVENT_LOG)
		on_log(f, now, m->log);
}

void feed_beat(struct feed *f, struct feed_now now)
{
	_cleanup_(str_done) struct str data = { 0 };

	if (heartbeat_take(&f->heartbeat, f->store->name, now.mono, now.wall, &data))
		broker_flash(f->broker, now.mono, "heartbeat", str_z(&data));
}
