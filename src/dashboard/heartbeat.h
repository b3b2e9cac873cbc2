/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/heartbeat.h - many small records folded into one event (pure: time is a parameter).
 *
 * Probes that start and end, and messages of VPP's API, come by the thousand a second; a page wants
 * to know who is being probed now, each backend's newest result, and that something moves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

#define HEARTBEAT_LIST_MAX     2000 /* entries of one list in one event: some 64 KiB */
#define HEARTBEAT_BACKENDS_MAX 65536
/* A probe that is never heard of again (its record was lost with the stream) ends then. */
#define HEARTBEAT_LOST (120 * NS_PER_S)

struct heartbeat { /* heartbeat_init first */
	struct map backends;
	struct list in_flight, probed; /* oldest first */
	uint64_t vpp_sent, vpp_received;
	bool stir; /* something was told since the last event */
};

void heartbeat_init(struct heartbeat *h);
void heartbeat_done(struct heartbeat *h);
void heartbeat_probe_start(struct heartbeat *h, const char *backend, mono_ns now);
void heartbeat_probe_end(struct heartbeat *h, const char *backend, const char *code, dur_ns took);
void heartbeat_vpp(struct heartbeat *h, bool sent);
/* No probe of this backend (NULL: of any) is on its way any more. */
void heartbeat_forget(struct heartbeat *h, const char *backend);
/* The event's data, and begin anew. False: there is nothing to tell. */
bool heartbeat_take(struct heartbeat *h, const char *maglevd, mono_ns now, wall_ns at,
		    struct str *out);
