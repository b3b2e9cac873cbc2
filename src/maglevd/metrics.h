/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/metrics.h - /metrics: from a scraper's wish to a snapshot handed over (main loop only).
 */
#pragma once

#include "base/err.h"

struct daemon;
struct metrics;

/* Listens on daemon->options->metrics_addr, which is not empty. What the daemon has by then and
 * later is looked up in it at each scrape. NULL with `e` when it cannot listen. */
struct metrics *metrics_new(struct daemon *d, struct err *e);
int metrics_port(const struct metrics *m);
void metrics_free(struct metrics *m); /* NULL is fine */
