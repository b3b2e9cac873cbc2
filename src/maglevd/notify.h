/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/notify.h - what the service manager is told (sd_notify(3)); all of it is nothing when
 * there is no service manager, or no libsystemd at build time. */
#pragma once

#include "base/dur.h"

struct fleet;
struct lbsync;

void notify_ready(void);
void notify_reloading(mono_ns now); /* followed by notify_ready */
void notify_stopping(void);
/* How much there is, and whether VPP is connected; `l` NULL: it is switched off. */
void notify_status(const struct fleet *f, const struct lbsync *l);
void notify_watchdog(void);
/* How often the watchdog wants to be fed, halved for safety; 0: it is not on. */
dur_ns notify_watchdog_interval(void);
