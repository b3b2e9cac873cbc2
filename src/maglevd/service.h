/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/service.h - the gRPC service maglev.Maglev, answered on the main loop. */
#pragma once

#include <stddef.h>

#include "rpc/server.h"

struct daemon;
struct service;

struct service *service_new(struct daemon *d);
void service_free(struct service *s); /* the server must be gone */
/* The methods, for rpc_server_new with the service as its ctx. */
const struct rpc_method *service_methods(size_t *ret_n);
