/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/model.h - what is known of the VIPs (pure: readings in, figures out; time is a
 * parameter).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/health.h"
#include "maglevt/anomalies.h"
#include "maglevt/samples.h"
#include "maglevt/tally.h"
#include "maglevt/vips.h"

/* A pass is a spike when it took over SPIKE_FACTOR times the 95th percentile of those before it and
 * over SPIKE_LEAST, once there are SPIKE_SAMPLES of them: of fewer, that percentile is the maximum.
 */
#define SPIKE_FACTOR  3
#define SPIKE_LEAST   (10 * NS_PER_MS)
#define SPIKE_SAMPLES 20

/* What one probe gave. */
struct reading {
	uint32_t vip; /* index */
	enum code code;
	int status;         /* of the HTTP answer; 0: none */
	const char *field;  /* the tallied header's value; NULL: none */
	const char *detail; /* in words */
	dur_ns latency;
	mono_ns now;
	wall_ns wall;
};

enum vip_state {
	VIP_NOT_PROBED,
	VIP_WAITING, /* no verdict yet */
	VIP_GOOD,    /* the last 100 passed, or as many as there are */
	VIP_SHAKY,   /* the last one passed, not all before it did */
	VIP_BAD,     /* the last one failed */
	VIP_STATE_N
};

#define LAST_LEN 16

struct vip_stats {
	uint64_t n, failed;    /* verdicts, and those that were failures */
	uint64_t inconclusive; /* no verdict: our own trouble */
	uint64_t anomalies[ANOMALY_KIND_N];
	bool last_ok, last_local; /* of the last probe, verdict or not */
	char last[LAST_LEN];      /* in a word: "200", "ok", "refused", "timeout"; "": none yet */
	struct samples samples;
	struct tally tally;
};

#define RATE_SECONDS 8 /* a power of two, more than RATE_WINDOW */
#define RATE_WINDOW  5 /* whole seconds that the rate is the mean of */

struct model {
	const struct vips *vips; /* borrowed */
	struct vip_stats *of;    /* as many */
	struct anomalies anomalies;
	uint64_t n, failed, inconclusive;
	mono_ns since; /* the start, or the last reset */
	struct {
		int64_t second;
		uint32_t n;
	} rate[RATE_SECONDS];
};

struct model *model_new(const struct vips *vips, mono_ns now);
void model_free(struct model *m); /* NULL is fine */
void model_reset(struct model *m, mono_ns now);
void model_take(struct model *m, const struct reading *r);
/* Probes a second, the mean of the last five whole ones (of fewer after the start). */
double model_rate(const struct model *m, mono_ns now);
enum vip_state model_state(const struct model *m, size_t vip);
/* Did any of its probes fail, or none pass? A VIP that is not probed has not failed. */
bool model_failed(const struct model *m, size_t vip);

enum order { ORDER_NAME, ORDER_ADDRESS, ORDER_WORST, ORDER_SLOWEST, ORDER_N };
const char *order_name(enum order o); /* "name", "address", "worst", "slowest" */
bool order_changes(enum order o);     /* with what is measured? */
/* The indices of VIPs whose name matches, in this order, into `ret` (room for all). Worst: failing
 * now, then by share of passes, then by failures; slowest: by 95th percentile; what is not probed
 * comes last in both. Ties: by name, then address. Returns how many. */
size_t model_order(const struct model *m, enum order o, const struct filter *filter, uint32_t *ret);
