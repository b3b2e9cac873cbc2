/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/reflection.h - the standard reflection services, v1 and v1alpha: what a generic client
 * (grpcurl) needs to list, describe and call every method without having the .proto files. */
#pragma once

#include "rpc/server.h"

struct rpc_reflection;

struct rpc_reflection *rpc_reflection_new(void);
void rpc_reflection_free(struct rpc_reflection *r); /* the server must be gone; NULL is fine */
/* Their streams end: UNAVAILABLE "shutting down". */
void rpc_reflection_stop(struct rpc_reflection *r);
struct rpc_service rpc_reflection_service(struct rpc_reflection *r); /* for rpc_server_opts.more */
