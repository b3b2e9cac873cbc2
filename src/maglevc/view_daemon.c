/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/view.h"

#include "base/alloc.h"
#include "base/version.h"

static void program(struct str *out, const struct style *st, const char *name, const char *version,
		    const char *commit, const char *built)
{
	_cleanup_(table_done) struct table t = facts();

	factf(&t, name, TINT_NONE, "%s (commit %s, built %s)", version, commit, built);
	table_print(&t, st, out);
}

void view_client_version(struct str *out, const struct style *st)
{
	program(out, st, "maglevc", version_string(), version_commit(), version_date());
}

void view_version(struct str *out, const struct style *st, const Maglev__VersionInfo *daemon)
{
	char at[WALL_STRLEN], age[DUR_STRLEN];
	_cleanup_(table_done) struct table t = facts();

	program(out, st, "maglevd", daemon->version, daemon->commit, daemon->build_date);
	if (!daemon->started_unix_ns)
		return;
	factf(&t, "started", TINT_NONE, "%s, %s ago", time_text(daemon->started_unix_ns, at),
	      age_text(st, daemon->started_unix_ns, age));
	table_print(&t, st, out);
}

void view_warnings(struct str *out, const struct style *st, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		tint_begin(out, st, TINT_WARN);
		str_add(out, "warning:");
		tint_end(out, st, TINT_WARN);
		str_add_c(out, ' ');
		text_safe(out, v[i]);
		str_add_c(out, '\n');
	}
}
