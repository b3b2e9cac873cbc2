/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/keepalive.h - how soon a peer that vanished is noticed. */
#pragma once

#include "base/dur.h"

/* A connection is pinged when it has said nothing for so long, idle or not, and given up when there
 * is no answer in `timeout`. {0}: half a minute, and a third of that. Both sides' should be alike:
 * a server takes six pings where it would send one, and ends the connection when there are more. */
struct rpc_keepalive {
	dur_ns after, timeout;
};
