/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/samples.h - the last 100 probes of a VIP (pure).
 *
 * Percentiles are those of the probes that passed: how long a failure took says when we gave up,
 * not how fast the VIP is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX 100

struct sample {
	uint32_t us; /* latency, saturated */
	bool ok;
};

struct samples { /* {0} is empty */
	struct sample ring[SAMPLES_MAX];
	uint32_t sorted[SAMPLES_MAX]; /* latencies of those that passed, ascending */
	uint8_t n, next, n_ok;
};

/* O(SAMPLES_MAX) at worst, and no more than two short moves. */
void samples_add(struct samples *s, bool ok, uint32_t us);
/* The i-th, from the oldest on; i < n. */
struct sample samples_at(const struct samples *s, size_t i);
/* Nearest rank: the least latency that at least p % (1..100) of the passes do not exceed. 0: none
 * has passed. */
uint32_t samples_percentile(const struct samples *s, unsigned p);
/* Passes per thousand, rounded down; 0 when empty. */
unsigned samples_ok_permille(const struct samples *s);
