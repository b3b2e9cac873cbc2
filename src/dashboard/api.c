/* SPDX-License-Identifier: Apache-2.0 */
/* What is read: versions, states, events. */
#include <string.h>

#include "base/version.h"
#include "dashboard/dashboard.h"
#include "dashboard/render.h"

/* A state that has changed is given out for ten times as long as it took to write, at most so long:
 * pages that were told to begin anew come together, and the loop has other things to do. The events
 * behind its event_id bring the rest. */
#define STATE_KEPT       (200 * NS_PER_MS)
#define STATE_KEPT_TIMES 10
/* One that has not changed, for so long: its event_id must be in the ring for a while. */
#define STATE_KEPT_UNCHANGED (5 * NS_PER_S)

void api_version(struct dashboard *d, struct request *r, const char *const *arg)
{
	struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_obj(&j);
	json_field_str(&j, "version", version_string());
	json_field_str(&j, "commit", version_commit());
	json_field_str(&j, "build_date", version_date());
	json_field_bool(&j, "admin_enabled", d->admin);
	json_obj_end(&j);
	http_answer_json(r, MHD_HTTP_OK, &out);
}

void api_maglevds(struct dashboard *d, struct request *r, const char *const *arg)
{
	struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_arr(&j);
	for (size_t i = 0; i < d->n; i++)
		render_status(&j, upstream_store(d->upstreams[i]));
	json_arr_end(&j);
	http_answer_json(r, MHD_HTTP_OK, &out);
}

/* ---- states */

static bool is_fresh(const struct dashboard *d, const struct state_cache *c, uint64_t revision)
{
	dur_ns age = loop_clock() - c->made;

	if (!c->content || c->resyncs != d->broker.resyncs)
		return false;
	if (c->revision == revision)
		return age < STATE_KEPT_UNCHANGED;
	return age < MIN(STATE_KEPT, STATE_KEPT_TIMES * c->took);
}

static void render_all(struct dashboard *d, struct json *j, const char *event_id)
{
	json_obj(j);
	json_field_str(j, "event_id", event_id);
	json_key(j, "maglevds");
	json_arr(j);
	for (size_t i = 0; i < d->n; i++)
		render_state(j, upstream_store(d->upstreams[i]), NULL);
	json_arr_end(j);
	json_obj_end(j);
}

/* Of the i-th, or (i = n) of all. */
static void renew(struct dashboard *d, size_t i, uint64_t revision)
{
	struct state_cache *c = &d->states[i];
	mono_ns began = loop_clock();
	char id[BROKER_ID_STRLEN];
	struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	(void)broker_id(&d->broker, id);
	if (i < d->n)
		render_state(&j, upstream_store(d->upstreams[i]), id);
	else
		render_all(d, &j, id);
	content_unref(c->content);
	*c = (struct state_cache){ .content = content_json(&out),
				   .revision = revision,
				   .resyncs = d->broker.resyncs,
				   .made = began };
	c->took = loop_clock() - began;
}

static void answer_state(struct dashboard *d, struct request *r, size_t i)
{
	uint64_t revision = 0;

	for (size_t k = 0; k < d->n; k++)
		if (i == d->n || i == k)
			revision += upstream_store(d->upstreams[k])->revision;
	if (!is_fresh(d, &d->states[i], revision))
		renew(d, i, revision);
	http_answer_content(r, MHD_HTTP_OK, d->states[i].content);
}

void api_state(struct dashboard *d, struct request *r, const char *const *arg)
{
	answer_state(d, r, d->n);
}

void api_state_one(struct dashboard *d, struct request *r, const char *const *arg)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(upstream_store(d->upstreams[i])->name, arg[0]) != 0)
			continue;
		answer_state(d, r, i);
		return;
	}
	http_answer_error(r, MHD_HTTP_NOT_FOUND, "maglevd \"%s\" not found", arg[0]);
}

void api_backend(struct dashboard *d, struct request *r, const char *const *arg)
{
	const struct upstream *u = dashboard_find(d, arg[0]);
	const struct object *o = u ? catalog_get(&upstream_store(u)->backends, arg[1]) : NULL;
	struct str out = { 0 };
	struct json j;

	if (!o) {
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "%s \"%s\" not found",
				  u ? "backend" : "maglevd", arg[u ? 1 : 0]);
		return;
	}
	json_init(&j, &out);
	render_backend(&j, store_backend(o), /* history= */ true);
	http_answer_json(r, MHD_HTTP_OK, &out);
}

void api_done(struct dashboard *d)
{
	for (size_t i = 0; i <= d->n; i++)
		content_unref(d->states[i].content);
}

/* ---- events */

static void answer_events(struct request *r, enum log_level level)
{
	const char *last = request_header(r, "Last-Event-ID");

	http_answer_stream(r, level, last ? last : request_query(r, "last_event_id"));
}

void api_events(struct dashboard *d, struct request *r, const char *const *arg)
{
	answer_events(r, LVL_INFO);
}

void admin_events(struct dashboard *d, struct request *r, const char *const *arg)
{
	const char *log = request_query(r, "log");
	enum log_level level = LVL_INFO;

	if (log && log_level_parse(log, &level) < 0)
		http_answer_error(r, MHD_HTTP_BAD_REQUEST,
				  "unknown log level \"%s\": debug, info, warn, error", log);
	else
		answer_events(r, level);
}
