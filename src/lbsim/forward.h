/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/forward.h - --forward: the simulator's VIPs take real packets.
 *
 * For tests and demos: one thread, a system call for every packet that comes; 100,000 a second are
 * what it is made for. Only VIPs whose encapsulation is GRE. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "lbsim/lbplugin.h"
#include "loop/loop.h"

struct forward;

struct forward_options {
	const char *device;            /* TUN device to make; %d becomes a number */
	struct lbplugin *plugin;       /* borrowed; has no VIP yet */
	uint32_t (*uptime)(void *ctx); /* VPP's, in seconds */
	void (*counted)(void *ctx); /* the plugin's counters have changed; not for every packet */
	void *ctx;
};

/* NULL with `err`: -EPERM (CAP_NET_ADMIN and CAP_NET_RAW are needed), and as tun_open. Heap. */
struct forward *forward_new(struct loop *l, const struct forward_options *opt, struct err *err);
void forward_free(struct forward *f); /* NULL is fine */

/* The plugin's VIPs may have changed: routes follow before the loop waits again. */
void forward_changed(struct forward *f);
/* {"device":…,"received":…,"sent":…,…}: packets by what became of them. */
void forward_format(const struct forward *f, struct str *out);
