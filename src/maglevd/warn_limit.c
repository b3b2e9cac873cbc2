/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/warn_limit.h"

#include <stdio.h>
#include <string.h>

static struct warn_reason *find(struct warn_limit *w, const char *reason)
{
	for (unsigned i = 0; i < WARN_LIMIT_REASONS; i++)
		if (w->reasons[i].text[0] &&
		    strncmp(w->reasons[i].text, reason, WARN_REASON_MAX - 1) == 0)
			return &w->reasons[i];
	return NULL;
}

static struct warn_reason *make_room(struct warn_limit *w)
{
	struct warn_reason *oldest = &w->reasons[0];

	for (unsigned i = 0; i < WARN_LIMIT_REASONS; i++) {
		if (!w->reasons[i].text[0])
			return &w->reasons[i];
		if (w->reasons[i].last < oldest->last)
			oldest = &w->reasons[i];
	}
	return oldest;
}

bool warn_limit_pass(struct warn_limit *w, const char *reason, mono_ns now,
		     uint64_t *ret_suppressed)
{
	struct warn_reason *r = find(w, reason);

	if (r && now - r->last < WARN_LIMIT_PERIOD) {
		r->suppressed++;
		return false;
	}
	if (!r) {
		r = make_room(w);
		(void)snprintf(r->text, sizeof(r->text), "%s", reason);
		r->suppressed = 0;
	}
	*ret_suppressed = r->suppressed;
	r->suppressed = 0;
	r->last = now;
	return true;
}
