/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/headless.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/version.h"
#include "maglevt/prober.h"
#include "maglevt/summary.h"

struct headless {
	const struct options *options;
	struct loop *loop;
	struct model *model;
	struct prober *prober;
	uint64_t *taken; /* readings of each VIP, inconclusive ones too: or this would not end */
	size_t left;     /* VIPs short of -count */
	struct timer end;
};

static void take(struct headless *h, const struct reading *r)
{
	uint64_t count = (uint64_t)h->options->count;

	if (count && h->taken[r->vip] == count)
		return; /* was on its way when the last one came */
	model_take(h->model, r);
	if (++h->taken[r->vip] != count)
		return;
	prober_stop_one(h->prober, r->vip);
	if (--h->left == 0)
		loop_stop(h->loop, 0);
}

static void on_readings(void *ctx, const struct reading *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take(ctx, &r[i]);
}

static void on_end(void *ctx, struct timer *t _unused_)
{
	struct headless *h = ctx;

	loop_stop(h->loop, 0);
}

static void on_signal(void *ctx, int signo _unused_)
{
	struct headless *h = ctx;

	loop_stop(h->loop, 0);
}

static bool print(const struct headless *h, dur_ns duration)
{
	_cleanup_(str_done) struct str out = { 0 };
	struct summary s = { h->model, h->options->header, version_string(), duration };

	if (h->options->json)
		summary_json(&s, &out);
	else
		summary_text(&s, &out);
	if (fputs(str_z(&out), stdout) >= 0 && fflush(stdout) == 0)
		return true;
	perror("maglevt: standard output");
	return false;
}

int headless_run(const struct options *o, const struct vips *vips)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct headless h = { .options = o, .left = vips_probed(vips) };
	mono_ns began = loop_clock();
	bool ok;

	h.loop = loop_new();
	(void)loop_signals(h.loop, signals, ARRAY_LEN(signals), on_signal, &h);
	h.model = model_new(vips, began);
	h.taken = xcalloc(vips->n, sizeof *h.taken);
	h.prober = prober_new(h.loop, vips, o, on_readings, &h);
	if (o->duration)
		timer_set(h.loop, &h.end, began + o->duration, on_end, &h);
	prober_start(h.prober);
	(void)loop_run(h.loop);
	ok = print(&h, loop_clock() - began) && summary_failed(h.model) == 0;
	prober_free(h.prober);
	model_free(h.model);
	free(h.taken);
	loop_free(h.loop);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
