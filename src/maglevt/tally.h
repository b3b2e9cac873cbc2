/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/tally.h - who answered: the values of one response header, counted (pure).
 *
 * The values are the servers' to choose, so there are at most TALLY_MAX of them; what comes beyond
 * is counted together. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"

/* More than application servers behind a VIP whose shares anyone reads on a screen. */
#define TALLY_MAX 64
/* Seen within this time: it is taking traffic. */
#define TALLY_FRESH (5 * NS_PER_S)

struct tally_entry {
	char *value; /* owned */
	uint64_t n;
	mono_ns last;
};

struct tally {                 /* {0} is empty */
	struct tally_entry *v; /* by value, digits in it as numbers: srv-2 before srv-10 */
	size_t n, cap;
	uint64_t total;  /* of all answers with the header, `others` included */
	uint64_t others; /* with a value for which there was no room */
};

void tally_add(struct tally *t, const char *value, mono_ns now);
void tally_done(struct tally *t); /* back to {0} */
static inline bool tally_fresh(const struct tally_entry *e, mono_ns now)
{
	return now - e->last <= TALLY_FRESH;
}
