/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what VPP has, and lb_conf.
 *
 * All VIPs and all ASes are dumped at once, because the plugin's filter by prefix does not work for
 * IPv4 ones; the requests go out together. The reading calls stop the forwarding workers too, so a
 * read happens when it is due and for no other reason; the text costs most and is left out unless
 * VIPs came or went. */
#include <string.h>

#include "base/log.h"
#include "lbsync/internal.h"

#define SHOW_VIPS "show lb vips verbose"

static void log_call_failed(enum vpp_msg m, int32_t retval)
{
	log_error("vpp-lb-sync-error", L_STR("call", vpp_msgs[m].name), L_INT("retval", retval),
		  L_STR("error", vpp_retval_text(retval)));
}

/* ---- text */

/* VIPs that VPP has and its text does not show: in a form we do not know, then. Nothing is made
 * anew on a guess; said when their number changes. */
static void note_untold(struct lbsync *s, const struct plan_state *vips)
{
	size_t n = 0;

	for (size_t i = 0; i < vips->n_vips; i++)
		n += lbtext_find(&s->mirror.text, &vips->vips[i].key) == NULL;
	if (n > 0 && n != s->n_untold)
		log_warn("vpp-lb-text-unknown", L_STR("command", SHOW_VIPS), L_UINT("vips", n),
			 L_STR("reason", "its answer does not tell of VIPs that VPP has: whether "
					 "they are sticky, and their counters, remain unknown"));
	s->n_untold = n;
}

static void take_text(struct lbsync *s, const struct plan_state *vips, const struct vpp_answer *a)
{
	const struct vpp_cli_inband_reply *r = &a->body->cli_inband_reply;

	if (r->retval < 0) {
		log_call_failed(VPP_CLI_INBAND, r->retval);
		lbmirror_no_text(&s->mirror);
		return;
	}
	lbmirror_take_text(&s->mirror, r->reply.p, r->reply.n);
	note_untold(s, vips);
	lbcounters_vips(s->counters, &s->mirror.text);
}

static void on_drift(void *ctx, const struct lbdrift *d)
{
	((struct lbsync *)ctx)->drifts[d->kind]++;
	lbsync_log_drift(d);
}

/* What VPP has and we did not make, or made and VPP has not. */
static void find_drift(struct lbsync *s)
{
	const struct lbmirror *m = &s->mirror;

	if (!m->known)
		return;
	lbdrift_compare(&m->vips, &s->read.vips, on_drift, s);
	if (m->conf_known && s->read.conf_known)
		lbdrift_compare_conf(&m->conf, &s->read.conf, on_drift, s);
}

static void finish_read(struct lbsync *s)
{
	lbmirror_complete(&s->mirror, &s->read);
	find_drift(s);
	lbmirror_take_read(&s->mirror, &s->read, loop_clock());
	lbsync_read_finished(s);
}

static void on_text_for_read(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status < 0)
		return;
	take_text(s, &s->read.vips, a);
	finish_read(s);
}

static void on_text_alone(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status < 0)
		return;
	take_text(s, &s->mirror.vips, a);
	lbsync_job_finished(s);
}

/* So many VIPs that their text does not fit into a frame: it is done without. Said once. */
static void do_without_text(struct lbsync *s, size_t n_vips)
{
	lbmirror_no_text(&s->mirror);
	if (!s->text_too_long)
		log_warn("vpp-lb-text-unknown", L_STR("command", SHOW_VIPS), L_UINT("vips", n_vips),
			 L_STR("reason", "its answer would be too long: whether VIPs are sticky, "
					 "and their counters, remain unknown"));
	s->text_too_long = true;
}

static void ask_text(struct lbsync *s, vpp_answer_fn *fn)
{
	const struct vpp_cli_inband cli = { .cmd = { SHOW_VIPS, sizeof SHOW_VIPS - 1 } };

	lbsync_send(s, VPP_CLI_INBAND, &cli, fn, s);
}

void lbsync_text_start(struct lbsync *s)
{
	if (lbmirror_text_fits(&s->mirror)) {
		ask_text(s, on_text_alone);
		return;
	}
	do_without_text(s, s->mirror.vips.n_vips);
	lbsync_job_finished(s);
}

static void text_for_read(struct lbsync *s)
{
	if (lbread_text_fits(&s->read)) {
		ask_text(s, on_text_for_read);
		return;
	}
	do_without_text(s, s->read.vips.n_vips);
	finish_read(s);
}

/* ---- the dumps */

static void on_conf(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status < 0)
		return;
	if (a->body->retval < 0)
		log_call_failed(VPP_LB_CONF_GET, a->body->retval);
	else
		lbread_conf(&s->read, &a->body->lb_conf_get_reply);
}

static void on_vip(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->details)
		lbread_vip(&s->read, &a->body->lb_vip_details);
	else if (a->status == 0)
		lbread_vips_end(&s->read);
}

static void on_as(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;

	if (a->status < 0)
		return;
	if (a->details)
		lbread_as(&s->read, &a->body->lb_as_v2_details);
	else if (lbread_end(&s->read, &s->mirror))
		text_for_read(s);
	else
		finish_read(s);
}

void lbsync_read_start(struct lbsync *s)
{
	const struct prefix all = { .addr.family = ADDR_IP4 };
	const struct vpp_lb_vip_dump vips = { .pfx = all, .protocol = PROTO_ANY };
	const struct vpp_lb_vip ases = { .pfx = all };

	lbread_done(&s->read);
	lbsync_send(s, VPP_LB_CONF_GET, NULL, on_conf, s);
	lbsync_send(s, VPP_LB_VIP_DUMP, &vips, on_vip, s);
	lbsync_send(s, VPP_LB_AS_V2_DUMP, &ases, on_as, s);
}

/* ---- lb_conf */

static struct vpp_lb_conf wanted_conf(const struct lbsync *s)
{
	struct vpp_conf c;

	s->o.source.vpp_conf(s->o.source.ctx, &c);
	return (struct vpp_lb_conf){ .ip4_src_address = c.src4,
				     .ip6_src_address = c.src6,
				     .sticky_buckets_per_core = c.sticky_buckets_per_core,
				     .flow_timeout = (uint32_t)(c.flow_timeout / NS_PER_S) };
}

static void on_conf_set(void *ctx, const struct vpp_answer *a)
{
	struct lbsync *s = ctx;
	const struct vpp_lb_conf *c = &s->conf_sent, want = wanted_conf(s);

	if (a->status < 0)
		return;
	if (a->body->retval < 0) {
		log_call_failed(VPP_LB_CONF, a->body->retval);
	} else {
		s->mirror.conf = *c;
		log_info("vpp-lb-conf-set", L_ADDR("ipv4_src_address", &c->ip4_src_address),
			 L_ADDR("ipv6_src_address", &c->ip6_src_address),
			 L_UINT("sticky_buckets_per_core", c->sticky_buckets_per_core),
			 L_UINT("flow_timeout", c->flow_timeout));
	}
	/* A reload came meanwhile: the plan that follows serves it, and no other push comes. */
	if (!lbdrift_conf_eq(&want, c))
		lbsync_conf_push(s);
	else
		lbsync_conf_finished(s);
}

/* Sent only where it differs: a push throws away every worker's flow table. */
void lbsync_conf_push(struct lbsync *s)
{
	const struct vpp_lb_conf want = wanted_conf(s);

	if (!s->mirror.conf_known || lbdrift_conf_eq(&want, &s->mirror.conf)) {
		lbsync_conf_finished(s);
		return;
	}
	s->conf_sent = want;
	lbsync_send(s, VPP_LB_CONF, &want, on_conf_set, s);
}
