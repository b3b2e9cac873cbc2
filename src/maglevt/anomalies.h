/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/anomalies.h - what went wrong lately (pure: time is a parameter).
 *
 * A VIP that is down fails ten times a second, and that is one event, not ten: the same trouble of
 * the same VIP within ANOMALY_QUIET goes on where it was, with a count. So the list reads as a
 * chronicle, and cannot be flooded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"

enum anomaly_kind {
	ANOMALY_TIMEOUT,  /* nothing, or not all, within the timeout */
	ANOMALY_HTTP_ERR, /* an answer, but a bad one */
	ANOMALY_NET_ERR,  /* no connection, or no TLS */
	ANOMALY_SPIKE,    /* a pass that took long */
	ANOMALY_LOCAL,    /* our own trouble: says nothing about the VIP */
	ANOMALY_KIND_N
};
const char *anomaly_kind_name(enum anomaly_kind k); /* "timeout", "http-err", … "local" */

/* More than the tallest screen shows, and a night's worth of single events. */
#define ANOMALIES_MAX 256
/* As long is trouble the same trouble, and is shown as going on. */
#define ANOMALY_QUIET    (5 * NS_PER_S)
#define ANOMALY_TEXT_LEN 128

struct anomaly {
	enum anomaly_kind kind;
	uint32_t vip;
	uint64_t count;
	mono_ns first, last;
	wall_ns first_wall;
	char text[ANOMALY_TEXT_LEN]; /* valid UTF-8; of the last one */
};

struct anomalies { /* {0} is empty */
	struct anomaly v[ANOMALIES_MAX];
	size_t n;
	uint64_t total[ANOMALY_KIND_N];
};

struct anomaly_event {
	enum anomaly_kind kind;
	uint32_t vip;
	const char *text;
	mono_ns now;
	wall_ns wall;
};

/* When all places are taken, the one that has been quiet for longest goes. */
void anomalies_add(struct anomalies *a, const struct anomaly_event *e);
static inline bool anomaly_open(const struct anomaly *a, mono_ns now)
{
	return now - a->last <= ANOMALY_QUIET;
}
/* The first `max` for a list: what goes on, the newest first, then what is over, the last to end
 * first. Equal times: by VIP, then kind. Returns how many. */
size_t anomalies_list(const struct anomalies *a, mono_ns now, size_t max,
		      const struct anomaly **ret);
