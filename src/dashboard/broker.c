/* SPDX-License-Identifier: Apache-2.0 */
/* The ring and its readers. The wire format is that of the HTML standard, "Server-sent events". */
#include "dashboard/broker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* Reader and ring count references; all on one thread. */
struct broker_event {
	unsigned refs;
	enum log_level level;
	mono_ns at;
	size_t len;
	char text[];
};

static struct broker_event *event_new(mono_ns at, enum log_level level, const struct str *text)
{
	struct broker_event *e = xmalloc(sizeof *e + text->len);

	*e = (struct broker_event){ .refs = 1, .level = level, .at = at, .len = text->len };
	memcpy(e->text, str_z(text), text->len);
	return e;
}

static struct broker_event *event_ref(struct broker_event *e)
{
	e->refs++;
	return e;
}

static void event_unref(struct broker_event *e)
{
	if (e && --e->refs == 0)
		free(e);
}

void broker_init(struct broker *b, uint64_t epoch)
{
	*b = (struct broker){ .epoch = epoch, .first = 1, .next = 1 };
}

static struct broker_event **place(struct broker *b, uint64_t seq)
{
	return &b->ring[seq % BROKER_RING];
}

static void drop_oldest(struct broker *b)
{
	struct broker_event **at = place(b, b->first++);

	event_unref(*at);
	*at = NULL;
}

void broker_done(struct broker *b)
{
	while (b->first < b->next)
		drop_oldest(b);
	for (size_t i = 0; i < BROKER_FLASHES; i++)
		event_unref(b->flashes[i]);
}

void broker_trim(struct broker *b, mono_ns now)
{
	while (b->first < b->next && (*place(b, b->first))->at + BROKER_KEEP < now)
		drop_oldest(b);
}

static void write_id(const struct broker *b, uint64_t seq, struct str *out)
{
	str_addf(out, "id: %" PRIx64 "-%" PRIu64 "\n", b->epoch, seq);
}

static void write_event(const char *type, const char *data, struct str *out)
{
	str_addf(out, "event: %s\ndata: ", type);
	str_add(out, data);
	str_add(out, "\n\n");
}

const char *broker_id(const struct broker *b, char buf[static BROKER_ID_STRLEN])
{
	(void)snprintf(buf, BROKER_ID_STRLEN, "%" PRIx64 "-%" PRIu64, b->epoch, b->next - 1);
	return buf;
}

void broker_publish(struct broker *b, mono_ns now, const char *type, enum log_level level,
		    const char *data)
{
	_cleanup_(str_done) struct str text = { 0 };

	broker_trim(b, now);
	if (b->next - b->first == BROKER_RING)
		drop_oldest(b);
	write_id(b, b->next, &text);
	write_event(type, data, &text);
	*place(b, b->next++) = event_new(now, level, &text);
}

void broker_publish_resync(struct broker *b, mono_ns now, const char *data)
{
	b->resyncs++;
	broker_publish(b, now, "resync", LVL_OFF, data);
}

void broker_flash(struct broker *b, mono_ns now, const char *type, const char *data)
{
	_cleanup_(str_done) struct str text = { 0 };
	struct broker_event **at = &b->flashes[b->flash_next++ % BROKER_FLASHES];

	write_event(type, data, &text);
	event_unref(*at);
	*at = event_new(now, LVL_OFF, &text);
}

/* ---- readers */

/* The seq of an id of this run; UINT64_MAX: it is none. */
static uint64_t parse_id(const struct broker *b, const char *id)
{
	char want[BROKER_ID_STRLEN];
	long long seq;
	int n = snprintf(want, sizeof want, "%" PRIx64 "-", b->epoch);

	if (strncmp(id, want, (size_t)n) != 0 || str_to_i64(id + n, 0, INT64_MAX, &seq))
		return UINT64_MAX;
	return (uint64_t)seq;
}

static struct broker_event *make_resync(const struct broker *b, mono_ns now, const char *reason)
{
	_cleanup_(str_done) struct str text = { 0 };

	write_id(b, b->next - 1, &text);
	str_addf(&text, "event: resync\ndata: {\"maglevd\":\"\",\"reason\":\"%s\"}\n\n", reason);
	return event_new(now, LVL_OFF, &text);
}

/* What every stream begins with, and behind it a resync when it is wanted. */
static struct broker_event *make_beginning(const struct broker *b, uint64_t seq, bool resync,
					   mono_ns now)
{
	_cleanup_(str_done) struct str text = { 0 };

	str_add(&text, "retry: 2000\n");
	write_id(b, seq, &text);
	str_add_c(&text, '\n');
	if (resync)
		write_event(
			"resync",
			"{\"maglevd\":\"\",\"reason\":\"what was missed is not kept any more\"}",
			&text);
	return event_new(now, LVL_OFF, &text);
}

void broker_reader_init(struct broker *b, struct broker_reader *r, enum log_level level,
			const char *last_id, mono_ns now)
{
	uint64_t last = b->next - 1;
	bool known = true;

	broker_trim(b, now);
	if (last_id && *last_id) {
		last = parse_id(b, last_id);
		known = last < b->next && last + 1 >= b->first;
		if (!known)
			last = b->next - 1;
	}
	*r = (struct broker_reader){
		.level = level,
		.next = last + 1,
		.replayed_until = b->next,
		.flash_next = b->flash_next,
		.pinged = now,
		.current = make_beginning(b, last, !known, now),
	};
}

void broker_reader_done(struct broker_reader *r)
{
	event_unref(r->current);
	r->current = NULL;
}

static bool is_lost(const struct broker *b, const struct broker_reader *r)
{
	return r->next < b->first || b->next - MAX(r->next, r->replayed_until) > BROKER_BEHIND;
}

/* The next of the ring that it wants, or NULL when it is up to date. */
static struct broker_event *next_kept(struct broker *b, struct broker_reader *r)
{
	while (r->next < b->next) {
		struct broker_event *e = *place(b, r->next++);

		if (e->level >= r->level)
			return event_ref(e);
	}
	return NULL;
}

static struct broker_event *next_flash(struct broker *b, struct broker_reader *r, mono_ns now)
{
	if (b->flash_next - r->flash_next > BROKER_FLASHES)
		r->flash_next = b->flash_next - BROKER_FLASHES;
	while (r->flash_next < b->flash_next) {
		struct broker_event *e = b->flashes[r->flash_next++ % BROKER_FLASHES];

		if (e->at + BROKER_FLASH_AGE >= now)
			return event_ref(e);
	}
	return NULL;
}

static struct broker_event *next_ping(struct broker_reader *r, mono_ns now)
{
	static const char ping[] = ": ping\n\n";
	struct str text = { (char *)(uintptr_t)ping, sizeof ping - 1, 0 };

	if (now < r->pinged + BROKER_PING)
		return NULL;
	r->pinged = now;
	return event_new(now, LVL_OFF, &text);
}

static struct broker_event *next_event(struct broker *b, struct broker_reader *r, mono_ns now)
{
	struct broker_event *e;

	if (is_lost(b, r)) {
		r->next = r->replayed_until = b->next;
		r->flash_next = b->flash_next;
		return make_resync(b, now, "too far behind");
	}
	if ((e = next_kept(b, r)) || (e = next_flash(b, r, now)))
		return e;
	return next_ping(r, now);
}

bool broker_reader_waiting(const struct broker *b, const struct broker_reader *r, mono_ns now)
{
	return r->current || r->next < b->next || r->flash_next < b->flash_next ||
	       r->pinged + BROKER_PING <= now;
}

size_t broker_reader_take(struct broker *b, struct broker_reader *r, mono_ns now, char *buf,
			  size_t max)
{
	size_t len = 0;

	broker_trim(b, now);
	while (len < max) {
		size_t n;

		if (!r->current) {
			r->current = next_event(b, r, now);
			r->off = 0;
		}
		if (!r->current)
			break;
		n = MIN(max - len, r->current->len - r->off);
		memcpy(buf + len, r->current->text + r->off, n);
		len += n;
		r->off += n;
		if (r->off == r->current->len)
			broker_reader_done(r);
	}
	return len;
}
