/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/health.h - the standard health service, grpc.health.v1.Health: Check and Watch.
 *
 * All services of a program are of the same health. Owner's thread. */
#pragma once

#include <stdbool.h>

#include "rpc/server.h"

struct rpc_health;

/* For the whole server ("") and for this service; not serving yet. The name is borrowed. */
struct rpc_health *rpc_health_new(const char *service);
void rpc_health_free(struct rpc_health *h);              /* the server must be gone; NULL is fine */
void rpc_health_set(struct rpc_health *h, bool serving); /* watchers are told */
/* Not serving any more: watchers are told, and their streams end, UNAVAILABLE "shutting down". */
void rpc_health_stop(struct rpc_health *h);
struct rpc_service rpc_health_service(struct rpc_health *h); /* for rpc_server_opts.more */
