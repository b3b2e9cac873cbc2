/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service_read.c - the methods that only look. Lists are in name order, as the fleet and
 * the configuration keep them. */
#include "base/version.h"
#include "maglevd/events.h"
#include "maglevd/service_internal.h"

bool frontend_released(const struct service *s, const struct frontend *fe)
{
	return !s->daemon->lbsync || fe->sync.released;
}

void ask_get_version(const struct ask *a)
{
	Maglev__VersionInfo m;
	maglev__version_info__init(&m);

	m.version = pb_str(version_string());
	m.commit = pb_str(version_commit());
	m.build_date = pb_str(version_date());
	m.started_unix_ns = a->s->daemon->started;
	ask_reply(a, &m.base);
}

void ask_list_frontends(const struct ask *a)
{
	const Maglev__ListFrontendsRequest *req = (const Maglev__ListFrontendsRequest *)a->req;
	const struct fleet *f = a->s->daemon->fleet;
	size_t n = f->frontends.n;
	Maglev__ListFrontendsResponse m;
	maglev__list_frontends_response__init(&m);
	struct arena mem = { 0 };

	m.n_frontend_names = n;
	m.frontend_names = ARENA_ARRAY(&mem, n, char *);
	m.n_frontends = req->full ? n : 0;
	m.frontends = ARENA_ARRAY(&mem, m.n_frontends, Maglev__FrontendInfo *);
	for (size_t i = 0; i < n; i++) {
		struct frontend *fe = f->frontends_sorted[i];

		m.frontend_names[i] = fe->name;
		if (req->full)
			m.frontends[i] = info_frontend(&mem, fe, frontend_released(a->s, fe));
	}
	ask_reply(a, &m.base);
	arena_done(&mem);
}

void ask_get_frontend(const struct ask *a)
{
	struct frontend *fe = ask_frontend(a, ((const Maglev__GetFrontendRequest *)a->req)->name);
	struct arena mem = { 0 };

	if (!fe)
		return;
	ask_reply(a, &info_frontend(&mem, fe, frontend_released(a->s, fe))->base);
	arena_done(&mem);
}

void ask_list_backends(const struct ask *a)
{
	const Maglev__ListBackendsRequest *req = (const Maglev__ListBackendsRequest *)a->req;
	const struct fleet *f = a->s->daemon->fleet;
	size_t n = f->backends.n;
	Maglev__ListBackendsResponse m;
	maglev__list_backends_response__init(&m);
	struct arena mem = { 0 };

	m.n_backend_names = n;
	m.backend_names = ARENA_ARRAY(&mem, n, char *);
	m.n_backends = req->full ? n : 0;
	m.backends = ARENA_ARRAY(&mem, m.n_backends, Maglev__BackendInfo *);
	for (size_t i = 0; i < n; i++) {
		m.backend_names[i] = f->backends_sorted[i]->name;
		if (req->full)
			m.backends[i] = info_backend(&mem, f->backends_sorted[i]);
	}
	ask_reply(a, &m.base);
	arena_done(&mem);
}

void ask_get_backend(const struct ask *a)
{
	struct backend *b = ask_backend(a, ((const Maglev__GetBackendRequest *)a->req)->name);
	struct arena mem = { 0 };

	if (!b)
		return;
	ask_reply(a, &info_backend(&mem, b)->base);
	arena_done(&mem);
}

void ask_list_healthchecks(const struct ask *a)
{
	const Maglev__ListHealthChecksRequest *req =
		(const Maglev__ListHealthChecksRequest *)a->req;
	const struct config *c = a->s->daemon->fleet->config;
	Maglev__ListHealthChecksResponse m;
	maglev__list_health_checks_response__init(&m);
	struct arena mem = { 0 };

	m.n_healthcheck_names = c->n_checks;
	m.healthcheck_names = ARENA_ARRAY(&mem, c->n_checks, char *);
	m.n_healthchecks = req->full ? c->n_checks : 0;
	m.healthchecks = ARENA_ARRAY(&mem, m.n_healthchecks, Maglev__HealthCheckInfo *);
	for (size_t i = 0; i < c->n_checks; i++) {
		m.healthcheck_names[i] = c->checks[i]->name;
		if (req->full)
			m.healthchecks[i] = info_healthcheck(&mem, c->checks[i]);
	}
	ask_reply(a, &m.base);
	arena_done(&mem);
}

void ask_get_healthcheck(const struct ask *a)
{
	const char *name = ((const Maglev__GetHealthCheckRequest *)a->req)->name;
	const struct config *c = a->s->daemon->fleet->config;
	long i = config_find_check(c, name);
	struct arena mem = { 0 };

	if (!*name) {
		ask_fail(a, RPC_INVALID_ARGUMENT, "a health check's name is needed");
	} else if (i < 0) {
		ask_fail(a, RPC_NOT_FOUND, "health check \"%s\" not found", name);
	} else {
		ask_reply(a, &info_healthcheck(&mem, c->checks[i])->base);
		arena_done(&mem);
	}
}

void ask_watch_events(const struct ask *a)
{
	events_subscribe(a->s->daemon->events, a->call, (const Maglev__WatchRequest *)a->req);
}
