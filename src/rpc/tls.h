/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/tls.h - gRPC credentials from PEM files (private to rpc/).
 *
 * gRPC itself finds out only at the first handshake, and in its own log, that a file holds nothing
 * useful. So everything is looked at here first: readable, PEM, key fits certificate. */
#pragma once

#include <grpc/grpc_security.h>

#include "base/err.h"

/* All NULL: without TLS. A certificate needs its key and the other way round; `client_ca` needs
 * both, and makes a client certificate signed by it a condition of every connection.
 * 0, or a negative errno with the file named in `e`. Released by grpc_*_credentials_release. */
int rpc_tls_server(const char *cert, const char *key, const char *client_ca,
		   grpc_server_credentials **ret, struct err *e);

/* All NULL: without TLS. `ca` NULL but a certificate given: the system's roots. */
int rpc_tls_client(const char *ca, const char *cert, const char *key,
		   grpc_channel_credentials **ret, struct err *e);
