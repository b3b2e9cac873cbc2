/* SPDX-License-Identifier: Apache-2.0 */
/* Loop, prober, model, keys and screen, tied together.
 *
 * A reading changes the model and asks for a drawing; at most ten of them are made a second, and
 * one a second in any case, for the clock and for what turns grey. */
#include "maglevt/app.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/version.h"
#include "maglevt/fqdn.h"
#include "maglevt/prober.h"
#include "maglevt/screen.h"
#include "maglevt/view.h"

#define DRAW_LEAST (100 * NS_PER_MS)
#define DRAW_MOST  NS_PER_S

struct app {
	const struct options *options;
	struct loop *loop;
	struct model *model;
	struct prober *prober;
	struct screen *screen;
	struct ui ui;
	struct fqdn fqdn;
	struct loop_io keys;
	struct timer draw;
	mono_ns started, drawn;
};

/* ---- drawing */

static void draw(void *ctx, struct timer *t)
{
	struct app *a = ctx;
	const struct view v = { .model = a->model,
				.host = a->fqdn.name,
				.version = version_string(),
				.header = a->options->header,
				.started = a->started,
				.now = loop_clock(),
				.colourless = screen_colourless(a->screen) };

	a->drawn = v.now;
	screen_show(a->screen, view_draw(&v, &a->ui, screen_grid(a->screen)));
	timer_set(a->loop, t, a->drawn + DRAW_MOST, draw, a);
}

static void draw_soon(void *ctx)
{
	struct app *a = ctx;
	mono_ns at = a->drawn + DRAW_LEAST;

	if (!timer_armed(&a->draw) || a->draw.node.at > at)
		timer_set(a->loop, &a->draw, at, draw, a);
}

static void on_readings(void *ctx, const struct reading *r, size_t n)
{
	struct app *a = ctx;

	for (size_t i = 0; i < n; i++)
		model_take(a->model, &r[i]);
	draw_soon(a);
}

/* ---- keys and signals */

static void act(struct app *a, enum ui_action action)
{
	switch (action) {
	case UI_QUIT:
		loop_stop(a->loop, 0);
		break;
	case UI_PAUSE:
		prober_stop(a->prober);
		break;
	case UI_RESUME:
		prober_start(a->prober);
		break;
	case UI_RESET:
		model_reset(a->model, ui_now(&a->ui, loop_clock()));
		break;
	case UI_SUSPEND:
		screen_suspend(a->screen);
		break;
	case UI_NONE:
		break;
	}
}

static void on_keys(void *ctx, uint32_t events)
{
	struct app *a = ctx;
	enum ui_key key;
	uint32_t cp;

	while (screen_key(a->screen, &key, &cp))
		act(a, ui_key(&a->ui, key, cp, loop_clock()));
	if (events & (EPOLLHUP | EPOLLERR))
		loop_stop(a->loop, 0); /* nobody is there any more */
	draw_soon(a);
}

static void on_signal(void *ctx, int signo)
{
	struct app *a = ctx;

	if (signo == SIGTSTP)
		screen_suspend(a->screen);
	else /* SIGWINCH; SIGCONT: somebody stopped us, and who knows what was written meanwhile */
		screen_resize(a->screen);
	draw_soon(a);
}

/* ---- life */

static int app_open(struct app *a, bool ascii, struct err *err)
{
	static const int signals[] = { SIGWINCH, SIGTSTP, SIGCONT };
	int r = loop_signals(a->loop, signals, ARRAY_LEN(signals), on_signal, a);

	if (r)
		return err_set_errno(err, -r, "signals");
	r = screen_open(ascii, &a->screen, err);
	if (r)
		return r;
	r = loop_io_add(a->loop, &a->keys, STDIN_FILENO, EPOLLIN, on_keys, a);
	if (r)
		return err_set_errno(err, -r, "standard input");
	return 0;
}

static void app_close(struct app *a)
{
	loop_io_del(&a->keys);
	screen_close(a->screen);
	prober_free(a->prober);
	fqdn_stop(&a->fqdn);
	ui_done(&a->ui);
	model_free(a->model);
	loop_free(a->loop);
}

int app_run(const struct options *o, const struct vips *vips, bool ascii, struct err *err)
{
	struct app a = { .options = o, .started = loop_clock() };
	int r;

	a.loop = loop_new();
	a.model = model_new(vips, a.started);
	ui_init(&a.ui, a.model);
	fqdn_start(&a.fqdn, a.loop, draw_soon, &a);
	r = app_open(&a, ascii, err);
	if (!r) {
		a.prober = prober_new(a.loop, vips, o, on_readings, &a);
		prober_start(a.prober);
		draw(&a, &a.draw);
		(void)loop_run(a.loop);
	}
	app_close(&a);
	return r;
}
