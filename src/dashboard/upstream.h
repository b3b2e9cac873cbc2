/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/upstream.h - one maglevd: the connection, the stream, and when what is asked for.
 *
 * All on the loop's thread. */
#pragma once

#include "base/err.h"
#include "dashboard/feed.h"
#include "loop/loop.h"
#include "rpc/asyncclient.h"

struct upstream;

struct upstream_opts {
	struct loop *loop;
	struct broker *broker;
	const char *name, *address;
	const char *tls_ca, *tls_cert, *tls_key; /* paths, or NULL */
	void (*news)(void *ctx); /* something may have been published, or changed in the store */
	void *ctx;
};

/* Begins to connect. NULL with `e`, which names the maglevd, when an option is unusable. */
struct upstream *upstream_new(const struct upstream_opts *o, struct err *e);
void upstream_free(struct upstream *u); /* calls under way end without a callback; NULL is fine */
const struct store *upstream_store(const struct upstream *u);

/* A call for an administrator; as rpc_async_call, with a timeout that suits. */
struct rpc_async_call *upstream_call(struct upstream *u, struct rpc_async_request r);
/* What came of it: newer than what is known. */
void upstream_backend(struct upstream *u, const Maglev__BackendInfo *m);
void upstream_frontend(struct upstream *u, const Maglev__FrontendInfo *m);
/* An administrator changed something: see what it did to VPP. */
void upstream_look(struct upstream *u);
