/* SPDX-License-Identifier: Apache-2.0 */
/* probe/tls.h - TLS as a client that checks: OpenSSL behind a few functions.
 *
 * TLS 1.2 and 1.3; no resumption, since the handshake is part of what is checked. One SSL_CTX per
 * distinct setting (verify or not), shared by all worker threads; one session per connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/dur.h"

struct healthcheck;
struct tls_store;
struct tls_session;

struct tls_store *tls_store_new(void);
void tls_store_free(struct tls_store *s); /* no session may be left; NULL is fine */

/* A session over a connected descriptor (which stays the caller's). The verification name is the
 * check's server-name, else its host when that is a name, else the address itself. NULL: `why` (of
 * `size` bytes) says what OpenSSL lacks. Any thread. */
struct tls_session *tls_session_new(struct tls_store *s, int fd, const struct healthcheck *check,
				    const struct addr *addr, char *why, size_t size);
void tls_session_free(struct tls_session *s); /* no close_notify; NULL is fine */

/* Each returns > 0 on success; 0 at the end of the stream; -EAGAIN: wait for the descriptor;
 * -EPROTO with a reason in `why`; another -errno of the connection. */
int tls_handshake(struct tls_session *s, char *why, size_t size);
ssize_t tls_read(struct tls_session *s, char *buf, size_t n, char *why, size_t size);
ssize_t tls_write(struct tls_session *s, const char *buf, size_t n, char *why, size_t size);

/* When the certificate that the peer has shown ends; 0 when it has shown none. Valid after a failed
 * handshake, too. */
wall_ns tls_cert_not_after(const struct tls_session *s);

/* The name to verify and to send as SNI: "" when there is none (verify the address). Exposed for
 * tests. */
#define TLS_NAME_LEN 256
const char *tls_name(const struct healthcheck *check, char buf[static TLS_NAME_LEN]);
