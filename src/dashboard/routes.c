/* SPDX-License-Identifier: Apache-2.0 */
/* Which path is what, and who may have it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dashboard/dashboard.h"

/* A segment "*" takes any that is not empty. */
struct route {
	const char *method, *pattern;
	route_fn *fn;
};

static void redirect_view(struct dashboard *d, struct request *r, const char *const *arg)
{
	http_answer_redirect(r, "/view/");
}

static void redirect_admin(struct dashboard *d, struct request *r, const char *const *arg)
{
	http_answer_redirect(r, "/admin/");
}

static void healthz(struct dashboard *d, struct request *r, const char *const *arg)
{
	http_answer_text(r, MHD_HTTP_OK, "ok\n");
}

static bool answer_asset(struct dashboard *d, struct request *r, const char *path)
{
	for (size_t i = 0; i < assets_n; i++) {
		if (strcmp(assets[i].path, path) != 0)
			continue;
		http_answer_content(r, MHD_HTTP_OK, d->pages[i]);
		return true;
	}
	return false;
}

static void index_page(struct dashboard *d, struct request *r, const char *const *arg)
{
	if (!answer_asset(d, r, "index.html"))
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "this was built without a page");
}

static void hashed_asset(struct dashboard *d, struct request *r, const char *const *arg)
{
	_cleanup_free_ char *path = xasprintf("assets/%s", arg[0]);

	if (!answer_asset(d, r, path))
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such file");
}

static void root_asset(struct dashboard *d, struct request *r, const char *const *arg)
{
	if (!answer_asset(d, r, arg[0]))
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such page");
}

/* Browsers that ask for it by habit take the other one, too. */
static void favicon(struct dashboard *d, struct request *r, const char *const *arg)
{
	const char *name = request_path(r)->seg[0];

	if (!answer_asset(d, r, name) && !answer_asset(d, r, "favicon.svg"))
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such file");
}

static const struct route routes[] = {
	{ "GET", "", redirect_view },
	{ "GET", "view", redirect_view },
	{ "GET", "view/", index_page },
	{ "GET", "view/assets/*", hashed_asset },
	{ "GET", "view/api/version", api_version },
	{ "GET", "view/api/maglevds", api_maglevds },
	{ "GET", "view/api/state", api_state },
	{ "GET", "view/api/state/*", api_state_one },
	{ "GET", "view/api/state/*/backend/*", api_backend },
	{ "GET", "view/api/events", api_events },
	{ "GET", "view/*", root_asset },
	{ "GET", "healthz", healthz },
	{ "GET", "favicon.ico", favicon },
	{ "GET", "favicon.svg", favicon },
	{ "GET", "admin", redirect_admin },
	{ "GET", "admin/", index_page },
	{ "GET", "admin/api/events", admin_events },
	{ "POST", "admin/api/*/backend/*/*", admin_backend },
	{ "POST", "admin/api/*/frontend/*/pool/*/backend/*/weight", admin_weight },
	{ "POST", "admin/api/*/sync", admin_sync },
	{ "POST", "admin/api/*/config/check", admin_check },
	{ "POST", "admin/api/*/config/reload", admin_reload },
};

#define ROUTE_ARGS 4 /* of the longest */

/* Does the path have this form? Its variable segments are left in `arg`. */
static bool matches(const char *pattern, const struct path *p, const char *arg[static ROUTE_ARGS])
{
	size_t n_arg = 0, i = 0;

	for (;; i++) {
		size_t n = strcspn(pattern, "/");

		if (i == p->n)
			return false;
		if (n == 1 && *pattern == '*') {
			if (!*p->seg[i])
				return false;
			arg[n_arg++] = p->seg[i];
		} else if (strlen(p->seg[i]) != n || memcmp(p->seg[i], pattern, n) != 0) {
			return false;
		}
		if (!pattern[n])
			return i + 1 == p->n;
		pattern += n + 1;
	}
}

static bool may(const char *asked, const char *method)
{
	return strcmp(asked, method) == 0 ||
	       (strcmp(method, "GET") == 0 && strcmp(asked, "HEAD") == 0);
}

/* ---- below /admin */

static const char *peer_text(const struct request *r, char buf[static ADDR_STRLEN])
{
	return addr_format(request_peer(r), buf);
}

static void too_many(struct dashboard *d, struct request *r)
{
	dur_ns wait = auth_wait(&d->auth, request_peer(r), loop_clock());
	char seconds[24];

	(void)snprintf(seconds, sizeof seconds, "%" PRId64, wait / NS_PER_S + 1);
	http_answer_refusal(r, MHD_HTTP_TOO_MANY_REQUESTS, MHD_HTTP_HEADER_RETRY_AFTER, seconds,
			    "too many failed logins");
}

/* Answered when it gives false. */
static bool admit(struct dashboard *d, struct request *r)
{
	const char *header = request_header(r, MHD_HTTP_HEADER_AUTHORIZATION);
	char peer[ADDR_STRLEN];

	switch (auth_check(&d->auth, header, request_peer(r), loop_clock())) {
	case AUTH_OK:
		return true;
	case AUTH_TOO_MANY:
		too_many(d, r);
		return false;
	case AUTH_WRONG:
		log_warn("admin-login-failed", L_STR("peer", peer_text(r, peer)));
		break;
	case AUTH_MISSING:
		break;
	}
	http_answer_refusal(r, MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
			    "Basic realm=\"maglevd-frontend admin\", charset=\"UTF-8\"",
			    "this needs a name and a password");
	return false;
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof json - 1;

	if (!type || strncasecmp(type, json, n) != 0)
		return false;
	type += n + strspn(type + n, " \t");
	return !*type || *type == ';';
}

/* May this request change something? Answered when it gives false. */
static bool may_change(struct request *r)
{
	if (!auth_same_origin(request_header(r, MHD_HTTP_HEADER_HOST),
			      request_header(r, MHD_HTTP_HEADER_ORIGIN),
			      request_header(r, "Sec-Fetch-Site"))) {
		http_answer_error(r, MHD_HTTP_FORBIDDEN,
				  "this request does not come from the dashboard's own page");
		return false;
	}
	if (!is_json(request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE))) {
		http_answer_error(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
				  "the Content-Type must be application/json");
		return false;
	}
	return true;
}

/* ---- */

static void dispatch(struct dashboard *d, struct request *r, const struct path *p)
{
	const char *method = request_method(r), *arg[ROUTE_ARGS] = { 0 };
	const struct route *form = NULL;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!matches(routes[i].pattern, p, arg))
			continue;
		form = &routes[i];
		break;
	}
	if (!form)
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such path");
	else if (!may(method, form->method))
		http_answer_refusal(r, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW,
				    strcmp(form->method, "GET") == 0 ? "GET, HEAD" : form->method,
				    "this path takes another method");
	else if (strcmp(form->method, "POST") != 0 || may_change(r))
		form->fn(d, r, arg);
}

void routes_handle(void *dashboard, struct request *r)
{
	struct dashboard *d = dashboard;
	const struct path *p = request_path(r);

	if (!p) {
		http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such path");
		return;
	}
	if (strcmp(p->seg[0], "admin") == 0) {
		if (!d->admin) {
			http_answer_error(r, MHD_HTTP_NOT_FOUND, "no such path");
			return;
		}
		if (!admit(d, r))
			return;
	}
	dispatch(d, r, p);
}
