/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/summary.h - what a run without a screen prints at its end (pure). */
#pragma once

#include "base/str.h"
#include "maglevt/model.h"

struct summary {
	const struct model *model;
	const char *header; /* whose values were tallied */
	const char *version;
	dur_ns duration;
};

void summary_text(const struct summary *s, struct str *out);
/* One object and a line end; documented in docs/maglevt.md. */
void summary_json(const struct summary *s, struct str *out);
/* How many VIPs failed: see model_failed. */
size_t summary_failed(const struct model *m);
