/* SPDX-License-Identifier: Apache-2.0 */
/* From a session to a connection that is of use: the version and the process id are asked for
 * first, then what VPP has is read. Each way of failing is logged once, not at each retry. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lbsync/internal.h"

static void log_failure(struct lbsync *s, const char *why)
{
	if (strcmp(s->last_failure, why) == 0)
		return;
	snprintf(s->last_failure, sizeof s->last_failure, "%s", why);
	log_warn("vpp-connect-failed", L_STR("path", s->api_path), L_STR("reason", why));
}

static void mark_released(struct lbsync *s)
{
	list_foreach (&s->all, n) {
		struct lbsync_vip *v = CONTAINER_OF(n, struct lbsync_vip, all);

		if (v->released)
			lbsync_mark_dirty(s, v, 0);
	}
}

static void log_connected(const struct lbsync *s)
{
	wall_ns boot = 0;
	const struct log_attr a[] = {
		L_STR("path", s->api_path),
		L_STR("version", s->version.version),
		L_STR("build_date", s->version.build_date),
		L_STR("build_directory", s->version.build_directory),
		L_UINT("pid", s->pid),
		/* Unix seconds; the stats segment tells it, and may be missing. */
		L_INT("boottime", lbcounters_boottime(s->counters, &boot) ? boot / NS_PER_S : 0),
	};

	log_write(LVL_INFO, "vpp-connect", a, boot ? ARRAY_LEN(a) : ARRAY_LEN(a) - 1);
}

static void connected(struct lbsync *s)
{
	s->connected = true;
	s->connected_at = loop_wall();
	s->last_failure[0] = '\0';
	s->n_untold = 0;
	log_connected(s);
	lbmirror_clear(&s->mirror);
	if (lbsync_warm(s)) {
		lbsync_want_full(s, "connect");
		return;
	}
	/* What the warm-up has released already is owed its sync; the rest waits. */
	lbsync_log_suppressed(s, "connect", NULL);
	mark_released(s);
	s->conf_wanted = true;
	lbsync_schedule(s);
}

static void on_version(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status == 0)
		s->version = a->body->show_version_reply;
}

static void on_ping(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status < 0)
		return;
	s->pid = a->body->control_ping_reply.vpe_pid;
	s->pid_known = true;
	if (s->stats_settled)
		connected(s);
}

void lbsync_stats_settled(void *ctx)
{
	struct lbsync *s = ctx;

	s->stats_settled = true;
	if (s->pid_known)
		connected(s);
}

static void on_up(void *ctx)
{
	struct lbsync *s = ctx;

	s->up_at = loop_clock();
	s->pid_known = s->stats_settled = false;
	lbcounters_connect(s->counters, s->client);
	lbsync_send(s, VPP_SHOW_VERSION, NULL, on_version, s);
	lbsync_send(s, VPP_CONTROL_PING, NULL, on_ping, s);
}

static void on_down(void *ctx, const char *why)
{
	struct lbsync *s = ctx;

	lbcounters_disconnect(s->counters);
	if (!s->connected) {
		log_failure(s, why);
		return;
	}
	s->connected = false;
	s->job = JOB_NONE;
	s->full_resumes = false;
	lbsync_run_abort(s);
	lbread_done(&s->read);
	lbmirror_clear(&s->mirror);
	log_warn("vpp-disconnect", L_STR("path", s->api_path), L_STR("reason", why),
		 L_INT("connected_ns", loop_clock() - s->up_at));
	lbsync_wait_lost(s);
}

static void on_failed(void *ctx, const char *why)
{
	log_failure(ctx, why);
}

void lbsync_connect_start(struct lbsync *s)
{
	const struct vpp_client_opts o = { .loop = s->o.loop,
					   .path = s->api_path,
					   .ctx = s,
					   .up = on_up,
					   .down = on_down,
					   .failed = on_failed };

	s->client = vpp_client_new(&o);
}

const char *lbsync_why_down(const struct lbsync *s)
{
	if (s->connected)
		return "";
	return vpp_client_is_up(s->client) ? "VPP has not told its version yet"
					   : vpp_client_why(s->client);
}

bool lbsync_connected(const struct lbsync *s)
{
	return s->connected;
}

bool lbsync_vpp_info(const struct lbsync *s, struct lbsync_vpp *ret)
{
	if (!s->connected)
		return false;
	*ret = (struct lbsync_vpp){ .version = s->version.version,
				    .build_date = s->version.build_date,
				    .build_directory = s->version.build_directory,
				    .pid = s->pid,
				    .connected_at = s->connected_at,
				    .connected_for = loop_clock() - s->up_at };
	(void)lbcounters_boottime(s->counters, &ret->booted_at);
	return true;
}
