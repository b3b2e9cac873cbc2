/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/admin.h - who may change things (pure). */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "rpc/server.h"

/* Changing is for the loopback addresses and the Unix socket, for callers with a certificate signed
 * by the client CA when there is one, or for all when the operator said so. False: `e` says why and
 * which flag allows it. */
bool admin_may_change(const struct rpc_peer *peer, bool client_ca, bool allow_remote,
		      struct err *e);
