/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/lbmirror.h - what we know of the lb plugin: the last full read, plus every call of ours
 * that VPP acknowledged since (pure).
 *
 * A read is collected row by row into a struct lbread and taken over whole. What the dumps do not
 * tell (the sticky flag, the true table length, the pool index) comes from the text of
 * `show lb vips verbose`, which is costly and so is asked for only when VIPs came or went; until
 * then it is carried over from what was known. */
#pragma once

#include "base/dur.h"
#include "core/plan.h"
#include "vpp/lbtext.h"
#include "vpp/messages.h"

struct lbmirror {
	bool valid; /* false: read first */
	bool known; /* there was a read, and every call since is in it: a read should find this */
	struct plan_state vips;
	struct vpp_lb_conf conf;
	bool conf_known;
	mono_ns read_at;  /* when the last read ended */
	bool touched;     /* changed by a call of ours since then */
	bool text_stale;  /* VIPs came or went since the text was read */
	bool text_failed; /* it could not be had: not asked for again until the next read */
	struct lbtext text;
};

struct lbread { /* a read under way; {0} is none */
	struct plan_state vips;
	struct vpp_lb_conf conf;
	bool conf_known;
	size_t last_vip; /* where the last AS row went: rows of one VIP come together */
	size_t n_as;     /* rows of ASes, those of deleted ones too */
};

void lbmirror_done(struct lbmirror *m);
/* Forget everything: another VPP. */
void lbmirror_clear(struct lbmirror *m);
/* VPP contradicts it: read again. What only the text tells is kept for VIPs that are still there.
 */
void lbmirror_distrust(struct lbmirror *m);
/* Take an acknowledged call. */
void lbmirror_apply(struct lbmirror *m, const struct plan_call *c);
/* May it answer a question about VPP asked now? */
bool lbmirror_fresh(const struct lbmirror *m, mono_ns now);

void lbread_done(struct lbread *r);
void lbread_conf(struct lbread *r, const struct vpp_lb_conf_get_reply *c);
void lbread_vip(struct lbread *r, const struct vpp_lb_vip_details *d);
/* All VIPs are there; AS rows follow. */
void lbread_vips_end(struct lbread *r);
/* Rows of deleted ASes, and of VIPs that are not there, are passed over. */
void lbread_as(struct lbread *r, const struct vpp_lb_as_v2_details *d);
/* The rows are complete. Does the text have to be read too? */
bool lbread_end(struct lbread *r, const struct lbmirror *m);

/* Would the text that VPP gives fit into a frame (WIRE_FRAME_MAX)? One that does not would end the
 * connection, and the next one. For a read whose rows are complete, and for what we know. */
bool lbread_text_fits(const struct lbread *r);
bool lbmirror_text_fits(const struct lbmirror *m);
/* The text as read, for this read or on its own; or that it cannot be had. */
void lbmirror_take_text(struct lbmirror *m, const char *text, size_t n);
void lbmirror_no_text(struct lbmirror *m);
/* Is it worth asking for the text alone? */
bool lbmirror_wants_text(const struct lbmirror *m);
/* Fill in what the dumps of this read do not tell. */
void lbmirror_complete(const struct lbmirror *m, struct lbread *r);
/* The read, completed, becomes the mirror; `r` is {0} then. */
void lbmirror_take_read(struct lbmirror *m, struct lbread *r, mono_ns now);
