/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/loader.c - one thread with a loop; requests go there through its mailbox and come back
 * through ours. It shares nothing with anybody but the request it holds. */
#include "maglevd/loader.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "loop/mailbox.h"
#include "loop/thread.h"

struct request { /* belongs to whoever's mailbox it is in */
	struct mail mail;
	char *path;
	loader_fn *fn;
	void *ctx;
	struct loaded result;
};

struct loader {
	struct mailbox *back;
	size_t pending; /* the main loop's */

	pthread_t thread;
	_Atomic bool stopping;
	struct loop *loop; /* the thread's, as is what follows */
	struct mailbox *requests;
};

static void request_free(struct request *r)
{
	config_report_done(&r->result.report);
	config_free(r->result.config);
	free(r->path);
	free(r);
}

/* ---- the thread */

static void on_request(void *ctx, struct mail *m)
{
	struct loader *l = ctx;
	struct request *r = CONTAINER_OF(m, struct request, mail);

	if (!l->stopping)
		r->result.class = config_load(r->path, &r->result.config, &r->result.report);
	mailbox_post(l->back, &r->mail);
}

static void *loader_main(void *loader)
{
	struct loader *l = loader;

	(void)loop_run(l->loop);
	return NULL;
}

/* ---- the main loop's side */

static void on_loaded(void *ctx, struct mail *m)
{
	struct loader *l = ctx;
	struct request *r = CONTAINER_OF(m, struct request, mail);

	l->pending--;
	r->fn(r->ctx, &r->result);
	request_free(r);
}

static void drop(void *ctx, struct mail *m)
{
	struct request *r = CONTAINER_OF(m, struct request, mail);

	r->fn(r->ctx, NULL);
	request_free(r);
}

int loader_load(struct loader *l, const char *path, loader_fn *fn, void *ctx, struct err *e)
{
	struct request *r;

	assert(path && fn);
	if (l->pending == LOADER_PENDING_MAX)
		return err_set(e, -EBUSY, "%d checks and reloads are waiting already",
			       LOADER_PENDING_MAX);
	r = XNEW(struct request);
	r->path = xstrdup(path);
	r->fn = fn;
	r->ctx = ctx;
	l->pending++;
	mailbox_post(l->requests, &r->mail);
	return 0;
}

struct loader *loader_new(struct loop *loop)
{
	struct loader *l = XNEW(struct loader);

	l->back = mailbox_new(loop, on_loaded, l);
	l->loop = loop_new();
	l->requests = mailbox_new(l->loop, on_request, l);
	thread_start_behind(&l->thread, "loader", loader_main, l);
	return l;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	l->stopping = true;
	loop_stop_async(l->loop, 0);
	pthread_join(l->thread, NULL);
	mailbox_free(l->requests, drop, NULL);
	mailbox_free(l->back, drop, NULL);
	loop_free(l->loop);
	free(l);
}
