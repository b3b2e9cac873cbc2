/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/notify.h"

#ifdef HAVE_SYSTEMD

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "maglevd/fleet.h"

void notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void notify_reloading(mono_ns now)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now / NS_PER_US);
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void notify_status(const struct fleet *f, const struct lbsync *l)
{
	(void)sd_notifyf(0, "STATUS=%zu backends, %zu frontends, VPP %s", f->backends.n,
			 f->frontends.n,
			 !l                    ? "off"
			 : lbsync_connected(l) ? "connected"
					       : "not connected");
}

void notify_watchdog(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

dur_ns notify_watchdog_interval(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return (dur_ns)(usec / 2) * NS_PER_US;
}

#else

void notify_ready(void) {}
void notify_reloading(mono_ns now) {}
void notify_stopping(void) {}
void notify_status(const struct fleet *f, const struct lbsync *l) {}
void notify_watchdog(void) {}
dur_ns notify_watchdog_interval(void)
{
	return 0;
}

#endif
