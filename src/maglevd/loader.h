/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/loader.h - reads and checks configuration files on a thread of its own, so that a large
 * file holds nobody up. Called on the main loop's thread alone. */
#pragma once

#include "base/err.h"
#include "config/config.h"
#include "loop/loop.h"

/* Requests not yet answered. Each may cost a read of CONFIG_MAX_FILE_BYTES and seconds of checking:
 * who asks for more is to wait. */
#define LOADER_PENDING_MAX 64

struct loader;

/* What came of one request. `config` is NULL unless the class is CONFIG_OK. What the receiver takes
 * out (and sets to NULL or {0}) is its own; the rest is freed after the call. */
struct loaded {
	enum config_class class;
	struct config *config;
	struct config_report report;
};
/* On the loop, once per request, in the order of requests; NULL: the loader is gone. */
typedef void loader_fn(void *ctx, struct loaded *l);

struct loader *loader_new(struct loop *loop); /* starts the thread */
/* Waits for the file being read; what was asked for and not delivered is told so by NULL. NULL is
 * fine. */
void loader_free(struct loader *l);
/* 0, or -EBUSY with a message: then `fn` is not called. Never calls it from inside. */
int loader_load(struct loader *l, const char *path, loader_fn *fn, void *ctx, struct err *e);
