/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/accept.h - accepting connections without dying of it (private to rpc/). */
#pragma once

/* On this thread, from now on, accept4(2) (gRPC's calls of it) refuses connections while the
 * process is short of descriptors, and fails only with EAGAIN or because the socket is bad. */
void rpc_accept_guard(void);
