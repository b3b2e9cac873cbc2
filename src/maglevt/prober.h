/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/prober.h - the VIPs as targets of the probe engine, its results as readings. */
#pragma once

#include "loop/loop.h"
#include "maglevt/model.h"
#include "maglevt/options.h"

struct prober;

typedef void prober_fn(void *ctx, const struct reading *r, size_t n);

/* `vips` and `o` are borrowed. Nothing is probed before prober_start. Readings come in batches on
 * the loop. */
struct prober *prober_new(struct loop *l, const struct vips *vips, const struct options *o,
			  prober_fn *fn, void *ctx);
void prober_free(struct prober *p); /* NULL is fine; not from `fn` */
/* Begin, the first probes spread evenly over an interval; or begin again after a stop. */
void prober_start(struct prober *p);
/* From here on nothing is sent; probes under way are abandoned, no reading of them comes. */
void prober_stop(struct prober *p);
void prober_stop_one(struct prober *p, uint32_t vip);
/* Let the process open as many descriptors as this takes, as far as it may. */
void prober_raise_limit(const struct vips *vips);
