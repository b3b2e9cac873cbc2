/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/events.c - subscribers and what they asked for.
 *
 * Three sources: the fleet's observer for backends and frontends, the log's tap for records. All of
 * them speak on the main loop, so that one subscriber sees one order: the one in which things
 * happened. A record that another thread logs comes through a mailbox, some moments later.
 *
 * The present state is one block of messages, made when somebody subscribes and kept until
 * something changes: a thousand dashboards that come back after a restart share it, and take turns.
 *
 * Inside the tap nothing may be logged; putting a message on a stream's queue does not. */
#include "maglevd/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/mailbox.h"
#include "maglevd/pb.h"
#include "rpc/stream.h"

struct subscriber {
	struct list node;
	struct events *events;
	struct rpc_stream *stream;
	enum log_level level; /* LVL_OFF: no records */
	bool backend, frontend;
	bool begun; /* its turn has come: it is among the subscribers */
};

struct events {
	struct fleet *fleet;
	void (*trace)(void *ctx);
	void *trace_ctx;
	struct list subscribers;
	struct list waiting;       /* for their turns to begin */
	int n_backend, n_frontend; /* subscribers that want that */
	int n_level[LVL_OFF + 1];  /* of each level */
	enum log_level tapped;
	struct rpc_packed *backends, *frontends; /* the present state; NULL: to be made */
	pthread_t main_thread;
	struct mailbox *mailbox;
};

/* A record from another thread. */
struct foreign {
	struct mail mail;
	enum log_level level;
	struct rpc_packed *packed;
};

/* ---- backends and frontends */

static struct rpc_packed *backend_event(struct rpc_packed *p, const char *name,
					Maglev__TransitionRecord *t)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__BackendEvent b = MAGLEV__BACKEND_EVENT__INIT;

	b.backend_name = pb_str(name);
	b.transition = t;
	m.event_case = MAGLEV__EVENT__EVENT_BACKEND;
	m.backend = &b;
	rpc_packed_add(p, &m.base);
	return p;
}

static struct rpc_packed *frontend_event(struct rpc_packed *p, const char *name,
					 Maglev__TransitionRecord *t)
{
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__FrontendEvent f = MAGLEV__FRONTEND_EVENT__INIT;

	f.frontend_name = pb_str(name);
	f.transition = t;
	m.event_case = MAGLEV__EVENT__EVENT_FRONTEND;
	m.frontend = &f;
	rpc_packed_add(p, &m.base);
	return p;
}

static void present_drop(struct rpc_packed **p)
{
	rpc_packed_unref(*p);
	*p = NULL;
}

static void on_backend(void *ctx, const struct backend *b, const struct transition *t)
{
	struct events *ev = ctx;
	Maglev__TransitionRecord r = pb_transition(t);
	struct rpc_packed *p;

	present_drop(&ev->backends);
	if (ev->n_backend == 0)
		return;
	p = backend_event(rpc_packed_new(), b->name, &r);
	list_foreach (&ev->subscribers, node) {
		const struct subscriber *s = CONTAINER_OF(node, struct subscriber, node);
		if (s->backend)
			rpc_stream_send_paced(s->stream, p);
	}
	rpc_packed_unref(p);
}

static void on_frontend(void *ctx, const struct frontend *fe, enum frontend_state from)
{
	struct events *ev = ctx;
	Maglev__TransitionRecord r = MAGLEV__TRANSITION_RECORD__INIT;
	struct rpc_packed *p;

	present_drop(&ev->frontends);
	if (ev->n_frontend == 0)
		return;
	r.from = pb_str(frontend_state_name(from));
	r.to = pb_str(frontend_state_name(fe->state));
	r.at_unix_ns = loop_wall();
	p = frontend_event(rpc_packed_new(), fe->name, &r);
	list_foreach (&ev->subscribers, node) {
		const struct subscriber *s = CONTAINER_OF(node, struct subscriber, node);
		if (s->frontend)
			rpc_stream_send_paced(s->stream, p);
	}
	rpc_packed_unref(p);
}

/* ---- the present state */

/* The state as it is; why it is so is what the newest transition says. */
static void present_backend(struct rpc_packed *p, const struct backend *b)
{
	const struct transition *newest = backend_history(b, 0);
	Maglev__TransitionRecord r = MAGLEV__TRANSITION_RECORD__INIT;

	r.from = r.to = pb_str(health_state_name(b->health.state));
	if (newest) {
		r.code = pb_str(code_name(newest->code));
		r.detail = pb_str(newest->detail);
	}
	(void)backend_event(p, b->name, &r);
}

static struct rpc_packed *present_backends(struct events *ev)
{
	if (ev->backends)
		return ev->backends;
	ev->backends = rpc_packed_new();
	for (size_t i = 0; i < ev->fleet->backends.n; i++)
		present_backend(ev->backends, ev->fleet->backends_sorted[i]);
	return ev->backends;
}

static struct rpc_packed *present_frontends(struct events *ev)
{
	wall_ns now = loop_wall();

	if (ev->frontends)
		return ev->frontends;
	ev->frontends = rpc_packed_new();
	for (size_t i = 0; i < ev->fleet->frontends.n; i++) {
		const struct frontend *fe = ev->fleet->frontends_sorted[i];
		Maglev__TransitionRecord r = MAGLEV__TRANSITION_RECORD__INIT;
		r.from = r.to = pb_str(frontend_state_name(fe->state));
		r.at_unix_ns = now;
		(void)frontend_event(ev->frontends, fe->name, &r);
	}
	return ev->frontends;
}

void events_reloaded(struct events *ev)
{
	present_drop(&ev->backends);
	present_drop(&ev->frontends);
}

/* ---- the log */

static char *attr_text(struct arena *a, const struct log_attr *attr)
{
	_cleanup_(str_done) struct str text = { 0 };

	if (attr->type == LOG_ATTR_STR)
		return pb_str(attr->s);
	log_attr_text(attr, &text);
	return arena_strdup(a, str_z(&text));
}

static struct rpc_packed *log_event(enum log_level l, wall_ns at, const char *msg,
				    const struct log_attr *attr, size_t n)
{
	struct arena a = { 0 };
	Maglev__Event m = MAGLEV__EVENT__INIT;
	Maglev__LogEvent e = MAGLEV__LOG_EVENT__INIT;
	Maglev__LogAttr *attrs = ARENA_ARRAY(&a, n, Maglev__LogAttr);
	struct rpc_packed *p;

	e.at_unix_ns = at;
	e.level = pb_str(log_level_name(l));
	e.msg = pb_str(msg);
	e.n_attrs = n;
	e.attrs = ARENA_ARRAY(&a, n, Maglev__LogAttr *);
	for (size_t i = 0; i < n; i++) {
		maglev__log_attr__init(&attrs[i]);
		attrs[i].key = pb_str(attr[i].key);
		attrs[i].value = attr_text(&a, &attr[i]);
		e.attrs[i] = &attrs[i];
	}
	m.event_case = MAGLEV__EVENT__EVENT_LOG;
	m.log = &e;
	p = rpc_packed_one(&m.base);
	arena_done(&a);
	return p;
}

static void send_log(struct events *ev, enum log_level l, struct rpc_packed *p)
{
	list_foreach (&ev->subscribers, node) {
		const struct subscriber *s = CONTAINER_OF(node, struct subscriber, node);
		if (l >= s->level)
			rpc_stream_send_paced(s->stream, p);
	}
}

static void on_log(void *ctx, enum log_level l, wall_ns at, const char *msg,
		   const struct log_attr *attr, size_t n)
{
	struct events *ev = ctx;
	struct rpc_packed *p = log_event(l, at, msg, attr, n);
	struct foreign *f;

	if (pthread_equal(pthread_self(), ev->main_thread)) {
		send_log(ev, l, p);
		rpc_packed_unref(p);
		return;
	}
	f = XNEW(struct foreign);
	f->level = l;
	f->packed = p;
	mailbox_post(ev->mailbox, &f->mail);
}

static void foreign_free(void *ctx _unused_, struct mail *m)
{
	struct foreign *f = CONTAINER_OF(m, struct foreign, mail);

	rpc_packed_unref(f->packed);
	free(f);
}

static void on_foreign(void *ctx, struct mail *m)
{
	const struct foreign *f = CONTAINER_OF(m, struct foreign, mail);

	send_log(ctx, f->level, f->packed);
	foreign_free(NULL, m);
}

/* Have the tap at the lowest level that anybody wants. */
static void update_tap(struct events *ev)
{
	enum log_level lowest = LVL_DEBUG, before = ev->tapped;

	while (lowest < LVL_OFF && ev->n_level[lowest] == 0)
		lowest++;
	if (lowest == before)
		return;
	ev->tapped = lowest;
	log_set_tap(lowest, on_log, ev);
	if (lowest == LVL_DEBUG || before == LVL_DEBUG)
		ev->trace(ev->trace_ctx);
}

/* ---- subscribers */

static void count(struct events *ev, const struct subscriber *s, int step)
{
	ev->n_backend += s->backend ? step : 0;
	ev->n_frontend += s->frontend ? step : 0;
	ev->n_level[s->level] += step;
	update_tap(ev);
}

static void subscriber_free(struct subscriber *s)
{
	list_remove(&s->node);
	if (s->begun)
		count(s->events, s, -1);
	free(s);
}

static void on_closed(void *ctx, struct rpc_stream *st _unused_)
{
	subscriber_free(ctx);
}

/* What comes before this is in the present state, what comes later is an event. */
static void on_turn(void *ctx, struct rpc_stream *st)
{
	struct subscriber *s = ctx;
	struct events *ev = s->events;

	s->begun = true;
	if (s->backend)
		rpc_stream_begin(st, present_backends(ev));
	if (s->frontend)
		rpc_stream_begin(st, present_frontends(ev));
	list_remove(&s->node);
	list_add_tail(&ev->subscribers, &s->node);
	count(ev, s, 1);
}

static const struct rpc_stream_ops stream_ops = { .closed = on_closed, .turn = on_turn };

/* What is asked for; 0, or -EINVAL. */
static int parse(const Maglev__WatchRequest *r, struct subscriber *s)
{
	bool all = !r->log && !r->backend && !r->frontend;
	enum log_level level = LVL_INFO;

	if (*r->log_level && log_level_parse(r->log_level, &level) < 0)
		return -EINVAL;
	s->backend = all || r->backend;
	s->frontend = all || r->frontend;
	s->level = all || r->log ? level : LVL_OFF;
	return 0;
}

void events_subscribe(struct events *ev, struct rpc_call *call, const Maglev__WatchRequest *r)
{
	struct subscriber *s = XNEW(struct subscriber);

	if (parse(r, s) < 0) {
		rpc_call_fail(call, RPC_INVALID_ARGUMENT,
			      "unknown log level \"%s\": debug, info, warn, error", r->log_level);
		free(s);
		return;
	}
	s->events = ev;
	s->stream = rpc_stream_open(call, &stream_ops, s);
	list_add_tail(&ev->waiting, &s->node);
}

static void end_all(struct list *subscribers)
{
	list_foreach (subscribers, node) {
		struct subscriber *s = CONTAINER_OF(node, struct subscriber, node);
		rpc_stream_end(s->stream, RPC_UNAVAILABLE, "shutting down");
		subscriber_free(s);
	}
}

void events_stop(struct events *ev)
{
	end_all(&ev->subscribers);
	end_all(&ev->waiting);
}

struct events *events_new(const struct events_opts *o)
{
	struct events *ev = XNEW(struct events);

	ev->fleet = o->fleet;
	ev->trace = o->trace;
	ev->trace_ctx = o->ctx;
	ev->tapped = LVL_OFF;
	list_init(&ev->subscribers);
	list_init(&ev->waiting);
	ev->main_thread = pthread_self();
	ev->mailbox = mailbox_new(o->loop, on_foreign, ev);
	ev->fleet->observer = (struct fleet_observer){ .ctx = ev,
						       .backend = on_backend,
						       .frontend = on_frontend };
	return ev;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	log_set_tap(LVL_OFF, NULL, NULL);
	ev->fleet->observer = (struct fleet_observer){ 0 };
	mailbox_free(ev->mailbox, foreign_free, NULL);
	events_reloaded(ev);
	free(ev);
}
