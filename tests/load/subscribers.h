/* SPDX-License-Identifier: Apache-2.0 */
/* Many subscribers to WatchEvents, each on a connection of its own, on one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "maglev.pb-c.h"

struct subscribers;

struct subscribers_opts {
	const char *target; /* "host:port", "unix:/path" */
	size_t n;
	Maglev__WatchRequest request;
	size_t replay;     /* messages that begin each stream, and are not counted */
	const char *first; /* count from the first event that has this in it; NULL: from the
			      replay's end */
	const char *last;  /* until the first that has this; NULL: for ever */
};

struct subscribers_tally {
	size_t begun;       /* have had their whole replay */
	size_t finished;    /* have seen `last` */
	size_t ended;       /* their streams are over */
	uint64_t min, max;  /* events counted, by one subscriber */
	uint64_t total;     /* by all */
	size_t sequences;   /* different ones (by a hash over all the events of each) */
	char end_text[512]; /* why the first one that ended did */
};

struct subscribers *subscribers_new(const struct subscribers_opts *o);
/* Receive until `enough` says so, or the time is over; returns what it said last. */
bool subscribers_run(struct subscribers *s, bool (*enough)(const struct subscribers *s),
		     dur_ns max);
void subscribers_tally(const struct subscribers *s, struct subscribers_tally *ret);
void subscribers_free(struct subscribers *s);

/* For subscribers_run. */
bool subscribers_all_begun(const struct subscribers *s);
bool subscribers_all_finished(const struct subscribers *s);
