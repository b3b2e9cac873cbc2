/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/listen.h - binding a gRPC server to an address as people write it (private to rpc/). */
#pragma once

#include <grpc/grpc.h>

#include "base/err.h"

/* ":9090" (IPv4 and IPv6; so are 0.0.0.0 and [::]), "host:port", "[v6]:port", "unix:/path" (mode
 * 0660; a socket file that nobody listens on is replaced). A name with several addresses is bound
 * to all of them, those aside that this machine does not have. *ret_port is the TCP port, -1 for a
 * Unix socket. -EINVAL: not an address; -EADDRINUSE and others: as bind(2) says, with `addr` named
 * in `e`. Changes the umask for a moment when it makes a Unix socket. */
int rpc_listen(grpc_server *server, const char *addr, grpc_server_credentials *creds, int *ret_port,
	       struct err *e);
