/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/stats.h - VPP's stats segment: shared memory that whoever connects to the stats socket gets
 * the descriptor of.
 *
 * Holds what the plugin and its routes count (struct lb_vip, struct fib_entry), as VPP would have
 * it with one worker: the main thread has seen no packet. */
#pragma once

#include "base/err.h"
#include "lbsim/lbplugin.h"
#include "loop/loop.h"

struct stats;

/* Listen on `path`. The plugin is looked at whenever stats_changed was called. NULL with `err`: see
 * listener_new, and what the system says about the memory. Heap. */
struct stats *stats_new(struct loop *l, const char *path, const struct lbplugin *p,
			struct err *err);
void stats_free(struct stats *s); /* NULL is fine */

/* The plugin may have changed: the segment follows before the loop waits again. */
void stats_changed(struct stats *s);
/* Leave callers waiting. */
void stats_pause(struct stats *s, bool paused);

/* ---- what tests do to it */
/* Is there a socket? 0 or as stats_new. Who has the memory keeps it. */
int stats_serve(struct stats *s, bool on, struct err *err);
/* Stay in the middle of a change: no reader may believe what it sees. */
void stats_hold(struct stats *s, bool on);
