/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/init.h - starting gRPC's core, and its arguments (private to rpc/). */
#pragma once

#include <grpc/grpc.h>

#include "rpc/keepalive.h"

/* Counted: each rpc_init wants its rpc_shutdown. Quietens gRPC's own log (unless GRPC_VERBOSITY is
 * set), and keeps signals away from the threads it starts. Do not fork after the first. */
void rpc_init(void);
void rpc_shutdown(void);

/* gRPC's structs take keys and values that are not const, and do not write to them. */
grpc_arg rpc_arg_int(const char *key, int value);

/* For GRPC_ARG_KEEPALIVE_TIME_MS and …_TIMEOUT_MS, defaults filled in. */
int rpc_keepalive_ms(const struct rpc_keepalive *k);
int rpc_keepalive_timeout_ms(const struct rpc_keepalive *k);
