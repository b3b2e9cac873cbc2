/* SPDX-License-Identifier: Apache-2.0 */
/* httpd/listen.h - TCP sockets that listen on an address as people write it. */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define LISTEN_MAX 8 /* addresses that one name may stand for */

/* ":9091" (IPv4 and IPv6), "host:port", "[v6]:port"; port 0 takes any. A name with several
 * addresses is bound to all of them, those aside that this machine does not have. Fills `fds`
 * (non-blocking, close-on-exec, the caller's), their number and the port. 0; -EINVAL: not an
 * address; -EADDRINUSE and others as bind(2) says. `e` names the address; nothing is left open on
 * failure. */
int listen_open(const char *addr, int fds[static LISTEN_MAX], size_t *ret_n, int *ret_port,
		struct err *e);
