/* SPDX-License-Identifier: Apache-2.0 */
/* base/rng.h - a small seeded generator (xoshiro256**), for jitter and tests; not for secrets. */
#pragma once

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed); /* any seed, 0 included, gives a good state */
void rng_init_os(struct rng *r);             /* seeded by getrandom(2) */
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* uniform in [0, n), n > 0, no modulo bias */
