/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/view.h - the picture: model and choices in, cells out (pure).
 *
 *   maglevt 2.0.0  host.example.net                               up 5m12s     title
 *   20 VIPs  19 good  1 failing   60,123 probes  12 failed   199.8/s           totals
 *     VIP                LAST        N  FAIL   OK%    p50    p95    p99    max heads
 *   ● www                200      3001     0   100 0.41ms 0.62ms 0.93ms 1.40ms
 *       203.0.113.80:80 http ▃▃▄▃▃▃▃█▃▃▃▃  srv-a 1500 50%  srv-b 1501 50%      a VIP, narrow
 *   ── anomalies  timeout 0  http-err 0  net-err 12  spike 0 ────────────────
 *   ● 13:02:11 net-err   ×12  mail   connect: Connection refused, for 1s
 *   q quit  space pause  r reset  s sort: name  f filter  ? help      1-8 of 20
 *
 * Where the tally needs more room than that and a third line would hide VIPs, the spark goes behind
 * the name. A wide screen has all of a VIP on one line. The table gets what it needs, the anomalies
 * fill the rest; with many VIPs they keep a fifth of the screen. Any size is drawn; 80x24 shows
 * everything.
 */
#pragma once

#include "base/dur.h"
#include "maglevt/grid.h"
#include "maglevt/model.h"
#include "maglevt/ui.h"

struct view {
	const struct model *model;
	const char *host;    /* of this machine */
	const char *version; /* "2.0.0" */
	const char *header;  /* whose values are tallied */
	mono_ns started;
	mono_ns now;
	bool colourless; /* what colours would say must be said otherwise */
};

struct view_cursor { /* where the prompt's cursor stands; row -1: there is none to show */
	int row, col;
};

/* Draws over all of `g`. Brings `u`'s rows up to date, and its scroll position within the page. */
struct view_cursor view_draw(const struct view *v, struct ui *u, struct grid *g);
