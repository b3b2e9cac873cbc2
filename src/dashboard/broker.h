/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/broker.h - events to many readers, as Server-Sent Events (pure: time is a parameter).
 *
 * An event is written once and shared by all readers. A ring keeps the last BROKER_KEEP, at most
 * BROKER_RING of them; a reader is a place in the ring, so that a slow one costs nothing: when it
 * is too far behind, or what it would read next has left the ring, it is told to begin anew
 * ("resync"). Beside the ring go events that are worth something only now ("flashes"): a reader
 * that is behind does not get them. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/log.h"

#define BROKER_KEEP      (30 * NS_PER_S)
#define BROKER_RING      2000
#define BROKER_BEHIND    256 /* events that one reader may be behind; what is replayed aside */
#define BROKER_FLASHES   64
#define BROKER_FLASH_AGE NS_PER_S
#define BROKER_PING      (15 * NS_PER_S)
#define BROKER_ID_STRLEN 48

struct broker_event;

struct broker {
	uint64_t epoch;
	struct broker_event *ring[BROKER_RING]; /* seq at [seq % BROKER_RING] */
	uint64_t first, next;                   /* seqs: oldest kept, next to come; from 1 */
	struct broker_event *flashes[BROKER_FLASHES];
	uint64_t flash_next;
	uint64_t resyncs; /* published, ever */
};

struct broker_reader {
	enum log_level level;    /* of log events that it wants */
	uint64_t next;           /* seq */
	uint64_t replayed_until; /* seq: before it, it need not hurry */
	uint64_t flash_next;
	struct broker_event *current; /* being written; with a reference */
	size_t off;                   /* of it, written */
	mono_ns pinged;               /* last, or when it began */
};

/* `epoch`: another one for each run of the program. */
void broker_init(struct broker *b, uint64_t epoch);
void broker_done(struct broker *b); /* no reader may be left */

/* Put an event into the ring. `data` is JSON on one line. `level`: LVL_OFF for all readers, else
 * the level of the record. */
void broker_publish(struct broker *b, mono_ns now, const char *type, enum log_level level,
		    const char *data);
/* The same, of the type "resync". */
void broker_publish_resync(struct broker *b, mono_ns now, const char *data);
void broker_flash(struct broker *b, mono_ns now, const char *type, const char *data);
void broker_trim(struct broker *b, mono_ns now); /* forget what is too old */
/* "<epoch>-<seq>" of the newest. Returns buf. */
const char *broker_id(const struct broker *b, char buf[static BROKER_ID_STRLEN]);

/* A reader begins: from now, or behind the event that `last_id` (NULL or "": none) names. */
void broker_reader_init(struct broker *b, struct broker_reader *r, enum log_level level,
			const char *last_id, mono_ns now);
void broker_reader_done(struct broker_reader *r);
/* Is there something for it to take, a ping included? */
bool broker_reader_waiting(const struct broker *b, const struct broker_reader *r, mono_ns now);
/* Take up to `max` bytes of what is there; 0: nothing. */
size_t broker_reader_take(struct broker *b, struct broker_reader *r, mono_ns now, char *buf,
			  size_t max);
